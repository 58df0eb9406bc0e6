/** Shapes of what the admin API answers with, for its OpenAPI document and for the tests that hold every answer against them. */

import * as z from 'zod';
import { JWS_ALGORITHMS } from '../core/algorithms.ts';
import { REGISTRABLE_METHODS } from '../core/client-registration.ts';
import { COMPATIBILITY_PROFILES } from '../core/compatibility.ts';
import { GRANT_TYPES } from '../core/grant-type.ts';
import { MICROSOFT_ISSUERS, MICROSOFT_USERS } from '../core/microsoft-profile.ts';
import { CREDENTIAL_SOURCES, TRUST_LEVELS } from '../core/partner.ts';
import { QUOTA_MODES } from '../core/quota.ts';
import { DPOP_NONCES } from '../core/realm.ts';
import { BINDING_RULES, TOKEN_PROFILES } from '../core/token-policy.ts';

const time = z.iso.datetime();
const algorithm = z.enum(JWS_ALGORITHMS);
const scopes = z.array(z.string());
const version = z.number().int();

const listOf = (item: z.ZodType) => z.strictObject({ items: z.array(item), next: z.string().optional() });

const tokenPolicy = z.strictObject({
  accessTokenSeconds: z.number().int().optional(),
  algorithm: algorithm.optional(),
  binding: z.enum(BINDING_RULES).optional(),
  profile: z.enum(TOKEN_PROFILES).optional(),
});

export const realmAnswer = z.strictObject({
  name: z.string(),
  issuer: z.string(),
  description: z.string().optional(),
  aliases: z.array(z.string()),
  enabled: z.boolean(),
  policy: z.strictObject({
    algorithms: z.array(algorithm).optional(),
    accessTokenSeconds: z.number().int().optional(),
    assertionSeconds: z.number().int().optional(),
    clientSecrets: z.boolean().optional(),
    grantTypes: z.array(z.enum(GRANT_TYPES)).optional(),
    dpopNonces: z.enum(DPOP_NONCES).optional(),
    authorizationDetailsTypes: z.array(z.string()).optional(),
    microsoft: z
      .strictObject({
        applicationId: z.string(),
        realms: z.array(z.string()),
        hosts: z.array(z.string()),
        tokenHosts: z.array(z.string()),
        users: z.enum(MICROSOFT_USERS),
      })
      .optional(),
  }),
  version,
  createdAt: time.optional(),
  updatedAt: time.optional(),
});
export const realmsAnswer = listOf(realmAnswer);

const summary = {
  id: z.string(),
  name: z.string().optional(),
  contact: z.string().optional(),
  tags: z.record(z.string(), z.string()),
  enabled: z.boolean(),
  trustLevel: z.enum(TRUST_LEVELS),
  version,
  createdAt: time,
  updatedAt: time,
};
export const partnersAnswer = listOf(z.strictObject(summary));

const credential = z.strictObject({
  kid: z.string(),
  type: z.literal('public_key'),
  alg: algorithm,
  kty: z.string(),
  jwk: z.record(z.string(), z.string()),
  thumbprint: z.string(),
  source: z.enum(CREDENTIAL_SOURCES),
  label: z.string().optional(),
  x5t: z.string().optional(),
  'x5t#S256': z.string().optional(),
  notBefore: time.optional(),
  expiresAt: time.optional(),
  addedAt: time,
  lastUsedAt: time.optional(),
});

const source = z.strictObject({
  type: z.enum(['jwks_uri', 'metadata']),
  url: z.string(),
  selfRegistered: z.literal(true).optional(),
  lastAttemptAt: time.optional(),
  lastSuccessAt: time.optional(),
  failure: z.strictObject({ code: z.string(), detail: z.string() }).optional(),
  nextAttemptAt: time.optional(),
});

/** Of a secret only what tells it from others: neither its text nor the hash of it. */
const secret = z.strictObject({
  id: z.string(),
  label: z.string().optional(),
  addedAt: time,
  expiresAt: time.optional(),
  lastUsedAt: time.optional(),
});

const predicate = z.union([
  z.strictObject({ exact: z.string() }),
  z.strictObject({ glob: z.string() }),
  z.strictObject({ oneOf: z.array(z.string()) }),
]);

const federatedIdentity = z.strictObject({
  issuer: z.string(),
  audience: z.string().optional(),
  claims: z.record(z.string(), predicate),
  audited: z.record(z.string(), predicate).optional(),
  maxSeconds: z.number().int().optional(),
  reusable: z.boolean(),
});

const tlsSubject = z.strictObject({
  subjectDn: z.string().optional(),
  sanDns: z.string().optional(),
  sanUri: z.string().optional(),
  sanIp: z.string().optional(),
  sanEmail: z.string().optional(),
});

