import { describe, expect, it } from 'vitest';
import { clientInformation } from '../../functions/core/client-information.ts';
import type { ClientMetadata } from '../../functions/core/client-metadata.ts';
import type { Registration } from '../../functions/core/client-registration.ts';
import { CLIENT_CREDENTIALS } from '../../functions/core/grant-type.ts';
import type { Partner, PartnerCredential } from '../../functions/core/partner.ts';
import { changePartner, definitionOf, replacePartner } from '../../functions/core/partner-definition.ts';
import { updateProblem } from '../../functions/core/registration-update.ts';
import { deregisterClient, registerClient } from '../../functions/core/self-registration.ts';
import { credential, ISSUER, keyPair, NOW, partner } from '../support/builders.ts';

const URI = 'https://crm.example.com/jwks';
const REGISTRATION: Registration = {
  hash: 'h',
  createdAt: NOW,
  methods: ['private_key_jwt'],
  method: 'private_key_jwt',
};
const FOLLOWED = { type: 'jwks_uri', url: URI } as const;
const OWN_SOURCE = { ...FOLLOWED, selfRegistered: true } as const;

const key = async (name: string) => {
  const { source: _source, ...rest } = credential(await keyPair('ES256', name), { addedAt: NOW });
  return rest;
};
const metadata = async (names: readonly string[], changes: Partial<ClientMetadata> = {}): Promise<ClientMetadata> => ({
  method: 'private_key_jwt',
  keys: await Promise.all(names.map(key)),
  ...changes,
});
const stored = async (name: string, source: PartnerCredential['source'], changes: Partial<PartnerCredential> = {}) =>
  credential(await keyPair('ES256', name), { source, ...changes });

const register = (before: Partner, said: ClientMetadata) => registerClient(before, said, REGISTRATION, NOW);
const must = (result: ReturnType<typeof register>): Partner => {
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
};
const keysOf = ({ credentials }: Partner): readonly string[] =>
  credentials.map(({ kid, source }) => `${kid} ${source}`);
const refusalOf = (result: ReturnType<typeof register>): string =>
  !result.ok && result.refusal.reason === 'client_metadata_refused' ? result.refusal.detail : 'accepted';

