/**
 * Attributes of distinguished names: what each type is called, and when two values say the same (RFC 4514 3, RFC 5280 7.1).
 */

/** Short names of the types, all of which have string values that are compared without regard to case. The first is written. */
const TYPES: readonly (readonly [identifier: string, ...names: [string, ...string[]]])[] = [
  // RFC 4514 3
  ['2.5.4.3', 'CN'],
  ['2.5.4.7', 'L'],
  ['2.5.4.8', 'ST', 'S'],
  ['2.5.4.10', 'O'],
  ['2.5.4.11', 'OU'],
  ['2.5.4.6', 'C'],
  ['2.5.4.9', 'STREET'],
  ['0.9.2342.19200300.100.1.25', 'DC'],
  ['0.9.2342.19200300.100.1.1', 'UID'],
  // RFC 4519, X.520, PKCS #9 and CA/Browser Forum, as OpenSSL, keytool and Windows print them
  ['2.5.4.4', 'SN', 'surname'],
  ['2.5.4.5', 'serialNumber'],
  ['2.5.4.12', 'title', 'T'],
  ['2.5.4.13', 'description'],
  ['2.5.4.15', 'businessCategory'],
  ['2.5.4.17', 'postalCode'],
  ['2.5.4.42', 'GN', 'givenName', 'G'],
  ['2.5.4.43', 'initials', 'I'],
  ['2.5.4.44', 'generationQualifier'],
  ['2.5.4.46', 'dnQualifier'],
  ['2.5.4.65', 'pseudonym'],
  ['2.5.4.97', 'organizationIdentifier'],
  ['1.2.840.113549.1.9.1', 'emailAddress', 'E'],
  ['1.3.6.1.4.1.311.60.2.1.1', 'jurisdictionL', 'jurisdictionLocalityName'],
  ['1.3.6.1.4.1.311.60.2.1.2', 'jurisdictionST', 'jurisdictionStateOrProvinceName'],
  ['1.3.6.1.4.1.311.60.2.1.3', 'jurisdictionC', 'jurisdictionCountryName'],
];

const NAMES: ReadonlyMap<string, string> = new Map(TYPES.map(([identifier, name]) => [identifier, name]));
const IDENTIFIERS: ReadonlyMap<string, string> = new Map(
  TYPES.flatMap(([identifier, ...names]) => names.map((name) => [name.toLowerCase(), identifier] as const)),
);

/** RFC 4512 1.4, `numericoid`: no leading zeros, two arcs at least. */
const OBJECT_IDENTIFIER = /^[0-2](?:\.(?:0|[1-9][0-9]{0,38})){1,20}$/;

/** The object identifier of a type by its short name, in any case, or by itself. `undefined`: nobody here knows it. */
export const attributeIdentifier = (type: string): string | undefined =>
  IDENTIFIERS.get(type.toLowerCase()) ?? (OBJECT_IDENTIFIER.test(type) ? type : undefined);

/** What it is written as: the short name, or the object identifier itself. */
export const attributeName = (identifier: string): string => NAMES.get(identifier) ?? identifier;

/** A value: the text, or, where it is none that can be read with certainty, the bytes of its encoding in hexadecimal. */
export type AttributeValue = { readonly text: string } | { readonly hex: string };

export interface NameAttribute {
  /** Object identifier in dotted form. */
  readonly type: string;
  readonly value: AttributeValue;
}

/** Attributes that stand on one level, in any order; nearly always one. */
export type RelativeName = readonly NameAttribute[];

/** As RFC 4514 2.1 writes it, the last of the encoding first: the most specific one leads. */
export type DistinguishedName = readonly RelativeName[];

/**
 * Controls, formats (joiners, directions, soft hyphens), private use, unassigned, halves of surrogate pairs, line and paragraph
 * separators, the sign that stands for what was lost. RFC 4518 2.2 drops some of them and prohibits the others (2.4); a name
 * that has one is not for us to mend.
 */
const PROHIBITED = /[\p{C}\p{Zl}\p{Zp}\ufffd]/u;

export const isPlainText = (text: string): boolean => !PROHIBITED.test(text);

/**
 * What two attributes have in common exactly when they are the same. Values of types known here are prepared as RFC 4518 2 says
 * for caseIgnoreMatch: NFKC, folded case, spaces at the ends dropped and runs of them counted as one. Of other types nobody
 * knows what may be ignored, so nothing is.
 */
export const comparedAttribute = ({ type, value }: NameAttribute): string => {
  if ('hex' in value) return JSON.stringify([type, '#', value.hex]);
  return JSON.stringify([type, '=', NAMES.has(type) ? prepare(value.text) : value.text]);
};

/** Upper case first: it is where the several small forms of one letter meet. */
const prepare = (text: string): string =>
  fold(fold(text.normalize('NFKC')).normalize('NFKC'))
    .replace(/\p{Zs}+/gu, ' ')
    .trim();

const fold = (text: string): string => text.toUpperCase().toLowerCase();
