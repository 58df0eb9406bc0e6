import { X509Certificate } from 'node:crypto';
import { Agent, request as httpsRequest } from 'node:https';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createAuthority, type Issued } from '../support/certificates.ts';
import { ECHO, type Fixture, startFixture } from '../support/fixture.ts';

const echo: Fixture = { functions: { Echo: { code: ECHO } }, routes: [{ key: 'GET /', function: 'Echo' }] };

function get(url: URL, ca: string, client?: Issued): Promise<ReturnType<typeof JSON.parse>> {
  const agent = new Agent({ ca, ...client });
  onTestFinished(() => agent.destroy());
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const request = httpsRequest(url, { agent }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
    response.on('error', reject);
  });
  request.on('error', reject);
  request.end();
  return promise;
}

describe('TLS', () => {
  const authority = createAuthority('Test CA');
  const server = authority.issue('localhost');

  it('serves https, and says so to functions', async () => {
    const { url } = await startFixture(echo, { tls: server });
    expect(url.protocol).toBe('https:');
    const event = await get(url, authority.cert);
    expect(event.headers['x-forwarded-proto']).toBe('https');
    expect(event.requestContext).not.toHaveProperty('authentication');
  });

  it('hands the verified client certificate to functions', async () => {
    const { url } = await startFixture(echo, { tls: { ...server, clientCa: authority.cert } });
    const client = authority.issue('partner', { organization: 'Example', serial: Buffer.from([0x0a, 0xbc, 0xde]) });
    const { clientCert } = (await get(url, authority.cert, client)).requestContext.authentication;
    const certificate = new X509Certificate(client.cert);
    expect(clientCert).toEqual({
      clientCertPem: certificate.toString(),
      subjectDN: 'O=Example,CN=partner',
      issuerDN: 'CN=Test CA',
      serialNumber: '0a:bc:de',
      validity: { notBefore: certificate.validFrom, notAfter: certificate.validTo },
    });
    expect(clientCert.validity.notAfter).toMatch(/^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} GMT$/);
  });

  it.each<[who: string, client: () => Issued | undefined]>([
    ['without a certificate', () => undefined],
    ['with a certificate of another authority', () => createAuthority('Other CA').issue('partner')],
  ])('refuses a client %s', async (_, client) => {
    const { url } = await startFixture(echo, { tls: { ...server, clientCa: authority.cert } });
    await expect(get(url, authority.cert, client())).rejects.toThrow(/alert|ECONNRESET|socket hang up/i);
  });

  it('fails the start in one line when the certificate cannot be used', async () => {
    const broken = startFixture(echo, { tls: { cert: 'no certificate', key: server.key } });
    await expect(broken).rejects.toThrow(/^the TLS certificate or key cannot be used: /);
  });
});
