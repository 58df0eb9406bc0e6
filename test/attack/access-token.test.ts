/**
 * Attacks on the resource behind the authorizer: tokens that were changed, borrowed, kept too long, or signed by a key of ours
 * with claims that the service never issues. RFC 9068 4 and 5, RFC 8725 3.
 */

import { createHmac, createPublicKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64url, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notAuthorized, whoamiOutcome } from '../support/decisions.ts';
import { compactOf, partOf, seconds, signedBy, withPart } from '../support/forgery.ts';
import { type RingKey, ringKeys } from '../support/ring-keys.ts';
import {
  administer,
  assertionOf,
  changePartner,
  getToken,
  makePartner,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
  type World,
} from '../support/service.ts';

const OTHER_AUDIENCE = 'https://ledger.example/api';

let directory: string;
let service: Service;
let world: World;
let token: string;
let rs256: RingKey;
let es256: RingKey;
let mallory: TestPartner;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-attack-'));
  service = await startService({ dataDirectory: directory });
  world = await populate(service);
  await mustCreate(service, '/audiences', { audience: OTHER_AUDIENCE, owner: 'billing', scopes: ['post'] });
  await mustCreate(service, '/grants', { client: 'crm', audience: OTHER_AUDIENCE, scopes: ['post'] });
  token = await getToken(service, world);
  const keys = await ringKeys(service, directory);
  const active = (alg: string): RingKey => {
    const key = keys.find((each) => each.alg === alg);
    if (key === undefined) throw new Error(`no ${alg} key is published`);
    return key;
  };
  [rs256, es256] = [active('RS256'), active('ES256')];
  mallory = await makePartner('mallory', 'RS256');
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const show = (jws: string) => whoamiOutcome(service, `Bearer ${jws}`);

/** A token as the service would issue it, but for the changes, signed by one of its own keys. */
const issued = (key: RingKey, claims: object = {}, header: object = {}): Promise<string> =>
  new SignJWT({
    iss: service.issuer,
    aud: world.audience,
    sub: 'crm',
    client_id: 'crm',
    iat: seconds(),
    exp: seconds() + 600,
    jti: 'forged',
    scope: 'read',
    ...claims,
  })
    .setProtectedHeader({ alg: key.alg, typ: 'at+jwt', kid: key.kid, ...header })
    .sign(key.privateKey);

describe('the forger of these tests', () => {
  it('has the keys of both rings: what it signs without a change is accepted', async () => {
    expect(await show(await issued(rs256))).toMatchObject({ status: 200, reason: 'granted' });
    expect(await show(await issued(es256))).toMatchObject({ status: 200, reason: 'granted' });
  });
});

describe('a token that was changed', () => {
  it.each([
    ['its payload', 1],
    ['its signature', 2],
  ] as const)('in any place of %s is refused', async (_case, index) => {
    const part = partOf(token, index);
    const places = [0, 1, Math.floor(part.length / 2), part.length - 2, part.length - 1];
    for (const at of places) {
      const other = part[at] === 'A' ? 'B' : 'A';
      const changed = part.slice(0, at) + other + part.slice(at + 1);
      const outcome = await show(withPart(token, index, changed));
      expect(outcome).toEqual(notAuthorized(outcome.reason));
      expect(['token_signature', 'token_malformed']).toContain(outcome.reason);
    }
  });

  it('to a second spelling of the same signature is refused', async () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // 256 bytes are 341 characters and a third: the last one has four bits that mean nothing.
    const respelled = token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1) ?? '') + 1];
    expect(base64url.decode(partOf(respelled, 2))).toEqual(base64url.decode(partOf(token, 2)));
    expect(await show(respelled)).toEqual(notAuthorized('token_malformed'));
  });

  it('to carry another scope or audience is refused', async () => {
    const claims = JSON.parse(Buffer.from(partOf(token, 1), 'base64url').toString());
    for (const change of [{ scope: 'read write' }, { client_id: 'billing' }, { exp: claims.exp + 1 }]) {
      const changed = withPart(token, 1, base64url.encode(JSON.stringify({ ...claims, ...change })));
      expect(await show(changed)).toEqual(notAuthorized('token_signature'));
    }
  });

  it('to be one of algorithm none is refused', async () => {
    const claims = partOf(token, 1);
    for (const alg of ['none', 'None', 'nOnE']) {
      const header = base64url.encode(JSON.stringify({ alg, typ: 'at+jwt', kid: rs256.kid }));
      expect(await show(`${header}.${claims}.`)).toEqual(notAuthorized('token_malformed'));
      expect(await show(`${header}.${claims}.${partOf(token, 2)}`)).toEqual(notAuthorized('token_signature'));
    }
  });
});

