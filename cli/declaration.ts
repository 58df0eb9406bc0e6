/**
 * The declarative file of `apply`, `partner export` and the importers: its shape, strict, so that a misspelt member is an error.
 * The service decides whether values are acceptable; here is only what the file must look like to be understood.
 */
import { z } from 'zod';
import { ALGORITHM_NAMES } from './key-material.ts';

/** What the service takes as a client id. */
export const PARTNER_ID: RegExp = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

/** What a partner may assert: itself, only users, or both. */
export const TRUST_LEVELS = ['application', 'user', 'full'] as const;
/** Client libraries that cannot do all that is asked of assertions. */
export const COMPATIBILITY_PROFILES = ['strict', 'token-endpoint-audience', 'authlib', 'msal', 'google'] as const;
export type CompatibilityProfile = (typeof COMPATIBILITY_PROFILES)[number];
/** Required, required, or bound when a certificate is presented. */
export const BINDINGS = ['dpop', 'mtls', 'mtls-optional'] as const;
export const PROFILES = ['jwt', 'microsoft-s2s'] as const;
export const QUOTA_MODES = ['observe', 'enforce'] as const;
/** Who signs a partner's tokens of the Microsoft profile. */
const MICROSOFT_ISSUERS = ['itself', 'authorization-server'] as const;
/** Users that an operator has registered, or whom a trusted server names. */
export const MICROSOFT_USERS = ['registered', 'as-stated'] as const;
/** The one name that a TLS client certificate has to bear (RFC 8705 section 2.1.2). */
const TLS_SUBJECT_MEMBERS = ['subjectDn', 'sanDns', 'sanUri', 'sanIp', 'sanEmail'] as const;

const text = z.string().min(1);
const count = z.int().positive();
const time = z.iso.datetime({ offset: true, error: 'must be an RFC 3339 time such as 2027-01-31T00:00:00Z' });
const httpsUrl = z.url({ protocol: /^https$/, error: 'must be an https URL' });
const scopes = z.array(text).min(1).readonly();
const json = z.record(z.string(), z.json());

const tokenPolicy = z.strictObject({
  /** Lifetime in seconds. */
  accessTokenSeconds: count.optional(),
  algorithm: z.enum([...ALGORITHM_NAMES, 'Ed25519']).optional(),
  binding: z.enum(BINDINGS).optional(),
  profile: z.enum(PROFILES).optional(),
});

const quota = z.strictObject({
  perMinute: count.optional(),
  perDay: count.optional(),
  mode: z.enum(QUOTA_MODES),
});

const CREDENTIAL_MATERIAL = ['jwk', 'jwkFile', 'certificate', 'certificateFile'] as const;

const credential = z
  .strictObject({
    jwk: json.optional(),
    jwkFile: text.optional(),
    /** PEM, or base64 of the DER. */
    certificate: text.optional(),
    certificateFile: text.optional(),
    /** What the key of a certificate signs with, where that is not RS256. */
    alg: z.enum([...ALGORITHM_NAMES, 'Ed25519']).optional(),
    label: text.optional(),
    notBefore: time.optional(),
    expiresAt: time.optional(),
  })
  .refine((one) => given(one, CREDENTIAL_MATERIAL) === 1, `must have exactly one of ${CREDENTIAL_MATERIAL.join(', ')}`);

const tlsSubject = z
  .strictObject({
    /** Distinguished name as RFC 4514 writes it. */
    subjectDn: text.optional(),
    sanDns: text.optional(),
    sanUri: text.optional(),
    sanIp: text.optional(),
    sanEmail: text.optional(),
  })
  .refine((one) => given(one, TLS_SUBJECT_MEMBERS) === 1, `must have exactly one of ${TLS_SUBJECT_MEMBERS.join(', ')}`);

const PREDICATES = ['exact', 'glob', 'oneOf'] as const;

const predicate = z
  .strictObject({ exact: text.optional(), glob: text.optional(), oneOf: z.array(text).min(1).readonly().optional() })
  .refine((one) => given(one, PREDICATES) === 1, `must have exactly one of ${PREDICATES.join(', ')}`);

const federatedIdentity = z.strictObject({
  /** `iss` of the tokens. */
  issuer: text,
  audience: text.optional(),
  /** By the name of a claim, or by a JSON pointer (RFC 6901) into the claims. */
  claims: z.record(z.string(), predicate),
  audited: z.record(z.string(), predicate).optional(),
  /** Longest lifetime in seconds. */
  maxSeconds: count.optional(),
  reusable: z.boolean().optional(),
});
export const federation = z.array(federatedIdentity).readonly();

