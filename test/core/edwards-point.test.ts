import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ed25519Fault } from '../../functions/core/edwards-point.ts';

const faultOf = (hex: string) => ed25519Fault(Buffer.from(hex, 'hex'));
/** Little-endian, as RFC 8032 writes y. */
const encode = (y: bigint): string => Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse().toString('hex');
const P = 2n ** 255n - 19n;

describe('an Ed25519 public key', () => {
  it('that has been generated is a point, every time', () => {
    for (let count = 0; count < 50; count += 1) {
      const { x = '' } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
      expect(ed25519Fault(Buffer.from(x, 'base64url'))).toBeUndefined();
    }
  });

  it.each([
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
  ])('of RFC 8032 7.1 is a point: %s', (hex) => {
    expect(faultOf(hex)).toBeUndefined();
  });

  it.each([
    ['order 1', '0100000000000000000000000000000000000000000000000000000000000000'],
    ['order 2', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f'],
    ['order 4', '0000000000000000000000000000000000000000000000000000000000000000'],
    ['order 4', '0000000000000000000000000000000000000000000000000000000000000080'],
    ['order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85'],
    ['order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['order 8', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'],
    ['order 1, with the sign of a zero', '0100000000000000000000000000000000000000000000000000000000000080'],
    ['order 2, with the sign of a zero', 'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'],
  ])('is weak when it is the point of %s: %s', (_, hex) => {
    expect(faultOf(hex)).toBe('weak');
  });

  it.each([P, P + 1n, P + 3n, P + 18n, 2n ** 256n - 19n, 2n ** 256n - 1n])(
    'is malformed when y is not below the prime: %i',
    (y) => {
      expect(faultOf(encode(y))).toBe('malformed');
    },
  );

  it.each([2n, 7n, 8n, 11n, 12n, 13n, 17n, 20n, 22n])('is malformed when no point has its y: %i', (y) => {
    expect(faultOf(encode(y))).toBe('malformed');
    expect(faultOf(encode(y + 2n ** 255n))).toBe('malformed');
  });

  it.each([3n, 4n, 5n, 6n, 9n, 10n, 14n])('is a point with one of the other small y: %i', (y) => {
    expect(faultOf(encode(y))).toBeUndefined();
  });
});
