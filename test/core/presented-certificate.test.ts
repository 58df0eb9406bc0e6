import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { formatDistinguishedName } from '../../functions/core/distinguished-name.ts';
import { type PresentedCertificate, readPresentedCertificate } from '../../functions/core/presented-certificate.ts';
import { craft, element, extension, oid, sequence } from '../local/support/certificates.ts';
import { NOW } from '../support/builders.ts';
import { DAY, issue, x509 } from '../support/certificate-authority.ts';

const read = (pem: string): PresentedCertificate => {
  const result = readPresentedCertificate(pem);
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
};
const refusalOf = (pem: string): unknown => {
  const result = readPresentedCertificate(pem);
  return result.ok ? result.value : result.refusal;
};
const malformed = (detail: unknown) => ({ reason: 'certificate_malformed', detail });

const UTF8 = 0x0c;
const PRINTABLE = 0x13;
const TELETEX = 0x14;
const BMP = 0x1e;
const attribute = (type: string, tag: number, value: string | Buffer): Buffer =>
  sequence(oid(type), element(tag, Buffer.from(value)));
const nameOf = (...levels: readonly (readonly Buffer[])[]): Buffer =>
  sequence(...levels.map((level) => element(0x31, Buffer.concat(level))));
const commonName = (value: string | Buffer, tag = UTF8): Buffer => nameOf([attribute('2.5.4.3', tag, value)]);
const subjectAlternativeName = (...names: readonly (readonly [tag: number, value: string | Buffer])[]): Buffer =>
  extension('2.5.29.17', sequence(...names.map(([tag, value]) => element(tag, Buffer.from(value)))), false);
const plain = commonName('billing');

describe('a presented certificate', () => {
  it('is known by its SHA-256 and by its key', async () => {
    const { pem, base64 } = await issue({ name: 'billing', notBefore: NOW - DAY, notAfter: NOW + DAY });
    const jwk = createPublicKey(pem).export({ format: 'jwk' }) as JWK;
    expect(read(pem)).toEqual({
      x5tS256: createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64url'),
      thumbprint: await calculateJwkThumbprint(jwk),
      subjectDn: [[{ type: '2.5.4.3', value: { text: 'billing' } }]],
      names: { dns: [], uri: [], ip: [], email: [] },
      isSelfSigned: true,
      notBefore: NOW - DAY,
      notAfter: NOW + DAY,
    });
  });

  it.each([
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
    ['Ed25519', () => generateKeyPairSync('ed25519')],
    ['ML-DSA-44', () => generateKeyPairSync('ml-dsa-44')],
  ])('with a key of the kind %s has the thumbprint of RFC 7638', async (_kind, make) => {
    const keys = make();
    const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const { cert } = craft({ subject: plain, issuer: commonName('CA'), keys, signedBy: signer });
    const jwk = keys.publicKey.export({ format: 'jwk' }) as JWK;
    expect(read(cert).thumbprint).toBe(await calculateJwkThumbprint(jwk));
  });

  it('has no thumbprint with a key of another kind', () => {
    const keys = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 });
    const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const { cert } = craft({ subject: plain, issuer: commonName('CA'), keys, signedBy: signer });
    expect(read(cert)).not.toHaveProperty('thumbprint');
  });

  it('says whether anybody else vouches for it', async () => {
    const authority = await issue({ name: 'CA', authority: true });
    const selfSigned = craft({ subject: plain });
    const key = createPrivateKey(selfSigned.key);
    const ofItsOwnKey = craft({
      subject: plain,
      issuer: commonName('CA'),
      keys: { privateKey: key, publicKey: createPublicKey(key) },
    });
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const ofItsOwnName = craft({ subject: plain, signedBy: stranger });
    const issued = await issue({ name: 'billing', issuer: authority });
    const seen = [selfSigned.cert, ofItsOwnKey.cert, ofItsOwnName.cert, issued.pem].map(
      (pem) => read(pem).isSelfSigned,
    );
    expect(seen).toEqual([true, true, true, false]);
  });

  it('is read with Windows line ends and without a last one', () => {
    const { cert } = craft({ subject: plain });
    expect(read(cert.replaceAll('\n', '\r\n'))).toEqual(read(cert));
    expect(read(cert.trim())).toEqual(read(cert));
  });

  const { cert, key } = craft({ subject: plain });
  const body = cert.replace(/-----[^-]+-----|\n/g, '');
  it.each([
    ['nothing', '', 'not one certificate in PEM'],
    ['base64 alone', body, 'not one certificate in PEM'],
    ['two of them', cert + cert, 'not one certificate in PEM'],
    ['a private key', key, 'not one certificate in PEM'],
    ['text around it', `subject=x\n${cert}`, 'not one certificate in PEM'],
    ['URL-encoded, as load balancers have it', encodeURIComponent(cert), 'not one certificate in PEM'],
    ['base64 with a second spelling', cert.replace(/..\n-----END/, '!!\n-----END'), 'not one certificate in PEM'],
    ['something else in PEM', cert.replace(body.slice(0, 4), 'AAAA'), expect.any(String)],
    ['more than 16 KB', cert + ' '.repeat(16_384), 'too long'],
  ])('is not %s', (_what, pem, detail) => {
    expect(refusalOf(pem)).toEqual(malformed(detail));
  });

  it('has nothing behind its end', () => {
    const der = Buffer.concat([new X509Certificate(cert).raw, Buffer.from([0])]).toString('base64');
    const pem = `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`;
    expect(refusalOf(pem)).toEqual(malformed('bytes behind the end'));
  });

  it('is refused or read, whatever octet of it is changed', () => {
    const { raw } = new X509Certificate(
      craft({ subject: plain, extensions: [subjectAlternativeName([0x82, 'a'])] }).cert,
    );
    fc.assert(
      fc.property(fc.nat(raw.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(raw);
        changed[at] = (changed[at] ?? 0) ^ change;
        const pem = `-----BEGIN CERTIFICATE-----\n${changed.toString('base64')}\n-----END CERTIFICATE-----`;
        const result = readPresentedCertificate(pem);
        if (!result.ok) expect(result.refusal).toEqual(malformed(expect.any(String)));
      }),
    );
  });
});

