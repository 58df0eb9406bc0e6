/** Copies of the assembly in which a role lacks an action, and what IAM then says. */

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import type { AwsCallRecord } from '../../local/aws-endpoint.ts';

const copies: string[] = [];

export const removeCopies = () =>
  Promise.all(copies.map((directory) => rm(directory, { recursive: true, force: true })));

interface Statement {
  Action: string | string[];
}

interface RoleTemplate {
  readonly Resources: Readonly<
    Record<
      string,
      {
        readonly Type: string;
        readonly Properties: { readonly Policies: { readonly PolicyDocument: { Statement: Statement[] } }[] };
      }
    >
  >;
}

const templateFile = async (assembly: string): Promise<string> => {
  const name = (await readdir(assembly)).find((file) => file.endsWith('.template.json'));
  if (name === undefined) throw new Error('the assembly has no template');
  return join(assembly, name);
};

export const readTemplate = async (assembly: string): Promise<RoleTemplate> =>
  JSON.parse(await readFile(await templateFile(assembly), 'utf8'));

/** A copy of the assembly in which `role` lacks `action`. */
export const without = async (role: string, action: string): Promise<string> => {
  const copy = await mkdtemp(join(tmpdir(), 'countersign-denied-'));
  copies.push(copy);
  await cp(inject('assembly'), copy, { recursive: true });
  const template = await readTemplate(copy);
  const found = Object.entries(template.Resources).find(
    ([id, { Type }]) => id.startsWith(`Service${role}Role`) && Type === 'AWS::IAM::Role',
  );
  const document = found?.[1].Properties.Policies[0]?.PolicyDocument;
  if (document === undefined) throw new Error(`the template has no role for ${role}`);
  let removed = 0;
  document.Statement = document.Statement.flatMap((statement: Statement) => {
    const actions = [statement.Action].flat();
    const left = actions.filter((each) => each !== action);
    removed += actions.length - left.length;
    return left.length === 0 ? [] : [{ ...statement, Action: left }];
  });
  expect(removed, `${action} is allowed to ${role}`).toBeGreaterThan(0);
  // A key that stays out of reach is not waited for here.
  const impatient = JSON.stringify(template).replaceAll(/(newKeyPatienceSeconds\\":)\d+/g, '$10');
  await writeFile(await templateFile(copy), impatient);
  return copy;
};

/** The words of each denial. */
export const denied = (calls: readonly AwsCallRecord[]): string[] =>
  calls
    .filter(({ outcome }) => outcome === 'AccessDeniedException')
    .map(({ cause }) => (cause instanceof Error ? cause.message : ''));
