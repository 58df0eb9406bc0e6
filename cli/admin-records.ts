/**
 * The shapes that the admin API answers with. Unknown members are kept, so `--json` shows what a newer service says.
 * Times are RFC 3339 strings, as on the wire.
 */
import { type ZodType, z } from 'zod';

const scopes = z.array(z.string());

const credential = z.looseObject({
  kid: z.string(),
  alg: z.string(),
  kty: z.string(),
  thumbprint: z.string(),
  addedAt: z.string(),
});

/** A partner as listings show it. */
export const partnerSummary = z.looseObject({
  id: z.string(),
  name: z.string().optional(),
  enabled: z.boolean(),
  version: z.number(),
  createdAt: z.string(),
  updatedAt: z.string(),
});

export const partner = partnerSummary.extend({
  credentials: z.array(credential),
  audiences: z.array(z.string()),
  grants: z.array(z.looseObject({ audience: z.string(), scopes })),
});
export type Partner = z.infer<typeof partner>;

export const audience = z.looseObject({
  audience: z.string(),
  owner: z.string(),
  scopes,
  algorithm: z.string().optional(),
  version: z.number(),
});

export const grant = z.looseObject({ client: z.string(), audience: z.string(), scopes, version: z.number() });

const signingKey = z.looseObject({
  kid: z.string(),
  state: z.string(),
  hold: z.boolean(),
  keyArn: z.string(),
  createdAt: z.string(),
  ageSeconds: z.number(),
  /** What becomes of the key, and not before when; absent where nothing does, or no day is set for it. */
  next: z.looseObject({ state: z.string(), notBefore: z.string().optional() }).optional(),
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
  /** RFC 3339: when the same request would no longer be refused for this reason. */
  until: z.string().optional(),
  errors: z.array(z.looseObject({ pointer: z.string().optional(), detail: z.string() })).optional(),
});