describe('the subject of a presented certificate', () => {
  const subjectOf = (subject: Buffer): string => formatDistinguishedName(read(craft({ subject }).cert).subjectDn);

  it('is written from the most specific part on, as RFC 4514 has it', () => {
    const country = [attribute('2.5.4.6', PRINTABLE, 'DE')];
    const organization = [attribute('2.5.4.10', UTF8, 'Example, Inc.')];
    const person = [attribute('2.5.4.3', UTF8, 'Lučić'), attribute('2.5.4.5', PRINTABLE, '7')];
    expect(subjectOf(nameOf(country, organization, person))).toBe(
      String.raw`CN=Lučić+serialNumber=7,O=Example\, Inc.,C=DE`,
    );
  });

  it('is not read where it is no UTF-8 and says it is', () => {
    const { cert } = craft({ subject: commonName(Buffer.from([0xff])) });
    expect(refusalOf(cert)).toEqual(malformed('not a certificate'));
  });

  it('may be empty', () => expect(subjectOf(nameOf())).toBe(''));

  it.each<[what: string, subject: Buffer, written: string]>([
    ['UTF-16', commonName(Buffer.from('00e4', 'hex'), BMP), 'CN=ä'],
    ['TeletexString, which has no certain reading', commonName('abc', TELETEX), 'CN=#1403616263'],
    ['a NUL', commonName('billing\0.evil'), 'CN=#0c0d62696c6c696e67002e6576696c'],
    ['a line end', commonName('a\nO=b'), 'CN=#0c05610a4f3d62'],
    ['a turn of direction', commonName('a\u202eb'), 'CN=#0c0561e280ae62'],
    ['octets beyond ASCII in a PrintableString', commonName(Buffer.from([0xe4]), PRINTABLE), 'CN=#1301e4'],
    ['separators', commonName('a,O=b+C=c'), String.raw`CN=a\,O=b\+C=c`],
    ['a type that nobody knows', nameOf([attribute('1.2.3.4', UTF8, 'a')]), '1.2.3.4=a'],
  ])('with %s is not taken for another', (_what, subject, written) => {
    expect(subjectOf(subject)).toBe(written);
  });
});

