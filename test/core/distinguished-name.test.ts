import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDer } from '../../functions/core/der.ts';
import { readName } from '../../functions/core/der-name.ts';
import {
  formatDistinguishedName,
  isSameName,
  MAX_NAME_LENGTH,
  parseDistinguishedName,
} from '../../functions/core/distinguished-name.ts';
import { comparedAttribute, type DistinguishedName } from '../../functions/core/name-attribute.ts';
import { x509 } from '../support/certificate-authority.ts';

const parse = (text: string): DistinguishedName => {
  const name = parseDistinguishedName(text);
  if (name === undefined) throw new Error(`not a name: ${text}`);
  return name;
};
const CN = '2.5.4.3';

describe('a distinguished name', () => {
  it.each<[text: string, name: readonly (readonly [type: string, value: string])[]]>([
    ['CN=billing', [[CN, 'billing']]],
    ['cn=billing', [[CN, 'billing']]],
    ['2.5.4.3=billing', [[CN, 'billing']]],
    ['1.2.3.4=x', [['1.2.3.4', 'x']]],
    ['CN=', [[CN, '']]],
    ['CN=a=b', [[CN, 'a=b']]],
    ['CN=#0c0162', [[CN, 'b']]],
    ['CN=#13 0162'.replace(' ', ''), [[CN, 'b']]],
    [String.raw`CN=\#0c0162`, [[CN, '#0c0162']]],
    [String.raw`CN=James \"Jim\" Smith\, III`, [[CN, 'James "Jim" Smith, III']]],
    [String.raw`CN=Lu\C4\8Di\C4\87`, [[CN, 'Lučić']]],
    ['CN=Lučić', [[CN, 'Lučić']]],
    [String.raw`CN=\ a\ `, [[CN, ' a ']]],
    [String.raw`CN=a\20`, [[CN, 'a ']]],
    [
      ' CN = a b , O = c ',
      [
        [CN, 'a b'],
        ['2.5.4.10', 'c'],
      ],
    ],
    [
      'UID=jsmith,DC=example,DC=net',
      [
        ['0.9.2342.19200300.100.1.1', 'jsmith'],
        ['0.9.2342.19200300.100.1.25', 'example'],
        ['0.9.2342.19200300.100.1.25', 'net'],
      ],
    ],
    [
      'organizationIdentifier=PSDDE-BAFIN-123456,C=DE',
      [
        ['2.5.4.97', 'PSDDE-BAFIN-123456'],
        ['2.5.4.6', 'DE'],
      ],
    ],
  ])('%s is read', (text, name) => {
    expect(parse(text)).toEqual(name.map(([type, value]) => [{ type, value: { text: value } }]));
  });

  it('has levels of several attributes', () => {
    expect(parse('OU=Sales+CN=J. Smith,DC=example')).toEqual([
      [
        { type: '2.5.4.11', value: { text: 'Sales' } },
        { type: CN, value: { text: 'J. Smith' } },
      ],
      [{ type: '0.9.2342.19200300.100.1.25', value: { text: 'example' } }],
    ]);
  });

  it('keeps the encoding of a value that is no text', () => {
    expect(parse('CN=#0403AABBCC')).toEqual([[{ type: CN, value: { hex: '0403aabbcc' } }]]);
  });

  it.each([
    ['nothing', ''],
    ['spaces', '  '],
    ['no type', 'billing'],
    ['a type without a name here', 'nickname=x'],
    ['an attribute that is left out', 'CN=a,,O=b'],
    ['a comma at the end', 'CN=a,'],
    ['a plus at the end', 'CN=a+'],
    ['the slashes of OpenSSL', '/C=DE/CN=a'],
    ['the semicolons of LDAPv2', 'CN=a;O=b'],
    ['the quotation marks of LDAPv2', 'CN="a, b"'],
    ['an angle bracket', 'CN=a<b'],
    ['a backslash at the end', 'CN=a\\'],
    ['an escape that there is not', String.raw`CN=a\z`],
    ['escaped octets that are no UTF-8', String.raw`CN=a\C4`],
    ['half a hexadecimal value', 'CN=#0c016'],
    ['a hexadecimal value that is no encoding', 'CN=#0c0262'],
    ['a hexadecimal value with something behind it', 'CN=#0c0162x'],
    ['an empty hexadecimal value', 'CN=#'],
    ['a NUL', 'CN=a\0b'],
    ['an escaped NUL', String.raw`CN=a\00b`],
    ['a line end', 'CN=a\nb'],
    ['half of a surrogate pair', 'CN=\ud800'],
    ['a zero-width joiner', 'CN=a\u200db'],
    ['an identifier with a leading zero', '2.05.4.3=a'],
    ['an identifier of one number', '2=a'],
    ['too many characters', `CN=${'a'.repeat(MAX_NAME_LENGTH - 2)}`],
  ])('is not %s', (_what, text) => {
    expect(parseDistinguishedName(text)).toBeUndefined();
  });

  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const type = fc.constantFrom('2.5.4.3', '2.5.4.10', '0.9.2342.19200300.100.1.25', '1.2.3.4', '2.5.4.97');
  const value = fc.oneof(
    text.filter((each) => !/[\p{C}\p{Zl}\p{Zp}\ufffd]/u.test(each)).map((each) => ({ text: each })),
    fc.uint8Array({ maxLength: 8 }).map((bytes) => ({
      hex: Buffer.from([0x04, bytes.length, ...bytes]).toString('hex'),
    })),
  );
  const level = fc.array(fc.record({ type, value }), { minLength: 1, maxLength: 3 });
  const names = fc.array(level, { minLength: 1, maxLength: 4 });

  it('is read as it was written, whatever its values are', () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(parse(formatDistinguishedName(name))).toEqual(name);
      }),
    );
  });

  it('is refused or read, and never anything else', () => {
    const hostile = fc.string({ unit: fc.constantFrom(...'CNO=,+#"\\;<> 0aé\0\u202e1.') });
    fc.assert(
      fc.property(hostile, (written) => {
        const name = parseDistinguishedName(written);
        if (name !== undefined) expect(parse(formatDistinguishedName(name))).toEqual(name);
      }),
    );
  });

  it('is never the same as one with other text in it', () => {
    const letters = fc.string({ unit: fc.constantFrom(...'abc,+=\\ "#'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        const name = (each: string): DistinguishedName => [[{ type: CN, value: { text: each } }]];
        const folded = (each: string): string => each.replace(/ +/g, ' ').trim();
        expect(isSameName(name(a), name(b))).toBe(folded(a) === folded(b));
        expect(isSameName(parse(formatDistinguishedName(name(a))), name(b))).toBe(folded(a) === folded(b));
      }),
    );
  });
});