describe('a token of another kind', () => {
  it('such as a client assertion is refused', async () => {
    const assertion = await assertionOf(world.client, service.issuer);
    expect(await show(assertion)).toEqual(notAuthorized('token_typ'));
    const dressedUp = await assertionOf(world.client, service.issuer, { header: { typ: 'at+jwt' } });
    expect(await show(dressedUp)).toEqual(notAuthorized('token_malformed'));
  });

  it.each(['JWT', 'client-authentication+jwt', 'at+jwt ', 'dpop+jwt', 'AT+JWT', ''])(
    'is refused though a key of ours signed it: "%s"',
    async (typ) => {
      expect(await show(await issued(rs256, {}, { typ }))).toEqual(notAuthorized('token_typ'));
    },
  );

  it('is refused when it has critical headers', async () => {
    const header = { alg: 'RS256', typ: 'at+jwt', kid: rs256.kid, crit: ['urn:x'], 'urn:x': 1 };
    const critical = await compactOf(
      header,
      JSON.parse(Buffer.from(partOf(token, 1), 'base64url').toString()),
      signedBy(rs256),
    );
    expect(await show(critical)).toEqual(notAuthorized('token_malformed'));
  });
});

describe('a token of another key', () => {
  it('is refused whether its kid is unknown, missing, or one of ours', async () => {
    const forged = (header: object) =>
      issued({ kid: 'mallory', alg: 'RS256', privateKey: mallory.privateKey }, {}, header);
    expect(await show(await forged({}))).toEqual(notAuthorized('token_key_unknown'));
    expect(await show(await forged({ kid: rs256.kid }))).toEqual(notAuthorized('token_signature'));
    expect(await show(await forged({ kid: rs256.kid, jwk: mallory.publicJwk }))).toEqual(
      notAuthorized('token_signature'),
    );
    expect(await show(await forged({ kid: rs256.kid, jku: 'http://127.0.0.1:9/' }))).toEqual(
      notAuthorized('token_signature'),
    );
    expect(await show(await forged({ kid: undefined }))).toEqual(notAuthorized('token_malformed'));
  });

  it('is refused when a partner signed it with the key it registered', async () => {
    const own = { kid: 'crm-key', alg: world.client.alg, privateKey: world.client.privateKey };
    expect(await show(await issued(own))).toEqual(notAuthorized('token_key_unknown'));
  });

  it('is refused when it names the key of another ring', async () => {
    expect(await show(await issued(rs256, {}, { kid: es256.kid }))).toEqual(notAuthorized('token_signature'));
    expect(await show(await issued(es256, {}, { kid: rs256.kid }))).toEqual(notAuthorized('token_signature'));
  });

  it('is refused when its algorithm is not the one of the ring', async () => {
    const claims = Buffer.from(partOf(token, 1), 'base64url').toString();
    for (const alg of ['PS256', 'RS384', 'ES256', 'rs256']) {
      const header = { alg, typ: 'at+jwt', kid: rs256.kid };
      expect(await show(await compactOf(header, claims, signedBy(rs256)))).toEqual(notAuthorized('token_signature'));
    }
  });

  it('is refused when the published key was taken for an HMAC secret', async () => {
    const jwks = (await (await fetch(`${service.issuer}/jwks`)).json()) as { keys: Record<string, string>[] };
    const jwk = jwks.keys.find(({ kid }) => kid === rs256.kid) ?? {};
    const pem = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ format: 'pem', type: 'spki' });
    const claims = Buffer.from(partOf(token, 1), 'base64url').toString();
    const forged = await compactOf({ alg: 'HS256', typ: 'at+jwt', kid: rs256.kid }, claims, (input) =>
      createHmac('sha256', pem).update(input).digest(),
    );
    expect(await show(forged)).toEqual(notAuthorized('token_signature'));
  });
});