describe('the alternative names of a presented certificate', () => {
  const namesOf = (...names: readonly (readonly [tag: number, value: string | Buffer])[]) =>
    read(craft({ subject: plain, extensions: [subjectAlternativeName(...names)] }).cert).names;
  const [EMAIL, DNS, URI, IP] = [0x81, 0x82, 0x86, 0x87];

  it('are read by their kinds, in one spelling', () => {
    const names = namesOf(
      [DNS, 'Billing.Example.COM'],
      [URI, 'SPIFFE://Example.com/ns/Prod'],
      [URI, 'urn:uuid:ABC'],
      [IP, Buffer.from([192, 0, 2, 7])],
      [IP, Buffer.from('20010db8000000000000000000000001', 'hex')],
      [EMAIL, 'Ops@Example.com'],
      [0x88, Buffer.from([0x2a, 0x03])],
    );
    expect(names).toEqual({
      dns: ['billing.example.com'],
      uri: ['spiffe://example.com/ns/Prod', 'urn:uuid:ABC'],
      ip: ['192.0.2.7', '2001:db8::1'],
      email: ['Ops@example.com'],
    });
  });

  it.each<[what: string, tag: number, value: string | Buffer]>([
    ['a wildcard', DNS, '*.example.com'],
    ['a NUL in a DNS name', DNS, 'billing.example.com\0.evil.example'],
    ['what would be two names in print', DNS, 'a.example, DNS:billing.example.com'],
    ['quotation marks', DNS, '"billing.example.com"'],
    ['an address for a DNS name', DNS, '192.0.2.7'],
    ['octets beyond ASCII', DNS, Buffer.from([0x62, 0xe4])],
    ['a space', DNS, 'billing.example.com '],
    ['a dot at the end', DNS, 'billing.example.com.'],
    ['a relative URI', URI, '/ns/prod'],
    ['a URI with a space', URI, 'spiffe://example.com/a b'],
    ['a URI with a line end', URI, 'spiffe://example.com/a\nb'],
    ['a URI with two hosts', URI, 'https://a@b@c/'],
    ['three octets of an address', IP, Buffer.from([192, 0, 2])],
    ['a range', IP, Buffer.from([192, 0, 2, 0, 255, 255, 255, 0])],
    ['an address as text', IP, '192.0.2.7'],
    ['an e-mail address in quotation marks', EMAIL, '"a b"@example.com'],
    ['an e-mail address with two signs', EMAIL, 'a@b@example.com'],
    ['no e-mail address', EMAIL, 'example.com'],
  ])('leave out %s', (_what, tag, value) => {
    expect(namesOf([tag, value])).toEqual({ dns: [], uri: [], ip: [], email: [] });
  });

  it('are not told twice', () => {
    const twice = [subjectAlternativeName([DNS, 'a.example']), subjectAlternativeName([DNS, 'b.example'])];
    expect(refusalOf(craft({ subject: plain, extensions: twice }).cert)).toEqual(malformed(expect.any(String)));
  });

  it('are not read where they are no list', () => {
    const broken = extension('2.5.29.17', element(0x04, Buffer.from('a')), false);
    expect(refusalOf(craft({ subject: plain, extensions: [broken] }).cert)).toEqual(malformed(expect.any(String)));
  });

  it('are those that another library wrote', async () => {
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=billing',
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: 'billing.example.com' },
          { type: 'url', value: 'spiffe://example.com/billing' },
          { type: 'ip', value: '2001:db8::7' },
          { type: 'email', value: 'ops@example.com' },
          { type: 'dn', value: 'CN=other' },
        ]),
      ],
    });
    expect(read(certificate.toString('pem')).names).toEqual({
      dns: ['billing.example.com'],
      uri: ['spiffe://example.com/billing'],
      ip: ['2001:db8::7'],
      email: ['ops@example.com'],
    });
  });
});
