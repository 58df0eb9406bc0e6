/**
 * Public keys of an export as credentials of ours. Private and symmetric keys are passed over without a word here: `exposure.ts`
 * finds and tells them wherever they are.
 */
import { createPublicKey, type JsonWebKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { DeclaredCredential } from '../declaration.ts';
import { ALGORITHM_NAMES, holdsPrivateJwk, holdsPrivatePem, isObject } from '../key-material.ts';
import { lineOf } from './naming.ts';

/** What the export says of a key beside the key. */
export interface KeyTerms {
  readonly kid?: string | undefined;
  /** JWA name. */
  readonly alg?: string | undefined;
  readonly label?: string | undefined;
  /** RFC 3339; anything else is not taken over. */
  readonly expiresAt?: string | undefined;
}

export interface FoundKeys {
  readonly credentials: readonly DeclaredCredential[];
  /** What is wrong with keys that were not taken, one line each. */
  readonly problems: readonly string[];
}

export const NO_KEYS: FoundKeys = { credentials: [], problems: [] };

const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e', 'pub'];
const dateTime = z.iso.datetime({ offset: true });

/** Keys of a JWKS for signatures. */
export const jwksCredentials = (jwks: unknown): FoundKeys => {
  const keys: readonly unknown[] = isObject(jwks) && Array.isArray(jwks.keys) ? jwks.keys : [];
  return mergeKeys(keys.map(jwkCredential));
};

/** A PEM public key (SPKI or PKCS#1) or certificate. */
export const pemCredential = (pem: string, terms: KeyTerms): FoundKeys => {
  if (holdsPrivatePem(pem)) return NO_KEYS;
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return certificateCredential(pem, terms);
  try {
    return keyCredential(createPublicKey(pem).export({ format: 'jwk' }), terms);
  } catch {
    return problem('a key that is no PEM public key was left out');
  }
};

/** The base64 of a DER public key, without the lines of PEM around it. */
export const spkiCredential = (base64: string, terms: KeyTerms): FoundKeys =>
  pemCredential(`-----BEGIN PUBLIC KEY-----\n${base64.replace(/\s/g, '')}\n-----END PUBLIC KEY-----`, terms);

/** @param certificate PEM, or base64 of the DER. */
export const certificateCredential = (certificate: string, terms: KeyTerms): FoundKeys => {
  if (holdsPrivatePem(certificate)) return NO_KEYS;
  const isPem = certificate.includes('-----BEGIN');
  try {
    const parsed = new X509Certificate(isPem ? certificate : Buffer.from(certificate, 'base64'));
    // The first certificate of a chain is the client's own.
    return { credentials: [{ certificate: parsed.raw.toString('base64'), ...termMembers(terms) }], problems: [] };
  } catch {
    return problem('a certificate that cannot be read was left out');
  }
};

const jwkCredential = (jwk: unknown): FoundKeys => {
  if (!isObject(jwk)) return problem('a key that is no JWK was left out');
  if (holdsPrivateJwk(jwk)) return NO_KEYS;
  if (jwk.use === 'enc') return problem('a key for encryption was left out');
  return keyCredential(jwk, { kid: textOf(jwk.kid), alg: textOf(jwk.alg) });
};

const keyCredential = (jwk: JsonWebKey, terms: KeyTerms): FoundKeys => {
  const material = Object.fromEntries(Object.entries(jwk).filter(([name]) => PUBLIC_MEMBERS.includes(name)));
  // An ML-DSA key tells its kind in `alg` alone (RFC 9964), and has it even where the export says none.
  const asked = terms.alg ?? textOf(jwk.alg);
  const alg = algorithmName(asked);
  const named = { ...material, ...(alg === undefined ? {} : { alg }) };
  try {
    createPublicKey({ key: named, format: 'jwk' });
  } catch {
    return problem('a key that is not well-formed, or of an unknown kind, was left out');
  }
  const credential = {
    jwk: { ...named, ...(terms.kid === undefined ? {} : { kid: terms.kid }) },
    ...termMembers(terms),
  };
  const isUnknown = asked !== undefined && alg === undefined;
  return { credentials: [credential], problems: isUnknown ? [otherAlgorithm(asked)] : [] };
};

/** The name as it is known here (RFC 9864 has a second one for EdDSA), or `undefined`. */
export const algorithmName = (name: string | null | undefined): string | undefined => {
  if (name === 'Ed25519') return 'EdDSA';
  return ALGORITHM_NAMES.find((each) => each === name);
};

/** That a client signs its assertions with an algorithm that is not taken here. */
export const otherAlgorithm = (name: string | undefined): string =>
  `signs with ${JSON.stringify(String(name).slice(0, 16))}, which is not taken here: it has to change to one of ${ALGORITHM_NAMES.join(', ')}`;

const termMembers = (terms: KeyTerms): Pick<DeclaredCredential, 'label' | 'expiresAt'> => {
  const label = lineOf(terms.label);
  return {
    ...(label === undefined ? {} : { label }),
    ...(dateTime.safeParse(terms.expiresAt).success ? { expiresAt: terms.expiresAt } : {}),
  };
};

export const mergeKeys = (found: readonly FoundKeys[]): FoundKeys => ({
  credentials: found.flatMap(({ credentials }) => credentials),
  problems: [...new Set(found.flatMap(({ problems }) => problems))],
});

const problem = (text: string): FoundKeys => ({ credentials: [], problems: [text] });
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
