/**
 * What both halves of a key have in common: telling private from public material, and which algorithm a key is for.
 * Nothing here ever puts a key, or any part of a file that holds one, into a message.
 */
import type { JWK } from 'jose';
import { misuse } from './failure.ts';

/**
 * What a partner may sign with, and the kind of key that it takes (RFC 7518 section 3.1, RFC 8037 section 3.1, ML-DSA for JOSE).
 * The first fitting row is the usual algorithm of a kind.
 */
const ALGORITHMS: readonly { readonly name: string; readonly kty: string; readonly crv?: string }[] = [
  { name: 'RS256', kty: 'RSA' },
  { name: 'PS256', kty: 'RSA' },
  { name: 'ES256', kty: 'EC', crv: 'P-256' },
  { name: 'ES384', kty: 'EC', crv: 'P-384' },
  { name: 'ES512', kty: 'EC', crv: 'P-521' },
  { name: 'EdDSA', kty: 'OKP', crv: 'Ed25519' },
  { name: 'ML-DSA-44', kty: 'AKP' },
  { name: 'ML-DSA-65', kty: 'AKP' },
  { name: 'ML-DSA-87', kty: 'AKP' },
];

export const ALGORITHM_NAMES: readonly string[] = ALGORITHMS.map(({ name }) => name);

const PRIVATE_PEM = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;
/** Members that hold secrets: RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 8037 section 2, and `priv` (in older drafts `seed`) of ML-DSA keys. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv', 'seed'] as const;

export const holdsPrivatePem = (text: string): boolean => PRIVATE_PEM.test(text);

/** Whether a JWK, or any key of a JWKS, holds private or symmetric material. */
export function holdsPrivateJwk(document: unknown): boolean {
  if (!isObject(document)) return false;
  const keys: readonly unknown[] = Array.isArray(document.keys) ? document.keys : [];
  return [document, ...keys].some((jwk) => isObject(jwk) && hasPrivateMember(jwk));
}

/**
 * Whether a private or symmetric key stands anywhere in a document, as JWK or as PEM text.
 * @param seen guards against documents that contain themselves, as YAML can say.
 */
export function holdsPrivateKey(value: unknown, seen: WeakSet<object> = new WeakSet()): boolean {
  if (typeof value === 'string') return holdsPrivatePem(value);
  if (typeof value !== 'object' || value === null || seen.has(value)) return false;
  seen.add(value);
  if ('kty' in value && hasPrivateMember(value)) return true;
  return Object.values(value).some((member) => holdsPrivateKey(member, seen));
}

const hasPrivateMember = (jwk: object): boolean =>
  ('kty' in jwk && jwk.kty === 'oct') || PRIVATE_MEMBERS.some((member) => member in jwk);

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The name that an algorithm goes by here: RFC 9864 writes `Ed25519` for what RFC 8037 calls `EdDSA` on that curve.
 * @throws Failure (2) when there is no such algorithm.
 */
export function parseAlgorithm(asked: string): string {
  const name = asked === 'Ed25519' ? 'EdDSA' : asked;
  if (ALGORITHM_NAMES.includes(name)) return name;
  throw misuse(`unknown algorithm "${asked}"; one of ${ALGORITHM_NAMES.join(', ')}`);
}

/**
 * The algorithm that a key is registered and used with.
 * @param asked what the caller chose; otherwise the key's own `alg`, otherwise the usual one of its kind (RSA: RS256).
 * @throws Failure (2) when there is no such algorithm or it does not fit the key.
 */
export function keyAlgorithm(jwk: Pick<JWK, 'kty' | 'crv' | 'alg'>, asked: string | undefined): string {
  const kind = [jwk.kty, jwk.crv].filter(Boolean).join(' ');
  // An ML-DSA key says its parameter set in `alg` alone.
  const fitting = ALGORITHMS.filter(
    ({ name, kty, crv }) => kty === jwk.kty && crv === jwk.crv && (kty !== 'AKP' || name === jwk.alg),
  );
  const usual = fitting[0]?.name;
  if (usual === undefined) throw misuse(`keys of the kind ${kind} are not supported`);
  const named = parseAlgorithm(asked ?? jwk.alg ?? usual);
  if (fitting.some(({ name }) => name === named)) return named;
  throw misuse(`${named} does not fit a key of the kind ${kind}`);
}
