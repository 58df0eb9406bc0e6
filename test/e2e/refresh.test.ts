/**
 * Partners that publish their keys, followed over HTTPS by the one function that calls them: on demand and by the schedule.
 * What it must not reach are canaries on loopback; what it may reach, an operator has allowed by name and range.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { synthesizeApp } from '../support/assembly.ts';
import {
  administer,
  assertionOf,
  makePartner,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
  type World,
} from '../support/service.ts';
import { type CountingServer, certify, root, startTlsServer } from '../support/tls-server.ts';

let directory: string;
let service: Service;
let world: World;
let partnerServer: CountingServer;
let listener: RequestListener;
let canary: CountingServer;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-refresh-'));
  const certificate = await certify(['localhost', '127.0.0.1']);
  partnerServer = await startTlsServer((request, response) => listener(request, response), { certificate });
  canary = await startTlsServer((_request, response) => response.end('{"keys":[]}'), { certificate });
  const allowed = [{ host: 'localhost', ranges: ['127.0.0.0/8', '::1/128'], certificateAuthority: root.pem }];
  await synthesizeApp(join(directory, 'cdk.out'), { privateHosts: JSON.stringify(allowed), registryCacheSeconds: '0' });
  service = await startService({ assembly: join(directory, 'cdk.out') });
  world = await populate(service);
}, 120_000);

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await partnerServer[Symbol.asyncDispose]();
  await canary[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const serve = (document: unknown): void => {
  listener = (_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(document));
  };
};

const url = (path: string): string => `https://localhost:${partnerServer.port}${path}`;
const refresh = (id: string) => administer(service, 'POST', `/partners/${id}/refresh`);

const tokenFor = async (partner: TestPartner): Promise<number> => {
  const form = tokenForm(await assertionOf(partner, service.issuer), { resource: world.audience });
  return (await postToken(service, form)).status;
};

const follow = async (id: string, source: object): Promise<void> => {
  await mustCreate(service, '/partners', { id, ...source });
  await mustCreate(service, '/grants', { client: id, audience: world.audience, scopes: ['read'] });
};

describe('a partner with a jwks_uri', () => {
  let key: TestPartner;

  beforeEach(async () => {
    key ??= await makePartner('shop');
  });

  it('has no key until its document is looked at, and gets tokens with those that stand there', async () => {
    serve({ keys: [key.publicJwk] });
    await follow('shop', { jwksUri: url('/jwks') });
    expect(await tokenFor(key)).toBe(401);
    const refreshed = await refresh('shop');
    expect(refreshed).toMatchObject({
      status: 200,
      body: { credentials: [{ kid: 'shop-key', source: 'document' }], source: { lastSuccessAt: expect.any(String) } },
    });
    expect(await tokenFor(key)).toBe(200);
  });

  it('is not looked at again for a minute, whoever asks', async () => {
    const before = partnerServer.requests().length;
    expect(await refresh('shop')).toMatchObject({ status: 409, body: { until: expect.any(String) } });
    expect(partnerServer.requests().length).toBe(before);
  });
});

describe('the schedule', () => {
  it('looks at what is due, reports what it cannot take, and leaves everything as it was then', async () => {
    const [good, bad] = await Promise.all([makePartner('good'), makePartner('bad')]);
    serve({ keys: [good.publicJwk] });
    await follow('good', { jwksUri: url('/good') });
    await follow('bad', { jwks: { keys: [bad.publicJwk] }, metadataUrl: url('/bad') });
    const results = await service.deployment.runSchedule();
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect((await administer(service, 'GET', '/partners/good')).body.credentials).toHaveLength(1);
    const failed = (await administer(service, 'GET', '/partners/bad')).body;
    expect(failed).toMatchObject({ credentials: [{ kid: 'bad-key' }], source: { failure: { code: 'not_metadata' } } });
    expect(await tokenFor(bad)).toBe(200);
    await expect
      .poll(() => service.logs.some((line) => line.includes('"PartnerRefreshFailures":1')), { timeout: 10_000 })
      .toBe(true);
  });
});

describe("an address that is nobody else's business", () => {
  it.each([
    ['loopback by address', (port: number) => `https://127.0.0.1:${port}/jwks`],
    ['loopback in decimal', (port: number) => `https://2130706433:${port}/jwks`],
    ['loopback in octal', (port: number) => `https://0177.0.0.1:${port}/jwks`],
    ['loopback in hexadecimal', (port: number) => `https://0x7f.1:${port}/jwks`],
    ['loopback in IPv6', (port: number) => `https://[::1]:${port}/jwks`],
    ['loopback in IPv6, mapped', (port: number) => `https://[::ffff:127.0.0.1]:${port}/jwks`],
    ['a name that ends in localhost', (port: number) => `https://a.localhost:${port}/jwks`],
    ['the metadata service of the cloud', () => 'https://169.254.169.254/latest/meta-data'],
    ['a private network', () => 'https://10.0.0.1/jwks'],
    ['another port of a public name', () => 'https://example.com:8443/jwks'],
  ])('is refused before anybody is called: %s', async (name, urlOf) => {
    const id = `ssrf-${name.replaceAll(/[^a-z0-9]+/gi, '-')}`;
    await mustCreate(service, '/partners', { id, jwksUri: urlOf(canary.port) });
    const { status, body } = await refresh(id);
    expect([status, body.code]).toEqual([422, expect.stringMatching(/^(url|address)_refused$/)]);
    expect(canary.connections()).toBe(0);
  });

  it('is not reached by a redirect either', async () => {
    listener = (_request, response) => {
      response.writeHead(302, { location: `https://localhost:${canary.port}/jwks` });
      response.end();
    };
    await mustCreate(service, '/partners', { id: 'redirected', jwksUri: url('/moved') });
    expect(await refresh('redirected')).toMatchObject({ status: 422, body: { code: 'redirect' } });
    expect(canary.connections()).toBe(0);
  });

  it('is not reached by what a document says about where the keys are', async () => {
    const issuer = `https://localhost:${partnerServer.port}`;
    serve({ issuer, jwks_uri: `https://127.0.0.1:${canary.port}/jwks` });
    await mustCreate(service, '/partners', {
      id: 'led-astray',
      metadataUrl: `${issuer}/.well-known/openid-configuration`,
    });
    expect(await refresh('led-astray')).toMatchObject({ status: 422, body: { code: 'url_refused' } });
    expect(canary.connections()).toBe(0);
  });

  it.each([
    ['http://example.com/jwks'],
    ['file:///etc/passwd'],
    ['https://user:secret@example.com/jwks'],
    ['gopher://x/'],
  ])('cannot even be registered: %s', async (jwksUri) => {
    expect((await administer(service, 'POST', '/partners', { id: 'bad-url', jwksUri })).status).toBe(400);
  });
});

describe('a server that does not play by the rules', () => {
  it.each([
    ['too_large', (response) => response.end(`{"keys":[],"x":"${'x'.repeat(100_000)}"}`)],
    ['status', (response) => response.writeHead(500).end('{}')],
    ['not_json', (response) => response.end('{"keys":')],
    ['content_type', (response) => response.setHeader('content-type', 'text/html').end('<html>')],
  ] as [string, (response: Parameters<RequestListener>[1]) => void][])(
    'changes nothing and is reported: %s',
    async (code, answer) => {
      listener = (_request, response) => answer(response);
      await mustCreate(service, '/partners', { id: `rude-${code}`, jwksUri: url('/jwks') });
      expect(await refresh(`rude-${code}`)).toMatchObject({ status: 422, body: { code } });
      const { body } = await administer(service, 'GET', `/partners/rude-${code}`);
      expect(body).toMatchObject({ credentials: [], source: { failure: { code } } });
    },
  );

  it('is given up when it does not answer', async () => {
    listener = () => undefined;
    await mustCreate(service, '/partners', { id: 'silent', jwksUri: url('/jwks') });
    expect(await refresh('silent')).toMatchObject({ status: 422, body: { code: 'timeout' } });
  });
});
