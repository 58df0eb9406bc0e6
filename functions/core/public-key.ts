/**
 * Public keys as partners register them: checked once, here, so that nothing later has to wonder. A private or symmetric key
 * is refused with the advice to give it up, since it has been where it should not be.
 */

import { base64url, calculateJwkThumbprint, importJWK, type JWK } from 'jose';
import {
  algorithmFacts,
  JWS_ALGORITHMS,
  type JwsAlgorithm,
  PUBLIC_KEY_MEMBERS,
  parseAlgorithmName,
} from './algorithms.ts';
import { ed25519Fault } from './edwards-point.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { EpochSeconds, PartnerKey } from './partner.ts';
import { isFactorableModulus } from './weak-key.ts';

/** `pointer` is a JSON pointer into what was sent (RFC 6901). */
export interface InputProblem {
  readonly pointer: string;
  readonly detail: string;
  /** For machines, where there is one: stable, while the words of `detail` may change. */
  readonly code?: string;
}

/**
 * `key_exposed`: private or symmetric. `key_unsupported`: not for signatures, or of a kind that we do not verify.
 * `key_weak`: signatures by it prove nothing. `key_malformed`: anything else.
 */
export type KeyProblemCode = 'key_exposed' | 'key_unsupported' | 'key_weak' | 'key_malformed';

export interface KeyProblem extends InputProblem {
  readonly code: KeyProblemCode;
}

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv', 'seed'];
/** Members that are bytes; the others are names. */
const BYTE_MEMBERS = ['x', 'y', 'n', 'e', 'pub'];
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;
const MAX_KID_LENGTH = 128;

/** What is said of any private or symmetric key that is shown to us. */
export const EXPOSED =
  'this is private or symmetric key material. Make a new key pair, register its public half, and treat this key as exposed.';

/** Whether members of a JWK are there that only the owner of a key may know, or it is a secret altogether. */
export const isPrivateJwk = (jwk: Readonly<Record<string, unknown>>): boolean =>
  PRIVATE_MEMBERS.some((name) => jwk[name] !== undefined) || jwk.kty === 'oct';

/** @param pointer where the JWK stands in the input; problems are reported there. */
export const parsePublicKey = async (
  jwk: Readonly<Record<string, unknown>>,
  pointer: string,
  now: EpochSeconds,
): Promise<Result<PartnerKey, KeyProblem>> => {
  const wrong = (code: KeyProblemCode, detail: string) => refuse({ pointer, detail, code });
  if (isPrivateJwk(jwk)) return wrong('key_exposed', EXPOSED);
  if (jwk.use !== undefined && jwk.use !== 'sig') return wrong('key_unsupported', 'use must be "sig"');
  if (jwk.key_ops !== undefined && !isVerifyOnly(jwk.key_ops))
    return wrong('key_unsupported', 'key_ops must be ["verify"]');
  const algorithm = algorithmOf(jwk);
  if (algorithm === undefined)
    return wrong('key_unsupported', 'kty, crv and alg are not those of a supported signature algorithm');
  const material = keyMaterial(jwk, algorithm);
  if (material === undefined)
    return wrong('key_malformed', 'a member of the key is missing, or not base64url as RFC 7515 2 spells it');
  const fault = await materialFault(material, algorithm);
  if (fault !== undefined) return wrong(...fault);
  const thumbprint = await calculateJwkThumbprint(material);
  const kid = jwk.kid ?? thumbprint;
  if (typeof kid !== 'string' || kid.length === 0 || kid.length > MAX_KID_LENGTH || !kid.isWellFormed())
    return wrong('key_malformed', 'kid is not a short string');
  return accept({ kid, algorithm, jwk: material, thumbprint, addedAt: now });
};

type Fault = readonly [KeyProblemCode, string];

const INVALID: Fault = ['key_malformed', 'the key is not a valid public key of its kind'];

