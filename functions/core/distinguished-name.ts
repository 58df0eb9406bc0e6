/**
 * Distinguished names as people write them (RFC 4514), and when two of them are the same. Whatever could be read in two ways is
 * not read at all: quotation marks, semicolons and slashes between the parts, as older forms have them.
 */

import { readDer } from './der.ts';
import { readAttributeValue } from './der-name.ts';
import {
  type AttributeValue,
  attributeIdentifier,
  attributeName,
  comparedAttribute,
  type DistinguishedName,
  isPlainText,
  type NameAttribute,
  type RelativeName,
} from './name-attribute.ts';

export const MAX_NAME_LENGTH = 1_024;

const TYPE = / *([A-Za-z][A-Za-z0-9-]*|[0-9.]+) *= */y;
const HEX_VALUE = /#((?:[0-9A-Fa-f]{2})+) */y;
/** RFC 4514 3, `string`: characters as they are, or escaped by themselves or as octets of UTF-8. */
const TEXT_VALUE = /(?:[^"+,;<>\\]|\\(?:[ "#+,;<=>\\]|[0-9A-Fa-f]{2}))*/y;
const SEPARATOR = /[,+]/y;

/** @returns `undefined` for what is not a name of one attribute at least, or has types that nobody here knows. */
export const parseDistinguishedName = (text: string): DistinguishedName | undefined => {
  if (text.length > MAX_NAME_LENGTH || !text.isWellFormed()) return undefined;
  const name: NameAttribute[][] = [[]];
  for (let at = 0; ; ) {
    const attribute = readAttribute(text, at);
    if (attribute === undefined) return undefined;
    name.at(-1)?.push(attribute.value);
    if (attribute.end === text.length) return name;
    const separator = matchAt(SEPARATOR, text, attribute.end);
    if (separator === undefined) return undefined;
    if (separator.value === ',') name.push([]);
    at = separator.end;
  }
};

interface Read<Value> {
  readonly value: Value;
  /** Where the next begins. */
  readonly end: number;
}

const matchAt = (pattern: RegExp, text: string, at: number): Read<string> | undefined => {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  return found === null ? undefined : { value: found[1] ?? found[0], end: pattern.lastIndex };
};

const readAttribute = (text: string, at: number): Read<NameAttribute> | undefined => {
  const name = matchAt(TYPE, text, at);
  const type = name && attributeIdentifier(name.value);
  if (name === undefined || type === undefined) return undefined;
  const hex = matchAt(HEX_VALUE, text, name.end);
  const read = hex ?? (text[name.end] === '#' ? undefined : matchAt(TEXT_VALUE, text, name.end));
  const value = read && (hex === undefined ? plainValue(read.value) : encodedValue(read.value));
  return read === undefined || value === undefined ? undefined : { value: { type, value }, end: read.end };
};

/** Spaces at the end belong to the layout, unless they are escaped. */
const plainValue = (written: string): AttributeValue | undefined => {
  const pieces = written.match(/\\(?:[0-9A-Fa-f]{2}|.)|[^\\]/gsu) ?? [];
  const last = pieces.findLastIndex((piece) => piece !== ' ');
  const bytes = pieces.slice(0, last + 1).map((piece) => {
    if (!piece.startsWith('\\')) return Buffer.from(piece);
    return piece.length === 3 ? Buffer.from(piece.slice(1), 'hex') : Buffer.from(piece.slice(1));
  });
  const text = decodeUtf8(Buffer.concat(bytes));
  return text !== undefined && isPlainText(text) ? { text } : undefined;
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const decodeUtf8 = (bytes: Buffer): string | undefined => {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
};

/** RFC 4514 2.4: the encoding itself. What it encodes is what counts, so that a name has one meaning however it is written. */
const encodedValue = (hex: string): AttributeValue | undefined => {
  try {
    return readAttributeValue(readDer(Buffer.from(hex, 'hex')));
  } catch {
    return undefined;
  }
};

/** As RFC 4514 2 wants it: `CN=billing,O=Example\, Inc.,C=DE`. */
export const formatDistinguishedName = (name: DistinguishedName): string =>
  name.map((relative) => relative.map(formatAttribute).join('+')).join(',');

const formatAttribute = ({ type, value }: NameAttribute): string =>
  `${attributeName(type)}=${'hex' in value ? `#${value.hex}` : escapeText(value.text)}`;

/** RFC 4514 2.4: also what would be taken for layout or for hexadecimal at the ends. */
const escapeText = (text: string): string => text.replace(/["+,;<>\\]|^[ #]| $/g, '\\$&');

/** Level by level, attributes of one level in any order (RFC 5280 7.1). */
export const isSameName = (a: DistinguishedName, b: DistinguishedName): boolean => comparedName(a) === comparedName(b);

const comparedName = (name: DistinguishedName): string => JSON.stringify(name.map(comparedLevel));

const comparedLevel = (relative: RelativeName): readonly string[] => relative.map(comparedAttribute).toSorted();
