/**
 * DPoP (RFC 9449) as a client does it: a key that tokens are bound to, a proof for every request, and the nonces that servers
 * want to see in the next one.
 */

import { base64url, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';
import { jwtSigner } from './signed-jwt.ts';

/** Of the client's own making; the private half need not be extractable. */
export interface DpopKeyPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** JOSE name of the algorithm, such as `ES256`. */
  readonly alg: string;
}

interface ProvenRequest {
  readonly method: string;
  readonly url: URL;
  /** The access token that goes with it, at a resource (RFC 9449 7). */
  readonly token?: string;
  /** Seconds since the epoch. */
  readonly now: number;
}

export interface DpopProver {
  proof(request: ProvenRequest): Promise<string>;
  /** Keeps the nonce of an answer for the next request there (RFC 9449 8.2). @returns whether it is another one than before. */
  learn(url: URL, headers: Headers): boolean;
}

/** Servers of one token are few; whoever calls thousands of hosts pays one more round trip. */
const MAX_NONCES = 100;
const MAX_NONCE_LENGTH = 1_024;

/** @param keys `true`: a new pair, for as long as the process lives. */
export const createDpopProver = (keys: DpopKeyPair | true): DpopProver => {
  const nonces = new Map<string, string>();
  let signer: ReturnType<typeof openSigner> | undefined;
  return {
    proof: async ({ method, url, token, now }) => {
      signer ??= openSigner(keys);
      const { sign, jwk } = await signer;
      const nonce = nonces.get(url.origin);
      const claims = {
        ...{ jti: crypto.randomUUID(), htm: method, htu: url.origin + url.pathname, iat: now },
        ...(nonce === undefined ? {} : { nonce }),
        ...(token === undefined ? {} : { ath: await tokenHash(token) }),
      };
      return sign({ typ: 'dpop+jwt', jwk }, claims);
    },
    learn: ({ origin }, headers) => {
      const nonce = headers.get('dpop-nonce');
      if (nonce === null || nonce.length > MAX_NONCE_LENGTH || nonces.get(origin) === nonce) return false;
      nonces.delete(origin);
      nonces.set(origin, nonce);
      const [oldest] = nonces.keys();
      if (nonces.size > MAX_NONCES && oldest !== undefined) nonces.delete(oldest);
      return true;
    },
  };
};

const openSigner = async (keys: DpopKeyPair | true) => {
  const { privateKey, publicKey, alg } = keys === true ? await generatePair() : keys;
  const { kty, crv, x, y, n, e, pub }: JWK = await exportJWK(publicKey);
  const members = Object.entries({ kty, crv, x, y, n, e, pub }).filter(([, value]) => value !== undefined);
  // An ML-DSA key tells its parameter set in `alg` alone.
  const jwk = { ...Object.fromEntries(members), ...(kty === 'AKP' ? { alg } : {}) };
  return { sign: jwtSigner({ key: privateKey }, alg), jwk };
};

const generatePair = async (): Promise<DpopKeyPair> => ({ ...(await generateKeyPair('ES256')), alg: 'ES256' });

/** RFC 9449 4.2 */
const tokenHash = async (token: string): Promise<string> =>
  base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))));
