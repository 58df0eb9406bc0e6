/** Every way to prove a client, good and bad, and that what is refused tells nothing by what it costs. */

import { beforeEach, describe, expect, it, vi } from 'vitest';
import { readClientProof } from '../../functions/core/client-proof.ts';
import { hashSecret } from '../../functions/core/client-secret.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER } from '../../functions/core/grant-type.ts';
import type { RealmPolicy } from '../../functions/core/realm.ts';
import { parseTokenRequest } from '../../functions/core/token-request.ts';
import { proveClient } from '../../functions/flows/prove-client.ts';
import { AUDIENCE, assertion, CLIENT, credential, ISSUER, keyPair, NOW, REALM } from '../support/builders.ts';
import { clientPair } from './issue-token-world.ts';
import {
  basic,
  CERTIFICATES,
  CLIENT_ISSUER,
  contextOf,
  EXPIRED,
  IDP,
  IDP_ISSUER,
  idpPair,
  idpToken,
  METHODS,
  type Method,
  presented,
  requestOf,
  SECRET,
  type Shown,
  type WaysInState,
  WORKLOAD,
} from './ways-in-world.ts';

const prove = async (shown: Shown, state: WaysInState = {}, policy?: RealmPolicy) => {
  const form = { grant_type: CLIENT_CREDENTIALS, ...shown.form };
  const request = parseTokenRequest(requestOf(shown, { ...form, resource: AUDIENCE }));
  if (!request.ok) return request;
  const proof = readClientProof(request.value);
  if (!proof.ok) return proof;
  const context = contextOf(state, policy);
  const { partners, issuers } = context;
  const { clientId, type } = proof.value;
  const known = await (clientId === undefined && type === 'grant'
    ? proof.value.issuer === CLIENT_ISSUER
      ? issuers.findByIssuer(REALM, CLIENT_ISSUER)
      : partners.find(REALM, proof.value.issuer ?? '')
    : partners.find(REALM, clientId ?? ''));
  return proveClient(context, known?.partner, proof.value);
};
const reasonOf = async (proven: ReturnType<typeof prove>): Promise<string> => {
  const result = await proven;
  return result.ok ? 'proven' : result.refusal.reason;
};

const byAssertion = (jws: string, clientId?: string): Shown => ({
  form: {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: jws,
    ...(clientId === undefined ? {} : { client_id: clientId }),
  },
});
const federated = (claims: object = {}, header: object = {}): Shown => byAssertion(idpToken(claims, header), CLIENT);
const post = (secret: string, id = CLIENT): Shown => ({ form: { client_id: id, client_secret: secret } });
const certificate = (pem: string, id = CLIENT): Shown => ({ form: { client_id: id }, clientCertificate: pem });
/** The assertion of a grant and nothing beside it. */
const alone = (jws: string, clientId?: string): Shown => ({
  form: { grant_type: JWT_BEARER, assertion: jws, ...(clientId === undefined ? {} : { client_id: clientId }) },
});

const checks = vi.spyOn(SubtleCrypto.prototype, 'verify');
beforeEach(() => {
  checks.mockClear();
});

describe('a client is proven', () => {
  const use = (maker: string) => [{ kind: 'assertion', maker, jti: 'proof-1', forgetAfter: NOW + 60 + 60 + 1 }];

  it.each<[Method, object]>([
    ['private_key_jwt', { credential: clientPair.thumbprint, key: 'k1', uses: use(CLIENT) }],
    ['federated', { credential: `federation:${IDP_ISSUER}`, uses: use(IDP) }],
    ['client_secret_basic', { credential: 'secret:s1', uses: [] }],
    ['client_secret_post', { credential: 'secret:s1', uses: [] }],
    ['tls_client_auth', { credential: 'tls-subject', uses: [] }],
    ['self_signed_tls_client_auth', { credential: presented(CERTIFICATES.selfSigned).thumbprint, uses: [] }],
  ])('by %s, and it is known by which credential and what that used up', async (method, proven) => {
    expect(await prove(METHODS[method](false))).toMatchObject({
      ok: true,
      value: { partner: { id: CLIENT }, method, ...proven },
    });
  });

  it('by a token of another issuer that may be used again, which uses up nothing', async () => {
    const federation = [{ issuer: IDP_ISSUER, claims: { sub: { exact: WORKLOAD } }, reusable: true }];
    expect(await prove(federated(), { client: { federation } })).toMatchObject({ ok: true, value: { uses: [] } });
  });

  it('by its own assertion, used again and again where its library cannot do better', async () => {
    expect(await prove(METHODS.private_key_jwt(), { client: { compatibility: 'msal' } })).toMatchObject({
      ok: true,
      value: { uses: [] },
    });
  });

  it('by a token whose claims on trial do not fit, which is on record', async () => {
    const audited = { environment: { exact: 'production' } };
    const federation = [{ issuer: IDP_ISSUER, claims: { sub: { exact: WORKLOAD } }, audited, reusable: false }];
    expect(await prove(federated({ environment: 'test' }), { client: { federation } })).toMatchObject({
      ok: true,
      value: { audited: ['environment'] },
    });
    const fitting = await prove(federated({ environment: 'production' }), { client: { federation } });
    expect(fitting.ok && 'audited' in fitting.value).toBe(false);
  });

  it.each([
    ['by any of its names, about itself', { iss: CLIENT_ISSUER, sub: CLIENT_ISSUER }, undefined],
    ['by its id, about itself', {}, undefined],
    ['by its id, about a user', { sub: 'alice' }, undefined],
    ['by its issuer, about a user, being named beside', { iss: CLIENT_ISSUER, sub: 'alice' }, CLIENT],
  ])('by the assertion of a grant alone that it has made %s', async (_how, claims, clientId) => {
    expect(await prove(alone(assertion(clientPair, claims), clientId))).toMatchObject({
      ok: true,
      value: { method: 'private_key_jwt', key: 'k1' },
    });
  });

  it('by the assertion of a grant alone that another issuer has made of it', async () => {
    expect(await prove(alone(idpToken(), CLIENT))).toMatchObject({ ok: true, value: { method: 'federated' } });
  });
});

