import { generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { parseClientMetadata } from '../../functions/core/client-metadata.ts';
import { REGISTRABLE_METHODS, type RegistrableMethod } from '../../functions/core/client-registration.ts';
import { CLIENT_CREDENTIALS, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import { EXPOSED } from '../../functions/core/public-key.ts';
import { keyPair, NOW } from '../support/builders.ts';
import { certifiedKey, metadataWith, publicJwkOf } from '../support/client-metadata.ts';

const parse = (body: unknown, methods: readonly RegistrableMethod[] = REGISTRABLE_METHODS) =>
  parseClientMetadata(body, { methods, grantTypes: [CLIENT_CREDENTIALS, TOKEN_EXCHANGE], known: [] }, NOW);

/** `error: detail`, or that it was accepted. */
const refusalOf = async (body: unknown, methods?: readonly RegistrableMethod[]): Promise<string> => {
  const parsed = await parse(body, methods);
  if (parsed.ok) return 'accepted';
  const { refusal } = parsed;
  return refusal.reason === 'client_metadata_refused' ? `${refusal.error}: ${refusal.detail}` : refusal.reason;
};

const own = await keyPair('ES256', 'own');
const [privateJwk, weak] = [
  await exportJWK(own.privateKey),
  generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' }),
];
const tls = await certifiedKey();

describe('client metadata', () => {
  it('are a key and nothing else at the least, which then proves the client by private_key_jwt', async () => {
    const { publicJwk, thumbprint } = own;
    expect(await parse(await metadataWith())).toEqual({
      ok: true,
      value: {
        method: 'private_key_jwt',
        keys: [{ kid: 'own', algorithm: 'ES256', jwk: publicJwk, thumbprint, addedAt: NOW }],
      },
    });
  });

  it('may say all this', async () => {
    const body = await metadataWith({
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      grant_types: [CLIENT_CREDENTIALS],
      response_types: [],
      redirect_uris: [],
      client_name: 'Customer relations',
      contacts: ['crm@example.com', 'somebody@example.com'],
      dpop_bound_access_tokens: true,
      tls_client_certificate_bound_access_tokens: false,
    });
    expect(await parse(body)).toMatchObject({
      value: { method: 'private_key_jwt', name: 'Customer relations', contact: 'crm@example.com', binding: 'dpop' },
    });
  });

  it('may name an address in place of the keys', async () => {
    expect(await parse({ jwks_uri: 'https://crm.example.com/jwks' })).toEqual({
      ok: true,
      value: { method: 'private_key_jwt', keys: [], jwksUri: 'https://crm.example.com/jwks' },
    });
  });

  it('bring the certificate along where TLS is to prove the client, which is known by its thumbprint then', async () => {
    const body = { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys: [tls.jwk] } };
    expect(await parse({ ...body, tls_client_certificate_bound_access_tokens: true })).toMatchObject({
      value: { method: 'self_signed_tls_client_auth', keys: [{ kid: 'tls', x5tS256: tls.x5tS256 }], binding: 'mtls' },
    });
  });

  it('are the same with members that mean nothing here, and with nulls', async () => {
    const more = {
      scope: 'everything',
      client_uri: 7,
      software_id: { deep: [] },
      'client_name#de': 'Kunden',
      unheard_of: true,
      ...{ redirect_uris: null, client_name: null, jwks_uri: null, software_statement: null, grant_types: null },
    };
    expect(await parse(await metadataWith(more))).toEqual(await parse(await metadataWith()));
  });

  it.each<[string, Record<string, unknown>]>([
    ['a name that is too long', { client_name: 'n'.repeat(129) }],
    ['a name of several lines', { client_name: 'a\nb' }],
    ['an empty name', { client_name: '' }],
    ['contacts of which the first is too long', { contacts: ['n'.repeat(129), 'crm@example.com'] }],
    ['no contact at all', { contacts: [] }],
  ])('leave out what does not fit: %s', async (_what, more) => {
    expect(await parse(await metadataWith(more))).toEqual(await parse(await metadataWith()));
  });

  const METADATA = 'invalid_client_metadata: ';
  it.each<[string, object, string]>([
    ['a redirect', { redirect_uris: ['https://crm.example.com/back'] }, 'invalid_redirect_uri: /redirect_uris'],
    ['a redirect that is no list', { redirect_uris: 'x' }, 'invalid_redirect_uri: /redirect_uris'],
    ['a response type', { response_types: ['code'] }, `${METADATA}/response_types`],
    ['a software statement', { software_statement: 'e30.e30.c2ln' }, 'unapproved_software_statement: '],
    ['a software statement that is none', { software_statement: 'x' }, 'invalid_software_statement: '],
    ['a software statement of another type', { software_statement: {} }, 'invalid_software_statement: '],
    ['a grant for people', { grant_types: ['authorization_code'] }, `${METADATA}/grant_types`],
    [
      'a grant that the realm has turned off',
      { grant_types: ['urn:ietf:params:oauth:grant-type:jwt-bearer'] },
      METADATA,
    ],
    ['one good grant and one that is none', { grant_types: [CLIENT_CREDENTIALS, 7] }, `${METADATA}/grant_types`],
    ['grants that are no list', { grant_types: CLIENT_CREDENTIALS }, `${METADATA}/grant_types`],
    [
      'a method with a secret',
      { token_endpoint_auth_method: 'client_secret_basic' },
      `${METADATA}/token_endpoint_auth`,
    ],
    ['a method that proves nothing', { token_endpoint_auth_method: 'none' }, `${METADATA}/token_endpoint_auth_method`],
    ['a method that is not text', { token_endpoint_auth_method: ['private_key_jwt'] }, METADATA],
    [
      'a symmetric algorithm',
      { token_endpoint_auth_signing_alg: 'HS256' },
      `${METADATA}/token_endpoint_auth_signing_alg`,
    ],
    ['no algorithm', { token_endpoint_auth_signing_alg: 'none' }, `${METADATA}/token_endpoint_auth_signing_alg`],
    [
      'an algorithm of other keys',
      { token_endpoint_auth_signing_alg: 'RS256' },
      `${METADATA}/token_endpoint_auth_sign`,
    ],
    ['a name that is no text', { client_name: {} }, `${METADATA}/client_name`],
    ['contacts that are no list', { contacts: 'crm@example.com' }, `${METADATA}/contacts`],
    ['contacts of which one is no text', { contacts: ['a', 7] }, `${METADATA}/contacts`],
    ['a binding that is no truth value', { dpop_bound_access_tokens: 'true' }, `${METADATA}/dpop_bound`],
    ['another one', { tls_client_certificate_bound_access_tokens: 1 }, `${METADATA}/tls_client_certificate_bound`],
    [
      'both bindings',
      { dpop_bound_access_tokens: true, tls_client_certificate_bound_access_tokens: true },
      `${METADATA}/dpop_bound`,
    ],
    ['two places for the keys', { jwks_uri: 'https://crm.example.com/jwks' }, `${METADATA}either jwks or jwks_uri`],
    ['no place for the keys', { jwks: undefined }, `${METADATA}either jwks or jwks_uri`],
    ['a key set that is a list', { jwks: [] }, `${METADATA}/jwks: a JWK set`],
    ['a key set without keys', { jwks: { keys: [] } }, `${METADATA}/jwks: a JWK set`],
    ['a key set whose keys are no list', { jwks: { keys: {} } }, `${METADATA}/jwks: a JWK set`],
    ['a key that is none', { jwks: { keys: ['k'] } }, `${METADATA}/jwks/keys/0: not a JWK`],
    ['a private key', { jwks: { keys: [privateJwk] } }, `${METADATA}/jwks/keys/0: ${EXPOSED}`],
    [
      'a good key and its private half',
      { jwks: { keys: [publicJwkOf(own), privateJwk] } },
      `${METADATA}/jwks/keys/1: this is p`,
    ],
    ['a secret as key', { jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } }, `${METADATA}/jwks/keys/0: ${EXPOSED}`],
    ['a weak key', { jwks: { keys: [weak] } }, `${METADATA}/jwks/keys/0: `],
    ['a good key and a weak one', { jwks: { keys: [publicJwkOf(own), weak] } }, `${METADATA}/jwks/keys/1: `],
    ['a key for encryption', { jwks: { keys: [{ ...publicJwkOf(own), use: 'enc' }] } }, `${METADATA}/jwks/keys/0: use`],
    ['eleven keys', { jwks: { keys: Array(11).fill(publicJwkOf(own)) } }, `${METADATA}/jwks: a JWK set of 1 to 10`],
    ['a certificate of another key', { jwks: { keys: [{ ...publicJwkOf(own), x5c: tls.jwk.x5c }] } }, METADATA],
  ])('are refused for %s', async (_what, changes, expected) => {
    expect(await refusalOf(await metadataWith({ ...changes }))).toMatch(expected);
  });

  it.each([
    'http://crm.example.com/jwks',
    'https://user:password@crm.example.com/jwks',
    'https://crm.example.com/jwks#keys',
    'file:///etc/passwd',
    'https://crm.example.com/\\@169.254.169.254/',
    `https://crm.example.com/${'x'.repeat(1_024)}`,
    'jwks',
    '',
    7,
    ['https://crm.example.com/jwks'],
  ])('are refused for keys at %s', async (jwks_uri) => {
    expect(await refusalOf({ jwks_uri })).toMatch(/^invalid_client_metadata: \/jwks_uri/);
  });

  it.each<[string, Record<string, unknown>, readonly RegistrableMethod[]]>([
    ['nothing, which is private_key_jwt', {}, ['self_signed_tls_client_auth']],
    ['private_key_jwt', { token_endpoint_auth_method: 'private_key_jwt' }, ['self_signed_tls_client_auth']],
    ['TLS', { token_endpoint_auth_method: 'self_signed_tls_client_auth' }, ['private_key_jwt']],
    ['anything when nothing is preset', {}, []],
  ])('are held to what the operator has preset: %s', async (_what, more, methods) => {
    expect(await refusalOf({ jwks: { keys: [tls.jwk] }, ...more }, methods)).toMatch(/\/token_endpoint_auth_method/);
  });

  it('need a certificate with every key where TLS is to prove the client', async () => {
    const keys = [tls.jwk, publicJwkOf(own)];
    const body = { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: { keys } };
    expect(await refusalOf(body)).toMatch('/jwks/keys/1: x5c has to hold the certificate');
  });

  it('may name a certificate by its thumbprint alone once it was seen with that very key', async () => {
    const method = 'self_signed_tls_client_auth';
    const { x5c: _seen, ...bare } = tls.jwk;
    const thumbprint = await calculateJwkThumbprint(bare);
    const known = [{ thumbprint, x5t: 'a', x5tS256: tls.x5tS256 }];
    const repeat = (jwk: object, seen: typeof known) =>
      parseClientMetadata(
        { token_endpoint_auth_method: method, jwks: { keys: [jwk] } },
        { methods: [method], grantTypes: [], known: seen },
        NOW,
      );
    const named = { ...bare, 'x5t#S256': tls.x5tS256 };
    expect(await repeat(named, known)).toMatchObject({ value: { keys: [{ x5t: 'a', x5tS256: tls.x5tS256 }] } });
    const wrong = [
      await repeat(named, []),
      await repeat(bare, known),
      await repeat({ ...bare, 'x5t#S256': 'A'.repeat(43) }, known),
      await repeat({ ...publicJwkOf(own), 'x5t#S256': tls.x5tS256 }, known),
    ];
    expect(wrong.map(({ ok }) => ok)).toEqual([false, false, false, false]);
  });

  it.each([undefined, null, 'text', 7, [], [{}]])('are no %j', async (body) => {
    expect(await refusalOf(body)).toBe(
      'invalid_client_metadata: the body must be a JSON object without repeated members',
    );
  });
});
