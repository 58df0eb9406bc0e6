import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { exportPKCS8 } from 'jose';
import { describe, expect, it } from 'vitest';
import { JWS_ALGORITHMS } from '../../functions/core/algorithms.ts';
import { parsePartnerCertificate } from '../../functions/core/partner-certificate.ts';
import manifest from '../fixtures/microsoft-s2s/manifest.json' with { type: 'json' };
import { keyPair, NOW } from '../support/builders.ts';
import { DAY, issue, x509 } from '../support/certificate-authority.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../fixtures/microsoft-s2s/${name}-test-cert.pem`, import.meta.url), 'utf8');
const parse = (text: string, kid?: string) =>
  parsePartnerCertificate(text, '/certificate', NOW, kid === undefined ? {} : { kid });
const problemOf = async (text: string): Promise<string> => {
  const parsed = await parse(text);
  return parsed.ok ? `accepted ${parsed.value.subject}` : `${parsed.refusal.code}: ${parsed.refusal.detail}`;
};
const derOf = (pem: string): Buffer => new X509Certificate(pem).raw;
const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: Uint8Array.of(1, 0, 1),
  modulusLength: 2_048,
};

const plain = await issue({ name: 'crm.example' });

describe('a certificate of a partner', () => {
  const EXCHANGE = {
    key: { algorithm: 'RS256', jwk: { kty: 'RSA', e: 'AQAB', n: expect.any(String) }, addedAt: NOW },
    x5t: manifest.x5t.exchange,
    notBefore: Date.UTC(2026, 0, 1) / 1_000,
    notAfter: Date.UTC(2046, 0, 1) / 1_000,
    subject: 'CN=Microsoft Exchange Server Auth Certificate (TEST)',
  };

  it.each<[string, string]>([
    ['as PEM', fixture('exchange')],
    [
      'as PEM with Windows line ends and text around it',
      `Bag Attributes\r\n${fixture('exchange').replaceAll('\n', '\r\n')}x`,
    ],
    ['as base64', derOf(fixture('exchange')).toString('base64')],
    ['as base64 in lines', fixture('exchange').split('\n').slice(1, -2).join('\n')],
  ])('is its key with thumbprints and times, %s', async (_, text) => {
    const parsed = await parse(text);
    expect(parsed).toMatchObject({ ok: true, value: EXCHANGE });
    // By another reader, in another spelling.
    const other = new X509Certificate(fixture('exchange'));
    const hex = (base64url = '') => Buffer.from(base64url, 'base64url').toString('hex').toUpperCase();
    expect(parsed.ok && hex(parsed.value.x5t)).toBe(other.fingerprint.replaceAll(':', ''));
    expect(parsed.ok && hex(parsed.value.x5tS256)).toBe(other.fingerprint256.replaceAll(':', ''));
  });

  it('gives a key that is called by its own thumbprint, unless it is told otherwise', async () => {
    const [own, told] = [await parse(plain.pem), await parse(plain.pem, 'key-1')];
    expect(own.ok && own.value.key.kid).toBe(own.ok && own.value.key.thumbprint);
    expect(told.ok && told.value.key.kid).toBe('key-1');
  });

  it.each(JWS_ALGORITHMS.filter((name) => name !== 'PS256'))('may have a key for %s', async (algorithm) => {
    const { publicJwk } = await keyPair(algorithm);
    const publicKey = createPublicKey({ key: { ...publicJwk }, format: 'jwk' });
    const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }));
    const parsed = await parse((await issue({ name: algorithm, spki, bare: true, issuer: plain })).pem);
    expect(parsed).toMatchObject({ ok: true, value: { key: { algorithm, jwk: publicJwk } } });
  });

  it('may have run out, be signed with SHA-1, be that of a CA: it is pinned, and its time is said', async () => {
    const old = await issue({ name: 'old', hash: 'SHA-1', notBefore: NOW - 2 * DAY, notAfter: NOW - DAY });
    expect(await parse(old.pem)).toMatchObject({ ok: true, value: { notBefore: NOW - 2 * DAY, notAfter: NOW - DAY } });
    const usage = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyCertSign;
    expect(await problemOf((await issue({ name: 'ca', authority: true, usage })).pem)).toBe('accepted CN=ca');
  });

  it('shows a subject that is short and printable', async () => {
    const long = await issue({ name: `${'x'.repeat(60)}\u202e${'y'.repeat(60)}` });
    expect(await problemOf(long.pem)).toBe(`accepted CN=${'x'.repeat(60)}`);
  });
});

