/** Names as certificates encode them (RFC 5280 4.1.2.4): attribute values of the string types, and whole distinguished names. */

import { childrenOf, DER, type DerElement, DerError, readObjectIdentifier } from './der.ts';
import { type AttributeValue, type DistinguishedName, isPlainText, type RelativeName } from './name-attribute.ts';

const ascii = (content: Buffer): string | undefined => {
  const text = content.toString('latin1');
  return /^[ -~]*$/.test(text) ? text : undefined;
};

const decoded = (decoder: InstanceType<typeof TextDecoder>) => (content: Buffer) => {
  try {
    return decoder.decode(content);
  } catch {
    return undefined;
  }
};

/** A byte order mark is a character here, and one that no name has. */
const utf8 = decoded(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }));
const utf16 = decoded(new TextDecoder('utf-16be', { fatal: true, ignoreBOM: true }));

/**
 * How the types of text are read. TeletexString and UniversalString are not among them: what the former means differs from one
 * reader to the next, and the latter is not in use.
 */
const TEXT_TYPES: ReadonlyMap<number, (content: Buffer) => string | undefined> = new Map([
  [0x0c, utf8], // UTF8String
  [0x12, ascii], // NumericString
  [0x13, ascii], // PrintableString
  [0x16, ascii], // IA5String
  [0x1a, ascii], // VisibleString
  [0x1e, utf16], // BMPString
]);

/** Text where it is that beyond doubt, else the bytes. */
export const readAttributeValue = ({ tag, content, encoded }: DerElement): AttributeValue => {
  const text = TEXT_TYPES.get(tag)?.(content);
  return text !== undefined && isPlainText(text) ? { text } : { hex: encoded.toString('hex') };
};

/** @param name a `Name`. @throws DerError */
export const readName = (name: DerElement): DistinguishedName =>
  childrenOf(name, DER.sequence).map(readRelativeName).toReversed();

const readRelativeName = (set: DerElement): RelativeName =>
  childrenOf(set, DER.set).map((attribute) => {
    const [type, value, ...more] = childrenOf(attribute, DER.sequence);
    if (value === undefined || more.length > 0) throw new DerError('an attribute is a type and a value');
    return { type: readObjectIdentifier(type), value: readAttributeValue(value) };
  });