describe('a partner that registers', () => {
  const onboarding = { hash: 'o', createdAt: 1, expiresAt: 2, methods: REGISTRATION.methods };

  it('has its keys beside those of the operator, and the token that it came with is used up', async () => {
    const before = partner({ credentials: [await stored('k1', 'registered')], onboarding, version: 3 });
    const after = must(register(before, await metadata(['own', 'next'], { name: 'CRM', contact: 'crm@example.com' })));
    expect(after).toEqual({
      ...partner({ name: 'CRM', contact: 'crm@example.com', version: 4, updatedAt: NOW }),
      credentials: [...before.credentials, await stored('own', 'self-registered', { addedAt: NOW }), expect.anything()],
      registration: REGISTRATION,
    });
    expect(keysOf(after)).toEqual(['k1 registered', 'own self-registered', 'next self-registered']);
  });

  it('replaces with each registration what it registered before, and nothing else', async () => {
    const credentials = [await stored('k1', 'registered'), await stored('old', 'self-registered')];
    const after = must(register(partner({ credentials, name: 'CRM' }), await metadata(['new'])));
    expect([keysOf(after), after.name]).toEqual([['k1 registered', 'new self-registered'], 'CRM']);
  });

  it('keeps the terms that an operator has set for a key that stays', async () => {
    const terms = { label: 'until spring', notBefore: NOW - 9, expiresAt: NOW + 9, addedAt: NOW - 500 };
    const credentials = [await stored('own', 'self-registered', terms)];
    const after = must(register(partner({ credentials }), await metadata(['own', 'next'])));
    expect(after.credentials[0]).toMatchObject({ kid: 'own', ...terms });
    expect(after.credentials[1]).not.toHaveProperty('expiresAt');
  });

  it.each<[string, PartnerCredential['source'], Partial<PartnerCredential>, string]>([
    ['a key of the operator', 'registered', {}, '/jwks/keys: two keys have the same kid'],
    [
      'a key of the operator under another name',
      'registered',
      { kid: 'k9' },
      '/jwks/keys: the same key stands there twice',
    ],
    ['the name of a key of the operator', 'registered', { thumbprint: 't' }, '/jwks/keys: two keys have the same kid'],
    ['a key of its document, which goes behind', 'document', {}, 'accepted'],
    ['a key that it has registered itself', 'self-registered', {}, 'accepted'],
  ])('may not take %s', async (_what, source, changes, expected) => {
    const before = partner({ credentials: [await stored('own', source, changes)], source: FOLLOWED });
    expect(refusalOf(register(before, await metadata(['own'])))).toBe(expected);
  });

  it('may have as many keys as the operator has left room for', async () => {
    const nine = await Promise.all(Array.from({ length: 9 }, (_, index) => stored(`k${index}`, 'registered')));
    const before = partner({ credentials: nine });
    expect(refusalOf(register(before, await metadata(['own'])))).toBe('accepted');
    expect(refusalOf(register(before, await metadata(['own', 'next'])))).toMatch('at most 10 registered credentials');
  });

  it('is followed at the address that it names, and no longer when it names keys', async () => {
    const document = await stored('published', 'document');
    const named = must(register(partner(), await metadata([], { jwksUri: URI })));
    expect(named.source).toEqual(OWN_SOURCE);
    const read = { ...named, credentials: [document] };
    expect(keysOf(must(register(read, await metadata([], { jwksUri: URI }))))).toEqual(['published document']);
    expect(keysOf(must(register(read, await metadata([], { jwksUri: `${URI}/2` }))))).toEqual([]);
    const moved = must(register(read, await metadata(['own'])));
    expect([moved.source, keysOf(moved)]).toEqual([undefined, ['own self-registered']]);
  });

  it('may repeat the address that an operator has given, and name no other', async () => {
    const before = partner({ source: FOLLOWED, credentials: [await stored('published', 'document')] });
    const repeated = must(register(before, await metadata([], { jwksUri: URI })));
    expect([repeated.source, keysOf(repeated)]).toEqual([FOLLOWED, ['published document']]);
    const other = /the operator has registered another address/;
    expect(refusalOf(register(before, await metadata([], { jwksUri: `${URI}/2` })))).toMatch(other);
    const metadataSource = partner({ source: { type: 'metadata', url: URI } });
    expect(refusalOf(register(metadataSource, await metadata([], { jwksUri: URI })))).toMatch(other);
    const beside = must(register(before, await metadata(['own'])));
    expect([beside.source, keysOf(beside)]).toEqual([FOLLOWED, ['own self-registered', 'published document']]);
  });

  it.each([
    [undefined, undefined, undefined],
    [undefined, 'dpop', 'dpop'],
    [undefined, 'mtls', 'mtls'],
    ['mtls-optional', 'mtls', 'mtls'],
    ['mtls-optional', 'dpop', 'mtls-optional'],
    ['dpop', 'mtls', 'dpop'],
    ['mtls', 'dpop', 'mtls'],
    ['dpop', undefined, 'dpop'],
  ] as const)('whose tokens are bound by %s and that asks for %s gets %s', async (before, asked, after) => {
    const tokenPolicy = { accessTokenSeconds: 60, ...(before === undefined ? {} : { binding: before }) };
    const said = await metadata(['own'], asked === undefined ? {} : { binding: asked });
    expect(must(register(partner({ tokenPolicy }), said)).tokenPolicy).toEqual({
      accessTokenSeconds: 60,
      ...(after === undefined ? {} : { binding: after }),
    });
  });
});

describe('a partner that ends its registration', () => {
  it('keeps what the operator has said of it', async () => {
    const credentials = [
      await stored('k1', 'registered'),
      await stored('own', 'self-registered'),
      await stored('published', 'document'),
    ];
    const before = partner({ credentials, source: FOLLOWED, registration: REGISTRATION, name: 'CRM' });
    const after = deregisterClient(before, NOW);
    expect(after).toEqual({
      ...partner({ name: 'CRM', source: FOLLOWED, version: 2, updatedAt: NOW }),
      credentials: [credentials[0], credentials[2]],
    });
  });

  it('is no longer followed at an address of its own', async () => {
    const credentials = [await stored('published', 'document')];
    const after = deregisterClient(partner({ credentials, source: OWN_SOURCE, registration: REGISTRATION }), NOW);
    expect([after.source, after.credentials, after.registration]).toEqual([undefined, [], undefined]);
  });
});