/** What a request shows, and why it proves nothing. */
const BAD: readonly (readonly [string, Shown, string])[] = [
  ['an assertion of another key', byAssertion(assertion(idpPair, {}, { kid: 'k1' })), 'assertion_signature'],
  ['an assertion of no key that it has', byAssertion(assertion(clientPair, {}, { kid: 'x' })), 'assertion_key_unknown'],
  ['an assertion for another server', byAssertion(assertion(clientPair, { aud: 'x' })), 'assertion_audience'],
  ['an assertion about somebody else', byAssertion(assertion(clientPair, { iss: 'other' })), 'assertion_issuer'],
  ['an assertion that is over', byAssertion(assertion(clientPair, { exp: NOW - 60 })), 'assertion_expired'],
  ['a wrong secret', post('csec_other'), 'secret_unknown'],
  ['a wrong secret in the header', { form: {}, authorization: basic(CLIENT, 'csec_other') }, 'secret_unknown'],
  ['the hash of its secret', post(hashSecret(SECRET)), 'secret_unknown'],
  ['a certificate of another name', certificate(CERTIFICATES.ofAnother), 'certificate_unknown'],
  ['a certificate that names it by its own hand', certificate(CERTIFICATES.impostor), 'certificate_unknown'],
  ['a certificate that is over', certificate(CERTIFICATES.expired), 'certificate_untimely'],
  ['what is no certificate', certificate('x'), 'certificate_malformed'],
  ['a token about another workload', federated({ sub: 'workload-2' }), 'federation_claims'],
  ['a token for another server', federated({ aud: 'https://other.example' }), 'federation_claims'],
  ['a token of an issuer that nobody trusts with it', federated({ iss: 'https://evil.example' }), 'federation_missing'],
  [
    'a token that its issuer has not signed',
    byAssertion(idpToken({}, { kid: 'idp' }, clientPair), CLIENT),
    'assertion_signature',
  ],
  ['a token of no key of its issuer', federated({}, { kid: 'x' }), 'assertion_key_unknown'],
  ['a token that is over', federated({ iat: NOW - 600, exp: NOW - 60 }), 'assertion_expired'],
  ['a token that is not good yet', federated({ nbf: NOW + 61 }), 'assertion_not_yet_valid'],
  ['a token that lives too long', federated({ exp: NOW + 3_661 }), 'assertion_lifetime'],
  ['the assertion of a grant of another key', alone(assertion(idpPair, {}, { kid: 'k1' })), 'assertion_signature'],
  [
    'the assertion of a grant about a user that an issuer has made',
    alone(idpToken({ sub: 'alice' }), CLIENT),
    'federation_claims',
  ],
  [
    'the assertion of a grant that another client has made',
    alone(assertion(clientPair, { iss: 'other', sub: 'other' }), CLIENT),
    'federation_missing',
  ],
];

