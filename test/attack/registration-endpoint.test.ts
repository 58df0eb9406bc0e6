/**
 * Attacks on `/register`: tokens that are used, withdrawn, guessed or somebody else's, races, private keys, floods, and addresses that
 * lead inside.
 */

import { createServer } from 'node:net';
import { exportJWK } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callRegistration, openOnboarding, register, registrationOutcome } from '../support/registering.ts';
import {
  administer,
  callAdmin,
  makePartner,
  mustCreate,
  type Service,
  startService,
  type TestPartner,
} from '../support/service.ts';

let service: Service;
let partner: TestPartner;
let made = 0;

beforeAll(async () => {
  service = await startService();
  await callAdmin(service, 'POST', '/admin/realms', { name: 'acme' });
});
afterAll(() => service[Symbol.asyncDispose]());
beforeEach(async () => {
  made += 1;
  partner = await makePartner(`victim-${made}`);
  await mustCreate(service, '/partners', { id: partner.id });
});

const metadata = (more: object = {}) => ({ jwks: { keys: [partner.publicJwk] }, ...more });
const stored = async (id = partner.id) => (await administer(service, 'GET', `/partners/${id}`)).body;
const post = (token: string | undefined, body: unknown = metadata(), path = '/register') =>
  registrationOutcome(service, 'POST', path, token === undefined ? { body } : { token, body });
const REFUSED = {
  status: 401,
  body: { error: 'invalid_token', error_description: 'The access token is not valid.' },
  reason: 'registration_token_refused',
};
const mustHaveNoKey = async () => expect((await stored()).credentials).toEqual([]);

