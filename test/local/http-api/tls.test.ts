import { describe, expect, it } from 'vitest';
import { createAuthority } from '../support/certificates.ts';
import { ECHO, type Fixture, startFixture } from '../support/fixture.ts';
import { getOverTls } from '../support/tls-client.ts';

const echo: Fixture = { functions: { Echo: { code: ECHO } }, routes: [{ key: 'GET /', function: 'Echo' }] };

describe('TLS', () => {
  const authority = createAuthority('Test CA');
  const server = authority.issue('localhost');

  it('serves https, and says so to functions', async () => {
    const { url } = await startFixture(echo, { tls: server });
    expect(url.protocol).toBe('https:');
    const event = await getOverTls(url, authority.cert);
    expect(event.headers['x-forwarded-proto']).toBe('https');
    expect(event.requestContext).not.toHaveProperty('authentication');
  });

  it('asks nobody for a certificate, and takes none that is offered', async () => {
    const { url } = await startFixture(echo, { tls: server });
    const event = await getOverTls(url, authority.cert, authority.issue('partner'));
    expect(event.requestContext).not.toHaveProperty('authentication');
  });

  it('fails the start in one line when the certificate cannot be used', async () => {
    const broken = startFixture(echo, { tls: { cert: 'no certificate', key: server.key } });
    await expect(broken).rejects.toThrow(/^the TLS certificate or key cannot be used: /);
  });
});
