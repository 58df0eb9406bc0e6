/**
 * DPoP proofs (RFC 9449): that the sender of a request holds a key, which the token is bound to then.
 */
import { createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { type JWK, SignJWT } from 'jose';
import { misuse } from './failure.ts';
import type { SigningKey } from './private-key.ts';

export type DpopKey = Pick<SigningKey, 'key' | 'alg'>;

/** For one token: whoever wants to use it brings a key of his own. */
export const generateDpopKey = (): DpopKey => ({
  key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  alg: 'ES256',
});

interface Proof {
  readonly method: string;
  readonly url: URL;
  /** As the server has demanded it (section 8). */
  readonly nonce: string | undefined;
}

/**
 * For one request (section 4.2).
 * @throws Failure (2) when the key cannot sign.
 */
export async function signProof({ key, alg }: DpopKey, { method, url, nonce }: Proof): Promise<string> {
  const { kty, crv, x, y, n, e, pub }: JWK = createPublicKey(key).export({ format: 'jwk' });
  const jwk = Object.fromEntries(
    Object.entries({ kty, crv, x, y, n, e, pub }).filter(([, value]) => value !== undefined),
  );
  // An ML-DSA key tells its parameter set in `alg` alone.
  const named = kty === 'AKP' ? { ...jwk, alg } : jwk;
  const claims = { jti: randomUUID(), htm: method, htu: url.origin + url.pathname };
  try {
    return await new SignJWT({ ...claims, ...(nonce === undefined ? {} : { nonce }) })
      .setProtectedHeader({ typ: 'dpop+jwt', alg, jwk: named })
      .setIssuedAt()
      .sign(key);
  } catch (error) {
    throw misuse(`the DPoP key cannot sign with ${alg}: ${error instanceof Error ? error.message : 'unknown reason'}`);
  }
}
