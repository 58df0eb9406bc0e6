/** Shapes of what the admin API takes. What a value means and whether it may be is decided in `core/`. */

import * as z from 'zod';
import { JWS_ALGORITHMS } from '../core/algorithms.ts';
import { REGISTRABLE_METHODS } from '../core/client-registration.ts';
import { COMPATIBILITY_PROFILES } from '../core/compatibility.ts';
import type { ClaimValue } from '../core/custom-claims.ts';
import { isAudienceUri, TRUST_LEVELS } from '../core/partner.ts';
import { QUOTA_MODES } from '../core/quota.ts';

/** The first second that RFC 3339 has no spelling for. */
const END_OF_TIME = 253_402_300_800;

/** RFC 3339 outside, seconds since the epoch inside; parts of a second are cut off. */
const time = z.iso
  .datetime({ offset: true })
  .transform((text) => Math.floor(Date.parse(text) / 1_000))
  .refine((seconds) => seconds >= 0 && seconds < END_OF_TIME, 'not a time from 1970 to 9999');

/** Any JSON. How deep it goes is for `core/` to say: a schema that followed it down would fall off its own stack. */
const anyJson = z.custom<ClaimValue>((value) => value !== undefined);

const jwk = z.record(z.string(), z.unknown());
const scopes = z.array(z.string());

/** The number that was last read: a change from an older view is refused. */
const version = z.number().int().min(0);

const tokenPolicy = z.strictObject({
  accessTokenSeconds: z.number().optional(),
  algorithm: z.string().optional(),
  binding: z.string().optional(),
  profile: z.string().optional(),
});

const quota = z.strictObject({
  perMinute: z.number().optional(),
  perDay: z.number().optional(),
  mode: z.enum(QUOTA_MODES),
});

export const credentialSchema = z.strictObject({
  jwk: jwk.optional(),
  certificate: z.string().optional(),
  alg: z.string().optional(),
  label: z.string().optional(),
  notBefore: time.optional(),
  expiresAt: time.optional(),
});

export const credentialChangeSchema = z
  .strictObject({
    version,
    kid: z.string(),
    label: z.string().nullish(),
    notBefore: time.nullish(),
    expiresAt: time.nullish(),
  })
  .refine((change) => Object.keys(change).length > 2, 'nothing to change');

export const secretSchema = z.strictObject({ label: z.string().optional(), expiresAt: time.optional() });

export const secretQuery = z.strictObject({ id: z.string() });

export const onboardingSchema = z.strictObject({
  expiresInSeconds: z.number().optional(),
  methods: z.array(z.enum(REGISTRABLE_METHODS)).optional(),
});

const predicates = z.record(
  z.string(),
  z.strictObject({
    exact: z.string().optional(),
    glob: z.string().optional(),
    oneOf: z.array(z.string()).optional(),
  }),
);

const federatedIdentity = z.strictObject({
  issuer: z.string(),
  audience: z.string().optional(),
  claims: predicates,
  audited: predicates.optional(),
  maxSeconds: z.number().optional(),
  reusable: z.boolean().optional(),
});

const tlsSubject = z.strictObject({
  subjectDn: z.string().optional(),
  sanDns: z.string().optional(),
  sanUri: z.string().optional(),
  sanIp: z.string().optional(),
  sanEmail: z.string().optional(),
});

/** How a partner takes part in the Microsoft server-to-server profile. */
const microsoftPartner = z.strictObject({
  issuedBy: z.string().optional(),
  actors: z.array(z.string()).optional(),
  userTokens: z.boolean().optional(),
  delegation: z.boolean().optional(),
});

/** How a realm goes by in that profile. */
const microsoftRealm = z.strictObject({
  applicationId: z.string(),
  realms: z.array(z.string()),
  hosts: z.array(z.string()).optional(),
  tokenHosts: z.array(z.string()).optional(),
  users: z.string().optional(),
});

const changeable = {
  name: z.string().nullish(),
  contact: z.string().nullish(),
  tags: z.record(z.string(), z.string()).optional(),
  enabled: z.boolean().optional(),
  trustLevel: z.enum(TRUST_LEVELS).optional(),
  acceptsSecurityIdentifiers: z.boolean().optional(),
  issuer: z.string().nullish(),
  compatibility: z.enum(COMPATIBILITY_PROFILES).optional(),
  tokenPolicy: tokenPolicy.optional(),
  claims: z.record(z.string(), anyJson).optional(),
  quota: quota.nullish(),
  jwksUri: z.string().nullish(),
  metadataUrl: z.string().nullish(),
  tlsSubject: tlsSubject.nullish(),
  federation: z.array(federatedIdentity).optional(),
  trustedIssuer: z.boolean().optional(),
  microsoft: microsoftPartner.nullish(),
};

const definition = {
  ...changeable,
  credentials: z.array(credentialSchema).optional(),
  jwks: z.strictObject({ keys: z.array(jwk) }).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
};

