/** The package as partners get it: packed, installed into an empty project, type-checked there, and run against the service. */

import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exportJWK } from 'jose';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
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
import * as microsoft from 'countersign/sdk/microsoft';

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
const entries = [incomplete, derToRaw, express.protect, web.protect, middy.protect, microsoft.microsoftChallenge].map((each) => typeof each);
console.log(JSON.stringify({ bearer: await call(false), dpop: await call(true), entries }));
`;

const COMPILER_OPTIONS = {
  ...{ target: 'es2024', module: 'nodenext', lib: ['es2024', 'dom', 'dom.iterable'], types: ['node'], strict: true },
  ...{ exactOptionalPropertyTypes: true, skipLibCheck: false, outDir: 'out', rootDir: '.' },
};

let project: string;
let tarball: string;
let installed: string;
/** What came with the package. */
let packages: readonly string[];

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'countersign-package-'));
  await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: root });
  const [name = ''] = (await readdir(project)).filter((file) => file.endsWith('.tgz'));
  tarball = join(project, name);
  const files = { 'package.json': { type: 'module' }, 'tsconfig.json': { compilerOptions: COMPILER_OPTIONS } };
  for (const [file, content] of Object.entries(files)) await writeFile(join(project, file), JSON.stringify(content));
  // jose is in npm's cache wherever this repository was installed.
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], { cwd: project });
  const modules = join(project, 'node_modules');
  installed = join(modules, 'countersign');
  packages = (await readdir(modules)).filter((file) => file !== '.package-lock.json').toSorted();
  // For the programs alone, which are a partner's: types of Node, and a client of KMS.
  for (const path of ['@types/node', '@aws-sdk/client-kms']) {
    await mkdir(join(modules, path, '..'));
    await symlink(join(root, 'node_modules', path), join(modules, path));
  }
  await writeFile(join(project, 'main.ts'), PROGRAM);
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

/** All texts of a nested object: paths, in a manifest's `exports` and `bin`. */
const leavesOf = (value: unknown): string[] =>
  typeof value === 'string' ? [value] : Object.values(Object(value)).flatMap(leavesOf);

const read = (path: string): Promise<string> => readFile(join(installed, path), 'utf8');

describe('the packed package', () => {
  it('brings jose along, and nothing else', () => {
    expect(packages).toEqual(['countersign', 'jose']);
  });

  it('names no file that it lacks: entries, types and commands', async () => {
    const manifest = JSON.parse(await read('package.json')) as { bin?: object; exports: Record<string, unknown> };
    const named = [...leavesOf(manifest.exports), ...leavesOf(manifest.bin ?? {})];
    expect(named.length).toBeGreaterThanOrEqual(9);
    for (const file of named) await expect(access(join(installed, file))).resolves.toBeUndefined();
  });

  it('has nothing that publint finds fault with', async () => {
    const { buffer, byteOffset, byteLength } = await readFile(tarball);
    const copy = buffer.slice(byteOffset, byteOffset + byteLength);
    const { messages, pkg } = await publint({ pack: { tarball: copy }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg ?? {}))).toEqual([]);
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
      entries: Array(6).fill('function'),
    });
  }, 120_000);
});
