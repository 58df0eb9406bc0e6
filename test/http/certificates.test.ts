import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { kmsSigner } from '../../functions/adapters/kms-signer.ts';
import { type ExpiringCertificate, expiringCertificates } from '../../functions/core/certificate.ts';
import { untouchedRealm } from '../../functions/core/realm.ts';
import type { ManageCertificates } from '../../functions/flows/manage-certificates.ts';
import { adminRouter, recorded } from '../../functions/http/admin-route.ts';
import { certificateRoutes } from '../../functions/http/certificates.ts';
import type { HttpAnswer } from '../../functions/http/endpoint.ts';
import { rotation } from '../../functions/http/rotation.ts';
import { type CertificatesWorld, openCertificates } from '../flows/certificates-world.ts';
import { httpEvent, NOW, REALM } from '../support/builders.ts';
import { DAY, issue, issueChain, x509 } from '../support/certificate-authority.ts';
import { promised } from './admin-world.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let world: CertificatesWorld;
let observed: Observed;
beforeEach(async () => {
  world = await openCertificates('ES256');
  observed = observe();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world[Symbol.asyncDispose]();
});

const call = async (method: string, path: string, body: unknown, manage: ManageCertificates = world.manage) => {
  const route = recorded(
    observed.seen,
    adminRouter(certificateRoutes(manage), async (name) => untouchedRealm(name), REALM),
  );
  const event = httpEvent(method, `/admin/realms/default/keys/${path}`, { body: JSON.stringify(body) });
  const answer: HttpAnswer = await route(event, lambdaContext(), { signal: new AbortController().signal });
  return promised(method, `/realms/default/keys/${path}`, answer);
};
const timestamp = (seconds: number): string => new Date(seconds * 1_000).toISOString();

describe('the admin API of certificates', () => {
  it('has a key sign its own certificate, and shows it as it is published', async () => {
    const order = { subject: { CN: 'sts.example.com', O: 'Example' }, days: 90 };
    const { status, body } = await call('POST', `${world.kid}/certificate/self-signed`, order);
    expect([status, body]).toEqual([
      200,
      {
        kid: world.kid,
        algorithm: 'ES256',
        subject: 'O=Example\nCN=sts.example.com',
        issuer: 'O=Example\nCN=sts.example.com',
        serialNumber: '7FFEFDFCFBFAF9F8F7F6F5F4F3F2F1F0EFEEEDEC',
        notBefore: timestamp(NOW - 300),
        notAfter: timestamp(NOW - 300 + 90 * DAY),
        chainNotAfter: timestamp(NOW - 300 + 90 * DAY),
        x5c: world.key().certificates,
        x5t: expect.stringMatching(/^[\w-]{27}$/),
        'x5t#S256': expect.stringMatching(/^[\w-]{43}$/),
      },
    ]);
  });

  it('makes a request for a CA and takes the chain that comes of it, as text and as a list', async () => {
    const order = { subject: { CN: 'sts.example.com' }, dnsNames: ['sts.example.com'] };
    const { status, body } = await call('POST', `${world.kid}/certificate/csr`, order);
    const request = new x509.Pkcs10CertificateRequest(String(body.pem));
    expect([status, Object.keys(body), await request.verify()]).toEqual([200, ['pem'], true]);
    expect(
      String(body.pem)
        .split('\n')
        .every((line) => line.length <= 64),
    ).toBe(true);
    const { leaf, intermediate } = await issueChain(new Uint8Array(request.publicKey.rawData));
    for (const chain of [`${leaf.pem}\n${intermediate.pem}`, [leaf.base64, intermediate.base64]]) {
      const imported = await call('PUT', `${world.kid}/certificate`, { chain });
      expect(imported).toMatchObject({
        status: 200,
        body: { issuer: 'CN=Intermediate', x5c: [leaf.base64, intermediate.base64] },
      });
    }
  });

  it('records who did it, and nothing of what was sent', async () => {
    await call('PUT', `${world.kid}/certificate`, { chain: 'secret-7f3a' });
    expect(observed.lines()).toMatchObject([{ message: 'administration', audit: { method: 'PUT', status: 400 } }]);
    expect(observed.text()).not.toContain('secret-7f3a');
  });

  it('lists the problems of a chain by their place', async () => {
    const { base64 } = await issue({ name: 'foreign', notAfter: NOW - 1 });
    expect(await call('PUT', `${world.kid}/certificate`, { chain: [base64] })).toMatchObject({
      status: 400,
      body: { title: 'Bad Request', errors: [{ pointer: '/chain/0' }, { pointer: '/chain/0' }] },
    });
  });

  it.each<[string, string, unknown, string]>([
    ['POST', 'self-signed', { subject: {}, days: 1 }, '/subject/CN'],
    ['POST', 'self-signed', { subject: { CN: 'a' } }, '/days'],
    ['POST', 'self-signed', { subject: { CN: 'a' }, days: '1' }, '/days'],
    ['POST', 'self-signed', { subject: { CN: 'a' }, days: 1_000 }, '/days'],
    ['POST', 'self-signed', { subject: { CN: 'a', DC: 'b' }, days: 1 }, '/subject'],
    ['POST', 'csr', { subject: { CN: 'a' }, dnsNames: 'a.de' }, '/dnsNames'],
    ['POST', 'csr', { subject: { CN: 'a' }, dnsNames: ['a b'] }, '/dnsNames/0'],
    ['PUT', '', { chain: 7 }, '/chain'],
    ['PUT', '', {}, '/chain'],
    ['PUT', '', { chain: '', privateKey: 'x' }, ''],
  ])('%s %s with %j is refused at "%s"', async (method, path, body, pointer) => {
    const answer = await call(method, `${world.kid}/certificate${path === '' ? '' : `/${path}`}`, body);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer }] } });
    expect([world.signatures(), world.rings.stored.version]).toEqual([0, 1]);
  });

  it('answers 404 for a key that is not there, and 409 for one that is out of use', async () => {
    const order = { subject: { CN: 'a' }, days: 1 };
    expect(await call('POST', 'nobody/certificate/self-signed', order)).toMatchObject({
      status: 404,
      body: { detail: 'there is no key nobody' },
    });
    await using retired = await openCertificates('ES256', { state: 'retired' });
    expect(await call('POST', `${retired.kid}/certificate/self-signed`, order, retired.manage)).toMatchObject({
      status: 409,
    });
  });
});

