import { createHash, createPublicKey, X509Certificate } from 'node:crypto';
import { compactVerify, createLocalJWKSet, importX509 } from 'jose';
import { describe, expect, it } from 'vitest';
import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import { compact, signingInput } from '../../functions/core/jws.ts';
import { jwks } from '../../functions/core/metadata.ts';
import { NOW, REALM } from '../support/builders.ts';
import { DAY, issue, issueChain, x509 } from '../support/certificate-authority.ts';
import { type CertificatesWorld, hasOpenssl, openCertificates, openssl, pemOf } from './certificates-world.ts';

const CLASSICAL: readonly JwsAlgorithm[] = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const POST_QUANTUM: readonly JwsAlgorithm[] = ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'];
const SUBJECT = { CN: 'sts.example.com', O: 'Exämple, Inc. "quoted"', C: 'DE' };
const ORDER = { subject: SUBJECT, days: 365 };
const AT_NOW = new Date(NOW * 1_000);
/** Seconds since the epoch, as OpenSSL wants to be told the time. */
const AT = ['-attime', String(NOW)];

const selfSigned = async (world: CertificatesWorld): Promise<string> => {
  const made = await world.manage.selfSign(REALM, world.kid, ORDER);
  if (!made.ok) throw new Error(JSON.stringify(made.refusal));
  return made.value.certificates[0];
};
const request = async (world: CertificatesWorld, dnsNames?: string[]): Promise<Buffer> => {
  const made = await world.manage.request(REALM, world.kid, { subject: SUBJECT, dnsNames });
  if (!made.ok) throw new Error(JSON.stringify(made.refusal));
  return Buffer.from(made.value);
};
/** A token that KMS has signed with the key. */
const token = async ({ signer, key, kid, rings }: CertificatesWorld): Promise<string> => {
  const input = signingInput({ alg: rings.stored.algorithm, typ: 'JWT', kid }, { sub: 'x' });
  return compact(input, await signer.sign(key(), rings.stored.algorithm, input));
};

describe.each([...CLASSICAL, ...POST_QUANTUM])('a self-signed certificate of a key for %s', (algorithm) => {
  it('is accepted by node:crypto and by @peculiar/x509, and says what it was made for', async () => {
    await using world = await openCertificates(algorithm);
    const pem = pemOf(await selfSigned(world));
    const certificate = new X509Certificate(pem);
    const key = createPublicKey({ key: { ...world.jwk }, format: 'jwk' });
    expect(certificate.publicKey.equals(key)).toBe(true);
    expect(certificate.verify(key)).toBe(true);
    const other = new x509.X509Certificate(pem);
    expect(await other.verify({ date: AT_NOW })).toBe(true);
    expect(other.subjectName.toJSON()).toEqual([{ C: ['DE'] }, { O: [SUBJECT.O] }, { CN: [SUBJECT.CN] }]);
    expect(other.issuer).toBe(other.subject);
    expect(other.serialNumber).toBe('7ffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedec');
    expect(other.notBefore.getTime()).toBe((NOW - 300) * 1_000);
    expect(other.notAfter.getTime()).toBe((NOW - 300 + 365 * DAY) * 1_000);
    expect(other.getExtension(x509.BasicConstraintsExtension)).toMatchObject({ ca: false, critical: true });
    expect(other.getExtension(x509.KeyUsagesExtension)).toMatchObject({
      usages: x509.KeyUsageFlags.digitalSignature,
      critical: true,
    });
    const { keyId } = other.getExtension(x509.SubjectKeyIdentifierExtension) ?? {};
    expect(keyId).toBe(Buffer.from(await other.publicKey.getKeyIdentifier()).toString('hex'));
    expect(other.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId).toBe(keyId);
  });

  it('is published with its thumbprints, and verifies a token by itself', async () => {
    await using world = await openCertificates(algorithm);
    const pem = pemOf(await selfSigned(world));
    const published = jwks([world.rings.stored]);
    const [jwk] = published.keys;
    const { raw, fingerprint, fingerprint256 } = new X509Certificate(pem);
    const base64url = (colons: string): string => Buffer.from(colons.replaceAll(':', ''), 'hex').toString('base64url');
    expect(jwk).toMatchObject({
      kid: world.kid,
      x5c: [raw.toString('base64')],
      x5t: base64url(fingerprint),
      'x5t#S256': base64url(fingerprint256),
    });
    const signed = await token(world);
    await expect(compactVerify(signed, createLocalJWKSet({ keys: [...published.keys] }))).resolves.toBeDefined();
    await expect(compactVerify(signed, await importX509(pemOf(jwk?.x5c?.[0] ?? ''), algorithm))).resolves.toBeDefined();
  });
});

