/** Certificates of signing keys over HTTP: the command line against the synthesized assembly, and what OpenSSL, node and jose say. */

import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importX509, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ring } from '../../cli/admin-records.ts';
import { countersign } from '../cli/terminal.ts';
import { hasOpenssl, openssl, pemOf } from '../flows/certificates-world.ts';
import { synthesizeApp } from '../support/assembly.ts';
import { issue, x509 } from '../support/certificate-authority.ts';
import { getToken, populate, type Service, startService, type World } from '../support/service.ts';

let service: Service;
let world: World;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-certificates-'));
  // Without caches, what a command does is published at once, and not after half a minute.
  await synthesizeApp(join(directory, 'cdk.out'), { registryCacheSeconds: '0' });
  service = await startService({ assembly: join(directory, 'cdk.out') });
  world = await populate(service);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const key = async (...argv: string[]): Promise<string> => {
  const { url, operator } = service.deployment;
  const env = {
    AWS_ACCESS_KEY_ID: operator.accessKeyId,
    AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
    AWS_SESSION_TOKEN: operator.sessionToken,
  };
  const { exitCode, stdout, stderr } = await countersign(['key', ...argv, '--endpoint', url.origin], { env });
  expect([exitCode, stderr]).toEqual([0, '']);
  return stdout;
};

const activeKid = async (algorithm: string): Promise<string> => {
  const rings: Ring[] = JSON.parse(await key('list', '--json'));
  const found = rings.find((ring) => ring.algorithm === algorithm)?.keys.find(({ state }) => state === 'active');
  if (found === undefined) throw new Error(`no active ${algorithm} key`);
  return found.kid;
};

interface PublishedJwk {
  readonly kid: string;
  readonly x5c?: readonly string[];
  readonly x5t?: string;
}

const published = async (kid: string): Promise<PublishedJwk | undefined> => {
  const { keys } = (await (await fetch(`${service.issuer}/jwks`)).json()) as { keys: PublishedJwk[] };
  return keys.find((each) => each.kid === kid);
};

describe.each(['RS256', 'ES256'])('a self-signed certificate of the %s key', (algorithm) => {
  it('is published with the key, and OpenSSL and node accept it', async () => {
    const kid = await activeKid(algorithm);
    await key('certificate', 'self-signed', kid, '--subject', 'CN=tokens.example.com', '--days', '365');
    const jwk = await published(kid);
    const pem = pemOf(jwk?.x5c?.[0] ?? '');
    const certificate = new X509Certificate(pem);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.subject).toBe('CN=tokens.example.com');
    if (hasOpenssl)
      expect(openssl({ 'c.pem': pem }, 'verify', '-x509_strict', '-CAfile', 'c.pem', 'c.pem')).toContain('OK');
  });

  it('requests are accepted by OpenSSL, and a chain that a CA made of one can be imported', async () => {
    const kid = await activeKid(algorithm);
    const csr = await key('certificate', 'csr', kid, '--subject', 'CN=tokens.example.com');
    if (hasOpenssl) expect(openssl({ 'r.csr': csr }, 'req', '-verify', '-noout', '-in', 'r.csr')).toContain('OK');
    const spki = new Uint8Array(new x509.Pkcs10CertificateRequest(csr).publicKey.rawData);
    const now = Math.floor(Date.now() / 1_000);
    const times = { notBefore: now - 60, notAfter: now + 86_400 * 90 };
    const authority = await issue({ name: 'Test CA', authority: true, ...times });
    const leaf = await issue({ name: 'tokens.example.com', spki, issuer: authority, ...times });
    const chain = join(directory, `${algorithm}.pem`);
    await writeFile(chain, leaf.pem + authority.pem);
    await key('certificate', 'import', kid, '--chain', chain);
    expect((await published(kid))?.x5c).toEqual([leaf.base64, authority.base64]);
  });
});

describe('a token', () => {
  it('verifies with the certificate that the key is published with', async () => {
    const kid = await activeKid('RS256');
    await key('certificate', 'self-signed', kid, '--subject', 'CN=tokens.example.com');
    const jwk = await published(kid);
    const publicKey = await importX509(pemOf(jwk?.x5c?.[0] ?? ''), 'RS256');
    const { payload } = await jwtVerify(await getToken(service, world), publicKey, { audience: world.audience });
    expect(payload.client_id).toBe(world.client.id);
  });
});
