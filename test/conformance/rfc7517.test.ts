/** JSON Web Key sets: the one we publish, and those that partners register. The matrix in README.md names each test. */

import { calculateJwkThumbprint, decodeProtectedHeader, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  administer,
  getToken,
  makePartner,
  populate,
  type Service,
  startService,
  type World,
} from '../support/service.ts';

let service: Service;
let world: World;
let keys: JWK[];

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
  keys = ((await (await fetch(`${service.issuer}/jwks`)).json()) as { keys: JWK[] }).keys;
});
afterAll(() => service[Symbol.asyncDispose]());

const register = async (id: string, jwk: object) =>
  administer(service, 'POST', '/partners', { id, jwks: { keys: [jwk] } });

describe('RFC 7517 4: the published keys', () => {
  it('have kty, use, alg and kid each, and the members of their kind (RFC 7518 6)', () => {
    expect(keys.length).toBeGreaterThanOrEqual(2);
    for (const key of keys) {
      const kind = key.kty === 'RSA' ? ['e', 'n'] : ['crv', 'x', 'y'];
      expect(Object.keys(key).sort()).toEqual(['alg', 'kid', 'kty', 'use', ...kind].sort());
      expect([key.use, key.alg]).toEqual(['sig', key.kty === 'RSA' ? 'RS256' : 'ES256']);
    }
  });

  it('have no private member (9.2)', () => {
    for (const key of keys) {
      for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']) expect(key).not.toHaveProperty(name);
    }
  });

  it('have kids that differ, and are the thumbprints of their keys (4.5, RFC 7638)', async () => {
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
    for (const key of keys) expect(key.kid).toBe(await calculateJwkThumbprint(key));
  });

  it('include the one that signs', async () => {
    const { kid, alg } = decodeProtectedHeader(await getToken(service, world));
    expect(keys.find((key) => key.kid === kid)?.alg).toBe(alg);
  });
});

describe('RFC 7517 5: the key set', () => {
  it('is a JSON object with the one member keys', async () => {
    const response = await fetch(`${service.issuer}/jwks`);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(Object.keys((await response.json()) as object)).toEqual(['keys']);
  });

  it('is the same bytes under the same ETag until it changes', async () => {
    const [one, two] = await Promise.all([fetch(`${service.issuer}/jwks`), fetch(`${service.issuer}/jwks`)]);
    expect(await one.text()).toBe(await two.text());
    const etag = one.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w-]{43}"$/);
    expect(two.headers.get('etag')).toBe(etag);
    for (const ifNoneMatch of [etag, `"x", ${etag}`, `W/${etag}`, '*']) {
      const again = await fetch(`${service.issuer}/jwks`, { headers: { 'if-none-match': ifNoneMatch } });
      expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, etag, '']);
    }
    const other = await fetch(`${service.issuer}/jwks`, { headers: { 'if-none-match': '"x"' } });
    expect(other.status).toBe(200);
  });
});

describe('RFC 7517 4: keys that partners register', () => {
  it('may have members that nobody here knows', async () => {
    const { publicJwk } = await makePartner('extra');
    expect((await register('extra', { ...publicJwk, 'urn:example:x': { y: 1 } })).status).toBe(201);
  });

  it('are for signatures: use sig or none, key_ops verify or none', async () => {
    const { publicJwk } = await makePartner('ops');
    const { use: _use, ...bare } = publicJwk;
    expect((await register('ops', { ...bare, use: 'enc' })).status).toBe(400);
    expect((await register('ops', { ...bare, key_ops: ['deriveKey'] })).status).toBe(400);
    expect((await register('ops', { ...bare, key_ops: ['verify'] })).status).toBe(201);
  });

  it('have one algorithm: the one they name, or the one that their kind implies', async () => {
    const { publicJwk } = await makePartner('plain', 'ES384');
    const { alg: _alg, ...bare } = publicJwk;
    expect((await register('plain', { ...bare, alg: 'ES256' })).status).toBe(400);
    const { body } = await register('plain', bare);
    expect(body.credentials).toMatchObject([{ alg: 'ES384', kty: 'EC' }]);
  });

  it('get their thumbprint for a kid where they have none', async () => {
    const { publicJwk } = await makePartner('nameless');
    const { kid: _kid, ...bare } = publicJwk;
    const { body } = await register('nameless', bare);
    expect(body.credentials).toMatchObject([{ kid: await calculateJwkThumbprint(publicJwk) }]);
  });
});
