/**
 * A client's own private key, read to sign its assertions. The key stays inside this process as a KeyObject.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { misuse } from './failure.ts';
import { parseJson } from './http.ts';
import { isObject, keyAlgorithm } from './key-material.ts';

export interface SigningKey {
  readonly key: KeyObject;
  readonly kid: string;
  readonly alg: string;
}

/**
 * @param text a private JWK, or a PEM private key without passphrase.
 * @param names take precedence over the JWK's own; a key without `kid` gets its RFC 7638 thumbprint, as on registration.
 * @throws Failure (2) when it is no private key or its algorithm does not fit.
 */
export async function parseSigningKey(
  text: string,
  source: string,
  names: { readonly kid?: string | undefined; readonly alg?: string | undefined },
): Promise<SigningKey> {
  const jwk = parseJson(text);
  const key = readPrivateKey(text, jwk, source);
  const publicJwk: JWK = createPublicKey(key).export({ format: 'jwk' });
  const own = { kid: stringMember(jwk, 'kid'), alg: stringMember(jwk, 'alg') };
  return {
    key,
    alg: keyAlgorithm(publicJwk, names.alg ?? own.alg),
    kid: names.kid ?? own.kid ?? (await calculateJwkThumbprint(publicJwk)),
  };
}

function readPrivateKey(text: string, jwk: unknown, source: string): KeyObject {
  if (text.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----') || /^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw misuse(`${source} is protected by a passphrase: give a key without one (for example through /dev/stdin)`);
  }
  try {
    if (jwk === undefined) return createPrivateKey(text);
    return createPrivateKey({ key: jwk as Record<string, string>, format: 'jwk' });
  } catch {
    throw misuse(`${source} is not a private key (a private JWK or a PKCS#8 PEM file)`);
  }
}

function stringMember(value: unknown, name: string): string | undefined {
  const member = isObject(value) ? value[name] : undefined;
  return typeof member === 'string' ? member : undefined;
}