describe('an onboarding token', () => {
  it('is of no use a second time, not even for the same keys', async () => {
    const token = await openOnboarding(service, partner.id);
    expect((await post(token)).status).toBe(201);
    const before = await stored();
    expect(await post(token)).toEqual(REFUSED);
    expect(await stored()).toEqual(before);
  });

  it('lets one of many in who use it at the same moment', async () => {
    const token = await openOnboarding(service, partner.id);
    const keys = await Promise.all(Array.from({ length: 8 }, () => makePartner(partner.id)));
    const answers = await Promise.all(
      keys.map(({ publicJwk }, index) =>
        callRegistration(service, 'POST', '/register', {
          token,
          body: { jwks: { keys: [{ ...publicJwk, kid: `racer-${index}` }] } },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(7).fill(401)]);
    const winner = answers.find(({ status }) => status === 201)?.body.jwks as { keys: readonly { kid: string }[] };
    expect((await stored()).credentials).toMatchObject([{ kid: winner.keys[0]?.kid }]);
  });

  it('is of no use once it is withdrawn or replaced', async () => {
    const withdrawn = await openOnboarding(service, partner.id);
    expect((await administer(service, 'DELETE', `/partners/${partner.id}/onboarding`)).status).toBe(204);
    expect(await post(withdrawn)).toEqual(REFUSED);
    const replaced = await openOnboarding(service, partner.id);
    await openOnboarding(service, partner.id);
    expect(await post(replaced)).toEqual(REFUSED);
    await mustHaveNoKey();
  });

  it('is of no use for a partner or a realm that is disabled', async () => {
    const token = await openOnboarding(service, partner.id);
    const { version } = await stored();
    await administer(service, 'PATCH', `/partners/${partner.id}`, { version, enabled: false });
    expect(await post(token)).toEqual(REFUSED);
    await mustHaveNoKey();
  });

  it('is of its own realm: the same client elsewhere is another', async () => {
    await callAdmin(service, 'POST', '/admin/realms/acme/partners', { id: partner.id });
    const [here, there] = [
      await openOnboarding(service, partner.id),
      await openOnboarding(service, partner.id, {}, 'acme'),
    ];
    expect(await post(here, metadata(), '/realms/acme/register')).toEqual(REFUSED);
    expect(await post(there)).toEqual(REFUSED);
    expect(await post(here, metadata(), '/realms/nowhere/register')).toEqual(REFUSED);
    await mustHaveNoKey();
    expect((await post(there, metadata(), '/realms/acme/register')).body.registration_client_uri).toBe(
      `${service.issuer}/realms/acme/register/${partner.id}`,
    );
  });

  it('cannot be made of what is known: the id, the form, another token, the hash', async () => {
    const token = await openOnboarding(service, partner.id);
    const [head = '', chance = ''] = token.split('.');
    const other = await makePartner(`other-${made}`);
    await mustCreate(service, '/partners', { id: other.id });
    const theirs = (await openOnboarding(service, other.id)).split('.')[1];
    const guesses = [
      `${head}.${theirs}`,
      `${head}.${'A'.repeat(43)}`,
      `${head}.${chance.toLowerCase() === chance ? chance.toUpperCase() : chance.toLowerCase()}`,
      `${head}.${chance.slice(0, -1)}`,
      `${head}.`,
      head,
      token.replace('cobt_', 'crat_'),
      `${token}.${token}`,
      'eyJhbGciOiJub25lIn0.eyJzdWIiOiJjcm0ifQ.',
    ];
    for (const guess of guesses) expect(await post(guess)).toEqual(REFUSED);
    await mustHaveNoKey();
  });

  it('counts in its header alone', async () => {
    const token = await openOnboarding(service, partner.id);
    expect(await post(undefined, metadata({ access_token: token, initial_access_token: token }))).toEqual(REFUSED);
    expect(await post(undefined, metadata(), `/register?access_token=${token}`)).toEqual(REFUSED);
    for (const authorization of [`Basic ${token}`, `DPoP ${token}`, token, `Bearer x, Bearer ${token}`]) {
      const call = { body: metadata(), headers: { authorization } };
      expect(await registrationOutcome(service, 'POST', '/register', call)).toEqual(REFUSED);
    }
    await mustHaveNoKey();
  });
});

describe('a registration access token', () => {
  it('reaches no registration but its own, whichever the path', async () => {
    const other = await makePartner(`other-${made}`);
    await mustCreate(service, '/partners', { id: other.id });
    await register(service, other.id, { jwks: { keys: [other.publicJwk] } });
    const { registration_access_token } = await register(service, partner.id, metadata());
    const token = String(registration_access_token);
    const before = await stored(other.id);
    for (const path of [`/register/${other.id}`, `/register/${partner.id}%20`, `/realms/acme/register/${partner.id}`]) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const call = method === 'PUT' ? { token, body: metadata({ client_id: other.id }) } : { token };
        expect(await registrationOutcome(service, method, path, call)).toEqual(REFUSED);
      }
    }
    expect(await stored(other.id)).toEqual(before);
  });

  it('opens no second registration, and an onboarding token none that is there', async () => {
    const { registration_access_token: token } = await register(service, partner.id, metadata());
    expect(await post(String(token))).toEqual(REFUSED);
    const onboarding = await openOnboarding(service, partner.id);
    const path = `/register/${partner.id}`;
    for (const method of ['GET', 'DELETE']) {
      expect(await registrationOutcome(service, method, path, { token: onboarding })).toEqual(REFUSED);
    }
  });

  it('ends with the registration that the operator opens anew', async () => {
    const first = await register(service, partner.id, metadata());
    const second = await register(service, partner.id, metadata());
    const read = (token: unknown) =>
      registrationOutcome(service, 'GET', `/register/${partner.id}`, { token: String(token) });
    expect(await read(first.registration_access_token)).toEqual(REFUSED);
    expect(await read(second.registration_access_token)).toMatchObject({ status: 200 });
    expect((await stored()).credentials).toHaveLength(1);
  });
});