describe('claims that this service does not issue', () => {
  it.each([
    ['expired a second ago', () => ({ iat: seconds() - 600, exp: seconds() - 1 }), 'token_expired'],
    ['expired at the start of time', () => ({ iat: 0, exp: 60 }), 'token_expired'],
    ['issued in the future', () => ({ iat: seconds() + 120, exp: seconds() + 600 }), 'token_not_yet_valid'],
    ['living longer than its ring allows', () => ({ exp: seconds() + 3_700 }), 'token_lifetime'],
    ['living for ever', () => ({ exp: Number.MAX_SAFE_INTEGER }), 'token_lifetime'],
    ['expiring at a fraction of a second', () => ({ exp: seconds() + 60.5 }), 'token_malformed'],
    ['expiring at a text', () => ({ exp: String(seconds() + 60) }), 'token_malformed'],
    ['never expiring', () => ({ exp: undefined }), 'token_malformed'],
    ['never issued', () => ({ iat: undefined }), 'token_malformed'],
    ['of another issuer', () => ({ iss: 'https://evil.example' }), 'token_issuer'],
    ['of the issuer with a slash', () => ({ iss: `${service.issuer}/` }), 'token_issuer'],
    ['for another audience', () => ({ aud: OTHER_AUDIENCE }), 'token_audience'],
    ['for the issuer itself', () => ({ aud: service.issuer }), 'token_audience'],
    ['for a list of audiences', () => ({ aud: [world.audience, OTHER_AUDIENCE] }), 'token_malformed'],
    ['for no audience', () => ({ aud: undefined }), 'token_malformed'],
    ['without a client', () => ({ client_id: undefined }), 'token_malformed'],
    ['of an unknown client', () => ({ client_id: 'nobody', sub: 'nobody' }), 'client_unknown'],
    ['of a client whose name is no id', () => ({ client_id: 'crm#x', sub: 'crm#x' }), 'client_unknown'],
    ['of a client without a grant', () => ({ client_id: 'billing', sub: 'billing' }), 'grant_missing'],
    ['with a scope that was not granted', () => ({ scope: 'read write' }), 'scope_not_granted'],
    ['with an empty scope', () => ({ scope: '' }), 'token_malformed'],
    ['without a jti', () => ({ jti: undefined }), 'token_malformed'],
  ])('are refused though a key of ours signed them: %s', async (_case, claims, reason) => {
    expect(await show(await issued(rs256, claims()))).toEqual(notAuthorized(reason));
  });

  it('are refused when they are real, but for another resource', async () => {
    const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: OTHER_AUDIENCE });
    const elsewhere = String((await postToken(service, form)).body.access_token);
    expect(await show(elsewhere)).toEqual(notAuthorized('token_audience'));
  });
});

describe('the Authorization header', () => {
  it.each([
    ['two tokens in one header', (jws: string) => `Bearer ${jws}, Bearer ${jws}`],
    ['a token without a scheme', (jws: string) => jws],
    ['another scheme', (jws: string) => `GNAP ${jws}`],
    ['Basic', (jws: string) => `Basic ${jws}`],
    ['something behind the token', (jws: string) => `Bearer ${jws} x`],
    ['a quoted token', (jws: string) => `Bearer "${jws}"`],
    ['a parameter', (jws: string) => `Bearer token=${jws},x`],
    ['only the scheme', () => 'Bearer'],
  ])('does not count when it has %s', async (_case, header) => {
    expect(await whoamiOutcome(service, header(token))).toEqual(notAuthorized('token_missing'));
  });

  it.each([
    ['no JWT at all', 'abc', 'token_malformed'],
    ['two parts', 'a.b', 'token_malformed'],
    ['four parts', 'a.b.c.d', 'token_malformed'],
    ['empty parts', '..', 'token_malformed'],
    ['no JSON', 'YWJj.YWJj.YWJj', 'token_malformed'],
    ['nine thousand characters', 'a'.repeat(9_000), 'token_malformed'],
  ])('does not count when its token is %s', async (_case, jws, reason) => {
    expect(await show(jws)).toEqual(notAuthorized(reason));
  });
});

describe('a token that was good when it was issued', () => {
  it('is refused once its client is disabled', async () => {
    const guest = await makePartner('guest');
    await mustCreate(service, '/partners', { id: guest.id, jwks: { keys: [guest.publicJwk] } });
    await mustCreate(service, '/grants', { client: guest.id, audience: world.audience, scopes: ['read'] });
    const good = await getToken(service, { ...world, client: guest });
    // Not shown before, so that the authorizer has nothing of this client in its cache.
    await changePartner(service, 'guest', { enabled: false });
    expect(await show(good)).toEqual(notAuthorized('client_disabled'));
  });

  it('is refused once its grant lost a scope', async () => {
    const guest = await makePartner('visitor');
    await mustCreate(service, '/partners', { id: guest.id, jwks: { keys: [guest.publicJwk] } });
    await mustCreate(service, '/grants', { client: guest.id, audience: world.audience, scopes: ['read', 'write'] });
    const good = await getToken(service, { ...world, client: guest });
    await administer(service, 'POST', '/grants', { client: guest.id, audience: world.audience, scopes: ['write'] });
    expect(await show(good)).toEqual(notAuthorized('scope_not_granted'));
  });
});