describe.runIf(hasOpenssl).each(CLASSICAL)('OpenSSL, of a key for %s', (algorithm) => {
  it('accepts the self-signed certificate, strictly, and agrees on its thumbprint', async () => {
    await using world = await openCertificates(algorithm);
    const base64 = await selfSigned(world);
    const pem = pemOf(base64);
    const strictly = ['-x509_strict', '-check_ss_sig', '-purpose', 'any', ...AT];
    expect(openssl({ pem }, 'verify', ...strictly, '-CAfile', 'pem', 'pem')).toMatch(/: OK\n$/);
    const printed = openssl({ pem }, 'x509', '-in', 'pem', '-noout', '-fingerprint', '-sha256');
    const hash = createHash('sha256').update(base64, 'base64').digest('hex');
    expect(printed.split('=')[1]?.trim().replaceAll(':', '').toLowerCase()).toBe(hash);
  });

  it('verifies the request', async () => {
    await using world = await openCertificates(algorithm);
    const der = await request(world, ['sts.example.com']);
    const pem = pemOf(der.toString('base64'), 'CERTIFICATE REQUEST');
    expect(openssl({ pem }, 'req', '-in', 'pem', '-verify', '-noout')).toMatch(/verify OK/);
  });

  it('verifies a certificate that a CA has issued for the key, along the chain that is stored', async () => {
    await using world = await openCertificates(algorithm);
    const { root, intermediate, leaf } = await issueChain(world.spki);
    const pem = [leaf, intermediate].map((each) => each.pem).join('\n');
    expect(await world.manage.importChain(REALM, world.kid, pem)).toMatchObject({ ok: true });
    const [stored = '', above = ''] = world.key().certificates ?? [];
    const files = { leaf: pemOf(stored), intermediate: pemOf(above), root: root.pem };
    const along = ['-x509_strict', '-CAfile', 'root', '-untrusted', 'intermediate', 'leaf'];
    expect(openssl(files, 'verify', ...AT, ...along)).toBe('leaf: OK\n');
  });
});

describe.each([...CLASSICAL, ...POST_QUANTUM])('a request for a certificate of a key for %s', (algorithm) => {
  it('verifies, and asks for what it was told', async () => {
    await using world = await openCertificates(algorithm);
    const names = ['sts.example.com', '*.example.org'];
    const parsed = new x509.Pkcs10CertificateRequest(await request(world, names));
    expect(await parsed.verify()).toBe(true);
    expect(Buffer.from(parsed.publicKey.rawData)).toEqual(Buffer.from(world.spki));
    expect(parsed.subjectName.toJSON()).toEqual([{ C: ['DE'] }, { O: [SUBJECT.O] }, { CN: [SUBJECT.CN] }]);
    const asked = parsed.extensions.map((extension) => [extension.type, extension.critical]);
    expect(asked).toEqual([
      ['2.5.29.19', true],
      ['2.5.29.15', true],
      ['2.5.29.17', false],
    ]);
    const alternative = new x509.SubjectAlternativeNameExtension(parsed.getExtension('2.5.29.17')?.rawData ?? []);
    expect(alternative.names.toJSON()).toEqual(names.map((value) => ({ type: 'dns', value })));
  });

  it('leads to a chain that is imported and published', async () => {
    await using world = await openCertificates(algorithm);
    const parsed = new x509.Pkcs10CertificateRequest(await request(world));
    const { intermediate, leaf } = await issueChain(new Uint8Array(parsed.publicKey.rawData));
    const imported = await world.manage.importChain(REALM, world.kid, [leaf.base64, intermediate.base64]);
    expect(imported).toEqual({
      ok: true,
      value: { kid: world.kid, algorithm, certificates: [leaf.base64, intermediate.base64] },
    });
    expect(jwks([world.rings.stored]).keys[0]?.x5c).toEqual([leaf.base64, intermediate.base64]);
  });
});

describe('a key that is published no more', () => {
  const REFUSED = ['retired', 'revoked', 'pending-deletion'] as const;

  it.each(REFUSED)('because it is %s gets no certificate, and KMS is not asked', async (state) => {
    await using world = await openCertificates('ES256', { state });
    const chain = await issueChain(world.spki);
    const conflict = { ok: false, refusal: { reason: 'conflict', detail: expect.stringContaining(`is ${state}`) } };
    expect(await world.manage.selfSign(REALM, world.kid, ORDER)).toEqual(conflict);
    expect(await world.manage.request(REALM, world.kid, ORDER)).toEqual(conflict);
    expect(await world.manage.importChain(REALM, world.kid, chain.leaf.pem)).toEqual(conflict);
    expect([world.signatures(), world.rings.stored.version]).toEqual([0, 1]);
  });
});

describe('a retiring key', () => {
  it('signs nothing, since a late signature would stop its deletion, but takes a chain', async () => {
    await using world = await openCertificates('ES256', { state: 'retiring' });
    const conflict = { ok: false, refusal: { reason: 'conflict', detail: 'the key is retiring and signs no more' } };
    expect(await world.manage.selfSign(REALM, world.kid, ORDER)).toEqual(conflict);
    expect(await world.manage.request(REALM, world.kid, ORDER)).toEqual(conflict);
    const { leaf } = await issueChain(world.spki);
    expect(await world.manage.importChain(REALM, world.kid, leaf.pem)).toMatchObject({ ok: true });
    expect([world.signatures(), world.key().certificates]).toEqual([0, [leaf.base64]]);
  });
});

