/** The package as partners get it: packed, unpacked into an empty project, type-checked there, and run against the service. */

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exportJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { populate, startService } from '../support/service.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

/** What a partner writes: one side calls, the other verifies. */
const PROGRAM = `
import { createTokenSource, createVerifier, derToRaw, privateKeyJwt, type TokenSource, type Verified } from 'countersign/sdk';
import * as express from 'countersign/sdk/express';
import * as web from 'countersign/sdk/fetch';
import * as middy from 'countersign/sdk/middy';

const settings: { issuer: string; audience: string; key: JsonWebKey & { kty: string; kid: string } } =
  JSON.parse(await new Response(await import('node:fs').then(({ readFileSync }) => readFileSync('settings.json'))).text());
const { issuer, audience, key } = settings;

const call = async (dpop: boolean) => {
  const source: TokenSource = createTokenSource({
    issuer,
    clientId: 'crm',
    authentication: privateKeyJwt({ key, kid: key.kid, alg: 'ES256' }),
    resource: audience,
    ...(dpop ? { dpop: true as const } : {}),
  });
  const answer = await source.fetch(audience);
  const { tokenType } = await source.token();
  const verifier = createVerifier({ issuer, audience });
  const verified: Verified = await verifier.verify({
    method: 'GET',
    url: audience,
    headers: new Headers(await source.headers({ url: audience })),
  });
  return { status: answer.status, tokenType, scopes: verified.scopes };
};

// @ts-expect-error: the types are there, and say that a client has an id
const incomplete = () => createTokenSource({ issuer, authentication: privateKeyJwt({ key, kid: '', alg: '' }) });
const entries = [incomplete, derToRaw, express.protect, web.protect, middy.protect].map((each) => typeof each);
console.log(JSON.stringify({ bearer: await call(false), dpop: await call(true), entries }));
`;

const COMPILER_OPTIONS = {
  ...{ target: 'es2024', module: 'nodenext', lib: ['es2024', 'dom', 'dom.iterable'], types: ['node'], strict: true },
  ...{ exactOptionalPropertyTypes: true, skipLibCheck: false, outDir: 'out', rootDir: '.' },
};

let project: string;
let installed: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'countersign-package-'));
  installed = join(project, 'node_modules/countersign');
  await mkdir(installed, { recursive: true });
  await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: root });
  const [tarball = ''] = (await readdir(project)).filter((name) => name.endsWith('.tgz'));
  await run('tar', ['-xzf', join(project, tarball), '-C', installed, '--strip-components=1']);
  await symlink(join(root, 'node_modules/jose'), join(project, 'node_modules/jose'));
  await mkdir(join(project, 'node_modules/@types'));
  await symlink(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'));
  const files = { 'package.json': { type: 'module' }, 'tsconfig.json': { compilerOptions: COMPILER_OPTIONS } };
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(project, name), JSON.stringify(content));
  }
  await writeFile(join(project, 'main.ts'), PROGRAM);
  await mkdir(join(project, 'node_modules/@aws-sdk'));
  await symlink(join(root, 'node_modules/@aws-sdk/client-kms'), join(project, 'node_modules/@aws-sdk/client-kms'));
  for (const [index, block] of (await examples()).entries())
    await writeFile(join(project, `example-${index}.ts`), block);
}, 120_000);

afterAll(() => rm(project, { recursive: true, force: true }));

/** The programs of the page for partners. They are type-checked as well. */
const examples = async (): Promise<readonly string[]> => {
  const page = await readFile(join(root, 'docs/calling-services.md'), 'utf8');
  const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = '']) => block);
  if (blocks.length === 0) throw new Error('the page has no examples');
  return blocks;
};

const read = (path: string): Promise<string> => readFile(join(installed, path), 'utf8');

describe('the packed package', () => {
  it('has a module and its types for every entry', async () => {
    const { exports } = JSON.parse(await read('package.json')) as { exports: Record<string, unknown> };
    const files = Object.values(exports).flatMap((entry) =>
      typeof entry === 'string' ? [entry] : Object.values(Object(entry)),
    );
    expect(files.length).toBeGreaterThanOrEqual(9);
    for (const file of files) expect(await read(String(file))).not.toBe('');
  });

  it('imports jose and its own files, and nothing else', async () => {
    const modules = (await readdir(join(installed, 'dist/sdk'))).filter((name) => /\.js$/.test(name));
    expect(modules.length).toBeGreaterThan(20);
    const imports = await Promise.all(
      modules.map(async (name) => [...(await read(`dist/sdk/${name}`)).matchAll(/(?:from|import\(?) ?'([^']+)'/g)]),
    );
    const others = imports
      .flat()
      .map(([, from = '']) => from)
      .filter((from) => from !== 'jose' && !/^\.\/[a-z0-9-]+\.js$/.test(from));
    expect(others).toEqual([]);
  });

  it('type-checks in an empty project, with the examples of the documentation, and runs there against the service', async () => {
    await using service = await startService();
    const { client, audience } = await populate(service);
    const key = { ...(await exportJWK(client.privateKey)), kid: `${client.id}-key` };
    await writeFile(join(project, 'settings.json'), JSON.stringify({ issuer: service.issuer, audience, key }));
    await run(process.execPath, [tsc, '-p', project], { cwd: project });
    const { stdout } = await run(process.execPath, ['out/main.js'], { cwd: project });
    expect(JSON.parse(stdout)).toEqual({
      bearer: { status: 200, tokenType: 'Bearer', scopes: ['read'] },
      dpop: { status: 200, tokenType: 'DPoP', scopes: ['read'] },
      entries: Array(5).fill('function'),
    });
  }, 120_000);
});
