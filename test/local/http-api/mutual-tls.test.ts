import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAuthority, type Issued, selfSigned } from '../support/certificates.ts';
import { ECHO, type Fixture, jsonOf, type Resources, startFixture } from '../support/fixture.ts';
import { getOverTls } from '../support/tls-client.ts';

const DOMAIN: Resources = {
  Domain: {
    Type: 'AWS::ApiGatewayV2::DomainName',
    Properties: {
      DomainName: 'mtls.example.com',
      MutualTlsAuthentication: { TruststoreUri: 's3://bucket/truststore.pem' },
    },
  },
  Mapping: {
    Type: 'AWS::ApiGatewayV2::ApiMapping',
    Properties: { ApiId: { Ref: 'Api' }, DomainName: { Ref: 'Domain' }, Stage: { Ref: 'Stage' } },
  },
};

const echo = (resources: Resources = DOMAIN): Fixture => ({
  functions: {
    Echo: {
      code: ECHO.replace('JSON.stringify(event)', 'JSON.stringify({ ...event, url: process.env.MUTUAL_TLS_URL })'),
      properties: {
        Environment: {
          Variables:
            resources === DOMAIN ? { MUTUAL_TLS_URL: { 'Fn::Join': ['', ['https://', { Ref: 'Domain' }]] } } : {},
        },
      },
    },
  },
  routes: [{ key: 'GET /', function: 'Echo' }],
  resources,
});

const authority = createAuthority('Test CA');
const server = authority.issue('localhost');
const start = async (truststore: string, resources?: Resources) => {
  const deployment = await startFixture(echo(resources), { mutualTls: { ...server, truststore } });
  if (deployment.mutualTlsUrl === undefined) throw new Error('there is no second listener');
  return { url: deployment.url, mutualTlsUrl: deployment.mutualTlsUrl };
};

describe('the listener of a domain with mutual TLS', () => {
  it('hands the verified client certificate to functions', async () => {
    const { mutualTlsUrl } = await start(authority.cert);
    const client = authority.issue('partner', { organization: 'Example', serial: Buffer.from([0x0a, 0xbc, 0xde]) });
    const { requestContext } = await getOverTls(mutualTlsUrl, authority.cert, client);
    const certificate = new X509Certificate(client.cert);
    expect(requestContext.authentication.clientCert).toEqual({
      clientCertPem: certificate.toString(),
      subjectDN: 'O=Example,CN=partner',
      issuerDN: 'CN=Test CA',
      serialNumber: '0a:bc:de',
      validity: { notBefore: certificate.validFrom, notAfter: certificate.validTo },
    });
    expect(requestContext.authentication.clientCert.validity.notAfter).toMatch(
      /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4} GMT$/,
    );
  });

  it('is what the name of the domain stands for, in events and in variables', async () => {
    const { url, mutualTlsUrl } = await start(authority.cert);
    const event = await getOverTls(mutualTlsUrl, authority.cert, authority.issue('partner'));
    expect(mutualTlsUrl.port).not.toBe(url.port);
    expect(event).toMatchObject({
      url: mutualTlsUrl.origin,
      headers: { 'x-forwarded-proto': 'https', 'x-forwarded-port': mutualTlsUrl.port },
      requestContext: { domainName: mutualTlsUrl.hostname },
    });
  });

  it('takes a self-signed certificate that is in the truststore, among authorities', async () => {
    const [known, other] = [selfSigned('known'), selfSigned('other')];
    const { mutualTlsUrl } = await start([other.cert, authority.cert, known.cert].join('\n'));
    for (const client of [known, other, authority.issue('partner')]) {
      const { requestContext } = await getOverTls(mutualTlsUrl, authority.cert, client);
      const pem = requestContext.authentication.clientCert.clientCertPem;
      expect(new X509Certificate(pem).raw).toEqual(new X509Certificate(client.cert).raw);
    }
  });

  it.each<[who: string, client: () => Issued | undefined]>([
    ['without a certificate', () => undefined],
    ['with a certificate of another authority', () => createAuthority('Other CA').issue('partner')],
    ['with a certificate of another authority of the same name', () => createAuthority('Test CA').issue('partner')],
    ['with a self-signed certificate that is not in the truststore', () => selfSigned('partner')],
    ['with a certificate that has ended', () => authority.issue('partner', { notAfter: Date.now() - 60_000 })],
  ])('refuses a client %s', async (_, client) => {
    const { mutualTlsUrl } = await start(authority.cert);
    const answer = getOverTls(mutualTlsUrl, authority.cert, client());
    await expect(answer).rejects.toThrow(/alert|ECONNRESET|socket hang up/i);
  });

  it('is the only one that hands over certificates, whatever the headers say', async () => {
    const { url } = await start(authority.cert);
    const answer = await fetch(url, { headers: { 'x-amzn-mtls-clientcert': encodeURIComponent(server.cert) } });
    expect((await jsonOf(answer)).requestContext).not.toHaveProperty('authentication');
  });
});

describe('a start with mutual TLS fails in one line', () => {
  it('when the template declares a domain and there is no truststore', async () => {
    await expect(startFixture(echo())).rejects.toThrow(
      /^Domain: to run here, a domain with mutual TLS needs a truststore \(--mutual-tls\)$/,
    );
  });

  it('when there is a truststore and the template declares no domain', async () => {
    await expect(start(authority.cert, {})).rejects.toThrow(/^the template declares no domain with mutual TLS$/);
  });

  it.each([
    ['has nothing in it', '', /^the truststore has no certificate in it/],
    ['has a key in it', server.key, /^the truststore has no certificate in it/],
    [
      'has something else in it',
      `${authority.cert}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      /^certificate 2 of the truststore cannot be read$/,
    ],
  ])('when the truststore %s', async (_, truststore, message) => {
    await expect(start(truststore)).rejects.toThrow(message);
  });

  it('when the domain does not lead to the API', async () => {
    const { Domain } = DOMAIN;
    await expect(start(authority.cert, Domain === undefined ? {} : { Domain })).rejects.toThrow(
      /^Domain: no API mapping leads from this domain to the API$/,
    );
  });

  it('when the domain asks for no certificates', async () => {
    const plain = { Domain: { Type: 'AWS::ApiGatewayV2::DomainName', Properties: { DomainName: 'a.example.com' } } };
    await expect(start(authority.cert, plain)).rejects.toThrow(/the local runner knows domains with mutual TLS only/);
  });
});
