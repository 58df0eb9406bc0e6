/** The CDK apps of docs/cdk.md and docs/authorizers.md: each block is a whole file that compiles, synthesizes, and declares what the page says. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDeployment } from '../../local/deployment.ts';
import { administer } from '../support/service.ts';
import { blocksOf } from './docs-page.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const pages = await Promise.all(['cdk', 'authorizers'].map((name) => readFile(join(root, `docs/${name}.md`), 'utf8')));
const apps = pages.flatMap(blocksOf).filter(({ language }) => language === 'ts');

let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'countersign-docs-cdk-'));
  const linked = ['infra', 'functions', 'node_modules', 'package.json'];
  const files = { 'tsconfig.json': JSON.stringify({ extends: join(root, 'tsconfig.json'), include: ['*.ts'] }) };
  const sources = Object.fromEntries(apps.map(({ text }, index) => [`app-${index}.ts`, text]));
  await Promise.all([
    ...linked.map((name) => symlink(join(root, name), join(project, name))),
    ...Object.entries({ ...files, ...sources }).map(([name, text]) => writeFile(join(project, name), text)),
  ]);
});
afterAll(() => rm(project, { recursive: true, force: true }));

interface Template {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties: object }>>;
}

const synthesize = async (index: number): Promise<string> => {
  const output = join(project, `cdk.out-${index}`);
  const { context } = JSON.parse(await readFile(join(root, 'cdk.json'), 'utf8')) as { context: object };
  await run(process.execPath, [`app-${index}.ts`], {
    cwd: project,
    env: { ...process.env, CDK_OUTDIR: output, CDK_CONTEXT_JSON: JSON.stringify(context) },
  });
  return output;
};

const declared = async (output: string, stack: string): Promise<readonly object[]> => {
  const { Resources } = JSON.parse(await readFile(join(output, `${stack}.template.json`), 'utf8')) as Template;
  return Object.values(Resources)
    .filter(({ Type }) => Type.startsWith('Custom::Countersign'))
    .map(({ Properties }) => Properties);
};

describe('docs/cdk.md', () => {
  it('has two apps, docs/authorizers.md two more, and all compile', async () => {
    expect(apps).toHaveLength(4);
    await run(join(root, 'node_modules/.bin/tsc'), ['--project', project]).catch(({ stdout }: { stdout: string }) =>
      expect(stdout).toBe(''),
    );
  }, 120_000);

  it('registers partners and a grant with the service that it deploys', async () => {
    await using deployment = disposable(await startDeployment({ assembly: await synthesize(0) }));
    const service = { deployment, issuer: '', calls: [], logs: [], [Symbol.asyncDispose]: () => deployment.close() };
    const { body } = await administer(service, 'GET', '/partners/crm');
    expect(body).toMatchObject({
      name: 'CRM',
      grants: [{ audience: 'https://billing.example.com', scopes: ['invoices:read'] }],
      quota: { perMinute: 60, mode: 'observe' },
      tags: { team: 'sales', 'countersign:stack': expect.stringMatching(/^Tokens/) },
    });
  }, 120_000);

  it('registers a partner from another stack, with a grant on one that is managed elsewhere', async () => {
    const output = await synthesize(1);
    expect(await declared(output, 'Tokens')).toEqual([]);
    const [partner, grant] = await declared(output, 'Shop');
    expect(partner).toMatchObject({ PartnerId: 'reports', Realm: 'default' });
    expect(grant).toMatchObject({
      Client: 'reports',
      Audience: 'https://ledger.example.com',
      Scopes: ['entries:read'],
    });
  }, 120_000);
});

const disposable = <Closable extends { close(): Promise<void> }>(closable: Closable): Closable & AsyncDisposable =>
  Object.assign(closable, { [Symbol.asyncDispose]: () => closable.close() });

describe('docs/authorizers.md', () => {
  it('has an authorizer for each set of scopes, in front of both kinds of API', async () => {
    const output = await synthesize(2);
    const count = async (stack: string, type: string) => {
      const { Resources } = JSON.parse(await readFile(join(output, `${stack}.template.json`), 'utf8')) as Template;
      return Object.values(Resources).filter(({ Type }) => Type === type).length;
    };
    expect(await count('Billing', 'AWS::ApiGatewayV2::Authorizer')).toBe(2);
    expect(await count('Billing', 'AWS::ApiGateway::Authorizer')).toBe(1);
    expect(await count('Billing', 'AWS::Lambda::Permission')).toBe(3);
    expect(await count('Billing', 'AWS::Lambda::Function')).toBe(0);
  });

  it('has a REST API say for whom old servers make their tokens', async () => {
    const template = await readFile(join(await synthesize(3), 'Contacts.template.json'), 'utf8');
    const { Resources } = JSON.parse(template) as Template;
    const answers = Object.values(Resources).filter(({ Type }) => Type === 'AWS::ApiGateway::GatewayResponse');
    expect(answers.map(({ Properties }) => Properties)).toEqual([
      expect.objectContaining({
        ResponseType: 'UNAUTHORIZED',
        ResponseParameters: {
          'gatewayresponse.header.WWW-Authenticate': `'Bearer realm="contoso.example",client_id="7d1f2e3c-5b6a-4798-8a9b-0c1d2e3f4a5b",trusted_issuers="00000001-0000-0000-c000-000000000000@*"'`,
        },
      }),
    ]);
  });
});
