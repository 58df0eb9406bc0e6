import { describe, expect, it } from 'vitest';
import { accept, refuse } from '../../functions/core/errors.ts';
import type { PartnerCredential } from '../../functions/core/partner.ts';
import { parseCredential } from '../../functions/core/partner-credential.ts';
import { type PresentedCertificate, readPresentedCertificate } from '../../functions/core/presented-certificate.ts';
import { verifyTlsClient } from '../../functions/core/tls-client.ts';
import { NOW } from '../support/builders.ts';
import { DAY, type Issued, issue } from '../support/certificate-authority.ts';

const presented = ({ pem }: Issued): PresentedCertificate => {
  const result = readPresentedCertificate(pem);
  if (!result.ok) throw new Error(result.refusal.reason);
  return result.value;
};
const registered = async ({ pem }: Issued): Promise<PartnerCredential> => {
  const result = await parseCredential({ certificate: pem }, '', NOW);
  if (!result.ok) throw new Error(result.refusal.detail);
  return result.value;
};

const authority = await issue({ name: 'CA', authority: true });
const issued = await issue({ name: 'billing', issuer: authority, notBefore: NOW - DAY, notAfter: NOW + DAY });
const selfSigned = await issue({ name: 'billing', notBefore: NOW - DAY, notAfter: NOW + DAY });
const named = { tlsSubject: { subjectDn: 'CN=billing' }, credentials: [] };

describe('a certificate that an authority has issued', () => {
  it('proves the partner that it names', () => {
    const client = { method: 'tls_client_auth', credentialId: 'tls-subject' };
    expect(verifyTlsClient(named, presented(issued), NOW)).toEqual(accept(client));
  });

  it('proves the same with every renewal, under the same name', async () => {
    const renewed = await issue({ name: 'billing', issuer: authority });
    const [before, after] = [issued, renewed].map((each) => verifyTlsClient(named, presented(each), NOW));
    expect(after).toEqual(before);
  });

  it('proves no partner that it does not name', () => {
    const partner = { tlsSubject: { subjectDn: 'CN=crm' }, credentials: [] };
    const { x5tS256 } = presented(issued);
    expect(verifyTlsClient(partner, presented(issued), NOW)).toEqual(
      refuse({ reason: 'certificate_unknown', x5tS256 }),
    );
  });

  it('proves no partner without a name', () => {
    const { x5tS256 } = presented(issued);
    const refused = refuse({ reason: 'certificate_unknown', x5tS256 });
    expect(verifyTlsClient({ credentials: [] }, presented(issued), NOW)).toEqual(refused);
    expect(verifyTlsClient({ tlsSubject: {}, credentials: [] }, presented(issued), NOW)).toEqual(refused);
  });

  it('may be registered by itself', async () => {
    const credential = await registered(issued);
    expect(verifyTlsClient({ credentials: [credential] }, presented(issued), NOW)).toEqual(
      accept({ method: 'self_signed_tls_client_auth', credentialId: credential.thumbprint }),
    );
  });
});

describe('a self-signed certificate', () => {
  it('proves the partner that has registered it', async () => {
    const credential = await registered(selfSigned);
    const client = { method: 'self_signed_tls_client_auth', credentialId: credential.thumbprint };
    const others = [await registered(await issue({ name: 'other' })), credential];
    expect(verifyTlsClient({ credentials: others }, presented(selfSigned), NOW)).toEqual(accept(client));
    expect(verifyTlsClient({ ...named, credentials: [credential] }, presented(selfSigned), NOW)).toEqual(
      accept(client),
    );
  });

  it('proves nobody by the name that it gives itself', () => {
    const { x5tS256 } = presented(selfSigned);
    const refused = refuse({ reason: 'certificate_unknown', x5tS256 });
    expect(verifyTlsClient(named, presented(selfSigned), NOW)).toEqual(refused);
  });

  it('is not known by its key alone', async () => {
    const { x5tS256: _, ...key } = await registered(selfSigned);
    const { x5tS256 } = presented(selfSigned);
    const refused = refuse({ reason: 'certificate_unknown', x5tS256 });
    expect(verifyTlsClient({ credentials: [key] }, presented(selfSigned), NOW)).toEqual(refused);
  });

  it('is not known by its thumbprint on another key', async () => {
    const { x5tS256 } = presented(selfSigned);
    const other = { ...(await registered(await issue({ name: 'other' }))), x5tS256 };
    const refused = refuse({ reason: 'certificate_unknown', x5tS256 });
    expect(verifyTlsClient({ credentials: [other] }, presented(selfSigned), NOW)).toEqual(refused);
  });

  it('counts as long as it is registered for, to the second', async () => {
    const credential = { ...(await registered(selfSigned)), notBefore: NOW - 10, expiresAt: NOW + 10 };
    const { kid, notBefore, expiresAt } = credential;
    const at = (now: number) => verifyTlsClient({ credentials: [credential] }, presented(selfSigned), now);
    expect(at(NOW - 11)).toEqual(refuse({ reason: 'credential_not_yet_valid', kid, notBefore }));
    expect([at(NOW - 10).ok, at(NOW + 9).ok]).toEqual([true, true]);
    expect(at(NOW + 10)).toEqual(refuse({ reason: 'credential_expired', kid, expiresAt }));
  });
});

it('is good by our clock up to and with the last second that it names, whoever it is of', async () => {
  const [notBefore, notAfter] = [NOW - DAY, NOW + DAY];
  const untimely = (now: number) => refuse({ reason: 'certificate_untimely', notBefore, notAfter, now });
  for (const each of [issued, selfSigned]) {
    const partner = { ...named, credentials: [await registered(each)] };
    const at = (now: number) => verifyTlsClient(partner, presented(each), now);
    expect(at(notBefore - 1)).toEqual(untimely(notBefore - 1));
    expect([at(notBefore).ok, at(notAfter).ok]).toEqual([true, true]);
    expect(at(notAfter + 1)).toEqual(untimely(notAfter + 1));
  }
});
