/**
 * A client that can prove itself in every way there is, an issuer that is trusted, a frontend that calls the client, and the requests
 * of all of them: what the tests of proofs, subjects and of all ways in start from.
 */

import { JWT_BEARER_ASSERTION } from '../../functions/core/client-authentication.ts';
import { hashSecret } from '../../functions/core/client-secret.ts';
import type { Audience, Grant, Partner, PartnerCredential, PartnerWithGrants } from '../../functions/core/partner.ts';
import { readPresentedCertificate } from '../../functions/core/presented-certificate.ts';
import { type Realm, type RealmPolicy, realmTerms, untouchedRealm } from '../../functions/core/realm.ts';
import type { RawTokenRequest } from '../../functions/core/request-form.ts';
import { itself } from '../../functions/core/subject.ts';
import { type AccessTokenClaims, buildClaims } from '../../functions/core/token.ts';
import type { SubjectContext } from '../../functions/flows/verify-subject.ts';
import type { IssuerReader, PartnerReader } from '../../functions/ports.ts';
import {
  AUDIENCE,
  assertion,
  audience,
  CLIENT,
  credential,
  grant,
  ISSUER,
  keyPair,
  NOW,
  OWNER,
  partner,
  REALM,
  realmDefaults,
  signJws,
  type TestKeyPair,
} from '../support/builders.ts';
import { issue as certify, DAY } from '../support/certificate-authority.ts';
import { memoryTokenRevocations } from './in-memory.ts';
import { catalogue, clientPair, portsOf, rsPair } from './issue-token-world.ts';

/** Goes by `CLIENT_ISSUER` too, and owns `CLIENT_API`. */
export const CLIENT_ISSUER = 'https://crm.example';
export const CLIENT_API = 'https://crm.example/api';
/** An application that calls `CLIENT_API`. */
export const FRONTEND = 'frontend';
/** A partner that is trusted as an issuer, and what it is called in its tokens. */
export const IDP = 'idp';
export const IDP_ISSUER = 'https://idp.example';
/** `sub` of the issuer's tokens about the client. */
export const WORKLOAD = 'workload-1';
export const SECRET = 'csec_for-tests';

export const idpPair = await keyPair('ES256', 'idp');

const authority = await certify({ name: 'Authority', authority: true });
const past = { notBefore: NOW - 2 * DAY, notAfter: NOW - DAY };
export const CERTIFICATES = {
  issued: (await certify({ name: CLIENT, issuer: authority })).pem,
  expired: (await certify({ name: CLIENT, issuer: authority, ...past })).pem,
  ofAnother: (await certify({ name: 'other', issuer: authority })).pem,
  selfSigned: (await certify({ name: 'self' })).pem,
  /** By its own hand it is the client. */
  impostor: (await certify({ name: CLIENT })).pem,
} as const;

export const presented = (pem: string) => {
  const certificate = readPresentedCertificate(pem);
  if (!certificate.ok) throw new Error(JSON.stringify(certificate.refusal));
  return certificate.value;
};

/** As it is registered from a certificate; JWTs are never signed with it here. */
const certificateCredential = (pem: string): PartnerCredential => {
  const { x5tS256, thumbprint = '' } = presented(pem);
  return { ...credential(clientPair), kid: 'certificate', thumbprint, x5tS256 };
};

/** What is different from a world in which all is well. */
export interface WaysInState {
  readonly realm?: Partial<Realm>;
  readonly client?: Partial<Partner> | 'gone';
  readonly idp?: Partial<Partner> | 'gone';
  readonly frontend?: Partial<Partner> | 'gone';
  readonly audience?: Partial<Audience> | 'gone';
  readonly grants?: readonly Grant[];
  readonly frontendGrants?: readonly Grant[];
  readonly audiences?: readonly string[];
}

const others = (id: string, changes: Partial<Partner> | 'gone' = {}, held: Partial<PartnerWithGrants> = {}) =>
  changes === 'gone' ? [] : [{ partner: partner({ id, ...changes }), grants: [], audiences: [], ...held }];

export const EXPIRED: WaysInState = {
  client: {
    credentials: [
      credential(clientPair, { expiresAt: NOW }),
      { ...certificateCredential(CERTIFICATES.selfSigned), expiresAt: NOW },
    ],
    secrets: [{ id: 's1', hash: hashSecret(SECRET), addedAt: NOW - 1, expiresAt: NOW }],
  },
  idp: { credentials: [credential(idpPair, { expiresAt: NOW })] },
};

const clientMembers = (): Partial<Partner> => ({
  trustLevel: 'full',
  issuer: CLIENT_ISSUER,
  credentials: [credential(clientPair), certificateCredential(CERTIFICATES.selfSigned)],
  secrets: [{ id: 's1', hash: hashSecret(SECRET), addedAt: NOW - 1 }],
  tlsSubject: { subjectDn: `CN=${CLIENT}` },
  federation: [{ issuer: IDP_ISSUER, claims: { sub: { exact: WORKLOAD } }, reusable: false }],
});

export const partnersIn = (state: WaysInState = {}): readonly PartnerWithGrants[] => [
  ...others(CLIENT, state.client === 'gone' ? 'gone' : { ...clientMembers(), ...state.client }, {
    grants: state.grants ?? [grant(), grant({ audience: CLIENT_API, scopes: ['call'] })],
    audiences: state.audiences ?? [CLIENT_API],
  }),
  ...others(
    IDP,
    state.idp === 'gone'
      ? 'gone'
      : {
          ...{ issuer: IDP_ISSUER, trustedIssuer: true, trustLevel: 'full', credentials: [credential(idpPair)] },
          ...state.idp,
        },
  ),
  ...others(FRONTEND, state.frontend === 'gone' ? 'gone' : { trustLevel: 'full', ...state.frontend }, {
    grants: state.frontendGrants ?? [grant({ client: FRONTEND, audience: CLIENT_API, scopes: ['call'] })],
  }),
  ...others(OWNER, {}, { audiences: [AUDIENCE] }),
];