describe('an operator who declares a partner anew', () => {
  const registered = async (): Promise<Partner> =>
    partner({
      credentials: [await stored('own', 'self-registered'), await stored('published', 'document')],
      source: OWN_SOURCE,
      registration: REGISTRATION,
    });

  it('takes nothing away that it has registered by itself', async () => {
    const before = await registered();
    const after = replacePartner(before, partner({ name: 'CRM' }), NOW);
    expect([keysOf(after), after.source, after.registration]).toEqual([
      ['own self-registered', 'published document'],
      OWN_SOURCE,
      REGISTRATION,
    ]);
    expect(definitionOf(before)).toBe(definitionOf(partner()));
  });

  it('takes over a key and an address by naming them', async () => {
    const wanted = partner({ credentials: [await stored('own', 'registered')], source: FOLLOWED });
    const after = replacePartner(await registered(), wanted, NOW);
    expect([keysOf(after), after.source]).toEqual([['own registered', 'published document'], FOLLOWED]);
    expect(definitionOf(after)).not.toBe(definitionOf(await registered()));
  });

  it('takes the address away by saying so, and with it the keys that were read there', async () => {
    const after = changePartner(await registered(), { jwksUri: null }, [], NOW);
    expect(after.ok && [after.value.source, keysOf(after.value)]).toEqual([undefined, ['own self-registered']]);
  });
});

describe('what a client is answered', () => {
  const REALM = { issuer: `${ISSUER}/realms/acme`, grantTypes: [CLIENT_CREDENTIALS] } as const;

  it('is what is so, in the words of its metadata, with public members alone', async () => {
    const { publicJwk } = await keyPair('ES256', 'own');
    const own = await stored('own', 'self-registered', { label: 'l', x5t: 'a', x5tS256: 'b' });
    const known = partner({
      ...{ name: 'CRM', contact: 'crm@example.com', tokenPolicy: { binding: 'mtls' } },
      credentials: [await stored('k1', 'registered'), own, await stored('published', 'document')],
    });
    expect(clientInformation(known, 'self_signed_tls_client_auth', REALM, 'token')).toEqual({
      client_id: 'crm',
      client_id_issued_at: NOW - 1_000,
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      grant_types: ['client_credentials'],
      response_types: [],
      jwks: { keys: [{ ...publicJwk, kid: 'own', alg: 'ES256', use: 'sig', x5t: 'a', 'x5t#S256': 'b' }] },
      client_name: 'CRM',
      contacts: ['crm@example.com'],
      tls_client_certificate_bound_access_tokens: true,
      registration_access_token: 'token',
      registration_client_uri: `${ISSUER}/realms/acme/register/crm`,
    });
  });

  it('names the address of its keys where there is one, and whether its tokens are bound by DPoP', () => {
    const known = partner({ source: OWN_SOURCE, tokenPolicy: { binding: 'dpop' } });
    const said = clientInformation(known, 'private_key_jwt', REALM, 'token');
    expect(said).toMatchObject({ jwks_uri: URI, dpop_bound_access_tokens: true });
    expect(said).not.toHaveProperty('jwks');
  });
});

describe('the body of an update', () => {
  it.each<[string, unknown, string | undefined]>([
    ['with its client_id', { client_id: 'crm', jwks: {} }, undefined],
    ['without client_id', {}, '/client_id'],
    ['with the client_id of another', { client_id: 'billing' }, '/client_id'],
    ['with a client_id that is no text', { client_id: ['crm'] }, '/client_id'],
    ['with the token', { client_id: 'crm', registration_access_token: 't' }, '/registration_access_token'],
    [
      'with the address of the registration',
      { client_id: 'crm', registration_client_uri: 'u' },
      '/registration_client_uri',
    ],
    ['with the time of issue', { client_id: 'crm', client_id_issued_at: 1 }, '/client_id_issued_at'],
    ['with the time of a secret', { client_id: 'crm', client_secret_expires_at: 0 }, '/client_secret_expires_at'],
    ['with a secret', { client_id: 'crm', client_secret: 's' }, '/client_secret'],
  ])('%s', (_what, body, pointer) => {
    const problem = updateProblem(body, 'crm');
    if (pointer === undefined) expect(problem).toBeUndefined();
    else expect(problem).toMatchObject({ refusal: { detail: expect.stringMatching(`^${pointer}: `) } });
  });
});
