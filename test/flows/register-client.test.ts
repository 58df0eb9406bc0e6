import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashSecret } from '../../functions/core/client-secret.ts';
import { refuse } from '../../functions/core/errors.ts';
import { untouchedRealm } from '../../functions/core/realm.ts';
import { Outage } from '../../functions/ports.ts';
import { CLIENT, credential, ISSUER, keyPair, NOW, partner, REALM } from '../support/builders.ts';
import { metadataWith, publicJwkOf } from '../support/client-metadata.ts';
import { interleave, scheduled } from './admin-world.ts';
import {
  openedToken,
  type RegistrationWorld,
  registeredToken,
  registrationRequest,
  registrationWorld,
} from './registration-world.ts';

const found = async ({ registry }: RegistrationWorld, id = CLIENT) => {
  const stored = await registry.findPartner(REALM, id);
  if (stored === undefined) throw new Error(`no partner ${id}`);
  return stored;
};
const own = await keyPair('ES256', 'own');
const URI = 'https://crm.example.com/jwks';

/** Why not, or that it was done. */
const outcome = ({ result }: Awaited<ReturnType<RegistrationWorld['clients']['remove' | 'read']>>): string => {
  if (result.ok) return 'done';
  const { refusal } = result;
  return refusal.reason === 'registration_token_refused' ? refusal.because : refusal.reason;
};