describe('a certificate is refused', () => {
  const several = 'one certificate is wanted, and there are several: of a chain, the first';
  const noDer = 'key_malformed: not one X.509 certificate in DER';
  const der = derOf(plain.pem);
  const SPKI = new X509Certificate(plain.pem).publicKey.export({ type: 'spki', format: 'der' });

  it.each<[string, string, string]>([
    ['as no text', '', 'key_malformed: neither PEM nor base64'],
    ['as other text', 'hello there', 'key_malformed: neither PEM nor base64'],
    ['twice', `${plain.pem}\n${plain.pem}`, `key_malformed: ${several}`],
    [
      'as a request',
      plain.pem.replaceAll('CERTIFICATE', 'CERTIFICATE REQUEST'),
      'key_malformed: not a complete PEM block',
    ],
    ['cut off', plain.pem.slice(0, 200), 'key_malformed: not a complete PEM block of the type CERTIFICATE'],
    ['with bytes behind its end', Buffer.concat([der, Buffer.from([0])]).toString('base64'), noDer],
    ['with another behind its end', Buffer.concat([der, der]).toString('base64'), noDer],
    ['without its last byte', der.subarray(0, -1).toString('base64'), noDer],
    ['as base64 of PEM', Buffer.from(plain.pem).toString('base64'), noDer],
    ['with padding too much', `${der.toString('base64')}=`, 'key_malformed: neither PEM nor base64'],
    ['as a bare public key', SPKI.toString('base64'), noDer],
    ['in too much text', 'x'.repeat(32_769), 'key_malformed: a certificate has 32768 characters at most'],
  ])('%s', async (_, text, expected) => {
    expect(await problemOf(text)).toContain(expected);
  });

  it('with a weak RSA key', async () => {
    const short = await issue({ name: 'short', algorithm: { ...RSA, modulusLength: 1_024 } });
    expect(await problemOf(short.pem)).toBe('key_weak: an RSA key has 2048 to 8192 bits');
    const spki = generateKeyPairSync('rsa', { modulusLength: 2_048, publicExponent: 3 }).publicKey.export({
      type: 'spki',
      format: 'der',
    });
    const cubic = await issue({ name: 'cubic', spki: Uint8Array.from(spki), issuer: plain });
    expect(await problemOf(cubic.pem)).toBe('key_weak: the RSA exponent must be odd and at least 65537');
  });

  it.each(['secp256k1', 'x25519', 'rsa-pss'])('with a key of another kind: %s', async (kind) => {
    const { publicKey } =
      kind === 'x25519'
        ? generateKeyPairSync('x25519')
        : kind === 'rsa-pss'
          ? generateKeyPairSync('rsa-pss', { modulusLength: 2_048 })
          : generateKeyPairSync('ec', { namedCurve: kind });
    const spki = Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' }));
    const certificate = await issue({ name: kind, spki, issuer: plain, bare: true });
    expect(await problemOf(certificate.pem)).toMatch(/^key_unsupported: /);
  });

  it('that is for encryption', async () => {
    const usage = x509.KeyUsageFlags.keyEncipherment;
    expect(await problemOf((await issue({ name: 'enc', usage })).pem)).toBe(
      'key_unsupported: its keyUsage does not allow digitalSignature',
    );
  });

  it('when a private key is there instead or beside it, with the advice to give it up and without a word of it', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const texts = [
      pkcs8,
      `${plain.pem}\n${pkcs8}`,
      privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
      privateKey.export({ type: 'pkcs1', format: 'der' }).toString('base64'),
      ec.export({ type: 'sec1', format: 'der' }).toString('base64'),
      Buffer.from(pkcs8).toString('base64'),
      privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      await exportPKCS8((await keyPair('EdDSA')).privateKey),
    ];
    for (const text of texts) {
      const said = await problemOf(text);
      expect(said).toMatch(/^key_exposed: .*treat this key as exposed/);
      expect(said).not.toContain(text.slice(40, 60));
    }
  });
});

describe('any text at all', () => {
  const der = derOf(fixture('exchange'));

  it('is answered with a value', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from([0x30, ...bytes]).toString('base64')),
      fc.nat(der.length - 1).map((length) => der.subarray(0, length).toString('base64')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (each) => !(await parse(each)).ok),
      { numRuns: 500 },
    );
  });

  it('that is a changed certificate never has the thumbprint of the true one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), async (at, bits) => {
        const mutated = Buffer.from(der);
        mutated[at] = (mutated[at] ?? 0) ^ bits;
        const parsed = await parse(mutated.toString('base64'));
        return !parsed.ok || parsed.value.x5t !== manifest.x5t.exchange;
      }),
      { numRuns: 500 },
    );
  });
});
