/**
 * Every action that a function's role allows is needed, and a missing one is told by name: each is taken out of a copy of the
 * assembly in turn, and the main job must then fail with AccessDenied naming it.
 */

import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, it } from 'vitest';
import type { AwsCall, AwsCallRecord, Interception } from '../../local/aws-endpoint.ts';
import { startDeployment } from '../../local/deployment.ts';
import { AwsError } from '../../local/service.ts';
import {
  administer,
  assertionOf,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
} from '../support/service.ts';

const copies: string[] = [];
afterAll(() => Promise.all(copies.map((directory) => rm(directory, { recursive: true, force: true }))));

interface Statement {
  Action: string | string[];
}

/** A copy of the assembly in which `role` lacks `action`. */
const without = async (role: string, action: string): Promise<string> => {
  const copy = await mkdtemp(join(tmpdir(), 'countersign-denied-'));
  copies.push(copy);
  await cp(inject('assembly'), copy, { recursive: true });
  const name = (await readdir(copy)).find((file) => file.endsWith('.template.json'));
  if (name === undefined) throw new Error('the assembly has no template');
  const template = JSON.parse(await readFile(join(copy, name), 'utf8'));
  const [logicalId] = Object.keys(template.Resources).filter(
    (id) => id.startsWith(`Service${role}Role`) && template.Resources[id].Type === 'AWS::IAM::Role',
  );
  if (logicalId === undefined) throw new Error(`the template has no role for ${role}`);
  const document = template.Resources[logicalId].Properties.Policies[0].PolicyDocument;
  let removed = 0;
  document.Statement = document.Statement.flatMap((statement: Statement) => {
    const actions = [statement.Action].flat();
    const left = actions.filter((each) => each !== action);
    removed += actions.length - left.length;
    return left.length === 0 ? [] : [{ ...statement, Action: left }];
  });
  expect(removed, `${action} is allowed to ${role}`).toBeGreaterThan(0);
  await writeFile(join(copy, name), JSON.stringify(template));
  return copy;
};

/** All that the functions do: keys, registry, tokens, an outage of KMS, key set, authorizer. */
const playEverything = async (service: Service, breakSigning: (broken: boolean) => void): Promise<void> => {
  const world = await populate(service);
  await administer(service, 'GET', '/partners');
  await administer(service, 'PATCH', '/partners/billing', { name: 'Billing' });
  const token = async () =>
    postToken(service, tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience }));
  const { body } = await token();
  await fetch(`${service.issuer}/jwks`);
  await fetch(world.audience, { headers: { authorization: `Bearer ${String(body.access_token)}` } });
  breakSigning(true);
  await token();
};

const denied = (calls: readonly AwsCallRecord[]): string[] =>
  calls
    .filter(({ outcome }) => outcome === 'AccessDeniedException')
    .map(({ cause }) => (cause instanceof Error ? cause.message : ''));

describe('a function without one of its permissions', () => {
  it.each([
    ['RotateKeys', 'dynamodb:GetItem'],
    ['RotateKeys', 'dynamodb:PutItem'],
    ['RotateKeys', 'kms:CreateKey'],
    ['RotateKeys', 'kms:TagResource'],
    ['RotateKeys', 'kms:GetPublicKey'],
    ['RotateKeys', 'kms:Sign'],
    ['Admin', 'dynamodb:GetItem'],
    ['Admin', 'dynamodb:Query'],
    ['Admin', 'dynamodb:PutItem'],
    ['Admin', 'dynamodb:UpdateItem'],
    ['Admin', 'dynamodb:ConditionCheckItem'],
    ['Token', 'dynamodb:Query'],
    ['Token', 'dynamodb:BatchGetItem'],
    ['Token', 'dynamodb:PutItem'],
    ['Token', 'dynamodb:DeleteItem'],
    ['Token', 'kms:Sign'],
    ['Discovery', 'dynamodb:Query'],
    ['Authorizer', 'dynamodb:Query'],
  ])('%s without %s is denied, and the denial names the action', async (role, action) => {
    const assembly = await without(role, action);
    const calls: AwsCallRecord[] = [];
    let broken = false;
    const interceptCall = ({ operation }: AwsCall): Interception =>
      broken && operation === 'Sign' ? new AwsError('KMSInternalException', 'test failure', { status: 500 }) : 'pass';
    const options = { assembly, observeCall: (call: AwsCallRecord) => calls.push(call), interceptCall };
    if (role === 'RotateKeys') {
      // The deploy-time trigger needs these, so nothing starts at all.
      await expect(startDeployment(options)).rejects.toThrow(action);
    } else {
      await using service = await startService(options);
      await playEverything(service, (on) => {
        broken = on;
      }).catch(() => undefined);
    }
    expect(denied(calls).join('\n')).toContain(`is not authorized to perform: ${action}`);
  });
});
