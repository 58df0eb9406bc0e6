/**
 * ECDSA-Sig-Value, the DER form in which KMS gives and takes ECDSA signatures (RFC 3279, 2.2.3).
 * Decoding is strict: whatever is not the one DER encoding of two positive integers is no signature.
 */
import { toBigInt } from './nist-curve.ts';

const SEQUENCE = 0x30;
const INTEGER = 0x02;

function element(tag: number, content: Buffer): Buffer {
  // P-521 needs up to 139 bytes of content, so the one-byte long form is as far as lengths go.
  const length = content.length < 0x80 ? [content.length] : [0x81, content.length];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

function integer(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  // A set top bit would make the INTEGER negative.
  const isNegative = (bytes[0] ?? 0) >= 0x80;
  return element(INTEGER, isNegative ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

/** DER of SEQUENCE { r INTEGER, s INTEGER }. */
export function encodeSignature(r: bigint, s: bigint): Buffer {
  return element(SEQUENCE, Buffer.concat([integer(r), integer(s)]));
}

function readElement(bytes: Buffer, tag: number): { content: Buffer; rest: Buffer } | undefined {
  const [found, first = 0, second = 0] = bytes;
  const isLong = first === 0x81 && second >= 0x80;
  if (found !== tag || (first >= 0x80 && !isLong)) return undefined;
  const start = isLong ? 3 : 2;
  const end = start + (isLong ? second : first);
  return end > bytes.length ? undefined : { content: bytes.subarray(start, end), rest: bytes.subarray(end) };
}

function readInteger(bytes: Buffer): { value: bigint; rest: Buffer } | undefined {
  const read = readElement(bytes, INTEGER);
  if (read === undefined) return undefined;
  const [first, second = 0x80] = read.content;
  const isPadded = first === 0 && read.content.length > 1 && second < 0x80;
  if (first === undefined || first >= 0x80 || isPadded) return undefined;
  return { value: toBigInt(read.content), rest: read.rest };
}

/** The two numbers of a signature, or undefined when the bytes are not DER of a signature. */
export function decodeSignature(signature: Buffer): { readonly r: bigint; readonly s: bigint } | undefined {
  const sequence = readElement(signature, SEQUENCE);
  if (sequence === undefined || sequence.rest.length > 0) return undefined;
  const r = readInteger(sequence.content);
  const s = r && readInteger(r.rest);
  return r === undefined || s === undefined || s.rest.length > 0 ? undefined : { r: r.value, s: s.value };
}