describe('a registration', () => {
  it('gives the partner its key, uses the token up, and answers what is registered', async () => {
    const world = await registrationWorld();
    const decided = await world.clients.register(await registrationRequest(await openedToken(world)));
    const token = `crat_Y3Jt.${Buffer.alloc(32, 2).toString('base64url')}`;
    expect(decided.result).toEqual({
      ok: true,
      value: {
        client_id: 'crm',
        client_id_issued_at: NOW - 1_000,
        token_endpoint_auth_method: 'private_key_jwt',
        grant_types: [
          'client_credentials',
          'urn:ietf:params:oauth:grant-type:jwt-bearer',
          'urn:ietf:params:oauth:grant-type:token-exchange',
        ],
        response_types: [],
        jwks: { keys: [{ ...publicJwkOf(own), use: 'sig' }] },
        registration_access_token: token,
        registration_client_uri: `${ISSUER}/register/crm`,
      },
    });
    expect(decided.facts).toEqual({
      ...{ operation: 'register', realm: REALM, client: 'crm', method: 'private_key_jwt', keys: [own.thumbprint] },
    });
    expect((await found(world)).partner).toEqual(
      partner({
        version: 3,
        updatedAt: NOW,
        credentials: [credential(own, { source: 'self-registered', addedAt: NOW })],
        registration: {
          ...{ hash: hashSecret(token), createdAt: NOW },
          methods: ['private_key_jwt', 'self_signed_tls_client_auth'],
          method: 'private_key_jwt',
        },
      }),
    );
  });

  it('is of the realm that the path means, whose own name is in the answer', async () => {
    const world = await registrationWorld();
    await world.registry.createPartner(partner({ realm: 'acme' }), undefined);
    const token = await openedToken(world, {}, ['acme', CLIENT]);
    expect(outcome(await world.clients.register(await registrationRequest(token)))).toBe('unknown');
    const { result } = await world.clients.register(await registrationRequest(token, { realm: 'acme.example' }));
    expect(result).toMatchObject({ value: { registration_client_uri: `${ISSUER}/realms/acme/register/crm` } });
  });

  it('follows the address that it names from now on', async () => {
    const world = await registrationWorld();
    const token = await registeredToken(world, { jwks_uri: URI });
    expect((await found(world)).refresh).toMatchObject({ dueAt: NOW, failures: 0, version: 1 });
    const body = { client_id: CLIENT, jwks_uri: `${URI}/2` };
    await world.clients.update(await registrationRequest(token, { client: CLIENT, body }));
    expect(await found(world)).toMatchObject({ refresh: { version: 2 }, partner: { source: { url: `${URI}/2` } } });
    await world.clients.remove({ realm: REALM, client: CLIENT, token });
    const after = await found(world);
    expect([after.refresh, after.partner.source]).toEqual([undefined, undefined]);
  });

  it.each<[string, (world: RegistrationWorld) => Promise<unknown>, string]>([
    ['in its last second', async ({ clock }) => Object.assign(clock, { time: NOW + 86_399 }), 'done'],
    ['when it has expired', async ({ clock }) => Object.assign(clock, { time: NOW + 86_400 }), 'expired'],
    ['when it was withdrawn', ({ onboarding }) => onboarding.close(REALM, CLIENT), 'unknown'],
    ['when another was made', (world) => openedToken(world), 'unknown'],
    ['when the realm is disabled', async ({ realms }) => disable(realms), 'realm_disabled'],
    ['when the partner is disabled', async (world) => change(world, { enabled: false }), 'client_disabled'],
    ['when the partner is gone', async ({ registry }) => registry.partners.clear(), 'unknown'],
  ])('%s', async (_when, prepare, expected) => {
    const world = await registrationWorld();
    const token = await openedToken(world);
    await prepare(world);
    expect(outcome(await world.clients.register(await registrationRequest(token)))).toBe(expected);
  });

  const disable = ({ realms }: RegistrationWorld['realms']) =>
    realms.set(REALM, { ...untouchedRealm(REALM), enabled: false, version: 1 });
  const change = async ({ registry }: RegistrationWorld, changes: object) => {
    const before = await registry.findPartner(REALM, CLIENT);
    if (before !== undefined) registry.partners.set(`${REALM}/${CLIENT}`, { ...before.partner, ...changes });
  };

  it.each<[string, object, string]>([
    ['no token', { token: undefined }, 'missing'],
    ['something else than a token', { token: 'eyJhbGciOiJub25lIn0.e30.' }, 'malformed'],
    ['a registration access token', { token: `crat_Y3Jt.${'A'.repeat(43)}` }, 'malformed'],
    ['a token of its own making', { token: `cobt_Y3Jt.${'A'.repeat(43)}` }, 'unknown'],
    ['a token of nobody', { token: `cobt_bm9ib2R5.${'A'.repeat(43)}` }, 'unknown'],
    ['a realm that there is not', { realm: 'nowhere' }, 'realm_unknown'],
    ['a realm that cannot be', { realm: '../x'.repeat(99) }, 'realm_unknown'],
  ])('is refused with %s, and the token stays open', async (_what, changes, expected) => {
    const world = await registrationWorld();
    const token = await openedToken(world);
    const decided = await world.clients.register({ ...(await registrationRequest(token)), ...changes });
    expect([outcome(decided), decided.facts.keys]).toEqual([expected, undefined]);
    expect(outcome(await world.clients.register(await registrationRequest(token)))).toBe('done');
  });

  it('is refused for metadata that are not good, and can be tried again with better ones', async () => {
    const world = await registrationWorld();
    const token = await openedToken(world, { methods: ['private_key_jwt'] });
    const before = await found(world);
    const tls = await metadataWith({ token_endpoint_auth_method: 'self_signed_tls_client_auth' });
    for (const body of [{}, [], 'text', tls, { jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }]) {
      const decided = await world.clients.register(await registrationRequest(token, { body }));
      expect(outcome(decided)).toBe('client_metadata_refused');
    }
    const twice = { ok: true, value: '{"jwks_uri":"https://a.example/","jwks_uri":"https://b.example/"}' } as const;
    const tooLarge = refuse({ reason: 'body_too_large', bytes: 9, maxBytes: 1 } as const);
    const request = await registrationRequest(token);
    expect(outcome(await world.clients.register({ ...request, body: twice }))).toBe('client_metadata_refused');
    expect(outcome(await world.clients.register({ ...request, body: tooLarge }))).toBe('body_too_large');
    expect(await found(world)).toEqual(before);
    expect(outcome(await world.clients.register(request))).toBe('done');
  });

  it('looks at no body before the token is good', async () => {
    const { clients } = await registrationWorld();
    const body = refuse({ reason: 'body_too_large', bytes: 9, maxBytes: 1 } as const);
    expect(outcome(await clients.register({ realm: REALM, token: undefined, body }))).toBe('missing');
  });

  it('of several with one token has one that is done, in whatever order they run', async () => {
    const keys = await Promise.all(['a', 'b', 'c'].map(async (name) => metadataWith({}, name)));
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const calm = await registrationWorld();
        const world = await registrationWorld(scheduled(calm.registry, scheduler));
        const token = await openedToken(calm);
        const runs = keys.map(
          (body) => async () => outcome(await world.clients.register(await registrationRequest(token, { body }))),
        );
        expect([...(await interleave(scheduler, runs))].sort()).toEqual(['done', 'unknown', 'unknown']);
        expect((await found(calm)).partner.credentials).toHaveLength(1);
      }),
      { numRuns: 50 },
    );
  });

  it('is done although somebody else changes the partner meanwhile, and that change stays', async () => {
    const calm = await registrationWorld();
    const token = await openedToken(calm);
    let isFirst = true;
    const world = await registrationWorld({
      findPartner: calm.registry.findPartner,
      updatePartner: async (...write) => {
        if (isFirst) {
          isFirst = false;
          const { partner: before } = await found(calm);
          const after = { ...before, name: 'By the operator', version: before.version + 1 };
          await calm.registry.updatePartner(after, await found(calm), undefined);
        }
        return calm.registry.updatePartner(...write);
      },
    });
    expect(outcome(await world.clients.register(await registrationRequest(token)))).toBe('done');
    expect((await found(calm)).partner).toMatchObject({ name: 'By the operator', credentials: [{ kid: 'own' }] });
  });

  it('is an outage when the partner is changed all the time, and when the registry does not answer', async () => {
    const calm = await registrationWorld();
    const request = await registrationRequest(await openedToken(calm));
    const { findPartner } = calm.registry;
    const busy = await registrationWorld({ findPartner, updatePartner: async () => 'conflict' });
    await expect(busy.clients.register(request)).rejects.toThrow(Outage);
    const down = await registrationWorld({
      findPartner: () => Promise.reject(new Outage('dynamodb:Query', new Error('down'))),
    });
    await expect(down.clients.register(request)).rejects.toThrow(Outage);
  });
});