const microsoftPartner = z.strictObject({
  issuedBy: z.enum(MICROSOFT_ISSUERS).optional(),
  /** Applications that it may name besides itself, `<application id>@<realm>`. */
  actors: z.array(text).readonly().optional(),
  userTokens: z.boolean().optional(),
  delegation: z.boolean().optional(),
});

const detailValues = z.array(text).readonly().optional();
/** What details of one type may say (RFC 9396), by type. */
export const authorizationDetails = z.record(
  text,
  z.strictObject({ actions: detailValues, datatypes: detailValues, privileges: detailValues, fields: detailValues }),
);

const audience = z.strictObject({
  audience: text,
  scopes,
  authorizationDetails: authorizationDetails.optional(),
  tokenPolicy: tokenPolicy.optional(),
  /** Partners that may introspect its tokens as the owner may, by id. */
  introspectors: z.array(text).readonly().optional(),
});
const grant = z.strictObject({
  audience: text,
  scopes,
  authorizationDetailsTypes: z.array(text).readonly().optional(),
});

const KEY_SETS = ['credentials', 'jwks', 'jwksFile'] as const;
const DOCUMENTS = ['metadata', 'metadataFile', 'jwksUri', 'metadataUrl'] as const;

const partner = z
  .strictObject({
    id: z.string().regex(PARTNER_ID, 'must be letters, digits and . _ ~ - (128 at most), a letter or digit first'),
    name: text.optional(),
    contact: text.optional(),
    tags: z.record(z.string(), z.string({ error: 'must be text (put it in quotes)' })).optional(),
    enabled: z.boolean().optional(),
    trustLevel: z.enum(TRUST_LEVELS).optional(),
    acceptsSecurityIdentifiers: z.boolean().optional(),
    issuer: text.optional(),
    compatibility: z.enum(COMPATIBILITY_PROFILES).optional(),
    credentials: z.array(credential).readonly().optional(),
    jwks: z.strictObject({ keys: z.array(json).readonly() }).optional(),
    jwksFile: text.optional(),
    metadata: json.optional(),
    metadataFile: text.optional(),
    jwksUri: httpsUrl.optional(),
    metadataUrl: httpsUrl.optional(),
    tlsSubject: tlsSubject.optional(),
    /** JWTs of other issuers that prove this partner. */
    federation: federation.optional(),
    /** Whether tokens that it issues itself may prove other partners, and be exchanged. */
    trustedIssuer: z.boolean().optional(),
    /** Whether it speaks the Microsoft server-to-server profile, and what it may do there. */
    microsoft: microsoftPartner.optional(),
    tokenPolicy: tokenPolicy.optional(),
    claims: json.optional(),
    quota: quota.optional(),
    /** Audiences that this partner owns. */
    audiences: z.array(audience).readonly().optional(),
    /** Grants that this partner holds. */
    grants: z.array(grant).readonly().optional(),
  })
  .refine((one) => given(one, KEY_SETS) <= 1, `must have at most one of ${KEY_SETS.join(', ')}`)
  .refine((one) => given(one, DOCUMENTS) <= 1, `must have at most one of ${DOCUMENTS.join(', ')}`);

export const declaration = z.strictObject({
  /** Absent: the realm of the command line. */
  realm: text.optional(),
  partners: z.array(partner).readonly(),
});

/** A whole file. */
export type Declaration = z.infer<typeof declaration>;
/** One partner with the audiences that it owns and the grants that it holds. */
export type DeclaredPartner = z.infer<typeof partner>;
export type DeclaredCredential = z.infer<typeof credential>;
export type DeclaredAudience = z.infer<typeof audience>;
export type DeclaredGrant = z.infer<typeof grant>;
export type TokenPolicy = z.infer<typeof tokenPolicy>;
export type Quota = z.infer<typeof quota>;
export type TlsSubject = z.infer<typeof tlsSubject>;
export type Federation = z.infer<typeof federation>;
export type MicrosoftPartner = z.infer<typeof microsoftPartner>;
export type DetailTypes = z.infer<typeof authorizationDetails>;

const given = (record: object, names: readonly string[]): number => names.filter((name) => name in record).length;