const materialFault = async (material: JWK, algorithm: JwsAlgorithm): Promise<Fault | undefined> => {
  const { kty, ecdsaCoordinateBytes } = algorithmFacts(algorithm);
  const fault = kty === 'RSA' ? rsaFault(material) : coordinateFault(material, ecdsaCoordinateBytes);
  if (fault !== undefined) return fault;
  try {
    // Web Cryptography checks that a point of an NIST curve is on its curve. Of Ed25519 it counts the octets only.
    await importJWK(material, algorithm);
  } catch {
    return INVALID;
  }
  return kty === 'OKP' ? pointFault(material) : undefined;
};

/** The key's own `alg`, or the one that its kind implies; for RSA that is RS256, so PS256 has to be said. */
const algorithmOf = ({ kty, crv, alg }: Readonly<Record<string, unknown>>): JwsAlgorithm | undefined => {
  const fits = JWS_ALGORITHMS.filter((name) => {
    const facts = algorithmFacts(name);
    return facts.kty === kty && facts.crv === (crv ?? undefined);
  });
  if (alg !== undefined) return fits.find((name) => name === parseAlgorithmName(alg));
  return kty === 'AKP' ? undefined : fits[0];
};

const isVerifyOnly = (operations: unknown): boolean =>
  Array.isArray(operations) && operations.length === 1 && operations[0] === 'verify';

/** The members that make the key, and no other. `undefined`: one is missing or has a second spelling. */
const keyMaterial = (jwk: Readonly<Record<string, unknown>>, algorithm: JwsAlgorithm): JWK | undefined => {
  const { kty } = algorithmFacts(algorithm);
  const members = PUBLIC_KEY_MEMBERS[kty].map((name) => [name, jwk[name]] as const);
  const isSound = ([name, value]: readonly [string, unknown]): boolean =>
    typeof value === 'string' && (!BYTE_MEMBERS.includes(name) || isCanonical(value));
  return members.every(isSound) ? { kty, ...Object.fromEntries(members) } : undefined;
};

/** One key must have one thumbprint, so each of its members may be written in one way only; importers take several. */
const isCanonical = (text: string): boolean => {
  try {
    return text !== '' && base64url.encode(base64url.decode(text)) === text;
  } catch {
    return false;
  }
};

/** RFC 7518 6.2.1.2: coordinates of an EC key have the curve's full size, neither less nor more. */
const coordinateFault = ({ x = '', y = '' }: JWK, bytes: number | undefined): Fault | undefined =>
  bytes === undefined || [x, y].every((coordinate) => base64url.decode(coordinate).length === bytes)
    ? undefined
    : ['key_malformed', `x and y have ${bytes} octets each`];

const pointFault = ({ x = '' }: JWK): Fault | undefined => {
  const fault = ed25519Fault(base64url.decode(x));
  if (fault === 'weak') return ['key_weak', 'this Ed25519 key is a point of small order, for which anybody can sign'];
  return fault === undefined ? undefined : INVALID;
};

const rsaFault = ({ n = '', e = '' }: JWK): Fault | undefined => {
  const modulus = Buffer.from(n, 'base64url');
  const exponent = Buffer.from(e, 'base64url');
  // RFC 7518 2, Base64urlUInt: no leading zero. With some, a short modulus looks long enough.
  if (modulus[0] === 0 || exponent[0] === 0) return ['key_malformed', 'n and e have no leading zero octets'];
  const bits = modulus.length === 0 ? 0 : modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
    return ['key_weak', `an RSA key has ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits`];
  // NIST SP 800-56B 6.2: odd, above 2^16. An exponent of 1 or 3 makes signatures forgeable or nearly so.
  const value = exponent.length > 8 ? undefined : BigInt(`0x0${exponent.toString('hex')}`);
  if (value === undefined || value < 65_537n || value % 2n === 0n)
    return ['key_weak', 'the RSA exponent must be odd and at least 65537'];
  if (isFactorableModulus(n))
    return ['key_weak', 'this RSA key was made by a faulty library (CVE-2017-15361) and can be broken; make a new one'];
  return undefined;
};
