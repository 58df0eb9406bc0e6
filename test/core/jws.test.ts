import { createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { base64url } from 'jose';
import { describe, expect, it } from 'vitest';
import {
  compact,
  decodeJson,
  ecdsaDerToRaw,
  isBase64url,
  MalformedSignatureError,
  signingInput,
} from '../../functions/core/jws.ts';

describe('the signing input', () => {
  it('is the header and the payload, each in base64url (RFC 7515 7.1)', () => {
    expect(
      signingInput(
        { alg: 'RS256', typ: 'at+jwt', kid: 'k' },
        { iss: 'joe', exp: 1300819380, 'http://example.com/is_root': true },
      ),
    ).toBe(
      'eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsifQ.eyJpc3MiOiJqb2UiLCJleHAiOjEzMDA4MTkzODAsImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ',
    );
  });

  it('carries text beyond ASCII as UTF-8', () => {
    const [, payload = ''] = signingInput({ alg: 'RS256', typ: 'at+jwt', kid: 'k' }, { name: 'Größe 🗝' }).split('.');
    expect(decodeJson(payload)).toEqual({ name: 'Größe 🗝' });
  });

  it('becomes a token with the signature behind it', () => {
    expect(compact('a.b', Uint8Array.from([0xfb, 0xff]))).toBe('a.b.-_8');
  });
});

describe('a decoded part', () => {
  it('is the object that was encoded', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const text = JSON.stringify(object);
        expect(JSON.stringify(decodeJson(base64url.encode(text)))).toBe(JSON.stringify(JSON.parse(text)));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    '',
    'e30=',
    ' e30',
    'e30\n',
    'e 30',
    'e3+/',
    'e',
    '{}',
    'bnVsbA',
    'W10',
    'MQ',
    'InRleHQi',
    '_w',
    'ew',
    'e30e30',
  ])('is nothing where the part is %j', (part) => {
    expect(decodeJson(part)).toBeUndefined();
  });

  it('is an object or nothing, whatever the part is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.base64String(),
          fc.uint8Array().map((bytes) => base64url.encode(bytes)),
        ),
        (part) => {
          const decoded = decodeJson(part);
          expect(decoded === undefined || (typeof decoded === 'object' && !Array.isArray(decoded))).toBe(true);
          if (!isBase64url(part)) expect(decoded).toBeUndefined();
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

const CURVES = [
  { curve: 'P-256', hash: 'sha256', bytes: 32, runs: 2_000 },
  { curve: 'P-384', hash: 'sha384', bytes: 48, runs: 400 },
  { curve: 'P-521', hash: 'sha512', bytes: 66, runs: 300 },
] as const;

/** DER of any two integers, minimal, by the book (X.690 8.3 and 10.1). */
const encodeDer = (r: Uint8Array, s: Uint8Array): Uint8Array => {
  const integer = (bytes: Uint8Array): number[] => {
    const first = bytes.findIndex((byte) => byte !== 0);
    const minimal = first === -1 ? [0] : [...bytes.subarray(first)];
    const content = (minimal[0] ?? 0) > 0x7f ? [0, ...minimal] : minimal;
    return [0x02, content.length, ...content];
  };
  const body = [...integer(r), ...integer(s)];
  return Uint8Array.from([0x30, ...(body.length > 0x7f ? [0x81, body.length] : [body.length]), ...body]);
};

const convert = (der: Uint8Array, bytes: number): Uint8Array | 'malformed' => {
  try {
    return ecdsaDerToRaw(der, bytes);
  } catch (error) {
    if (error instanceof MalformedSignatureError) return 'malformed';
    throw error;
  }
};

describe.each(CURVES)('an ECDSA signature over $curve', ({ curve, hash, bytes, runs }) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const accepts = (message: Buffer, signature: Uint8Array, key: KeyObject = publicKey): boolean =>
    verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, signature);

  it(`is converted and verifies, ${runs} times`, () => {
    const lengths = new Set<number>();
    for (let run = 0; run < runs; run += 1) {
      const message = Buffer.from(`message ${run}`);
      const der = sign(hash, message, privateKey);
      lengths.add(der.length);
      const raw = ecdsaDerToRaw(der, bytes);
      if (raw.length !== 2 * bytes || !accepts(message, raw)) throw new Error(der.toString('hex'));
    }
    // Integers with and without a leading zero were among them, or the run proves little.
    expect(lengths.size).toBeGreaterThan(2);
  });

  it('is padded where an integer is short, down to the smallest', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: bytes }), fc.uint8Array({ maxLength: bytes }), (r, s) => {
        const padded = [...new Uint8Array(bytes - r.length), ...r, ...new Uint8Array(bytes - s.length), ...s];
        expect([...ecdsaDerToRaw(encodeDer(r, s), bytes)]).toEqual(padded);
      }),
      { numRuns: 300 },
    );
  });

  it('is taken back to the same DER or refused as malformed, however it was damaged', () => {
    const der = sign(hash, Buffer.from('message'), privateKey);
    const damage = fc.oneof(
      fc.record({ at: fc.nat(der.length - 1), byte: fc.integer({ min: 0, max: 255 }) }).map(({ at, byte }) => {
        const damaged = Uint8Array.from(der);
        damaged[at] = byte;
        return damaged;
      }),
      fc.nat(der.length).map((length) => Uint8Array.from(der.subarray(0, length))),
      fc.uint8Array({ minLength: 1, maxLength: 8 }).map((more) => Uint8Array.from([...der, ...more])),
      fc.uint8Array({ maxLength: 150 }),
      fc.uint8Array({ maxLength: 150 }).map((body) => Uint8Array.from([0x30, body.length, ...body])),
    );
    fc.assert(
      fc.property(damage, (damaged) => {
        const raw = convert(damaged, bytes);
        if (raw === 'malformed') return;
        expect([...encodeDer(raw.subarray(0, bytes), raw.subarray(bytes))]).toEqual([...damaged]);
      }),
      { numRuns: 1_000 },
    );
  });

  it('is refused for the other curves, unless its integers happen to fit', () => {
    const der = sign(hash, Buffer.from('message'), privateKey);
    for (const other of CURVES.filter((each) => each.bytes < bytes))
      expect(convert(der, other.bytes)).toBe('malformed');
  });
});

