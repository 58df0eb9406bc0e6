import { createPublicKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import { draftRequest, draftSelfSigned, MAX_DAYS } from '../../functions/core/certificate-draft.ts';
import type { Subject } from '../../functions/core/certificate-subject.ts';
import { ecdsaDerToRaw } from '../../functions/core/jws.ts';
import { keyPair, NOW, signBytes } from '../support/builders.ts';
import { x509 } from '../support/certificate-authority.ts';

const SERIAL = new Uint8Array(20).fill(0xff);
const SUBJECT: Subject = { CN: 'sts.example.com' };

const keyOf = async (algorithm: JwsAlgorithm) => ({ algorithm, jwk: (await keyPair(algorithm)).publicJwk });
const ES256 = await keyOf('ES256');

const problemsOf = (drafted: ReturnType<typeof draftRequest>): readonly string[] =>
  drafted.ok ? [] : drafted.refusal.map(({ pointer, detail }) => `${pointer}: ${detail}`);
const selfSigned = (changes: { subject?: Subject; days?: number; serial?: Uint8Array } = {}) =>
  draftSelfSigned(ES256, { subject: SUBJECT, days: 1, serial: SERIAL, ...changes }, NOW);
const request = (subject: Subject, dnsNames?: readonly string[]) => draftRequest(ES256, { subject, dnsNames });
const certificateOf = (drafted: ReturnType<typeof draftSelfSigned>): X509Certificate => {
  if (!drafted.ok) throw new Error(JSON.stringify(drafted.refusal));
  return new X509Certificate(drafted.value.assemble(new Uint8Array(64).fill(1)));
};

describe('a certificate', () => {
  it('is the same for the same order, byte by byte, whatever the time and place', () => {
    const [one, two] = [selfSigned(), selfSigned()];
    expect(one.ok && two.ok && Buffer.from(one.value.toBeSigned).equals(two.value.toBeSigned)).toBe(true);
  });

  it.each([
    [0xff, '7f'],
    [0x80, '40'],
    [0x00, '40'],
  ])('has a positive serial of 20 octets, even if the first random one is %i', (first, shown) => {
    const { serialNumber } = certificateOf(selfSigned({ serial: Uint8Array.of(first, ...SERIAL.subarray(1)) }));
    expect(serialNumber).toBe(`${shown.toUpperCase()}${'FF'.repeat(19)}`);
  });

  it('needs 20 octets for its serial', () => {
    expect(() => selfSigned({ serial: new Uint8Array(19) })).toThrow('a serial has 20 octets');
  });

  it.each([1, MAX_DAYS])('is valid for %i days, from five minutes ago on', (days) => {
    const { validFromDate, validToDate } = certificateOf(selfSigned({ days }));
    expect(validFromDate.getTime()).toBe((NOW - 300) * 1_000);
    expect(validToDate.getTime() - validFromDate.getTime()).toBe(days * 86_400_000);
  });

  it.each([0, -1, 1.5, MAX_DAYS + 1, Number.NaN, Number.POSITIVE_INFINITY])('is not valid for %d days', (days) => {
    expect(problemsOf(selfSigned({ days }))).toEqual(['/days: a certificate is valid for 1 to 825 days']);
  });

  it('that ends after 2049 says so in the form that RFC 5280 4.1.2.5 wants', () => {
    const late = Date.UTC(2049, 11, 31) / 1_000;
    const drafted = draftSelfSigned(ES256, { subject: SUBJECT, days: 30, serial: SERIAL }, late);
    expect(certificateOf(drafted).validToDate.toISOString()).toBe('2050-01-29T23:55:00.000Z');
  });

  it('with every attribute has them in the order of a directory', () => {
    const subject = { CN: 'a', OU: 'b', O: 'c', L: 'd', ST: 'e', C: 'FR' };
    expect(certificateOf(selfSigned({ subject })).subject).toBe('C=FR\nST=e\nL=d\nO=c\nOU=b\nCN=a');
  });
});

describe('a subject', () => {
  it.each<[string, Subject, string]>([
    ['an empty name', { CN: '' }, '/subject/CN: 1 to 64 printable characters'],
    ['a blank name', { CN: '  ' }, '/subject/CN: 1 to 64 printable characters'],
    ['a long name', { CN: 'x'.repeat(65) }, '/subject/CN: 1 to 64 printable characters'],
    ['a control character', { CN: 'a\nb' }, '/subject/CN: 1 to 64 printable characters'],
    ['half a surrogate pair', { CN: 'a', O: '\ud800' }, '/subject/O: 1 to 64 printable characters'],
    ['a long place', { CN: 'a', L: 'x'.repeat(129) }, '/subject/L: 1 to 128 printable characters'],
    ['a country in words', { CN: 'a', C: 'Germany' }, '/subject/C: a country is two capital letters (ISO 3166)'],
    ['a country in small letters', { CN: 'a', C: 'de' }, '/subject/C: a country is two capital letters (ISO 3166)'],
  ])('with %s is refused', (_, subject, problem) => {
    expect(problemsOf(request(subject))).toEqual([problem]);
    expect(problemsOf(selfSigned({ subject }))).toEqual([problem]);
  });

  it('is encoded as it is, whatever it holds: nothing in it is syntax', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 16 });
    fc.assert(
      fc.property(fc.oneof(text, fc.constantFrom('#0c', 'a,CN=b', 'a+O=b', '"a', '\\', 'CN=a', '<>;=')), (name) => {
        const drafted = selfSigned({ subject: { CN: name } });
        fc.pre(drafted.ok);
        const der = drafted.value.assemble(new Uint8Array(64).fill(1));
        return new x509.X509Certificate(Uint8Array.from(der)).subjectName.getField('CN').join() === name;
      }),
    );
  });
});

describe('DNS names of a request', () => {
  it.each([
    '',
    '.',
    'a..b',
    '-a',
    'a-',
    'a b',
    'ä.de',
    '*',
    '*.*.de',
    'a.*',
    'https://a',
    'x'.repeat(64),
    'a.'.repeat(127),
  ])('are not such: %j', (name) => {
    expect(problemsOf(request(SUBJECT, ['a.de', name]))).toEqual(['/dnsNames/1: not a DNS name']);
  });

  it.each(['localhost', 'a.de', '*.a.de', 'xn--4ca.de', `${'x'.repeat(63)}.de`, 'A-1.de'])('are such: %j', (name) => {
    expect(problemsOf(request(SUBJECT, [name]))).toEqual([]);
  });

  it('are ten at most', () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `${index}.de`);
    expect(problemsOf(request(SUBJECT, names(10)))).toEqual([]);
    expect(problemsOf(request(SUBJECT, names(11)))).toEqual(['/dnsNames: 10 DNS names at most']);
  });
});

describe('what KMS would not sign', () => {
  it('is refused before KMS is asked: a long name in a certificate of a large key', async () => {
    const wide = '\u{1f511}'.repeat(32);
    const subject = { CN: wide, O: wide, OU: wide, L: wide.repeat(2), ST: wide.repeat(2) };
    const order = { subject, days: 1, serial: SERIAL };
    const [problem, ...others] = problemsOf(draftSelfSigned(await keyOf('ML-DSA-87'), order, NOW));
    expect(problem).toMatch(/^\/subject: with an ML-DSA-87 key the names are too long: KMS signs 4096 bytes/);
    expect(others).toEqual([]);
    // RSA and ECDSA keys sign a digest, so that length does not matter.
    expect(draftSelfSigned(await keyOf('RS256'), order, NOW).ok).toBe(true);
  });
});

describe('an ECDSA signature', () => {
  const BYTES = { ES256: 32, ES384: 48, ES512: 66 } as const;
  /** Coordinates as they come, and those that begin with zeros or a high bit. */
  const coordinate = (bytes: number) =>
    fc
      .tuple(fc.uint8Array({ minLength: bytes, maxLength: bytes }), fc.nat(bytes - 1), fc.boolean())
      .map(([value, zeros, wanted]) => (wanted ? value.fill(0, 0, zeros) : value));

  it.each(['ES256', 'ES384', 'ES512'] as const)('of %s is turned into DER that means the same', async (algorithm) => {
    const drafted = draftRequest(await keyOf(algorithm), { subject: SUBJECT });
    if (!drafted.ok) throw new Error('refused');
    const bytes = BYTES[algorithm];
    fc.assert(
      fc.property(coordinate(bytes), coordinate(bytes), (r, s) => {
        const raw = Buffer.concat([r, s]);
        const { signature } = new x509.Pkcs10CertificateRequest(Uint8Array.from(drafted.value.assemble(raw)));
        return raw.equals(ecdsaDerToRaw(new Uint8Array(signature), bytes));
      }),
    );
  });
});

describe('a signature algorithm', () => {
  it.each([
    ['RS256', '1.2.840.113549.1.1.11'],
    ['ES256', '1.2.840.10045.4.3.2'],
    ['ES384', '1.2.840.10045.4.3.3'],
    ['ES512', '1.2.840.10045.4.3.4'],
    ['EdDSA', '1.3.101.112'],
    ['ML-DSA-44', '2.16.840.1.101.3.4.3.17'],
    ['ML-DSA-65', '2.16.840.1.101.3.4.3.18'],
    ['ML-DSA-87', '2.16.840.1.101.3.4.3.19'],
  ] as const)('of %s has the number %s, inside and outside', async (algorithm, number) => {
    const pair = await keyPair(algorithm);
    const drafted = draftSelfSigned(
      { algorithm, jwk: pair.publicJwk },
      { subject: SUBJECT, days: 1, serial: SERIAL },
      NOW,
    );
    if (!drafted.ok) throw new Error('refused');
    const der = Buffer.from(drafted.value.assemble(signBytes(pair, drafted.value.toBeSigned)));
    const oid = Buffer.from(encodeOid(number));
    const places = [...der.toString('latin1').matchAll(new RegExp(patternOf(oid), 'g'))].length;
    // Keys of RSA and EC have numbers of their own; those of the others are named by the algorithm.
    expect(places).toBe(algorithm.startsWith('ES') || algorithm === 'RS256' ? 2 : 3);
    expect(new X509Certificate(der).verify(createPublicKey({ key: { ...pair.publicJwk }, format: 'jwk' }))).toBe(true);
  });
});

const patternOf = (bytes: Buffer): string =>
  [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');

/** DER of an OBJECT IDENTIFIER (X.690 8.19). */
const encodeOid = (text: string): number[] => {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const content = [first * 40 + second, ...rest].flatMap((part) => {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return [6, content.length, ...content];
};
