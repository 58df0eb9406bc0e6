/** JWT profile for OAuth 2.0 access tokens: what we issue, and what our authorizer accepts. The matrix in README.md names each test. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { invalidGrant, notAuthorized, tokenOutcome, whoamiOutcome } from '../support/decisions.ts';
import { grantForm, requireToken, statementOf } from '../support/delegation.ts';
import { seconds } from '../support/forgery.ts';
import { type RingKey, ringKeys } from '../support/ring-keys.ts';
import {
  assertionOf,
  getToken,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  type World,
} from '../support/service.ts';

let directory: string;
let service: Service;
let world: World;
let agent: TestPartner;
let token: string;
let key: RingKey;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-rfc9068-'));
  service = await startService({ dataDirectory: directory });
  world = await populate(service);
  agent = await makePartner('agent');
  const definition = { id: agent.id, jwks: { keys: [agent.publicJwk] }, trustLevel: 'user' };
  await mustCreate(service, '/partners', definition);
  await mustCreate(service, '/grants', { client: agent.id, audience: world.audience, scopes: ['read'] });
  token = await getToken(service, world);
  const { kid } = decodeProtectedHeader(token);
  const signer = (await ringKeys(service, directory)).find((each) => each.kid === kid);
  if (signer === undefined) throw new Error('the token is signed by no published key');
  key = signer;
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** The token just issued, signed again by the same key after the changes. */
const changed = (claims: object, header: object = {}): Promise<string> =>
  new SignJWT({ ...decodeJwt(token), ...claims })
    .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header })
    .sign(key.privateKey);

const show = async (jws: string | Promise<string>) => whoamiOutcome(service, `Bearer ${await jws}`);
const GRANTED = { status: 200, reason: 'granted' };

describe('RFC 9068 2.1: header', () => {
  it('has the type at+jwt and names its key', () => {
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'RS256', typ: 'at+jwt', kid: expect.any(String) });
  });

  it('is signed, with RS256 where the resource chose nothing else', async () => {
    const keys = createRemoteJWKSet(new URL(`${service.issuer}/jwks`));
    await expect(jwtVerify(token, keys, { algorithms: ['RS256'] })).resolves.toBeDefined();
  });
});

describe('RFC 9068 2.2: data structure', () => {
  it('has every claim that is required, and a time of issue and an end that match the answer', () => {
    const claims = decodeJwt(token);
    expect(claims).toEqual({
      iss: service.issuer,
      exp: expect.any(Number),
      aud: world.audience,
      sub: 'crm',
      client_id: 'crm',
      iat: expect.any(Number),
      jti: expect.any(String),
      scope: 'read',
    });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(3_600);
    expect(Math.abs((claims.iat ?? 0) - seconds())).toBeLessThan(60);
  });

  it('has the client as its subject, since no resource owner is involved', () => {
    const { sub, client_id: client } = decodeJwt(token);
    expect(sub).toBe(client);
  });

  it('has the user as its subject where it is about one, and the client as who acts', async () => {
    const form = grantForm(await statementOf(agent, service.issuer, 'alice'));
    expect(decodeJwt(await requireToken(service, form))).toEqual({
      iss: service.issuer,
      exp: expect.any(Number),
      aud: world.audience,
      sub: 'alice',
      client_id: 'agent',
      iat: expect.any(Number),
      jti: expect.any(String),
      scope: 'read',
      act: { sub: 'agent' },
      sub_id: { format: 'iss_sub', iss: 'agent', sub: 'alice' },
    });
  });

  it('has a jti that is never used twice', async () => {
    const tokens = await Promise.all(Array.from({ length: 5 }, () => getToken(service, world)));
    const ids = tokens.map((each) => decodeJwt(each).jti ?? '');
    expect(new Set(ids).size).toBe(5);
    // RFC 7519 4.1.7: 128 random bits make 22 characters.
    for (const id of ids) expect(id.length).toBeGreaterThanOrEqual(22);
  });

  it('has the scopes of its own audience (2.2.3)', () => {
    expect(decodeJwt(token).scope).toBe('read');
  });
});

describe('RFC 9068 5: security considerations', () => {
  it('has no user as its subject who is called as a client is', async () => {
    const form = grantForm(await statementOf(agent, service.issuer, 'crm'));
    expect(await tokenOutcome(service, form)).toEqual(invalidGrant('subject_is_partner'));
  });

  it('tells users from clients by sub_id and act, which tokens of clients never have', () => {
    expect(Object.keys(decodeJwt(token)).filter((name) => ['sub_id', 'act'].includes(name))).toEqual([]);
  });
});

describe('RFC 9068 4: validating tokens', () => {
  it('accepts what was issued, and the type in its long form', async () => {
    expect(await show(token)).toMatchObject(GRANTED);
    expect(await show(changed({}, { typ: 'application/at+jwt' }))).toMatchObject(GRANTED);
  });

  it('refuses any other type', async () => {
    expect(await show(changed({}, { typ: 'JWT' }))).toEqual(notAuthorized('token_typ'));
    expect(await show(changed({}, { typ: undefined }))).toEqual(notAuthorized('token_typ'));
    expect(await show(assertionOf(world.client, service.issuer))).toEqual(notAuthorized('token_typ'));
  });

  it('refuses an encrypted token, which it never issues', async () => {
    expect(await show('e30.e30.e30.e30.e30')).toEqual(notAuthorized('token_malformed'));
  });

  it('refuses another issuer', async () => {
    expect(await show(changed({ iss: 'https://other.example' }))).toEqual(notAuthorized('token_issuer'));
    expect(await show(changed({ iss: `${service.issuer}/` }))).toEqual(notAuthorized('token_issuer'));
  });

  it('refuses another audience', async () => {
    expect(await show(changed({ aud: 'https://other.example' }))).toEqual(notAuthorized('token_audience'));
  });

  it('refuses algorithm none and signatures by unpublished keys', async () => {
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt', kid: key.kid })).toString('base64url');
    const [, payload, signature] = token.split('.');
    expect(await show(`${none}.${payload}.${signature}`)).toEqual(notAuthorized('token_signature'));
    expect(await show(`${none}.${payload}.`)).toEqual(notAuthorized('token_malformed'));
    expect(await show(changed({}, { kid: 'unpublished' }))).toEqual(notAuthorized('token_key_unknown'));
  });

  it('refuses a token at and after its end', async () => {
    expect(await show(changed({ iat: seconds() - 60, exp: seconds() }))).toEqual(notAuthorized('token_expired'));
  });
});
