/**
 * One builder per noun of the domain. Every value is valid as it comes; a test names only what it is about. Keys are real:
 * made once per test file and name, since an RSA key pair takes a while.
 */

import { constants, KeyObject, sign } from 'node:crypto';
import { base64url, type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { algorithmFacts, type JwsAlgorithm } from '../../functions/core/algorithms.ts';
import { JWT_BEARER_ASSERTION } from '../../functions/core/client-authentication.ts';
import { CLIENT_CREDENTIALS } from '../../functions/core/grant-type.ts';
import type { KeyRing, RotationPolicy, SigningKey } from '../../functions/core/key-ring.ts';
import type { Audience, Grant, Partner, PartnerCredential, PartnerWithGrants } from '../../functions/core/partner.ts';
import type { RealmDefaults } from '../../functions/core/realm.ts';
import type { RawTokenRequest } from '../../functions/core/request-form.ts';
import type { HttpEvent } from '../../functions/http/endpoint.ts';

/** 15 January 2027; what every clock of these tests shows. */
export const NOW = 1_800_000_000;
export const REALM = 'default';
export const ISSUER = 'https://sts.example.com';
export const CLIENT = 'crm';
export const OWNER = 'billing';
export const AUDIENCE = 'https://api.example.com/billing';

export interface TestKeyPair {
  readonly algorithm: JwsAlgorithm;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  /** Public members only, without `kid`, `alg` and `use`. */
  readonly publicJwk: JWK;
  readonly thumbprint: string;
}

const made = new Map<string, Promise<TestKeyPair>>();

/** The key pair of that algorithm and name; the same name gives the same pair. */
export const keyPair = (algorithm: JwsAlgorithm = 'ES256', name = 'k1'): Promise<TestKeyPair> => {
  const label = `${algorithm}/${name}`;
  const known = made.get(label) ?? makeKeyPair(algorithm, name);
  made.set(label, known);
  return known;
};

const makeKeyPair = async (algorithm: JwsAlgorithm, name: string): Promise<TestKeyPair> => {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  return { algorithm, kid: name, privateKey, publicJwk, thumbprint: await calculateJwkThumbprint(publicJwk) };
};

/** The raw JOSE signature (RFC 7515 A), made by node:crypto and not by the library that verifies it. */
export const signBytes = ({ algorithm, privateKey }: TestKeyPair, input: string | Uint8Array): Uint8Array => {
  const { kms } = algorithmFacts(algorithm);
  const hash = kms.message.type === 'DIGEST' ? kms.message.hash : undefined;
  return sign(hash, typeof input === 'string' ? Buffer.from(input) : input, {
    key: KeyObject.from(privateKey),
    dsaEncoding: 'ieee-p1363',
    ...(algorithm === 'PS256' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {}),
  });
};

export const encodeJson = (value: unknown): string => base64url.encode(JSON.stringify(value));

/** A compact JWS of any two texts, however wrong they are, with a signature that is right for them. */
export const signTexts = (pair: TestKeyPair, header: string, payload: string): string => {
  const input = `${base64url.encode(header)}.${base64url.encode(payload)}`;
  return `${input}.${base64url.encode(signBytes(pair, input))}`;
};

export const signJws = (pair: TestKeyPair, header: object, payload: object): string =>
  signTexts(pair, JSON.stringify(header), JSON.stringify(payload));

/** Claims of a client assertion that is good now, for one minute. */
export const assertionClaims = (changes: object = {}) => ({
  iss: CLIENT,
  sub: CLIENT,
  aud: ISSUER,
  jti: 'assertion-1',
  iat: NOW,
  exp: NOW + 60,
  ...changes,
});

/** A client assertion; a claim or header member that is changed to `undefined` is left out. */
export const assertion = (pair: TestKeyPair, claims: object = {}, header: object = {}): string =>
  signJws(pair, { alg: pair.algorithm, kid: pair.kid, ...header }, assertionClaims(claims));

export const credential = (pair: TestKeyPair, changes: Partial<PartnerCredential> = {}): PartnerCredential => ({
  kid: pair.kid,
  algorithm: pair.algorithm,
  jwk: pair.publicJwk,
  thumbprint: pair.thumbprint,
  addedAt: NOW - 1_000,
  source: 'registered',
  ...changes,
});

export const partner = (changes: Partial<Partner> = {}): Partner => ({
  realm: REALM,
  id: CLIENT,
  tags: {},
  enabled: true,
  trustLevel: 'application',
  acceptsSecurityIdentifiers: false,
  credentials: [],
  secrets: [],
  federation: [],
  trustedIssuer: false,
  compatibility: 'strict',
  tokenPolicy: {},
  claims: {},
  version: 1,
  createdAt: NOW - 1_000,
  updatedAt: NOW - 1_000,
  ...changes,
});

export const grant = (changes: Partial<Grant> = {}): Grant => ({
  realm: REALM,
  client: CLIENT,
  audience: AUDIENCE,
  scopes: ['read', 'write'],
  authorizationDetailsTypes: [],
  version: 1,
  ...changes,
});

export const audience = (changes: Partial<Audience> = {}): Audience => ({
  realm: REALM,
  audience: AUDIENCE,
  owner: OWNER,
  ownerEnabled: true,
  scopes: ['read', 'write'],
  authorizationDetails: {},
  tokenPolicy: {},
  introspectors: [],
  version: 1,
  ...changes,
});

/** What a deployment with its ordinary settings says about all realms. */
export const realmDefaults = (changes: Partial<RealmDefaults> = {}): RealmDefaults => ({
  defaultRealm: REALM,
  baseUrl: ISSUER,
  algorithms: ['RS256', 'ES256'],
  accessTokenSeconds: 3_600,
  assertionSeconds: 300,
  ...changes,
});

/** The usual client: one key, one grant. */
export const client = async (changes: Partial<Partner> = {}): Promise<PartnerWithGrants> => ({
  partner: partner({ credentials: [credential(await keyPair())], ...changes }),
  grants: [grant()],
  audiences: [],
});

export const signingKey = (pair: TestKeyPair, changes: Partial<SigningKey> = {}): SigningKey => ({
  kid: pair.thumbprint,
  keyArn: `arn:aws:kms:eu-central-1:111122223333:key/${pair.kid}`,
  state: 'active',
  jwk: pair.publicJwk,
  createdAt: NOW - 90_000,
  publishedAt: NOW - 90_000,
  activateNotBefore: NOW - 90_000,
  maxTokenSeconds: 3_600,
  activatedAt: NOW - 90_000,
  ...changes,
});

export const ring = (
  algorithm: JwsAlgorithm,
  keys: readonly SigningKey[],
  changes: Partial<KeyRing> = {},
): KeyRing => ({
  realm: REALM,
  algorithm,
  version: 5,
  keys,
  ...changes,
});

/** A day of lead, a month of signing, tokens of an hour. A key that is replaced signs for 150 s more, and is public for 3840 s. */
export const rotationPolicy = (changes: Partial<RotationPolicy> = {}): RotationPolicy => ({
  leadSeconds: 86_400,
  periodSeconds: 2_592_000,
  maxTokenSeconds: 3_600,
  ringCacheSeconds: 60,
  propagationSeconds: 60,
  clockSkewSeconds: 30,
  leewaySeconds: 60,
  graceSeconds: 604_800,
  creationSeconds: 300,
  sweepSeconds: 86_400,
  ...changes,
});

/** Form parameters of a token request; `undefined` leaves one out. */
export const tokenParameters = (
  clientAssertion: string,
  changes: Readonly<Record<string, string | undefined>> = {},
): [string, string][] =>
  Object.entries({
    grant_type: CLIENT_CREDENTIALS,
    client_assertion_type: JWT_BEARER_ASSERTION,
    client_assertion: clientAssertion,
    ...changes,
  }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));

export const tokenRequest = (
  clientAssertion: string,
  changes: Readonly<Record<string, string | undefined>> = {},
): RawTokenRequest => ({ parameters: tokenParameters(clientAssertion, changes), queryParameters: [] });

/** An event of API Gateway's HTTP API, payload format 2.0. */
export const httpEvent = (
  method: string,
  path: string,
  { body, headers = {}, query = '' }: { body?: string; headers?: Record<string, string>; query?: string } = {},
): HttpEvent => ({
  version: '2.0',
  routeKey: '$default',
  rawPath: path,
  rawQueryString: query,
  headers,
  requestContext: {
    accountId: '111122223333',
    apiId: 'api',
    domainName: 'sts.example.com',
    domainPrefix: 'sts',
    http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
    requestId: 'request-1',
    routeKey: '$default',
    stage: '$default',
    time: '15/Jan/2027:08:00:00 +0000',
    timeEpoch: NOW * 1_000,
  },
  ...(body === undefined ? {} : { body }),
  isBase64Encoded: false,
});

/** `POST /token` with a form. */
export const tokenEvent = (body: string, headers: Record<string, string> = {}): HttpEvent =>
  httpEvent('POST', '/token', { body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers } });
