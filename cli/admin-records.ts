/**
 * The shapes that the admin API answers with. Unknown members are kept, so `--json` shows what a newer service says.
 * Times are RFC 3339 strings, as on the wire.
 */
import { type ZodType, z } from 'zod';

const scopes = z.array(z.string());

const tokenPolicy = z.looseObject({
  accessTokenSeconds: z.number().optional(),
  algorithm: z.string().optional(),
  binding: z.string().optional(),
  profile: z.string().optional(),
});
export type TokenPolicyView = z.infer<typeof tokenPolicy>;

const realmPolicy = z.looseObject({
  /** The rings; the first is the default. */
  algorithms: scopes.optional(),
  accessTokenSeconds: z.number().optional(),
  assertionSeconds: z.number().optional(),
  clientSecrets: z.boolean().optional(),
  grantTypes: scopes.optional(),
  dpopNonces: z.string().optional(),
  /** Types that its audiences may declare (RFC 9396). */
  authorizationDetailsTypes: scopes.optional(),
  /** How it goes by in the Microsoft server-to-server profile; absent: it takes no part. */
  microsoft: z
    .looseObject({
      applicationId: z.string(),
      realms: z.array(z.string()),
      hosts: z.array(z.string()).default([]),
      tokenHosts: z.array(z.string()).default([]),
      users: z.string().default('registered'),
    })
    .optional(),
});

export const realm = z.looseObject({
  name: z.string(),
  issuer: z.string(),
  description: z.string().optional(),
  aliases: z.array(z.string()),
  enabled: z.boolean(),
  policy: realmPolicy,
  version: z.number(),
  createdAt: z.string().optional(),
  updatedAt: z.string().optional(),
});
export type Realm = z.infer<typeof realm>;

const credential = z.looseObject({
  kid: z.string(),
  alg: z.string(),
  kty: z.string(),
  thumbprint: z.string(),
  /** Given by an operator, read from the partner's own document, or registered by the partner's own people (RFC 7591). */
  source: z.enum(['registered', 'document', 'self-registered']),
  /** The public key itself. */
  jwk: z.record(z.string(), z.unknown()).optional(),
  label: z.string().optional(),
  x5t: z.string().optional(),
  notBefore: z.string().optional(),
  expiresAt: z.string().optional(),
  addedAt: z.string(),
  lastUsedAt: z.string().optional(),
});
export type Credential = z.infer<typeof credential>;

const source = z.looseObject({
  type: z.enum(['jwks_uri', 'metadata']),
  url: z.string(),
  /** The partner's own people have said so (RFC 7591), and no operator. */
  selfRegistered: z.boolean().optional(),
  lastAttemptAt: z.string().optional(),
  lastSuccessAt: z.string().optional(),
  failure: z.looseObject({ code: z.string(), detail: z.string() }).optional(),
  nextAttemptAt: z.string().optional(),
});
export type Source = z.infer<typeof source>;

const quota = z.looseObject({
  perMinute: z.number().optional(),
  perDay: z.number().optional(),
  mode: z.string(),
});
export type QuotaView = z.infer<typeof quota>;

/** The secret itself is shown once, by the answer that made it. */
const secret = z.looseObject({
  id: z.string(),
  label: z.string().optional(),
  addedAt: z.string(),
  expiresAt: z.string().optional(),
  lastUsedAt: z.string().optional(),
});
export type Secret = z.infer<typeof secret>;

const predicates = z.record(z.string(), z.record(z.string(), z.unknown()));
const federatedIdentity = z.looseObject({
  issuer: z.string(),
  audience: z.string().optional(),
  claims: predicates,
  audited: predicates.optional(),
  maxSeconds: z.number().optional(),
  reusable: z.boolean().optional(),
});

const detailTypes = z.record(z.string(), z.record(z.string(), z.array(z.string())));

/** A partner as listings show it. */
export const partnerSummary = z.looseObject({
  id: z.string(),
  name: z.string().optional(),
  contact: z.string().optional(),
  tags: z.record(z.string(), z.string()),
  enabled: z.boolean(),
  trustLevel: z.string(),
  version: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
});

export const partner = partnerSummary.extend({
  acceptsSecurityIdentifiers: z.boolean(),
  /** An older service does not know of it, and is strict. */
  compatibility: z.string().default('strict'),
  issuer: z.string().optional(),
  credentials: z.array(credential),
  source: source.optional(),
  tokenPolicy,
  claims: z.record(z.string(), z.unknown()),
  quota: quota.optional(),
  // An older service knows of none of these, and so nobody has any.
  secrets: z.array(secret).default([]),
  tlsSubject: z.record(z.string(), z.string()).optional(),
  federation: z.array(federatedIdentity).default([]),
  trustedIssuer: z.boolean().default(false),
  /** What it may do in the Microsoft server-to-server profile; absent: it takes no part. */
  microsoft: z
    .looseObject({
      issuedBy: z.string().default('itself'),
      actors: z.array(z.string()).default([]),
      userTokens: z.boolean().default(false),
      delegation: z.boolean().default(false),
    })
    .optional(),
  onboarding: z.looseObject({ expiresAt: z.string(), createdAt: z.string(), methods: z.array(z.string()) }).optional(),
  /** Whether its own people hold a registration access token (RFC 7592). */
  registered: z.boolean().default(false),
  /** Its tokens of before were revoked. */
  tokensNotBefore: z.string().optional(),
  audiences: z.array(z.string()),
  /** Audiences of others of whose tokens it may ask. */
  introspects: z.array(z.string()).default([]),
  grants: z.array(
    z.looseObject({
      audience: z.string(),
      scopes,
      authorizationDetailsTypes: z.array(z.string()).default([]),
      tokensNotBefore: z.string().optional(),
    }),
  ),
});
export type Partner = z.infer<typeof partner>;

export const audience = z.looseObject({
  audience: z.string(),
  owner: z.string(),
  scopes,
  authorizationDetails: detailTypes.default({}),
  tokenPolicy,
  introspectors: z.array(z.string()).default([]),
  version: z.number(),
});
export type Audience = z.infer<typeof audience>;

export const grant = z.looseObject({
  client: z.string(),
  audience: z.string(),
  scopes,
  authorizationDetailsTypes: z.array(z.string()).default([]),
  /** Tokens by it of before were revoked. */
  tokensNotBefore: z.string().optional(),
  version: z.number(),
});

export type Grant = z.infer<typeof grant>;

/** Somebody whom servers of the Microsoft profile speak of. */
export const user = z.looseObject({
  id: z.string(),
  upn: z.string().optional(),
  smtp: z.string().optional(),
  sip: z.string().optional(),
  sid: z.string().optional(),
  puid: z.string().optional(),
  version: z.number(),
});
export type User = z.infer<typeof user>;

/** What became of a token of the Microsoft profile that was tried dry. */
export const diagnosis = z.looseObject({
  direction: z.enum(['from-partner', 'to-partner']),
  accepted: z.boolean(),
  fault: z.string().optional(),
  step: z.number().optional(),
  finding: z.string().optional(),
  remedy: z.string().optional(),
  partner: z.string().optional(),
  actor: z.string().optional(),
  audience: z.string().optional(),
  subject: z.string().optional(),
  expiresAt: z.string().optional(),
  forTokenEndpoint: z.boolean().optional(),
});
export type Diagnosis = z.infer<typeof diagnosis>;

/** A secret that was made a moment ago, with the one sight of it. */
export const newSecret = z.looseObject({
  secret: z.string(),
  id: z.string(),
  expiresAt: z.string().optional(),
  partner,
});

/** An onboarding token that was made a moment ago, with the one sight of it. */
export const newOnboarding = z.looseObject({
  token: z.string(),
  expiresAt: z.string(),
  registrationEndpoint: z.string(),
});

const signingKey = z.looseObject({
  kid: z.string(),
  state: z.string(),
  hold: z.boolean(),
  keyArn: z.string(),
  createdAt: z.string(),
  ageSeconds: z.number(),
  /** What becomes of the key, and not before when; absent where nothing does, or no day is set for it. */
  next: z.looseObject({ state: z.string(), notBefore: z.string().optional() }).optional(),
  certificate: z.looseObject({ notAfter: z.string() }).optional(),
});
export type SigningKey = z.infer<typeof signingKey>;

/** The signing keys of one algorithm. */
export const ring = z.looseObject({
  algorithm: z.string(),
  version: z.number(),
  keys: z.array(signingKey),
  /** The AWS call that failed after the command itself was done. */
  unfinished: z.string().optional(),
});
export type Ring = z.infer<typeof ring>;

/** A ring after a revocation. */
export const revocation = ring.extend({ unverifiableSeconds: z.number() });

/** One page of a listing; `next` is the cursor of the following one. */
export const page = <T>(item: ZodType<T>) => z.object({ items: z.array(item), next: z.string().min(1).optional() });

/** RFC 9457 problem document, or API Gateway's `{"message"}`; every member may be missing. */
export const problem = z.looseObject({
  title: z.string().optional(),
  detail: z.string().optional(),
  message: z.string().optional(),
  /** Why a partner's document was refused. */
  code: z.string().optional(),
  /** RFC 3339: when the same request would no longer be refused for this reason. */
  until: z.string().optional(),
  errors: z
    .array(z.looseObject({ pointer: z.string().optional(), detail: z.string(), code: z.string().optional() }))
    .optional(),
  /** The grants that would be left hanging. */
  dependents: z.array(z.looseObject({ client: z.string(), audience: z.string() })).optional(),
});