export const readerOf = (partners: readonly PartnerWithGrants[]): PartnerReader & IssuerReader => ({
  find: async (realm, id) => (realm === REALM ? partners.find(({ partner: each }) => each.id === id) : undefined),
  findByIssuer: async (realm, issuer) =>
    realm === REALM ? partners.find(({ partner: each }) => each.issuer === issuer) : undefined,
});

/** The ports of issuing in that state; every call but the reads of partners is written down. */
export const waysInPorts = (state: WaysInState = {}) => {
  const realm: Realm = { ...untouchedRealm(REALM), policy: { clientSecrets: true }, ...state.realm };
  const audiences = [
    ...(state.audience === 'gone' ? [] : [audience(state.audience)]),
    audience({ audience: CLIENT_API, owner: CLIENT, scopes: ['call'] }),
  ];
  return portsOf({
    partners: readerOf(partnersIn(state)),
    catalogue: {
      read: async (_realm, name) => catalogue({ realm, audience: audiences.find((each) => each.audience === name) }),
    },
  });
};

type Parameters = Readonly<Record<string, string>>;

/** What a request shows to prove its client. */
export interface Shown extends Pick<RawTokenRequest, 'authorization' | 'clientCertificate'> {
  readonly form: Parameters;
}

export const requestOf = (shown: Shown, form: Parameters): RawTokenRequest => {
  const { form: proof, ...connection } = shown;
  return { ...connection, parameters: Object.entries({ ...proof, ...form }), queryParameters: [] };
};

export const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;

/** A statement of the trusted issuer; a claim that is changed to `undefined` is left out. */
export const idpToken = (claims: object = {}, header: object = {}, pair: TestKeyPair = idpPair): string =>
  assertion(pair, { iss: IDP_ISSUER, sub: WORKLOAD, jti: 'idp-1', ...claims }, header);

const clientAssertion = (jws: string, more: Parameters = {}): Shown => ({
  form: { client_assertion_type: JWT_BEARER_ASSERTION, client_assertion: jws, ...more },
});

/** One way to prove the client each. `isExpired`: by what is not good any more, where that is no matter of the registry. */
export const METHODS = {
  private_key_jwt: () => clientAssertion(assertion(clientPair, { jti: 'proof-1' })),
  federated: () => clientAssertion(idpToken({ jti: 'proof-1' }), { client_id: CLIENT }),
  client_secret_basic: () => ({ form: {}, authorization: basic(CLIENT, SECRET) }),
  client_secret_post: () => ({ form: { client_id: CLIENT, client_secret: SECRET } }),
  tls_client_auth: (isExpired: boolean) => ({
    form: { client_id: CLIENT },
    clientCertificate: isExpired ? CERTIFICATES.expired : CERTIFICATES.issued,
  }),
  self_signed_tls_client_auth: () => ({ form: { client_id: CLIENT }, clientCertificate: CERTIFICATES.selfSigned }),
} as const satisfies Readonly<Record<string, (isExpired: boolean) => Shown>>;

export type Method = keyof typeof METHODS;

/** An access token of the realm, as it was issued a moment ago; a claim that is changed to `undefined` is left out. */
export const ownToken = (
  changes: Partial<Record<keyof AccessTokenClaims, unknown>> = {},
  pair: TestKeyPair = rsPair,
): string => {
  const claims = buildClaims(
    {
      ...{ issuer: ISSUER, client: CLIENT, subject: itself(CLIENT), audience: AUDIENCE },
      ...{ scopes: ['read'], seconds: 600, claims: {} },
    },
    'token-0',
    NOW - 60,
  );
  return signJws(pair, { alg: pair.algorithm, typ: 'at+jwt', kid: pair.thumbprint }, { ...claims, ...changes });
};

/** The frontend's token for the client's own resource: what the client gets to see of it when it is called. */
export const frontendToken = (changes: Partial<Record<keyof AccessTokenClaims, unknown>> = {}): string =>
  ownToken({ sub: FRONTEND, client_id: FRONTEND, aud: CLIENT_API, scope: 'call', ...changes });

/** The frontend's token about somebody of its own users. */
export const BOB = { format: 'iss_sub', iss: FRONTEND, sub: 'bob' } as const;
export const userToken = (changes: Partial<Record<keyof AccessTokenClaims, unknown>> = {}): string =>
  frontendToken({ sub: 'bob', sub_id: BOB, act: { sub: FRONTEND }, ...changes });

/** What the flows know of a request to the realm in that state. */
export const contextOf = (state: WaysInState = {}, policy: RealmPolicy = { clientSecrets: true }): SubjectContext => {
  const partners = readerOf(partnersIn(state));
  const realm = realmTerms({ ...untouchedRealm(REALM), policy }, realmDefaults());
  return {
    ...{ partners, issuers: partners, realm, rings: catalogue().rings },
    revocations: memoryTokenRevocations(),
    ...{ toleranceSeconds: 60, freshness: {}, now: NOW },
  };
};

/** @throws Error where the state has no client. */
export const clientIn = (state: WaysInState = {}): PartnerWithGrants => {
  const found = partnersIn(state).find(({ partner: { id } }) => id === CLIENT);
  if (found === undefined) throw new Error('there is no client');
  return found;
};
