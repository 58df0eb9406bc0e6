/**
 * The library as bundlers make it part of a program for browsers' cousins (Workers, Deno, edge runtimes): what goes in, how large that is,
 * and that it runs where there are web APIs and nothing of Node.
 */

import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { exportJWK, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { populate, type Service, startService, type TestPartner, type World } from '../support/service.ts';

const root = join(import.meta.dirname, '../..');

/** What is exported becomes the global `program`. */
const bundle = async (contents: string) => {
  const { outputFiles, metafile, warnings } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    ...{ absWorkingDir: root, bundle: true, minify: true, write: false, metafile: true },
    // An import of a Node module does not build for this platform.
    ...{ platform: 'browser', conditions: ['workerd'], format: 'iife', globalName: 'program', target: 'es2022' },
  });
  expect(warnings).toEqual([]);
  const [made] = Object.values(metafile.outputs);
  const sources = Object.entries(made?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  const [file] = outputFiles;
  if (file === undefined) throw new Error('nothing was made');
  return { code: file.text, bytes: file.contents.byteLength, sources: sources.map(([path]) => path) };
};

const everything = ['index', 'fetch', 'express', 'middy'].map((name) => `export * as ${name} from './sdk/${name}.ts';`);

describe('a bundle', () => {
  it('of all entries has our own files and jose in it, and nothing else', async () => {
    const { sources, bytes } = await bundle(everything.join('\n'));
    const others = sources.filter((path) => !/^sdk\/[a-z0-9-]+\.ts$|(^|\/)node_modules\/jose\/|^<stdin>$/.test(path));
    expect(others).toEqual([]);
    expect(sources.filter((path) => path.startsWith('sdk/')).length).toBeGreaterThan(30);
    expect(bytes).toBeLessThan(60_000);
  });

  const calling = ['token-source', 'token-cache', 'token-request', 'retry', 'wall-clock', 'client-authentication'];
  const called = ['verifier', 'key-set', 'claims', 'revoked-keys', 'introspection', 'proof-of-possession'];
  it.each([
    { name: 'createVerifier', needed: called, unneeded: calling, most: 40_000 },
    { name: 'createTokenSource', needed: calling.slice(0, -1), unneeded: called, most: 30_000 },
    {
      name: 'protectedResourceMetadata',
      needed: ['protected-resource'],
      unneeded: [...calling, ...called],
      most: 2_000,
    },
  ])('of $name alone leaves out what it does not need', async ({ name, needed, unneeded, most }) => {
    const { sources, bytes } = await bundle(`export { ${name} } from './sdk/index.ts';`);
    expect(sources).toEqual(expect.arrayContaining(needed.map((file) => `sdk/${file}.ts`)));
    expect(unneeded.filter((file) => sources.includes(`sdk/${file}.ts`))).toEqual([]);
    expect(bytes).toBeLessThan(most);
  });
});

/** Web APIs that every such runtime has (WinterTC's minimum common API); the context has the language beside them and nothing else. */
const WEB = [
  ...['AbortController', 'AbortSignal', 'CryptoKey', 'Headers', 'ReadableStream', 'Request', 'Response'],
  ...['TextDecoder', 'TextEncoder', 'URL', 'URLSearchParams', 'atob', 'btoa', 'clearTimeout', 'crypto'],
  'structuredClone',
];
/** Of the language, but those that the web APIs above return here are of this context. */
const BUFFERS = ['ArrayBuffer', 'Uint8Array'];

/** Both sides, once with bearer tokens and once with bound ones. */
const PROGRAM = `
import { createTokenSource, createVerifier, privateKeyJwt, VerificationError } from './sdk/index.ts';
import { protect } from './sdk/fetch.ts';

const once = async ({ issuer, audience, clientKey, ownerKey }, dpop) => {
  const proof = (key) => privateKeyJwt({ key, kid: key.kid, alg: 'ES256' });
  const authentication = proof(clientKey);
  const source = createTokenSource({ issuer, clientId: 'crm', authentication, resource: audience, ...dpop });
  const authenticate = async (form) => {
    const { form: members } = await proof(ownerKey).prove({ clientId: 'billing', issuer, now: Date.now() / 1_000 });
    for (const [name, value] of Object.entries(members)) form.set(name, value);
  };
  const verifier = createVerifier({ issuer, audience, checkRevokedKeys: true, introspection: { authenticate } });
  const handler = protect(verifier, (_request, { clientId }) => new Response(clientId));
  const signed = async () => new Request(audience, { headers: await source.headers({ url: audience }) });
  const elsewhere = createVerifier({ issuer, audience: 'https://other.example' });
  const refusal = await elsewhere.verify(await signed()).catch((error) => error);
  return {
    authorizer: (await source.fetch(audience)).status,
    accepted: await (await handler(await signed())).text(),
    withoutToken: (await handler(new Request(audience))).status,
    elsewhere: refusal instanceof VerificationError && refusal.reason,
  };
};

export const run = async (settings) =>
  JSON.stringify([await once(settings, {}), await once(settings, { dpop: true })]);
`;

describe('in a context with web APIs alone', () => {
  let service: Service;
  let world: World;
  beforeAll(async () => {
    service = await startService();
    world = await populate(service);
  });
  afterAll(() => service[Symbol.asyncDispose]());

  it('source and verifier do their work with a running service', async () => {
    const { code } = await bundle(PROGRAM);
    const offered = [...WEB, ...BUFFERS].map((name) => [name, Reflect.get(globalThis, name)]);
    expect(offered.filter(([, value]) => value === undefined)).toEqual([]);
    const context = createContext({ ...Object.fromEntries(offered), setTimeout: soon, fetch: failingOnce() });
    // The language as Node 20 had it.
    runInContext('delete Promise.withResolvers', context);
    runInContext(code, context);
    const settings = {
      ...{ issuer: service.issuer, audience: world.audience },
      ...{ clientKey: await privateJwk(world.client), ownerKey: await privateJwk(world.owner) },
    };
    const outcome: string = await runInContext(`program.run(${JSON.stringify(settings)})`, context);
    const expected = { authorizer: 200, accepted: 'crm', withoutToken: 401, elsewhere: 'audience' };
    expect(JSON.parse(outcome)).toEqual([expected, expected]);
  });
});

/** Nobody waits for the time between tries here. */
const soon = (happen: () => void) => setTimeout(happen);

/** The first token request has no answer, so that a second try is needed. */
const failingOnce = (): typeof fetch => {
  let hasFailed = false;
  return async (url, init) => {
    if (hasFailed || init?.method !== 'POST') return fetch(url, init);
    hasFailed = true;
    throw new TypeError('fetch failed');
  };
};

const privateJwk = async ({ id, privateKey }: TestPartner): Promise<JWK> => ({
  ...(await exportJWK(privateKey)),
  kid: `${id}-key`,
});
