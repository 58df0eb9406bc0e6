/**
 * DPoP proofs: does whoever sent this request have the private key, and was the proof made for this very request? All checks of
 * RFC 9449 4.3 but one: that no proof is used twice is the replay guard's.
 */

import { algorithmFacts, JWS_ALGORITHMS, type JwsAlgorithm, parseAlgorithmName, wireNames } from './algorithms.ts';
import { isAcceptedNonce } from './dpop-nonce.ts';
import { accept, type Refusal, type Result, refuse } from './errors.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { decodeJson, isBase64url } from './jws.ts';
import { isSignedBy } from './key-proof.ts';
import type { EpochSeconds, PartnerKey } from './partner.ts';
import { parsePublicKey } from './public-key.ts';
import { normalizeTargetUri } from './target-uri.ts';

/** What the request is that the proof came with. */
export interface ProofRules {
  readonly method: string;
  /** All names of the resource; the proof has to give one of them. */
  readonly urls: readonly string[];
  /** Absent: this server gives no nonces, and ignores one that is there. */
  readonly nonces?: { readonly accepted: readonly string[]; readonly required: boolean };
  /** The access token beside the proof, at a resource. */
  readonly accessToken?: string;
  /** By how much the client's clock may be off. */
  readonly toleranceSeconds: number;
}

export interface DpopProof {
  /** RFC 7638 SHA-256 thumbprint of the key, base64url. */
  readonly jkt: string;
  readonly jti: string;
  readonly issuedAt: EpochSeconds;
  /** After this the proof is refused for its age. */
  readonly forgetAfter: EpochSeconds;
}

const TYPE = 'dpop+jwt';

/** Room for the largest RSA key that we take and its signature. */
const MAX_LENGTH = 4_096;

/** A proof is made for one request and sent at once. */
const MAX_AGE_SECONDS = 60;

const MAX_JTI_LENGTH = 256;

/** All but ML-DSA: a proof with its key and a token beside it would not fit the 10,240 octets of headers that API Gateway takes. */
const PROOF_ALGORITHMS: readonly JwsAlgorithm[] = JWS_ALGORITHMS.filter((name) => algorithmFacts(name).kty !== 'AKP');

/** For `dpop_signing_alg_values_supported` (RFC 9449 5.1). */
export const PROOF_ALGORITHM_NAMES: readonly string[] = PROOF_ALGORITHMS.flatMap(wireNames);

/** @param header value of the `DPoP` header; of several headers, as API Gateway hands them on: joined by commas. */
export const verifyDpopProof = async (
  header: string,
  rules: ProofRules,
  now: EpochSeconds,
): Promise<Result<DpopProof>> => {
  const parsed = parseProof(header);
  if (!parsed.ok) return parsed;
  const { claims } = parsed.value;
  const key = await proofKey(parsed.value, now);
  if (!key.ok) return key;
  if (!(await isSignedBy(key.value, header))) return refuse({ reason: 'dpop_signature' });
  const fault = requestFault(claims, rules) ?? timeFault(claims, rules, now) ?? (await tokenFault(claims, rules));
  if (fault !== undefined) return refuse(fault);
  const forgetAfter = Math.ceil(claims.iat) + MAX_AGE_SECONDS + rules.toleranceSeconds;
  return accept({ jkt: key.value.thumbprint, jti: claims.jti, issuedAt: claims.iat, forgetAfter });
};

/** RFC 9449 4.2 */
interface ProofClaims {
  readonly jti: string;
  readonly htm: string;
  readonly htu: string;
  readonly iat: number;
  readonly nonce: string | undefined;
  readonly ath: string | undefined;
}

interface ParsedProof {
  readonly algorithm: JwsAlgorithm;
  readonly jwk: JsonObject;
  readonly claims: ProofClaims;
}

const malformed = (detail: string) => refuse({ reason: 'dpop_malformed', detail } as const);

