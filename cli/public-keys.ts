/**
 * Public keys of a partner, from a JWKS or a PEM file, ready to be registered.
 * Private or symmetric material is refused here, before anything is sent.
 */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { type Failure, misuse } from './failure.ts';
import { parseJson } from './http.ts';
import { holdsPrivateJwk, holdsPrivateKey, holdsPrivatePem, isObject, keyAlgorithm } from './key-material.ts';

/** What may leave this machine of a JWK: its public members (RFC 7517 section 4, RFC 7518 section 6, RFC 8037, ML-DSA). */
const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e', 'pub', 'kid', 'alg', 'use', 'key_ops'] as const;

interface KeyNames {
  readonly alg?: string | undefined;
  readonly kid?: string | undefined;
}

/**
 * The keys of a JWKS, or a single JWK; a missing `kid` becomes the RFC 7638 thumbprint.
 * @param source what messages call the file.
 * @param more members that may leave as well.
 * @throws Failure (2) for anything but public signature keys.
 */
export async function parsePublicJwks(text: string, source: string, more: readonly string[] = []): Promise<JWK[]> {
  const document = parseJson(text);
  refuseExposed(text, document, source);
  if (text.includes('-----BEGIN')) throw misuse(`${source} is a PEM file: register it with --public-key`);
  if (!isObject(document)) throw misuse(`${source} is not a JSON Web Key Set`);
  const keys: unknown = 'kty' in document ? [document] : document.keys;
  if (!Array.isArray(keys) || keys.length === 0) throw misuse(`${source} holds no keys ("keys": [...])`);
  return Promise.all(keys.map((key, index) => parsePublicJwk(key, `key ${index + 1} of ${source}`, more)));
}

/**
 * The key of a PEM file: an SPKI or PKCS#1 public key, or the first certificate of a chain.
 * @throws Failure (2) for private keys and for kinds that cannot sign.
 */
export async function parsePublicPem(text: string, source: string, names: KeyNames): Promise<JWK> {
  const json = parseJson(text);
  refuseExposed(text, json, source);
  if (json !== undefined) throw misuse(`${source} is JSON: register it with --jwks`);
  return nameKey(exportPublic(readPem(text, source), source), names);
}

/**
 * A certificate as base64 of its DER, from a file in any of the usual forms: PEM (the first of a chain), DER, or base64.
 * @throws Failure (2) for anything else, above all for files that hold a private key.
 */
export function parseCertificate(bytes: Buffer, source: string): string {
  const text = bytes.toString('latin1');
  refuseExposed(text, parseJson(text), source);
  const isBase64 = /^[A-Za-z0-9+/=\s]+$/.test(text);
  try {
    return new X509Certificate(isBase64 ? Buffer.from(text, 'base64') : bytes).raw.toString('base64');
  } catch {
    throw misuse(`${source} is not a certificate (PEM or DER; of a .pfx file, export the certificate without its key)`);
  }
}

/**
 * A metadata document of a partner, as a file.
 * @throws Failure (2) when it is no JSON object, or holds a private key.
 */
export function parseMetadata(text: string, source: string): Record<string, unknown> {
  const document = parseJson(text);
  refuseExposed(text, document, source);
  if (!isObject(document)) throw misuse(`${source} is not a metadata document (a JSON object)`);
  return document;
}

/** Exposure is the news that matters most, so it goes before every other fault. */
function refuseExposed(text: string, document: unknown, source: string): void {
  if (holdsPrivatePem(text) || holdsPrivateJwk(document) || holdsPrivateKey(document)) throw exposed(source);
}

function readPem(text: string, source: string): KeyObject {
  try {
    return text.includes('-----BEGIN CERTIFICATE-----') ? new X509Certificate(text).publicKey : createPublicKey(text);
  } catch {
    throw misuse(`${source} is neither a PEM public key nor a PEM certificate`);
  }
}

function exportPublic(key: KeyObject, source: string): JWK {
  try {
    return key.export({ format: 'jwk' });
  } catch {
    // RSASSA-PSS keys with parameters have no JWK form (RFC 7518 knows plain RSA keys only).
    throw misuse(`${source}: keys of the type ${key.asymmetricKeyType} are not supported`);
  }
}

async function parsePublicJwk(value: unknown, source: string, more: readonly string[]): Promise<JWK> {
  if (!isObject(value)) throw misuse(`${source} is not a JSON object`);
  if (value.use === 'enc') throw misuse(`${source} is for encryption ("use": "enc"); leave it out`);
  const jwk: Record<string, unknown> = {};
  for (const member of [...PUBLIC_MEMBERS, ...more]) if (member in value) jwk[member] = value[member];
  try {
    createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    throw misuse(`${source} is not a well-formed public key`);
  }
  return nameKey(jwk, {});
}

async function nameKey(jwk: JWK, names: KeyNames): Promise<JWK> {
  const alg = keyAlgorithm(jwk, names.alg);
  return { ...jwk, alg, use: 'sig', kid: names.kid ?? jwk.kid ?? (await calculateJwkThumbprint(jwk)) };
}

/** The advice to whoever shows a private key. */
export function exposed(source: string): Failure {
  return misuse(
    `${source} holds private key material; nothing was sent. A private key belongs on the partner's own machine only: ` +
      'treat this one as exposed, make a new pair (countersign keygen) and register its public half',
  );
}

/**
 * Of an address that keys are to be read from.
 * @throws Failure (2) for any other than https.
 */
export function requireHttps(address: string): void {
  if (URL.canParse(address) && new URL(address).protocol === 'https:') return;
  throw misuse(`not an https URL: ${address}`);
}