describe('metadata of an attacker', () => {
  const refusedMetadata = { status: 400, reason: 'client_metadata_refused' };

  it('register no private key, and none is kept or written down', async () => {
    const token = await openOnboarding(service, partner.id);
    const secret = await exportJWK(partner.privateKey);
    for (const keys of [[secret], [partner.publicJwk, secret], [{ kty: 'oct', k: secret.d }]]) {
      const outcome = await post(token, metadata({ jwks: { keys } }));
      expect(outcome).toMatchObject({ ...refusedMetadata, body: { error: 'invalid_client_metadata' } });
      expect(JSON.stringify(outcome.body)).not.toContain(secret.d);
    }
    await mustHaveNoKey();
    expect(service.logs.join('\n')).not.toContain(secret.d);
  });

  it('are bounded: no mass of keys, of octets, of depth', async () => {
    const token = await openOnboarding(service, partner.id);
    const many = Array.from({ length: 500 }, (_, index) => ({ kty: 'EC', kid: `${index}` }));
    expect(await post(token, metadata({ jwks: { keys: many } }))).toMatchObject(refusedMetadata);
    const large = metadata({ client_name: 'x'.repeat(65_536) });
    expect(await post(token, large)).toMatchObject({ status: 400, reason: 'body_too_large' });
    const deep = `{"jwks":${'{"keys":['.repeat(5_000)}${']}'.repeat(5_000)}}`;
    expect(await post(token, deep)).toMatchObject(refusedMetadata);
    await mustHaveNoKey();
  });

  it('make no more of the partner than a partner', async () => {
    const token = await openOnboarding(service, partner.id, { methods: ['private_key_jwt'] });
    const before = await stored();
    const wishes = `{"__proto__":{"trustLevel":"full"},"constructor":{},"id":"admin","realm":"acme","trustedIssuer":true,
      "grants":[{"audience":"*"}],"issuer":"https://evil.example","federation":[{}],"secrets":[{}],"version":99,
      "jwks":${JSON.stringify({ keys: [partner.publicJwk] })}}`;
    expect((await post(token, wishes)).status).toBe(201);
    const { credentials, onboarding: _used, registered, updatedAt, version, ...after } = await stored();
    expect([credentials, registered, updatedAt, version]).toEqual([[expect.anything()], true, expect.anything(), 3]);
    for (const [name, value] of Object.entries(after)) expect([name, value]).toEqual([name, before[name]]);
  });

  it('take no key of the operator, nor its name', async () => {
    const given = { ...(await makePartner(partner.id)).publicJwk, kid: 'given' };
    await administer(service, 'POST', `/partners/${partner.id}/credentials`, { jwk: given });
    const token = await openOnboarding(service, partner.id);
    for (const key of [given, { ...given, kid: 'mine' }, { ...partner.publicJwk, kid: 'given' }]) {
      expect(await post(token, metadata({ jwks: { keys: [key] } }))).toMatchObject(refusedMetadata);
    }
    expect((await stored()).credentials).toMatchObject([{ kid: 'given', source: 'registered' }]);
  });
});

describe('an address for the keys that leads inside', () => {
  it('is called by nobody: not by this function, and not by the one that follows documents', async () => {
    let calls = 0;
    const canary = createServer((socket) => {
      calls += 1;
      socket.destroy();
    });
    await new Promise<void>((listening) => canary.listen(0, '127.0.0.1', listening));
    const { port } = canary.address() as { port: number };
    try {
      const body = { jwks_uri: `https://127.0.0.1:${port}/latest/meta-data` };
      await register(service, partner.id, body);
      const refreshed = await administer(service, 'POST', `/partners/${partner.id}/refresh`);
      expect(refreshed).toMatchObject({ status: 422, body: { code: 'url_refused' } });
      expect([calls, (await stored()).credentials]).toEqual([0, []]);
    } finally {
      await new Promise((closed) => canary.close(closed));
    }
  });

  it.each([
    'http://169.254.169.254/',
    'https://user@10.0.0.1/',
    'file:///etc/passwd',
    'https://[::1]/#x',
    '//a.example/',
  ])('is refused where it is no address that keys could be at: %s', async (jwks_uri) => {
    const token = await openOnboarding(service, partner.id);
    expect(await post(token, { jwks_uri })).toMatchObject({ status: 400, reason: 'client_metadata_refused' });
  });

  it('cannot replace the one that the operator has given', async () => {
    const id = `followed-${made}`;
    await mustCreate(service, '/partners', { id, jwksUri: 'https://partner.invalid/jwks' });
    const token = await openOnboarding(service, id);
    expect(await post(token, { jwks_uri: 'https://evil.invalid/jwks' })).toMatchObject({ status: 400 });
    expect((await stored(id)).source).toMatchObject({ url: 'https://partner.invalid/jwks' });
  });
});

it('no token of it all is in any line of the log', async () => {
  const tokens = [await openOnboarding(service, partner.id)];
  const information = await register(service, partner.id, metadata());
  tokens.push(String(information.registration_access_token));
  await post(tokens[0]);
  await registrationOutcome(service, 'DELETE', `/register/${partner.id}`, { token: String(tokens[1]) });
  const log = service.logs.join('\n');
  expect(log).toContain('register-client');
  expect(log).not.toMatch(/c(?:ob|ra)t_/);
  for (const token of tokens) expect(log).not.toContain(token.split('.')[1]);
});
