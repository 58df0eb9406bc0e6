/**
 * The NIST curves' constants (SP 800-186, 3.2.1) and the little modular arithmetic that ECDSA over a digest needs.
 * Points are affine; the point at infinity has no representation here.
 */
import { createHash } from 'node:crypto';

export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

interface Curve {
  readonly jwkName: string;
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  /** Length of a coordinate in bytes. */
  readonly bytes: number;
  /** The field's prime. */
  readonly p: bigint;
  /** The base point's order. */
  readonly n: bigint;
  digest(message: Buffer): Buffer;
}

const digestWith = (hash: Curve['hash']) => (message: Buffer) => createHash(hash).update(message).digest();

export const CURVES = {
  prime256v1: {
    jwkName: 'P-256',
    hash: 'sha256',
    bytes: 32,
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    digest: digestWith('sha256'),
  },
  secp384r1: {
    jwkName: 'P-384',
    hash: 'sha384',
    bytes: 48,
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    digest: digestWith('sha384'),
  },
  secp521r1: {
    jwkName: 'P-521',
    hash: 'sha512',
    bytes: 66,
    p: 2n ** 521n - 1n,
    n: 0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
    digest: digestWith('sha512'),
  },
} as const satisfies Record<string, Curve>;

export type CurveName = keyof typeof CURVES;

/** Big-endian bytes as a number. */
export function toBigInt(bytes: Buffer): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`);
}

/** The number as exactly `length` big-endian bytes. */
export function toFixedBytes(value: bigint, length: number): Buffer {
  return Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex');
}

/** The inverse of `value` modulo the prime `modulus` (extended Euclid); `value` must not be a multiple of it. */
export function inverse(value: bigint, modulus: bigint): bigint {
  let [remainder, next] = [modulus, ((value % modulus) + modulus) % modulus];
  let [factor, nextFactor] = [0n, 1n];
  while (next !== 0n) {
    const quotient = remainder / next;
    [remainder, next] = [next, remainder - quotient * next];
    [factor, nextFactor] = [nextFactor, factor - quotient * nextFactor];
  }
  return ((factor % modulus) + modulus) % modulus;
}

/** The sum of two points that are not each other's negative. The curves have a = -3. */
export function addPoints({ p }: { readonly p: bigint }, left: Point, right: Point): Point {
  const same = left.x === right.x;
  const slope = same
    ? (3n * left.x * left.x - 3n) * inverse(2n * left.y, p)
    : (right.y - left.y) * inverse(right.x - left.x, p);
  const x = slope * slope - left.x - right.x;
  const y = slope * (left.x - x) - left.y;
  return { x: ((x % p) + p) % p, y: ((y % p) + p) % p };
}
