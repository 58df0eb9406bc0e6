/**
 * A reader of DER (ITU-T X.690 10), for the parts of a certificate that node:crypto only tells as printed text. It takes what DER
 * allows and nothing that BER allows besides: bytes that two readers could take for two things are refused.
 */

/** One element: its identifier octet, what is in it, and all of its bytes. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  readonly encoded: Buffer;
}

/** Identifier octets of universal types (X.690 8.1.2). */
export const DER = {
  boolean: 0x01,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** What is written there is not DER, or not what belongs there. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** Exactly one element and nothing behind it. @throws DerError */
export const readDer = (bytes: Buffer): DerElement => {
  const element = readElement(bytes);
  if (element.encoded.length < bytes.length) throw new DerError('bytes behind the end');
  return element;
};

/** The elements in a constructed one of this type. @throws DerError */
export const childrenOf = ({ tag, content }: DerElement, expected: number): readonly DerElement[] => {
  if (tag !== expected) throw new DerError(`tag ${tag} in place of ${expected}`);
  const children: DerElement[] = [];
  for (let rest = content; rest.length > 0; ) {
    const child = readElement(rest);
    children.push(child);
    rest = rest.subarray(child.encoded.length);
  }
  return children;
};

/** What a primitive element of this type holds. @throws DerError */
export const contentOf = (element: DerElement | undefined, expected: number): Buffer => {
  if (element?.tag === expected) return element.content;
  throw new DerError(`tag ${element?.tag} in place of ${expected}`);
};

const readElement = (bytes: Buffer): DerElement => {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) throw new DerError('an element that breaks off');
  // X.690 8.1.2.4: tags of several octets. Nothing in a certificate has one.
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of several octets');
  const { length, start } = first < 0x80 ? { length: first, start: 2 } : readLongLength(bytes, first & 0x7f);
  if (start + length > bytes.length) throw new DerError('an element that breaks off');
  return { tag, content: bytes.subarray(start, start + length), encoded: bytes.subarray(0, start + length) };
};

/** X.690 10.1: of definite form, in as few octets as can be. */
const readLongLength = (bytes: Buffer, octets: number): { readonly length: number; readonly start: number } => {
  if (octets < 1 || octets > 3 || bytes.length < 2 + octets) throw new DerError('an unusual length');
  const length = bytes.readUIntBE(2, octets);
  if (length < 0x80 || length < 2 ** (8 * (octets - 1))) throw new DerError('a length with a shorter form');
  return { length, start: 2 + octets };
};

/** More arcs or larger ones than this is nothing that anybody has been given. */
const MAX_IDENTIFIER_OCTETS = 64;

/** An object identifier in dotted decimal form (X.690 8.19). @throws DerError */
export const readObjectIdentifier = (element: DerElement | undefined): string => {
  const content = contentOf(element, DER.objectIdentifier);
  if (content.length === 0 || content.length > MAX_IDENTIFIER_OCTETS) throw new DerError('not an object identifier');
  const numbers: bigint[] = [];
  let number = 0n;
  let isFirst = true;
  for (const octet of content) {
    if (isFirst && octet === 0x80) throw new DerError('an object identifier with a shorter form');
    number = (number << 7n) | BigInt(octet & 0x7f);
    isFirst = octet < 0x80;
    if (!isFirst) continue;
    numbers.push(number);
    number = 0n;
  }
  if (!isFirst) throw new DerError('an object identifier that breaks off');
  const [both = 0n, ...rest] = numbers;
  const top = both < 40n ? 0n : both < 80n ? 1n : 2n;
  return [top, both - top * 40n, ...rest].join('.');
};
