import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { childrenOf, contentOf, DER, DerError, readDer, readObjectIdentifier } from '../../functions/core/der.ts';
import { element, oid, sequence } from '../local/support/certificates.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('DER', () => {
  it.each([0, 1, 127, 128, 255, 256, 65_535])('is read with a content of %i octets', (length) => {
    const bytes = element(0x04, Buffer.alloc(length, 7));
    expect(readDer(bytes)).toEqual({ tag: 0x04, content: Buffer.alloc(length, 7), encoded: bytes });
  });

  it('is read part by part', () => {
    const parts = [element(0x01, Buffer.from([0xff])), element(0x04, Buffer.from('x'))];
    expect(childrenOf(readDer(sequence(...parts)), DER.sequence).map(({ encoded }) => encoded)).toEqual(parts);
    expect(childrenOf(readDer(sequence()), DER.sequence)).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['less than its length says', '04 02 00'],
    ['more than its length says', '04 01 00 00'],
    ['an indefinite length', '30 80 00 00'],
    ['a length that is too long for anything', '04 84 00 00 00 01 00'],
    ['a length that breaks off', '04 82 01'],
    ['a long form where the short one would do', '04 81 01 00'],
    ['a leading zero in the length', `04 82 00 80 ${'00'.repeat(128)}`],
    ['a tag of several octets', '1f 81 01 00'],
    ['the reserved first octet of a length', `04 ff ${'00'.repeat(127)}`],
  ])('is not %s', (_what, text) => {
    expect(() => readDer(hex(text))).toThrow(DerError);
  });

  it.each([
    ['the parts', '30 03 04 02 00'],
    ['the type', '31 00'],
  ])('is not a sequence where %s do not fit', (_what, text) => {
    expect(() => childrenOf(readDer(hex(text)), DER.sequence)).toThrow(DerError);
  });

  it('holds what is asked for, or is refused', () => {
    const text = readDer(element(DER.octetString, Buffer.from('x')));
    expect(contentOf(text, DER.octetString)).toEqual(Buffer.from('x'));
    expect(() => contentOf(text, DER.boolean)).toThrow(DerError);
    expect(() => contentOf(undefined, DER.boolean)).toThrow(DerError);
  });

  it('never makes anything but a DerError of what is not DER', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          childrenOf(readDer(Buffer.from(bytes)), DER.sequence);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
      }),
    );
  });
});

describe('an object identifier', () => {
  it.each(['2.5.4.3', '0.9.2342.19200300.100.1.25', '1.2.840.113549.1.9.1', '2.999.1', '1.3.6.1.4.1.311.60.2.1.3'])(
    '%s is read',
    (identifier) => {
      const bytes = identifier === '2.999.1' ? hex('06 03 88 37 01') : oid(identifier);
      expect(readObjectIdentifier(readDer(bytes))).toBe(identifier);
    },
  );

  it('is read in full, however large its numbers are', () => {
    const uuid = hex('06 14 69 83 e0 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 01');
    expect(readObjectIdentifier(readDer(uuid))).toMatch(/^2\.25\.\d{30,}$/);
  });

  it.each([
    ['empty', '06 00'],
    ['with a shorter form', '06 03 55 80 04'],
    ['broken off', '06 02 55 84'],
    ['of another type', '04 01 55'],
    ['too long', `06 41 ${'01'.repeat(65)}`],
  ])('is none when %s', (_what, text) => {
    expect(() => readObjectIdentifier(readDer(hex(text)))).toThrow(DerError);
  });
});