describe('a run of the rotation', () => {
  const ending = (daysLeft: number, withinDays: 7 | 30 | 60): ExpiringCertificate => ({
    ...{ algorithm: 'ES256', kid: `key-${daysLeft}`, withinDays, daysLeft, notAfter: NOW + daysLeft * DAY },
  });
  const run = (...reports: readonly (readonly ExpiringCertificate[])[]) =>
    rotation(observed.seen, async () => reports.map((expiring) => ({ steps: [], expiring })))({}, lambdaContext());
  const warnings = () => observed.lines().filter(({ level }) => level === 'WARN');

  it('warns once of each certificate that ends, and tells the metric the days that are left', async () => {
    await run([ending(59, 60), ending(6, 7)], [ending(29, 30)]);
    expect(warnings().map(({ message, audit }) => [message, audit])).toEqual([
      ['certificate ends soon', ending(59, 60)],
      ['certificate ends soon', ending(6, 7)],
      ['certificate ends soon', ending(29, 30)],
    ]);
    expect(observed.metrics()).toMatchObject({ CertificateDaysLeft: 94 });
  });

  it('says so when one has ended', async () => {
    await run([ending(-1, 7)]);
    expect(warnings()).toMatchObject([{ message: 'certificate ended', audit: { daysLeft: -1 } }]);
    expect(observed.metrics()).toMatchObject({ CertificateDaysLeft: -1 });
  });

  it('says nothing when none does', async () => {
    await run([], []);
    expect([warnings(), Object.keys(observed.metrics())]).toEqual([
      [],
      expect.not.arrayContaining(['CertificateDaysLeft']),
    ]);
  });

  it('reports the certificates of the rings as they are stored', async () => {
    const { leaf } = await issueChain(world.spki, { notAfter: NOW + 20 * DAY });
    await world.manage.importChain('default', world.kid, leaf.pem);
    await run(expiringCertificates([world.rings.stored], NOW));
    expect(warnings()).toMatchObject([{ audit: { kid: world.kid, withinDays: 30, daysLeft: 20 } }]);
  });
});

describe('KMS', () => {
  it('signs bytes and the same bytes as text alike', async () => {
    await using ed = await openCertificates('EdDSA');
    const signer = kmsSigner(ed.kms.client);
    const [text, bytes] = [
      await signer.sign(ed.key(), 'EdDSA', 'abc'),
      await signer.sign(ed.key(), 'EdDSA', Buffer.from('abc')),
    ];
    expect(Buffer.from(text).equals(bytes)).toBe(true);
  });
});