export const partnerSchema = z.strictObject({ id: z.string().optional(), ...definition });

export const declaredPartnerSchema = z.strictObject({ version: version.optional(), ...definition });

const changesSomething = (change: object): boolean => Object.keys(change).some((name) => name !== 'version');

export const partnerChangeSchema = z
  .strictObject({ version, ...changeable })
  .refine(changesSomething, 'nothing to change');

const realmMembers = {
  description: z.string().nullish(),
  aliases: z.array(z.string()).optional(),
  enabled: z.boolean().optional(),
  policy: z
    .strictObject({
      algorithms: z.array(z.string()).optional(),
      accessTokenSeconds: z.number().optional(),
      assertionSeconds: z.number().optional(),
      clientSecrets: z.boolean().optional(),
      grantTypes: z.array(z.string()).optional(),
      dpopNonces: z.string().optional(),
      authorizationDetailsTypes: z.array(z.string()).optional(),
      microsoft: microsoftRealm.optional(),
    })
    .optional(),
};

export const realmSchema = z.strictObject({ name: z.string(), ...realmMembers });

export const realmChangeSchema = z
  .strictObject({ version, ...realmMembers })
  .refine(changesSomething, 'nothing to change');

const detailValues = z.array(z.string()).optional();

/** By type (RFC 9396 2). */
const authorizationDetails = z.record(
  z.string(),
  z.strictObject({
    actions: detailValues,
    datatypes: detailValues,
    privileges: detailValues,
    fields: detailValues,
  }),
);

export const audienceSchema = z.strictObject({
  audience: z.string(),
  owner: z.string(),
  scopes,
  tokenPolicy: tokenPolicy.optional(),
  authorizationDetails: authorizationDetails.optional(),
  introspectors: z.array(z.string()).optional(),
});

export const audienceChangeSchema = z
  .strictObject({
    audience: z.string(),
    version,
    scopes: scopes.optional(),
    tokenPolicy: tokenPolicy.optional(),
    authorizationDetails: authorizationDetails.optional(),
    introspectors: z.array(z.string()).optional(),
  })
  .refine((change) => Object.keys(change).length > 2, 'nothing to change');

export const grantSchema = z.strictObject({
  client: z.string(),
  audience: z.string(),
  scopes,
  authorizationDetailsTypes: z.array(z.string()).optional(),
});

export const pageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  // The ids and audiences that cursors are made of are printable ASCII; a stranger text is no start key for DynamoDB.
  cursor: z
    .string()
    .regex(/^[\x21-\x7e]{1,512}$/, 'not a cursor of this list')
    .optional(),
});

const audienceUri = z.string().refine(isAudienceUri, 'not an audience');

export const audienceListSchema = z.strictObject({ audience: z.string().optional(), ...pageSchema.shape });

export const audienceQuery = z.strictObject({ audience: z.string() });

export const grantListSchema = z.union([
  z.strictObject({ client: z.string(), ...pageSchema.shape }),
  z.strictObject({ audience: audienceUri, ...pageSchema.shape }),
]);

export const grantQuery = z.strictObject({ client: z.string(), audience: z.string() });

export const grantNameSchema = z.strictObject({ client: z.string(), audience: z.string() });

const identifier = z.string().optional();

/** How old servers know the user. */
export const userSchema = z.strictObject({
  version: version.optional(),
  upn: identifier,
  smtp: identifier,
  sip: identifier,
  sid: identifier,
  puid: identifier,
});

/** Of a token what names it and when it ends, and nothing that could be used as one. */
export const tokenSchema = z.strictObject({ tokenId: z.string(), expiresAt: time });

/** A token as it was captured from a server, good or bad; how long one may be is the first of its checks. */
export const diagnosisSchema = z.strictObject({ partner: z.string(), token: z.string() });

export const credentialQuery = z.strictObject({ kid: z.string() });

export const ringCommandSchema = z.strictObject({ algorithm: z.enum(JWS_ALGORITHMS) });

/** An effective date has to mean the same to whoever reads it: in UTC, to the second. */
const utcTime = z.iso.datetime({ precision: 0 }).transform((text) => Date.parse(text) / 1_000);

export const rotationSchema = z.strictObject({ algorithm: z.enum(JWS_ALGORITHMS), at: utcTime.optional() });

export const revocationSchema = z.strictObject({ breakGlass: z.boolean().default(false) });

const text = z.string().optional();
const subject = z.strictObject({ CN: z.string(), OU: text, O: text, L: text, ST: text, C: text });

export const selfSignedSchema = z.strictObject({ subject, days: z.number() });
export const signingRequestSchema = z.strictObject({ subject, dnsNames: z.array(z.string()).optional() });
export const certificateImportSchema = z.strictObject({ chain: z.union([z.string(), z.array(z.string())]) });
