/**
 * The token itself: claims, signature by the ring's active key, compact form.
 */

import { algorithmFacts, type JwsAlgorithm } from '../core/algorithms.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import { compact, signingInput } from '../core/jws.ts';
import { activeKey, type KeyRing, type SigningKey } from '../core/key-ring.ts';
import type { EpochSeconds } from '../core/partner.ts';
import { ACCESS_TOKEN_TYPE, type AccessTokenClaims, buildClaims, type TokenGrant } from '../core/token.ts';
import { KeyUnusable, Outage, type Signer } from '../ports.ts';

export interface SignedToken {
  readonly token: string;
  readonly claims: AccessTokenClaims;
  readonly kid: string;
}

/** What is to be signed; the lifetime is bounded by the key as well. */
export interface TokenOrder {
  readonly grant: TokenGrant;
  readonly algorithm: JwsAlgorithm;
  readonly jti: string;
  readonly now: EpochSeconds;
}

/**
 * @param rings as they were read, perhaps a while ago; `readRings` reads them anew, see `withActiveKey`.
 * @throws Outage when KMS did not sign, or no key is active.
 */
export const signToken = async (
  signer: Signer,
  order: TokenOrder,
  rings: readonly KeyRing[],
  readRings: () => Promise<readonly KeyRing[]>,
): Promise<SignedToken> => withActiveKey(rings, readRings, order.algorithm, (key) => signWith(signer, order, key));

/**
 * @param rings as they were read, perhaps a while ago.
 * @param readRings reads them anew. A key that was revoked a moment ago no longer signs; the one that took its place does.
 * @throws Outage when `sign` does, or no key is active.
 */
export const withActiveKey = async <Signed>(
  rings: readonly KeyRing[],
  readRings: () => Promise<readonly KeyRing[]>,
  algorithm: JwsAlgorithm,
  sign: (key: SigningKey) => Promise<Signed>,
): Promise<Signed> => {
  try {
    return await sign(signingKey(rings, algorithm));
  } catch (error) {
    if (!(error instanceof KeyUnusable)) throw error;
    return sign(signingKey(await readRings(), algorithm));
  }
};

/** What we refuse to read ourselves nobody should be given. */
const MAX_TOKEN_LENGTH = 8_192;

/**
 * Whether the token would be too large, for KMS to sign or for anybody to take: known before anything is used up or signed.
 * @param rings of the realm, of which one has the key.
 */
export const checkSize = (order: TokenOrder, rings: readonly KeyRing[]): Result<undefined> => {
  const { kid } = signingKey(rings, order.algorithm);
  const input = inputOf(order, order.grant.seconds, kid).input.length;
  const { kms, signatureBytes } = algorithmFacts(order.algorithm);
  const room = MAX_TOKEN_LENGTH - Math.ceil((signatureBytes * 4) / 3) - 1;
  const maxCharacters = kms.message.type === 'RAW' ? Math.min(MAX_RAW_MESSAGE_BYTES, room) : room;
  return input > maxCharacters
    ? refuse({ reason: 'token_too_large', characters: input, maxCharacters })
    : accept(undefined);
};

/** Octets that KMS signs without hashing them itself first (KMS API reference, Sign). */
export const MAX_RAW_MESSAGE_BYTES = 4_096;

const inputOf = ({ grant, algorithm, jti, now }: TokenOrder, seconds: number, kid: string) => {
  const claims = buildClaims({ ...grant, seconds }, jti, now);
  return { claims, input: signingInput({ alg: algorithm, typ: ACCESS_TOKEN_TYPE, kid }, claims) };
};

const signWith = async (signer: Signer, order: TokenOrder, key: SigningKey): Promise<SignedToken> => {
  const { claims, input } = inputOf(order, Math.min(order.grant.seconds, key.maxTokenSeconds ?? 0), key.kid);
  return { token: compact(input, await signer.sign(key, order.algorithm, input)), claims, kid: key.kid };
};

/** @throws Outage without an active key: a deployment whose first keys are not made yet, which is not the client's fault. */
export const signingKey = (rings: readonly KeyRing[], algorithm: JwsAlgorithm): SigningKey => {
  const ring = rings.find((each) => each.algorithm === algorithm);
  const key = ring === undefined ? undefined : activeKey(ring);
  if (key === undefined) throw new Outage('key-ring', new Error(`the ${algorithm} ring has no active key`));
  return key;
};
