/** Every algorithm over HTTP: an audience chooses it, a partner gets its token, and libraries of others verify that. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JwtVerifier } from 'aws-jwt-verify';
import { createRemoteJWKSet, type JWK, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeApp } from '../support/assembly.ts';
import { getToken, mustCreate, populate, type Service, startService, type World } from '../support/service.ts';

const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'];

let directory: string;
let service: Service;
let world: World;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-algorithms-'));
  await synthesizeApp(join(directory, 'cdk.out'), { algorithms: ALGORITHMS.join(',') });
  service = await startService({ assembly: join(directory, 'cdk.out') });
  world = await populate(service);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

type PublishedKey = JWK & { readonly kty: string; readonly kid: string };

const publishedKeys = async () =>
  (await (await fetch(`${service.issuer}/jwks`)).json()) as { readonly keys: PublishedKey[] };

/** An audience that has chosen the algorithm, and a token for it. */
const tokenOf = async (algorithm: string, purpose: string): Promise<{ audience: string; token: string }> => {
  const audience = `https://${purpose}.example/${algorithm}`;
  await mustCreate(service, '/audiences', { audience, owner: 'billing', scopes: ['read'], tokenPolicy: { algorithm } });
  await mustCreate(service, '/grants', { client: 'crm', audience, scopes: ['read'] });
  return { audience, token: await getToken(service, { ...world, audience }) };
};

describe.each(ALGORITHMS)('an audience that chose %s', (algorithm) => {
  it('gets tokens that jose verifies with the published keys', async () => {
    const { audience, token } = await tokenOf(algorithm, 'jose');
    const keys = createRemoteJWKSet(new URL(`${service.issuer}/jwks`));
    const { protectedHeader, payload } = await jwtVerify(token, keys, {
      issuer: service.issuer,
      audience,
      typ: 'at+jwt',
      algorithms: [algorithm],
    });
    expect(protectedHeader).toEqual({ alg: algorithm, typ: 'at+jwt', kid: expect.any(String) });
    expect(payload).toMatchObject({ sub: 'crm', aud: audience, scope: 'read' });
  });

  it('gets no token that jose verifies with another key of the ring', async () => {
    const { audience, token } = await tokenOf(algorithm, 'other');
    const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
    const { keys } = await publishedKeys();
    const others = keys.filter((key) => key.alg === algorithm && key.kid !== kid);
    expect(others).toHaveLength(1);
    for (const other of others) {
      await expect(jwtVerify(token, other, { audience })).rejects.toThrow('signature verification failed');
    }
  });
});

it.each(['RS256', 'ES256'])('tokens of %s are verified by aws-jwt-verify', async (algorithm) => {
  const { audience, token } = await tokenOf(algorithm, 'aws');
  const verifier = JwtVerifier.create({ issuer: service.issuer, audience, jwksUri: 'https://unused.example/jwks' });
  verifier.cacheJwks(await publishedKeys());
  await expect(verifier.verify(token)).resolves.toMatchObject({ client_id: 'crm', aud: audience });
});

it('the key set has two keys for each algorithm, each named by it', async () => {
  const { keys } = await publishedKeys();
  expect(keys.map(({ alg }) => alg).toSorted()).toEqual([...ALGORITHMS, ...ALGORITHMS].toSorted());
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(2 * ALGORITHMS.length);
});