describe('a DER signature', () => {
  const one = [0x02, 0x01, 0x01];
  it.each([
    ['empty', []],
    ['a lone tag', [0x30]],
    ['an empty sequence', [0x30, 0]],
    ['one integer', [0x30, 3, ...one]],
    ['three integers', [0x30, 9, ...one, ...one, ...one]],
    ['a set', [0x31, 6, ...one, ...one]],
    ['octet strings', [0x30, 6, 0x04, 1, 1, 0x04, 1, 1]],
    ['an empty integer', [0x30, 5, 0x02, 0, ...one]],
    ['a negative integer', [0x30, 6, 0x02, 1, 0x80, ...one]],
    ['a leading zero too many', [0x30, 7, 0x02, 2, 0, 1, ...one]],
    ['the indefinite length', [0x30, 0x80, ...one, ...one, 0, 0]],
    ['the long form where the short one does', [0x30, 0x81, 6, ...one, ...one]],
    ['the two-byte long form', [0x30, 0x82, 0, 6, ...one, ...one]],
    ['a cut long form', [0x30, 0x81]],
    ['a length beyond the end', [0x30, 7, ...one, ...one]],
    ['a byte behind', [0x30, 6, ...one, ...one, 0]],
    ['a byte within, behind the integers', [0x30, 7, ...one, ...one, 0]],
    ['an integer that is too large', [0x30, 38, 0x02, 33, 1, ...new Array<number>(32).fill(0), ...one]],
    ['an integer that reaches out of its sequence', [0x30, 6, 0x02, 1, 1, 0x02, 4, 1, 1, 1, 1]],
  ])('is malformed as %s', (_what, der) => {
    expect(convert(Uint8Array.from(der), 32)).toBe('malformed');
  });

  it('is read at its place in a larger buffer', () => {
    const buffer = Uint8Array.from([9, 9, 0x30, 6, ...one, ...one, 9, 9]);
    expect(ecdsaDerToRaw(buffer.subarray(2, 10), 1)).toEqual(Uint8Array.from([1, 1]));
  });

  it('of another key does not verify after conversion, so that verification means something here', () => {
    const [ours, other] = [
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ];
    const raw = ecdsaDerToRaw(sign('sha256', Buffer.from('m'), ours.privateKey), 32);
    const check = (key: KeyObject) => verify('sha256', Buffer.from('m'), { key, dsaEncoding: 'ieee-p1363' }, raw);
    expect([check(createPublicKey(ours.privateKey)), check(other.publicKey)]).toEqual([true, false]);
  });
});
