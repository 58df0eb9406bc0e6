/** `GET /metadata/json/1` and certificates of the rotation's own making, over HTTP against the synthesized assembly. */

import { jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPartnerDocument } from '../../functions/core/partner-document.ts';
import { readAsExchange, readAsSharePointHelper } from '../support/microsoft-readers.ts';
import { type AdminAnswer, callAdmin, type Service, startService } from '../support/service.ts';

const APPLICATION = '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34';
const DAY_MS = 86_400_000;
const microsoft = { applicationId: APPLICATION, realms: ['contoso.example', 'fabrikam.example'] };

let service: Service;

const admin = (method: string, path: string, body?: object): Promise<AdminAnswer> =>
  callAdmin(service, method, `/admin/realms${path}`, body);
const get = (path: string) => fetch(`${service.issuer}${path}`);
const now = () => Math.floor(Date.now() / 1_000);

beforeAll(async () => {
  service = await startService();
  await admin('POST', '', { name: 'contoso', policy: { algorithms: ['RS256'], microsoft } });
  await admin('POST', '/contoso/keys', { algorithm: 'RS256' });
});
afterAll(() => service[Symbol.asyncDispose]());

describe('a realm that takes part in the Microsoft profile', () => {
  it('has a certificate for each of its keys from the first one on, and names them in one document', async () => {
    const answer = await get('/realms/contoso/metadata/json/1');
    const text = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
    expect(Number(/max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '')?.[1])).toBeLessThanOrEqual(3_600);
    const { issuer, certificates } = readAsExchange(text);
    expect(issuer).toBe(`${APPLICATION}@contoso.example`);
    const { keys } = (await (await get('/realms/contoso/jwks')).json()) as { keys: { x5t: string; x5c: string[] }[] };
    expect([...certificates.keys()]).toEqual(keys.map(({ x5t }) => x5t));
    expect(readAsSharePointHelper(text)).toEqual({
      certificate: keys[0]?.x5c[0],
      tokenEndpoint: `${service.issuer}/realms/contoso/token`,
    });
    for (const certificate of certificates.values()) {
      expect([certificate.subject, certificate.verify(certificate.publicKey)]).toEqual([`CN=${issuer}`, true]);
      expect(certificate.validToDate.getTime() - Date.now()).toBeGreaterThan(364 * DAY_MS);
    }
    expect(await readPartnerDocument(JSON.parse(text), now())).toMatchObject({ ok: true, value: { warnings: [] } });
  });

  it('answers who has the document already with 304, and other names with 404', async () => {
    const path = '/realms/contoso/metadata/json/1';
    const etag = (await get(path)).headers.get('etag') ?? '';
    const again = await fetch(`${service.issuer}${path}`, { headers: { 'if-none-match': etag } });
    const statuses = [];
    for (const query of ['?realm=contoso.example', '?realm=fabrikam.example', '?realm=*', '?realm=other.example'])
      statuses.push((await get(`${path}${query}`)).status);
    expect([again.status, ...statuses, (await get('/metadata/json/1')).status]).toEqual([304, 200, 200, 404, 404, 404]);
  });

  it('is told when the next certificate may take over at the earliest', async () => {
    const soon = new Date((now() + 60) * 1_000).toISOString().replace('.000Z', 'Z');
    const { status, body } = await admin('POST', '/contoso/keys/rotate', { algorithm: 'RS256', at: soon });
    expect([status, body.detail]).toEqual([409, 'the standby key cannot take over that early']);
    const until = String(body.until).replace('.000Z', 'Z');
    const agreed = await admin('POST', '/contoso/keys/rotate', { algorithm: 'RS256', at: until });
    expect([agreed.status, JSON.stringify(agreed.body)]).toEqual([200, expect.stringContaining(String(body.until))]);
  });
});

describe('a realm that takes part later', () => {
  it('gives its keys certificates then', async () => {
    await admin('POST', '', { name: 'later', policy: { algorithms: ['RS256'] } });
    await admin('POST', '/later/keys', { algorithm: 'RS256' });
    const { keys: before } = (await (await get('/realms/later/jwks')).json()) as { keys: { x5c?: string[] }[] };
    expect(before.map(({ x5c }) => x5c)).toEqual([undefined, undefined]);
    const { body: realm } = await admin('GET', '/later');
    const policy = { algorithms: ['RS256'], microsoft: { ...microsoft, realms: ['later.example'] } };
    expect((await admin('PATCH', '/later', { version: realm.version, policy })).status).toBe(200);
    const { body } = await admin('POST', '/later/keys', { algorithm: 'RS256' });
    const rings = body as unknown as { keys: { state: string; certificate?: { subject: string; notAfter: string } }[] };
    expect(rings.keys.map(({ state, certificate }) => [state, certificate?.subject])).toEqual([
      ['active', `CN=${APPLICATION}@later.example`],
      ['standby', `CN=${APPLICATION}@later.example`],
    ]);
  });
});

describe('what a key signs', () => {
  it('can be checked with the certificate that the document names first', async () => {
    const [first] = readAsExchange(await (await get('/realms/contoso/metadata/json/1')).text()).certificates.values();
    const list = await (await get('/realms/contoso/revoked-keys')).text();
    if (first === undefined) throw new Error('there is no certificate');
    expect((await jwtVerify(list, first.publicKey)).payload.iss).toBe(`${service.issuer}/realms/contoso`);
  });
});
