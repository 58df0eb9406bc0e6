/** JWT Response for OAuth Token Introspection. The matrix in README.md names each test. */

import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getToken, populate, type Service, startService, type World } from '../support/service.ts';
import { addIntrospector, introspect } from '../support/token-state.ts';

const JWT_TYPE = 'application/token-introspection+jwt';

let service: Service;
let world: World;
beforeAll(async () => {
  service = await startService({ maxInstances: 1 });
  world = await populate(service);
});
afterAll(() => service[Symbol.asyncDispose]());

const ask = (token: string, accept: string) => introspect(service, world.owner, token, { accept });

describe('4, the request', () => {
  it.each([
    [JWT_TYPE, JWT_TYPE],
    [`${JWT_TYPE}, application/json`, JWT_TYPE],
    [`application/json;q=0.5, ${JWT_TYPE.toUpperCase()} ; q=0.9`, JWT_TYPE],
    [`application/json, ${JWT_TYPE};q=0.1`, 'application/json'],
    [`${JWT_TYPE};q=0`, 'application/json'],
    ['application/json', 'application/json'],
    ['*/*', 'application/json'],
  ])('says by Accept which answer it wants: %s gets %s', async (accept, type) => {
    const { status, headers } = await ask('x', accept);
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([200, type, 'no-store']);
  });
});

describe('5, the answer', () => {
  const keys = () => createRemoteJWKSet(new URL('/jwks', service.deployment.url));

  it('is signed as the tokens of the realm are, of a type of its own, and for whoever has asked', async () => {
    const token = await getToken(service, world);
    const { text } = await ask(token, JWT_TYPE);
    const { payload, protectedHeader } = await jwtVerify(text, keys(), {
      issuer: service.issuer,
      audience: world.owner.id,
      typ: 'token-introspection+jwt',
    });
    expect(protectedHeader).toEqual({ ...decodeProtectedHeader(token), typ: 'token-introspection+jwt' });
    expect(Math.abs(Number(payload.iat) - Date.now() / 1_000)).toBeLessThan(30);
    expect(payload.token_introspection).toEqual({ active: true, token_type: 'Bearer', ...decodeJwt(token) });
  });

  it('is for whom the resource names, and not for its owner, when that has asked', async () => {
    const gateway = await addIntrospector(service, world.audience, 'gateway');
    const token = await getToken(service, world);
    const { text } = await introspect(service, gateway, token, { accept: JWT_TYPE });
    const { payload } = await jwtVerify(text, keys(), { issuer: service.issuer });
    expect([payload.aud, payload.token_introspection]).toEqual([
      gateway.id,
      { active: true, token_type: 'Bearer', ...decodeJwt(token) },
    ]);
  });

  it('says nothing of the token beside that, so that it is no token itself', async () => {
    const token = await getToken(service, world);
    const { text } = await ask(token, JWT_TYPE);
    expect(Object.keys(decodeJwt(text)).sort()).toEqual(['aud', 'iat', 'iss', 'token_introspection']);
    const used = await fetch(new URL('/whoami', service.deployment.url), {
      headers: { authorization: `Bearer ${text}` },
    });
    expect(used.status).toBe(403);
  });

  it('is signed also where the token is not active, and then says nothing else', async () => {
    const { text } = await ask('x', JWT_TYPE);
    const { payload } = await jwtVerify(text, keys());
    expect(payload.token_introspection).toEqual({ active: false });
  });
});

describe('7, the metadata', () => {
  it('names the algorithms that answers are signed with', async () => {
    const found = await fetch(new URL('/.well-known/oauth-authorization-server', service.deployment.url));
    const metadata = (await found.json()) as { readonly introspection_signing_alg_values_supported: readonly string[] };
    const { alg } = decodeProtectedHeader((await ask('x', JWT_TYPE)).text);
    expect(metadata.introspection_signing_alg_values_supported).toContain(alg);
  });
});
