/**
 * Attacks on the door of the admin API: no signature, a wrong one, a borrowed one, and paths that one reader takes for this
 * and another for that. Nobody who is refused here reaches the registry.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logLines } from '../support/decisions.ts';
import { administer, populate, type Service, startService } from '../support/service.ts';
import { rawCall, type SigningChanges, signatureFor, signedCall } from '../support/signed-call.ts';

let service: Service;

beforeAll(async () => {
  service = await startService();
  await populate(service);
});
afterAll(() => service[Symbol.asyncDispose]());

const PARTNERS = '/admin/realms/default/partners';
const CRM = `${PARTNERS}/crm`;
const FORBIDDEN = { status: 403, body: { message: 'Forbidden' } };
const NOT_FOUND = { status: 404, body: { message: 'Not Found' } };

const administrations = () => logLines(service).filter(({ message }) => message === 'administration').length;

/** The answer, with the promise that the registry was neither read nor written for it. */
const unseen = async (call: () => Promise<unknown>): Promise<unknown> => {
  const before = service.calls.length;
  const answer = await call();
  expect(service.calls.length).toBe(before);
  return answer;
};

describe('a request without a good signature', () => {
  it.each(['GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])('is refused: %s', async (method) => {
    const answer = await unseen(() => rawCall(service, method, PARTNERS, '{}'));
    expect(answer).toMatchObject({ status: 403 });
  });

  it.each([
    ['of another secret', { secretAccessKey: 'A'.repeat(40) }],
    ['with another session token', { sessionToken: 'stolen' }],
    ['for another service', { service: 'kms' }],
    ['for another Region', { region: 'eu-north-1' }],
    ['from an hour ago', { signingDate: new Date(Date.now() - 3_600_000) }],
    ['from an hour ahead', { signingDate: new Date(Date.now() + 3_600_000) }],
  ] as [string, SigningChanges][])('is refused: %s', async (_case, changes) => {
    const headers = await signatureFor(service, 'GET', CRM, '', changes);
    expect(await unseen(() => rawCall(service, 'GET', CRM, '', headers))).toEqual(FORBIDDEN);
  });

  it.each([
    ['a bearer token', { authorization: 'Bearer a.b.c' }],
    ['Basic credentials', { authorization: 'Basic YWRtaW46YWRtaW4=' }],
    ['an empty header', { authorization: '' }],
    [
      'half a signature',
      { authorization: 'AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/execute-api/aws4_request' },
    ],
    ['headers that proxies trust', { 'x-forwarded-for': '127.0.0.1', 'x-amzn-iam-user': 'operator' }],
  ])('is refused: %s', async (_case, headers: Record<string, string>) => {
    expect(await unseen(() => rawCall(service, 'GET', CRM, '', headers))).toEqual(FORBIDDEN);
  });
});

describe('a signed request that somebody else sends again', () => {
  const body = JSON.stringify({ version: 1, name: 'CRM' });
  const signed = () => signatureFor(service, 'PATCH', CRM, body);

  it('is good as it was signed', async () => {
    expect(await rawCall(service, 'PATCH', CRM, body, await signed())).toMatchObject({ status: 200 });
  });

  it.each([
    ['with another body', 'PATCH', CRM, '{"enabled":false}'],
    ['with a longer body', 'PATCH', CRM, `${body} `],
    ['without its body', 'PATCH', CRM, ''],
    ['with another method', 'POST', CRM, body],
    ['to another partner', 'PATCH', `${PARTNERS}/billing`, body],
    ['to another realm', 'PATCH', '/admin/realms/other/partners/crm', body],
    ['with a query', 'PATCH', `${CRM}?x=1`, body],
    ['to another spelling of the path', 'PATCH', `${PARTNERS}/%63rm`, body],
    ['to the path with a dot segment', 'PATCH', `${PARTNERS}/./crm`, body],
    ['to the path with a detour', 'PATCH', `${PARTNERS}/x/../crm`, body],
    ['to the path with two slashes', 'PATCH', `${PARTNERS}//crm`, body],
  ])('is refused %s', async (_case, method, path, sent) => {
    const headers = await signed();
    expect(await unseen(() => rawCall(service, method, path, sent, headers))).toEqual(FORBIDDEN);
  });

  it.each([
    ['to another host', { host: 'evil.example' }],
    ['with the hash of another body', { 'x-amz-content-sha256': '0'.repeat(64) }],
    ['with the word UNSIGNED-PAYLOAD', { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }],
    ['with another date', { 'x-amz-date': '20260101T000000Z' }],
  ])('is refused %s', async (_case, changes: Record<string, string>) => {
    const headers = { ...(await signed()), ...changes };
    expect(await unseen(() => rawCall(service, 'PATCH', CRM, body, headers))).toEqual(FORBIDDEN);
  });
});

describe('a path that is read in two ways', () => {
  it.each([
    '/ADMIN/realms/default/partners',
    '/Admin/realms/default/partners',
    '//admin/realms/default/partners',
    '/./admin/realms/default/partners',
    '/x/../admin/realms/default/partners',
    '/admin',
    '/admin/',
    '/admin;x/realms/default/partners',
    '/token/../admin/realms/default/partners',
    '/whoami/../admin/realms/default/partners',
    '/.well-known/../admin/realms/default/partners',
    '/jwks/admin/realms/default/partners',
    '/%2561dmin/realms/default/partners',
    '/default/admin/realms/default/partners',
  ])('leads nowhere: %s', async (path) => {
    expect(await unseen(() => rawCall(service, 'GET', path))).toEqual(NOT_FOUND);
  });

  it.each([
    '/admin/../token',
    '/admin/../jwks',
    '/admin/%2e%2e/jwks',
    '/admin/..%2fjwks',
    '/admin//realms/default/partners',
    '/%61dmin/realms/default/partners',
    '/admin%2frealms%2fdefault%2fpartners',
    '/admin/realms/default/partners/',
    '/admin/realms/default/partners%00',
    '/admin/realms/default/partners%0d%0aX:1',
  ])('needs a signature like any other below /admin: %s', async (path) => {
    expect(await unseen(() => rawCall(service, 'GET', path))).toEqual(FORBIDDEN);
    expect(await unseen(() => rawCall(service, 'POST', path, 'grant_type=client_credentials'))).toEqual(FORBIDDEN);
  });

  it.each(['/admin/realms/default/Partners', '/admin/realms/Default/partners', '/admin/realms/default/partners/a/b'])(
    'is no route of ours even when it is signed: %s',
    async (path) => {
      const answer = await rawCall(service, 'GET', path, '', await signatureFor(service, 'GET', path));
      expect(answer).toMatchObject({ status: 404, body: { title: 'Not Found' } });
    },
  );

  it('changes nothing when the method is one that no route has', async () => {
    for (const method of ['PUT', 'DELETE']) {
      expect(await signedCall(service, method, '/partners/crm/enabled', '{"enabled":false}')).toMatchObject({
        status: 404,
      });
    }
    const crm = await administer(service, 'GET', '/partners/crm');
    expect(crm.body.enabled).toBe(true);
  });

  it('is on record when it reached the function, with who sent it', async () => {
    await signedCall(service, 'GET', '/partners/nobody');
    expect(administrations()).toBeGreaterThan(0);
    const lines = logLines(service).filter(({ message }) => message === 'administration');
    const operators = new Set(lines.map(({ audit }) => (audit as { operator: string }).operator));
    expect(operators.size).toBe(1);
    expect([...operators][0]).toMatch(/^arn:aws:sts::\d{12}:assumed-role\//);
  });
});