/** Items 1 to 5, and the key as it stands there. */
const parseProof = (jws: string): Result<ParsedProof> => {
  if (jws.length > MAX_LENGTH) return malformed('too long');
  if (jws.includes(',')) return malformed('several proofs');
  const [protectedHeader = '', payload = '', signature, ...rest] = jws.split('.');
  if (signature === undefined || rest.length > 0 || !isBase64url(signature)) return malformed('not a compact JWS');
  const header = decodeJson(protectedHeader);
  const claims = decodeJson(payload);
  if (header === undefined || claims === undefined) return malformed('not JSON');
  if (header.typ !== TYPE) return malformed('typ');
  // No extension is understood, and a payload that is not encoded is not what was read above (RFC 7797).
  if (header.crit !== undefined || header.b64 !== undefined) return malformed('critical header');
  const algorithm = parseAlgorithmName(header.alg);
  if (algorithm === undefined || !PROOF_ALGORITHMS.includes(algorithm)) return malformed('alg');
  if (!isJsonObject(header.jwk)) return malformed('jwk');
  const missing = claimFault(claims);
  if (missing !== undefined) return malformed(missing);
  return accept({ algorithm, jwk: header.jwk, claims: claims as unknown as ProofClaims });
};

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isTextOrAbsent = (value: unknown): boolean => value === undefined || isText(value);

/** @returns the claim that is missing or not of its kind. */
const claimFault = ({ jti, htm, htu, iat, nonce, ath }: JsonObject): string | undefined => {
  if (!isText(jti) || jti.length > MAX_JTI_LENGTH) return 'jti';
  if (!isText(htm)) return 'htm';
  if (!isText(htu)) return 'htu';
  if (typeof iat !== 'number' || !(iat >= 0 && iat <= Number.MAX_SAFE_INTEGER)) return 'iat';
  if (!isTextOrAbsent(nonce)) return 'nonce';
  return isTextOrAbsent(ath) ? undefined : 'ath';
};

/** Item 7, and that it is a key at all whose signatures prove something. */
const proofKey = async ({ jwk, algorithm }: ParsedProof, now: EpochSeconds): Promise<Result<PartnerKey>> => {
  if (jwk.alg !== undefined && parseAlgorithmName(jwk.alg) !== algorithm) {
    return refuse({ reason: 'dpop_key', detail: 'alg' });
  }
  const key = await parsePublicKey({ ...jwk, alg: algorithm }, '', now);
  return key.ok ? key : refuse({ reason: 'dpop_key', detail: key.refusal.code });
};

/** Items 8 to 10. */
const requestFault = (claims: ProofClaims, { method, urls, nonces }: ProofRules): Refusal | undefined => {
  if (claims.htm !== method) return { reason: 'dpop_method', expected: method };
  const target = normalizeTargetUri(claims.htu);
  if (target === undefined || !urls.some((url) => normalizeTargetUri(url) === target)) {
    return { reason: 'dpop_url', expected: urls[0] ?? '' };
  }
  if (nonces === undefined || (claims.nonce === undefined && !nonces.required)) return undefined;
  return isAcceptedNonce(claims.nonce, nonces.accepted) ? undefined : { reason: 'dpop_nonce' };
};

/** Item 11. */
const timeFault = ({ iat }: ProofClaims, { toleranceSeconds }: ProofRules, now: EpochSeconds): Refusal | undefined =>
  iat + MAX_AGE_SECONDS + toleranceSeconds < now || iat > now + toleranceSeconds
    ? { reason: 'dpop_untimely', issuedAt: iat, now }
    : undefined;

/** Item 12, its first half; whether the token is bound to this key: core/proof-of-possession.ts. */
const tokenFault = async ({ ath }: ProofClaims, { accessToken }: ProofRules): Promise<Refusal | undefined> =>
  accessToken === undefined || ath === (await tokenHash(accessToken)) ? undefined : { reason: 'dpop_token_hash' };

const tokenHash = async (token: string): Promise<string> => {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
  return Buffer.from(hash).toString('base64url');
};
