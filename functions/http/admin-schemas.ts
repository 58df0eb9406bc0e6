/** Shapes of what the admin API takes. What a value means and whether it may be is decided in `core/registration.ts`. */

import * as z from 'zod';
import { JWS_ALGORITHMS } from '../core/algorithms.ts';
import { isAudienceUri } from '../core/partner.ts';

export const partnerSchema = z.strictObject({
  id: z.string(),
  name: z.string().optional(),
  jwks: z.strictObject({ keys: z.array(z.record(z.string(), z.unknown())) }),
});

export const partnerChangeSchema = z
  .strictObject({ enabled: z.boolean().optional(), name: z.string().optional() })
  .refine((change) => Object.keys(change).length > 0, 'nothing to change');

export const audienceSchema = z.strictObject({
  audience: z.string(),
  owner: z.string(),
  scopes: z.array(z.string()),
  algorithm: z.string().optional(),
});

export const grantSchema = z.strictObject({ client: z.string(), audience: z.string(), scopes: z.array(z.string()) });

export const pageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  // The ids and audiences that cursors are made of are printable ASCII; a stranger text is no start key for DynamoDB.
  cursor: z
    .string()
    .regex(/^[\x21-\x7e]{1,512}$/, 'not a cursor of this list')
    .optional(),
});

export const grantListSchema = z.union([
  z.strictObject({ client: z.string(), ...pageSchema.shape }),
  z.strictObject({ audience: z.string().refine(isAudienceUri, 'not an audience'), ...pageSchema.shape }),
]);

export const ringCommandSchema = z.strictObject({ algorithm: z.enum(JWS_ALGORITHMS) });

export const revocationSchema = z.strictObject({ breakGlass: z.boolean().default(false) });
