/**
 * DPoP proofs at a resource server: was this one made by the owner of the key, for this very request and token? All checks of RFC 9449
 * 4.3 but the nonce and single use, which need a memory: proof-of-possession.ts.
 */

import { calculateJwkThumbprint, compactVerify, importJWK, type JWK } from 'jose';
import { isObject, type JsonObject, parseCompactJws, sha256 } from './compact-jws.ts';
import { Refusal } from './refusal.ts';
import { normalizeTargetUri } from './target-uri.ts';

/** For the parameter `algs` of challenges and `dpop_signing_alg_values_supported` of metadata. */
export const PROOF_ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'RS256', 'PS256'];

export interface ProofRules {
  readonly method: string;
  readonly url: string;
  readonly accessToken: string;
  /** By how much the client's clock may be off. */
  readonly toleranceSeconds: number;
}

export interface DpopProof {
  /** RFC 7638 SHA-256 thumbprint of the key. */
  readonly jkt: string;
  readonly jti: string;
  readonly nonce: string | undefined;
  /** From then on it is refused for its age: epoch seconds. */
  readonly expiresAt: number;
}

/** Room for the largest RSA key in use and its signature. */
const MAX_LENGTH = 4_096;
const MAX_JTI_LENGTH = 256;

/** A proof is made for one request and sent at once. */
const MAX_AGE_SECONDS = 60;

const refused = (reason: string): Refusal => new Refusal('invalid_dpop_proof', reason);

/** @param jws value of the `DPoP` header. @throws Refusal */
export const verifyProof = async (jws: string, rules: ProofRules, now: number): Promise<DpopProof> => {
  // Several headers reach us joined by commas (item 1), and no comma is in a JWS.
  const parsed = parseCompactJws(jws, MAX_LENGTH);
  if (typeof parsed === 'string') throw refused(`proof_${parsed}`);
  const { header, claims } = parsed;
  if (header.typ !== 'dpop+jwt') throw refused('proof_typ');
  if (!PROOF_ALGORITHMS.includes(header.alg)) throw refused('proof_algorithm');
  const { jti, nonce, expiresAt } = readClaims(claims, rules, now);
  const jwk = publicKey(header.jwk);
  await verifySignature(jws, jwk, header.alg);
  if (claims.ath !== (await sha256(rules.accessToken))) throw refused('proof_token_hash');
  return { jkt: await calculateJwkThumbprint(jwk), jti, nonce, expiresAt };
};

/** Items 3 and 8 to 11. */
const readClaims = (
  { jti, htm, htu, iat, nonce }: JsonObject,
  { method, url, toleranceSeconds }: ProofRules,
  now: number,
): Omit<DpopProof, 'jkt'> => {
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) throw refused('proof_jti');
  if (htm !== method) throw refused('proof_method');
  const target = typeof htu === 'string' ? normalizeTargetUri(htu) : undefined;
  if (target === undefined || target !== normalizeTargetUri(url)) throw refused('proof_url');
  if (typeof iat !== 'number' || !Number.isFinite(iat)) throw refused('proof_iat');
  const expiresAt = Math.ceil(iat) + MAX_AGE_SECONDS + toleranceSeconds;
  if (expiresAt <= now || iat > now + toleranceSeconds) throw refused('proof_untimely');
  if (nonce !== undefined && typeof nonce !== 'string') throw refused('proof_nonce');
  return { jti, nonce, expiresAt };
};

const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e'];

/** Item 7: a proof with its private key in it proves nothing (RFC 7518 6.2.2, 6.3.2, 6.4.1). */
const publicKey = (jwk: unknown): JWK => {
  if (
    !isObject(jwk) ||
    ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'].some((name) => Object.hasOwn(jwk, name))
  ) {
    throw refused('proof_key');
  }
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => PUBLIC_MEMBERS.includes(name)));
};

const verifySignature = async (jws: string, jwk: JWK, alg: string): Promise<void> => {
  const key = await importJWK(jwk, alg).catch(() => {
    throw refused('proof_key');
  });
  await compactVerify(jws, key, { algorithms: [alg] }).catch(() => {
    throw refused('proof_signature');
  });
};
