/** JWTs signed by a key that is here, or by one that is elsewhere and signs octets (AWS KMS, an HSM, an agent). */

import { base64url, type CryptoKey, importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';

/** Signs octets as the algorithm says (RFC 7518 3): with ECDSA in the raw form, see `derToRaw`. */
export type Sign = (input: Uint8Array) => Promise<Uint8Array>;

/** A private key, or the way to one. */
export type KeyHandle = { readonly key: CryptoKey | JWK } | { readonly sign: Sign };

export type SignJwt = (header: Readonly<Record<string, unknown>>, claims: JWTPayload) => Promise<string>;

/** @param alg the JOSE name of the key's algorithm, which becomes the header's `alg`. */
export const jwtSigner = (handle: KeyHandle, alg: string): SignJwt =>
  'sign' in handle ? remoteSigner(handle.sign, alg) : localSigner(handle.key, alg);

const localSigner = (key: CryptoKey | JWK, alg: string): SignJwt => {
  let imported: ReturnType<typeof importJWK> | undefined;
  return async (header, claims) => {
    imported ??= isJwk(key) ? importJWK(key, alg) : Promise.resolve(key);
    return new SignJWT(claims).setProtectedHeader({ ...header, alg }).sign(await imported);
  };
};

const isJwk = (key: CryptoKey | JWK): key is JWK => 'kty' in key;

const remoteSigner =
  (sign: Sign, alg: string): SignJwt =>
  async (header, claims) => {
    const input = `${encodePart({ ...header, alg })}.${encodePart(claims)}`;
    return `${input}.${base64url.encode(await sign(new TextEncoder().encode(input)))}`;
  };

const encodePart = (part: object): string => base64url.encode(JSON.stringify(part));
