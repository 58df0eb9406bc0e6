/**
 * JWK Sets of partners (RFC 7517 5), SPIFFE bundles among them. Keys that are not for signatures, or that nobody could verify with,
 * are left out; a private key refuses the set, since everybody who could read it can sign as the partner.
 */

import {
  type DocumentKey,
  type DocumentKeys,
  type EntryReading,
  gatherKeys,
  leftOut,
  refused,
  taken,
} from './document-key.ts';
import type { Result } from './errors.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import type { EpochSeconds } from './partner.ts';
import { decodeBase64, parseCertificateDer } from './partner-certificate.ts';
import { type InputProblem, parsePublicKey } from './public-key.ts';

/** @param entries the member `keys`. */
export const readKeySet = (
  entries: readonly unknown[],
  now: EpochSeconds,
): Promise<Result<DocumentKeys, readonly InputProblem[]>> =>
  gatherKeys(entries, (entry, pointer) => readJwk(entry, pointer, now), {
    pointer: '/keys',
    detail: 'there is no key in it',
    code: 'document_no_keys',
  });

/** One entry of a set. */
export const readJwk = async (entry: unknown, pointer: string, now: EpochSeconds): Promise<EntryReading> => {
  if (!isJsonObject(entry)) return leftOut({ pointer, detail: 'not a JWK', code: 'key_malformed' });
  const parsed = await parsePublicKey(asSignatureKey(entry), pointer, now);
  if (!parsed.ok) return parsed.refusal.code === 'key_exposed' ? refused(parsed.refusal) : leftOut(parsed.refusal);
  const thumbprints = await certificateThumbprints(entry, parsed.value.thumbprint, pointer, now);
  return thumbprints === undefined
    ? leftOut({
        pointer,
        detail: 'its x5c has no certificate of this key, or x5t is not that of the certificate',
        code: 'key_malformed',
      })
    : taken({ ...parsed.value, ...thumbprints });
};

/** In a SPIFFE bundle `use` names the kind of identity document that a key signs; JWT-SVIDs are the ones that we look at. */
const asSignatureKey = (jwk: JsonObject): JsonObject => (jwk.use === 'jwt-svid' ? { ...jwk, use: 'sig' } : jwk);

/**
 * Of the certificate that a JWK brings along. RFC 7517 4.7: its first one has to have the key of the JWK. A thumbprint without
 * its certificate proves nothing, and is not taken over. How long the certificate is good is not asked: the set says which keys
 * are good, and issuers that publish `x5c` let it run out (it is self-signed and renewed by nobody).
 * @returns `undefined` when they contradict one another.
 */
const certificateThumbprints = async (
  { x5c, ...jwk }: JsonObject,
  thumbprint: string,
  pointer: string,
  now: EpochSeconds,
): Promise<Pick<DocumentKey, 'x5t' | 'x5tS256'> | undefined> => {
  if (x5c === undefined) return {};
  const [first] = Array.isArray(x5c) ? (x5c as readonly unknown[]) : [];
  const der = typeof first === 'string' ? decodeBase64(first) : undefined;
  const certificate = der && (await parseCertificateDer(der, pointer, now));
  if (!certificate?.ok || certificate.value.key.thumbprint !== thumbprint) return undefined;
  const { x5t, x5tS256 } = certificate.value;
  const agrees = (jwk.x5t ?? x5t) === x5t && (jwk['x5t#S256'] ?? x5tS256) === x5tS256;
  return agrees ? { x5t, x5tS256 } : undefined;
};