describe('two distinguished names', () => {
  it.each([
    ['in another case', 'CN=Billing,O=Example', 'cn=BILLING,o=example'],
    ['with other spaces', 'CN=a  b', String.raw`CN=\ a b\ `],
    ['with a space of another kind', 'CN=a b', 'CN=a\u00a0b'],
    ['in another Unicode form', 'CN=Müller', 'CN=Mu\u0308ller'],
    ['with a sharp s', 'CN=Straße', 'CN=STRASSE'],
    ['with a final sigma', 'CN=ΟΔΟΣ', 'CN=οδος'],
    ['with attributes of a level in another order', 'CN=a+OU=b,O=c', 'OU=b+CN=a,O=c'],
    ['with a value by its encoding', 'CN=a', 'CN=#0c0161'],
    ['in another string type', 'CN=#130161', 'CN=#0c0161'],
    ['with a number for a type', 'CN=a,DC=b', '2.5.4.3=a,0.9.2342.19200300.100.1.25=b'],
    ['of another alias', 'ST=x,GN=y,E=z', 'S=x,givenName=y,emailAddress=z'],
  ])('are the same %s', (_what, a, b) => {
    expect(isSameName(parse(a), parse(b))).toBe(true);
  });

  it.each([
    ['in another order', 'CN=a,O=b', 'O=b,CN=a'],
    ['with a level more', 'CN=a,O=b', 'CN=a,O=b,C=DE'],
    ['with levels drawn together', 'CN=a,O=b', 'CN=a+O=b'],
    ['of another type', 'CN=a', 'OU=a'],
    ['with an attribute twice', 'CN=a', 'CN=a+CN=a'],
    ['that look alike', 'CN=a', 'CN=\u0430'],
    ['with a separator in a value', 'CN=a,O=b', String.raw`CN=a\,O=b`],
    ['with a hash in a value', 'CN=a', String.raw`CN=\#0c0161`],
    ['of a type unknown here, in another case', '1.2.3.4=a', '1.2.3.4=A'],
    ['with an accent', 'CN=Muller', 'CN=Müller'],
  ])('are not the same %s', (_what, a, b) => {
    expect(isSameName(parse(a), parse(b))).toBe(false);
  });

  it('are told apart by every part of an attribute', () => {
    const keys = [
      { type: CN, value: { text: '#' } },
      { type: CN, value: { hex: '' } },
      { type: CN, value: { text: '' } },
      { type: '1.2', value: { text: '' } },
    ].map(comparedAttribute);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('a name in a certificate', () => {
  /** As another library encodes what it reads from RFC 4514. */
  const encoded = (text: string): DistinguishedName =>
    readName(readDer(Buffer.from(new x509.Name(text).toArrayBuffer())));

  it.each([
    'CN=billing',
    'CN=billing,O=Example',
    'CN=billing,OU=Payments,O=Example,C=DE',
    'CN=Lučić,O=Example',
    'CN=a+OU=b,O=c',
    String.raw`CN=Smith\, Jim,O=A \+ B`,
    'CN=host,DC=example,DC=net',
    '2.5.4.97=PSDDE-BAFIN-123456,CN=bank',
  ])('is the one that another library writes for %s', (text) => {
    // That library encodes in the order in which it reads; RFC 4514 2.1 wants the reverse.
    const reversed = text
      .split(/(?<!\\),/)
      .toReversed()
      .join(',');
    expect(isSameName(encoded(reversed), parse(text))).toBe(true);
  });
});