describe('a client is not proven', () => {
  it.each(BAD)('by %s', async (_what, shown, reason) => {
    expect(await reasonOf(prove(shown))).toBe(reason);
  });

  it.each(Object.entries(METHODS))('by %s where it is disabled', async (_method, shown) => {
    expect(await reasonOf(prove(shown(false), { client: { enabled: false } }))).toBe('client_disabled');
  });

  it.each(BAD.filter(([, , reason]) => !/audience|issuer|expired$/.test(reason)))(
    'by %s where it is disabled, and is not told that it is',
    async (_what, shown, reason) => {
      expect(await reasonOf(prove(shown, { client: { enabled: false } }))).toBe(reason);
    },
  );

  it.each<[Method, string]>([
    ['private_key_jwt', 'credential_expired'],
    ['federated', 'credential_expired'],
    ['client_secret_basic', 'secret_expired'],
    ['client_secret_post', 'secret_expired'],
    ['self_signed_tls_client_auth', 'credential_expired'],
  ])('by %s where that is at its end', async (method, reason) => {
    expect(await reasonOf(prove(METHODS[method](false), EXPIRED))).toBe(reason);
  });

  it.each(Object.entries(METHODS))('by %s where nobody knows it', async (_method, shown) => {
    expect(await reasonOf(prove(shown(false), { client: 'gone' }))).toBe('client_unknown');
  });

  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'by %s where the realm has no secrets',
    async (method) => {
      expect([
        await reasonOf(prove(METHODS[method](), {}, {})),
        // Only its holder is told, in the log.
        await reasonOf(prove(post('csec_other'), {}, {})),
      ]).toEqual(['client_secrets_off', 'secret_unknown']);
    },
  );

  it.each<[object | 'gone', string]>([
    ['gone', 'issuer_unknown'],
    [{ trustedIssuer: false }, 'issuer_untrusted'],
    [{ enabled: false }, 'issuer_disabled'],
    [{ credentials: [] }, 'assertion_key_unknown'],
    [{ credentials: [credential(idpPair, { notBefore: NOW + 1 })] }, 'credential_not_yet_valid'],
  ])('by an issuer that is %j', async (idp, reason) => {
    expect(await reasonOf(prove(federated(), { idp }))).toBe(reason);
  });

  it('by the secret, the certificate or the token of another client', async () => {
    expect([
      await reasonOf(prove(post(SECRET, 'frontend'))),
      await reasonOf(prove(certificate(CERTIFICATES.issued, 'frontend'))),
      await reasonOf(prove(certificate(CERTIFICATES.selfSigned, 'frontend'))),
      await reasonOf(prove(byAssertion(idpToken(), 'frontend'))),
      await reasonOf(prove(byAssertion(assertion(clientPair, { iss: 'frontend', sub: 'frontend' })))),
    ]).toEqual([
      ...['secret_unknown', 'certificate_unknown', 'certificate_unknown', 'federation_missing'],
      'assertion_key_unknown',
    ]);
  });

  it.each([
    [3_600, undefined, 'proven'],
    [3_661, undefined, 'assertion_lifetime'],
    [660, 600, 'proven'],
    [661, 600, 'assertion_lifetime'],
    [86_400, 86_400, 'proven'],
  ])('by a token of %i s where %s s are accepted: %s', async (seconds, maxSeconds, outcome) => {
    const identity = { issuer: IDP_ISSUER, claims: { sub: { exact: WORKLOAD } }, reusable: false };
    const federation = [{ ...identity, ...(maxSeconds === undefined ? {} : { maxSeconds }) }];
    expect(await reasonOf(prove(federated({ exp: NOW + seconds }), { client: { federation } }))).toBe(outcome);
  });

  it.each([
    [ISSUER, undefined, 'proven'],
    [[ISSUER, 'https://other.example'], undefined, 'proven'],
    ['https://sts.internal', 'https://sts.internal', 'proven'],
    [ISSUER, 'https://sts.internal', 'federation_claims'],
    [`${ISSUER}/token`, undefined, 'federation_claims'],
    [undefined, undefined, 'federation_claims'],
  ])('by a token for %j where it has to be for %s: %s', async (aud, audience, outcome) => {
    const identity = { issuer: IDP_ISSUER, claims: { sub: { exact: WORKLOAD } }, reusable: false };
    const federation = [{ ...identity, ...(audience === undefined ? {} : { audience }) }];
    expect(await reasonOf(prove(federated({ aud }), { client: { federation } }))).toBe(outcome);
  });
});

describe('a refusal costs one signature check', () => {
  const costOf = async (shown: Shown, state: WaysInState = {}): Promise<number> => {
    checks.mockClear();
    expect((await prove(shown, state)).ok).toBe(false);
    return checks.mock.calls.length;
  };

  it('of a token of another issuer, whoever client and issuer are', async () => {
    const stranger = await keyPair('ES256', 'stranger');
    expect([
      await costOf(byAssertion(idpToken({}, { kid: 'idp' }, stranger), CLIENT)),
      await costOf(federated(), { client: 'gone' }),
      await costOf(federated(), { client: { federation: [] } }),
      await costOf(federated({ sub: 'workload-2' })),
      await costOf(federated(), { idp: 'gone' }),
      await costOf(federated(), { idp: { trustedIssuer: false } }),
      await costOf(federated(), { idp: { enabled: false } }),
      await costOf(federated({}, { kid: 'x' })),
    ]).toEqual(Array.from({ length: 8 }, () => 1));
  });

  it.each([
    ['by its maker', {}],
    ['by its maker, of a user', { sub: 'alice' }],
    ['that says no subject', { sub: undefined }],
  ])('of the assertion of a grant alone, %s, whether or not there is such a client', async (_what, claims) => {
    const stranger = await keyPair('ES256', 'stranger');
    const jws = assertion(stranger, claims, { kid: 'k1' });
    const google = { client: { compatibility: 'google' } } as const;
    expect([await costOf(alone(jws), google), await costOf(alone(jws), { client: 'gone' })]).toEqual([1, 1]);
  });
});