describe('what was registered', () => {
  const request = (token: string, changes: object = {}) => ({ realm: REALM, client: CLIENT, token, ...changes });

  it('can be read with its token, which stays the same', async () => {
    const world = await registrationWorld();
    const token = await registeredToken(world);
    const decided = await world.clients.read(request(token));
    expect(decided.result).toMatchObject({
      value: { client_id: CLIENT, registration_access_token: token, jwks: { keys: [{ kid: 'own' }] } },
    });
    expect(decided.facts).toEqual({ operation: 'read', realm: REALM, client: CLIENT });
  });

  it('can be replaced, as the operator has preset and no further', async () => {
    const world = await registrationWorld();
    const token = await registeredToken(world);
    const body = await metadataWith({ client_id: CLIENT, client_name: 'CRM' }, 'next');
    const decided = await world.clients.update(await registrationRequest(token, { client: CLIENT, body }));
    expect(decided.result).toMatchObject({
      value: { client_name: 'CRM', jwks: { keys: [{ kid: 'next' }] }, registration_access_token: token },
    });
    expect(decided.facts).toMatchObject({ operation: 'update', keys: [expect.any(String)] });
    expect((await found(world)).partner.credentials.map(({ kid }) => kid)).toEqual(['next']);
    const other = await metadataWith({ client_id: 'billing' });
    const refused = await world.clients.update(await registrationRequest(token, { client: CLIENT, body: other }));
    expect(outcome(refused)).toBe('client_metadata_refused');
  });

  it('can be ended; then the token is of no use, and the operator may open the partner again', async () => {
    const world = await registrationWorld();
    const token = await registeredToken(world);
    expect(outcome(await world.clients.remove(request(token)))).toBe('done');
    const { partner: after } = await found(world);
    expect(after).toEqual(partner({ version: 4, updatedAt: NOW }));
    expect(outcome(await world.clients.read(request(token)))).toBe('unknown');
    expect(outcome(await world.clients.remove(request(token)))).toBe('unknown');
    await registeredToken(world);
    expect((await found(world)).partner.credentials).toHaveLength(1);
  });

  it('is read anew at its address when a key goes that may have stood in front of one there', async () => {
    const world = await registrationWorld();
    const before = await found(world);
    const source = { type: 'jwks_uri', url: URI } as const;
    const dueLater = { realm: REALM, id: CLIENT, dueAt: NOW + 900, failures: 0, version: 1 };
    await world.registry.updatePartner({ ...before.partner, source, version: 2 }, before, dueLater);
    const token = await registeredToken(world);
    expect((await found(world)).refresh).toMatchObject({ dueAt: NOW + 900 });
    await world.clients.remove(request(token));
    expect(await found(world)).toMatchObject({ refresh: { dueAt: NOW, version: 2 }, partner: { source } });
  });

  it.each<[string, (token: string, world: RegistrationWorld) => Promise<object> | object, string]>([
    ['no token', () => ({ token: undefined }), 'missing'],
    ['an onboarding token', async (_token, world) => ({ token: await openedToken(world) }), 'malformed'],
    ['a token that is almost right', (token) => ({ token: `${token.slice(0, -1)}A` }), 'unknown'],
    ['another path', () => ({ client: 'billing' }), 'other_client'],
    ['a path that is no id', () => ({ client: '../crm' }), 'other_client'],
    ['another realm', () => ({ realm: 'acme' }), 'unknown'],
  ])('is nobody’s to see or change with %s', async (_what, changesOf, expected) => {
    const world = await registrationWorld();
    const token = await registeredToken(world);
    const asked = request(token, await changesOf(token, world));
    const body = { ok: true, value: JSON.stringify(await metadataWith({ client_id: CLIENT })) } as const;
    const before = await found(world);
    const outcomes = [
      outcome(await world.clients.read(asked)),
      outcome(await world.clients.update({ ...asked, body })),
      outcome(await world.clients.remove(asked)),
    ];
    expect(outcomes).toEqual([expected, expected, expected]);
    expect(await found(world)).toEqual(before);
  });

  it('is out of reach while the partner is disabled, and after an operator has closed it', async () => {
    const world = await registrationWorld();
    const token = await registeredToken(world);
    const { partner: stored } = await found(world);
    world.registry.partners.set(`${REALM}/${CLIENT}`, { ...stored, enabled: false });
    expect(outcome(await world.clients.read(request(token)))).toBe('client_disabled');
    world.registry.partners.set(`${REALM}/${CLIENT}`, stored);
    await world.onboarding.close(REALM, CLIENT);
    expect(outcome(await world.clients.read(request(token)))).toBe('unknown');
  });
});