describe.each(['created', 'standby'] as const)('a %s key', (state) => {
  it('gets its certificate before it signs tokens', async () => {
    await using world = await openCertificates('ES256', { state });
    const base64 = await selfSigned(world);
    expect(world.key()).toMatchObject({ state, certificates: [base64] });
  });
});

describe('a command', () => {
  it('about a key that no ring has finds nothing', async () => {
    await using world = await openCertificates('ES256');
    const kid = 'x'.repeat(100);
    const nothing = { ok: false, refusal: { reason: 'not_found', what: `key ${'x'.repeat(64)}` } };
    expect(await world.manage.selfSign(REALM, kid, ORDER)).toEqual(nothing);
    expect(await world.manage.request(REALM, kid, ORDER)).toEqual(nothing);
    expect(await world.manage.importChain(REALM, kid, '')).toEqual(nothing);
    expect(await world.manage.selfSign('elsewhere', world.kid, ORDER)).toMatchObject({ ok: false });
  });

  it('with bad input changes nothing and signs nothing', async () => {
    await using world = await openCertificates('ES256');
    const invalid = { ok: false, refusal: { reason: 'invalid' } };
    expect(await world.manage.selfSign(REALM, world.kid, { ...ORDER, days: 826 })).toMatchObject(invalid);
    expect(await world.manage.request(REALM, world.kid, { subject: { CN: '' } })).toMatchObject(invalid);
    const foreign = await issue({ name: 'foreign' });
    expect(await world.manage.importChain(REALM, world.kid, foreign.pem)).toMatchObject(invalid);
    expect([world.signatures(), world.rings.stored.version]).toEqual([0, 1]);
  });

  it('that meets another writer goes on from what that one has written, with the certificate that it has', async () => {
    await using world = await openCertificates('ES256');
    let others = 3;
    world.rings.beforeSave = () => {
      if (others === 0) return;
      others -= 1;
      world.rings.stored = { ...world.rings.stored, version: world.rings.stored.version + 1, sweptAt: others };
    };
    const base64 = await selfSigned(world);
    expect(world.rings.stored).toMatchObject({ version: 5, sweptAt: 0, keys: [{ certificates: [base64] }] });
    expect(world.signatures()).toBe(1);
  });

  it('that keeps losing gives up', async () => {
    await using world = await openCertificates('ES256');
    let writes = 0;
    world.rings.beforeSave = () => {
      writes += 1;
      world.rings.stored = { ...world.rings.stored, version: world.rings.stored.version + 1 };
    };
    expect(await world.manage.selfSign(REALM, world.kid, ORDER)).toMatchObject({ refusal: { reason: 'conflict' } });
    expect([writes, world.key().certificates]).toEqual([5, undefined]);
  });

  it('whose key is revoked while it runs leaves the key without a certificate', async () => {
    await using world = await openCertificates('ES256');
    world.rings.beforeSave = () => {
      const { version, keys } = world.rings.stored;
      const revoked = keys.map((key) => ({ ...key, state: 'revoked' as const }));
      world.rings.stored = { ...world.rings.stored, version: version + 1, keys: revoked };
    };
    expect(await world.manage.selfSign(REALM, world.kid, ORDER)).toMatchObject({ refusal: { reason: 'conflict' } });
    expect(world.key().certificates).toBeUndefined();
  });

  it('that brings what is there already writes nothing', async () => {
    await using world = await openCertificates('ES256');
    const { leaf } = await issueChain(world.spki);
    await world.manage.importChain(REALM, world.kid, leaf.pem);
    expect(await world.manage.importChain(REALM, world.kid, leaf.pem)).toMatchObject({ ok: true });
    expect(world.rings.stored.version).toBe(2);
  });

  it('never stores a certificate around a signature that is not by the key', async () => {
    await using world = await openCertificates('ES256');
    const { manageCertificates } = await import('../../functions/flows/manage-certificates.ts');
    const manage = manageCertificates({
      rings: world.rings,
      signer: { sign: async () => new Uint8Array(64).fill(7) },
      clock: { now: () => NOW },
      serials: { next: () => new Uint8Array(20).fill(1) },
    });
    await expect(manage.selfSign(REALM, world.kid, ORDER)).rejects.toThrow(/signature is not its own/);
    expect(world.rings.stored.version).toBe(1);
  });

  it('is an outage when KMS has the key no more', async () => {
    await using world = await openCertificates('ES256', { keyArn: 'arn:aws:kms:eu-central-1:111122223333:key/gone' });
    await expect(world.manage.selfSign(REALM, world.kid, ORDER)).rejects.toMatchObject({ operation: 'kms:Sign' });
  });
});