const onboarding = z.strictObject({
  createdAt: time,
  expiresAt: time,
  methods: z.array(z.enum(REGISTRABLE_METHODS)),
});

const detailsTypes = z.array(z.string());

export const partnerAnswer = z.strictObject({
  ...summary,
  acceptsSecurityIdentifiers: z.boolean(),
  issuer: z.string().optional(),
  credentials: z.array(credential),
  secrets: z.array(secret),
  tlsSubject: tlsSubject.optional(),
  federation: z.array(federatedIdentity),
  trustedIssuer: z.boolean(),
  microsoft: z
    .strictObject({
      issuedBy: z.enum(MICROSOFT_ISSUERS),
      actors: z.array(z.string()),
      userTokens: z.boolean(),
      delegation: z.boolean(),
    })
    .optional(),
  onboarding: onboarding.optional(),
  registered: z.boolean(),
  source: source.optional(),
  compatibility: z.enum(COMPATIBILITY_PROFILES),
  tokenPolicy,
  claims: z.record(z.string(), z.unknown()),
  quota: z
    .strictObject({
      perMinute: z.number().int().optional(),
      perDay: z.number().int().optional(),
      mode: z.enum(QUOTA_MODES),
    })
    .optional(),
  tokensNotBefore: time.optional(),
  audiences: z.array(z.string()),
  introspects: z.array(z.string()).optional(),
  grants: z.array(
    z.strictObject({
      ...{ audience: z.string(), scopes },
      ...{ authorizationDetailsTypes: detailsTypes, tokensNotBefore: time.optional() },
    }),
  ),
});

export const addedSecretAnswer = z.strictObject({
  secret: z.string(),
  id: z.string(),
  expiresAt: time.optional(),
  partner: partnerAnswer,
});

export const onboardingAnswer = z.strictObject({
  token: z.string(),
  expiresAt: time,
  registrationEndpoint: z.string(),
});

const detailValues = z.array(z.string()).optional();
const authorizationDetails = z.record(
  z.string(),
  z.strictObject({
    actions: detailValues,
    datatypes: detailValues,
    privileges: detailValues,
    fields: detailValues,
  }),
);

export const audienceAnswer = z.strictObject({
  audience: z.string(),
  owner: z.string(),
  scopes,
  tokenPolicy,
  authorizationDetails,
  introspectors: z.array(z.string()),
  version,
});
export const audiencesAnswer = listOf(audienceAnswer);

export const grantAnswer = z.strictObject({
  client: z.string(),
  audience: z.string(),
  scopes,
  authorizationDetailsTypes: detailsTypes,
  tokensNotBefore: time.optional(),
  version,
});
export const grantsAnswer = listOf(grantAnswer);

const identifier = z.string().optional();

export const userAnswer = z.strictObject({
  id: z.string(),
  upn: identifier,
  smtp: identifier,
  sip: identifier,
  sid: identifier,
  puid: identifier,
  version,
});
export const usersAnswer = listOf(userAnswer);

export const diagnosisAnswer = z.strictObject({
  direction: z.enum(['from-partner', 'to-partner']),
  accepted: z.boolean(),
  fault: z.string().optional(),
  step: z.number().int().optional(),
  finding: z.string().optional(),
  remedy: z.string().optional(),
  partner: z.string().optional(),
  actor: z.string().optional(),
  audience: z.string().optional(),
  subject: z.string().optional(),
  expiresAt: time.optional(),
  forTokenEndpoint: z.boolean().optional(),
});

const keyCertificate = z.strictObject({
  subject: z.string(),
  issuer: z.string(),
  notAfter: time,
  chainNotAfter: time,
});

const signingKey = z.strictObject({
  kid: z.string(),
  state: z.string(),
  hold: z.boolean(),
  keyArn: z.string(),
  createdAt: time,
  ageSeconds: z.number().int(),
  certificate: keyCertificate.optional(),
  next: z.strictObject({ state: z.string(), notBefore: time.optional() }).optional(),
});

const ring = {
  algorithm,
  version,
  keys: z.array(signingKey),
  unfinished: z.string().optional(),
};
export const ringAnswer = z.strictObject(ring);
export const ringsAnswer = listOf(ringAnswer);
export const revocationAnswer = z.strictObject({ ...ring, unverifiableSeconds: z.number().int() });

export const certificateAnswer = z.looseObject({
  kid: z.string(),
  algorithm,
  notBefore: time,
  notAfter: time,
  chainNotAfter: time,
});
export const signingRequestAnswer = z.strictObject({ pem: z.string() });

/** RFC 9457. */
export const problemAnswer = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string().optional(),
  code: z.string().optional(),
  errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string(), code: z.string().optional() })).optional(),
  until: time.optional(),
  dependents: z.array(z.strictObject({ client: z.string(), audience: z.string() })).optional(),
});
