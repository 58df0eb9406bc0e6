/**
 * The JWS of a token, put together around a signature that KMS makes: signing input, DER to raw, compact form (RFC 7515 7.1).
 */

import { base64url } from 'jose';

export interface TokenHeader {
  readonly alg: string;
  readonly typ: string;
  readonly kid?: string;
  readonly x5t?: string;
}

const encodeJson = (value: unknown): string => base64url.encode(JSON.stringify(value));

/** The text that is signed: `BASE64URL(header) . BASE64URL(payload)`. */
export const signingInput = (header: TokenHeader, payload: object): string =>
  `${encodeJson(header)}.${encodeJson(payload)}`;

export const compact = (input: string, signature: Uint8Array): string => `${input}.${base64url.encode(signature)}`;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Decodes the header or payload of a JWS. `undefined`: not base64url, not UTF-8, not JSON, or not an object. */
export const decodeJson = (part: string): Record<string, unknown> | undefined => {
  if (!isBase64url(part)) return undefined;
  try {
    const value: unknown = JSON.parse(utf8.decode(base64url.decode(part)));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
};

/**
 * RFC 7515 2: no padding, no blank, no other alphabet; RFC 4648 3.5: the bits that are left over are zero, so that equal bytes
 * have one spelling and equal tokens one text. Decoders are more forgiving than the standards.
 */
export const isBase64url = (part: string): boolean => BASE64URL.test(part);

const BASE64URL = /^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{4}|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]|[A-Za-z0-9_-][AQgw])$/;

/** KMS or the wire gave bytes that are not what the standard says they are. A fault of ours or of KMS, never of the caller. */
export class MalformedSignatureError extends Error {
  override readonly name = 'MalformedSignatureError';
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;

/**
 * ECDSA signature from DER (`SEQUENCE { INTEGER r, INTEGER s }`, as KMS answers) to the JOSE form: `r || s`, each
 * left-padded to the curve's size (RFC 7518 3.4). Strict: minimal lengths, no negative and no over-long integer, nothing behind.
 * @throws MalformedSignatureError
 */
export const ecdsaDerToRaw = (der: Uint8Array, coordinateBytes: number): Uint8Array => {
  const sequence = readElement(der, 0, SEQUENCE);
  if (sequence.end !== der.length) throw new MalformedSignatureError('bytes behind the DER sequence');
  const r = readElement(der, sequence.start, INTEGER);
  const s = readElement(der, r.end, INTEGER);
  if (s.end !== sequence.end) throw new MalformedSignatureError('bytes behind the DER integers');
  const raw = new Uint8Array(2 * coordinateBytes);
  raw.set(unsigned(der.subarray(r.start, r.end), coordinateBytes), 0);
  raw.set(unsigned(der.subarray(s.start, s.end), coordinateBytes), coordinateBytes);
  return raw;
};

/** A signature over P-521 passes 127 bytes, so the one-byte long form of the length occurs; nothing longer does. */
const readElement = (der: Uint8Array, at: number, tag: number): { start: number; end: number } => {
  const [gotTag, short, long] = der.subarray(at, at + 3);
  if (gotTag !== tag || short === undefined) throw new MalformedSignatureError('unexpected DER element');
  const isLong = short === 0x81;
  if (isLong ? long === undefined || long < 0x80 : short > 0x7f) throw new MalformedSignatureError('DER length');
  const start = at + (isLong ? 3 : 2);
  const end = start + (isLong && long !== undefined ? long : short);
  if (end > der.length) throw new MalformedSignatureError('DER element is cut off');
  return { start, end };
};

const unsigned = (integer: Uint8Array, size: number): Uint8Array => {
  const [first, second] = integer;
  if (first === undefined || first > 0x7f) throw new MalformedSignatureError('DER integer is empty or negative');
  if (first === 0 && integer.length > 1 && second !== undefined && second < 0x80) {
    throw new MalformedSignatureError('DER integer is not minimal');
  }
  const magnitude = first === 0 ? integer.subarray(1) : integer;
  if (magnitude.length > size) throw new MalformedSignatureError('DER integer is too large for the curve');
  const padded = new Uint8Array(size);
  padded.set(magnitude, size - magnitude.length);
  return padded;
};
