/**
 * ECDSA signatures: KMS and most key stores give the DER form (RFC 3279 2.2.3), JOSE has the raw one (RFC 7518 3.4).
 */

const SIZES: Readonly<Record<string, number>> = { ES256: 32, ES384: 48, ES512: 66 };
const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * @param alg `ES256`, `ES384` or `ES512`.
 * @returns R and S, each of the curve's size.
 * @throws TypeError when it is no such signature.
 */
export const derToRaw = (der: Uint8Array, alg: string): Uint8Array => {
  const size = SIZES[alg];
  if (size === undefined) throw new TypeError(`no raw form of signatures is known for ${alg}`);
  const body = element(der, 0, SEQUENCE);
  const r = element(body.value, 0, INTEGER);
  const s = element(body.value, r.end, INTEGER);
  if (body.end !== der.length || s.end !== body.value.length) throw malformed();
  const raw = new Uint8Array(2 * size);
  place(raw, r.value, size);
  place(raw, s.value, 2 * size);
  return raw;
};

const malformed = (): TypeError => new TypeError('not an ECDSA signature in DER');

interface Element {
  readonly value: Uint8Array;
  readonly end: number;
}

/** Lengths up to 255 octets, which is more than two coordinates of P-521 take. */
const element = (bytes: Uint8Array, start: number, tag: number): Element => {
  const first = bytes[start + 1];
  const isLong = first === 0x81;
  const length = isLong ? bytes[start + 2] : first;
  if (bytes[start] !== tag || length === undefined || length > 0x7f !== isLong) throw malformed();
  const from = start + (isLong ? 3 : 2);
  if (from + length > bytes.length) throw malformed();
  return { value: bytes.subarray(from, from + length), end: from + length };
};

/** Right-aligned before `end`: DER drops leading zeros, and puts one before a set sign bit. */
const place = (raw: Uint8Array, integer: Uint8Array, end: number): void => {
  const digits = integer[0] === 0 ? integer.subarray(1) : integer;
  if (digits.length === 0 || digits.length > raw.length / 2) throw malformed();
  raw.set(digits, end - digits.length);
};
