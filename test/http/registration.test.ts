import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientInformation } from '../../functions/core/client-information.ts';
import { accept, type Refusal, refuse } from '../../functions/core/errors.ts';
import type { MetadataRequest, RegisterClient } from '../../functions/flows/register-client.ts';
import { Outage } from '../../functions/ports.ts';
import { registrationRoute } from '../../functions/routes.ts';
import { httpEvent, REALM } from '../support/builders.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let observed: Observed;
beforeEach(() => {
  observed = observe();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const INFORMATION = { client_id: 'crm', registration_access_token: 'crat_secret' } as ClientInformation;
const TOKEN = `cobt_Y3Jt.${'A'.repeat(43)}`;
const JSON_TYPE = { 'content-type': 'application/json' };

const never = (): Promise<never> => Promise.reject(new Error('not reached'));
const route = (clients: Partial<RegisterClient>) =>
  registrationRoute(observed.seen, {
    clients: { register: never, read: never, update: never, remove: never, ...clients },
    defaultRealm: REALM,
  });
const event = (
  method: string,
  { id, body = '{}', headers = {} }: { id?: string; body?: string; headers?: object } = {},
) => ({
  ...httpEvent(method, '/register', { body, headers: { ...JSON_TYPE, authorization: `Bearer ${TOKEN}`, ...headers } }),
  ...(id === undefined ? {} : { pathParameters: { id } }),
});
const refusing = (refusal: Refusal) => async () => ({ result: refuse(refusal), facts: {} });

describe('the registration endpoint', () => {
  it.each([
    ['POST', 'register', undefined, 201],
    ['GET', 'read', 'crm', 200],
    ['PUT', 'update', 'crm', 200],
    ['DELETE', 'remove', 'crm', 204],
  ] as const)('hands %s to %s, and answers so that nobody keeps it', async (method, operation, id, status) => {
    const asked: MetadataRequest[] = [];
    const done = async (request: MetadataRequest) => {
      asked.push(request);
      return { result: accept(INFORMATION), facts: { operation, client: 'crm' } };
    };
    const answer = await route({ [operation]: done })(event(method, id === undefined ? {} : { id }), lambdaContext());
    expect([answer.statusCode, answer.body]).toEqual([
      status,
      status === 204 ? undefined : JSON.stringify(INFORMATION),
    ]);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
    const client = id === undefined ? {} : { client: id };
    expect(asked).toEqual([{ realm: REALM, ...client, token: TOKEN, body: { ok: true, value: '{}' } }]);
    const audit = { action: 'register-client', decision: 'granted', requestId: 'request-1', facts: { operation } };
    expect(observed.lines()).toMatchObject([{ level: 'INFO', message: 'decision', audit }]);
    expect(observed.metrics()).toMatchObject({ RegistrationsAccepted: 1 });
    expect(observed.text()).not.toMatch(/crat_|cobt_/);
  });

  it('is of the realm that the path names', async () => {
    const asked: string[] = [];
    const register: RegisterClient['register'] = async ({ realm }) => {
      asked.push(realm);
      return { result: accept(INFORMATION), facts: {} };
    };
    await route({ register })({ ...event('POST'), pathParameters: { realm: 'acme' } }, lambdaContext());
    expect(asked).toEqual(['acme']);
  });

  it.each<[string, Refusal, number, string]>([
    ['a token', { reason: 'registration_token_refused', because: 'expired' }, 401, 'invalid_token'],
    [
      'a redirect',
      { reason: 'client_metadata_refused', error: 'invalid_redirect_uri', detail: '/a: b' },
      400,
      'invalid_redirect_uri',
    ],
    [
      'a key',
      { reason: 'client_metadata_refused', error: 'invalid_client_metadata', detail: '/a: b' },
      400,
      'invalid_client_metadata',
    ],
    ['a body that is too large', { reason: 'body_too_large', bytes: 2, maxBytes: 1 }, 400, 'invalid_request'],
  ])('refuses %s with a warning and its reason', async (_what, refusal, status, error) => {
    for (const [method, operation] of Object.entries({ POST: 'register', DELETE: 'remove' })) {
      const answer = await route({ [operation]: refusing(refusal) })(event(method, { id: 'crm' }), lambdaContext());
      expect([answer.statusCode, JSON.parse(answer.body ?? '').error]).toEqual([status, error]);
      expect(answer.headers).toMatchObject({ 'cache-control': 'no-store' });
      expect(answer.headers?.['www-authenticate']).toBe(status === 401 ? 'Bearer error="invalid_token"' : undefined);
    }
    expect(observed.lines()[0]).toMatchObject({ level: 'WARN', audit: { decision: 'refused', refusal } });
    expect(observed.metrics()).toMatchObject({ RegistrationsRefused: 2 });
  });

  it.each<[string, object, string | undefined]>([
    ['no header', { authorization: undefined }, undefined],
    ['another scheme', { authorization: `Basic ${TOKEN}` }, undefined],
    ['DPoP, which no token here is for', { authorization: `DPoP ${TOKEN}` }, undefined],
    ['two tokens', { authorization: `Bearer ${TOKEN}, Bearer ${TOKEN}` }, undefined],
    ['the scheme in other letters', { authorization: `bearer ${TOKEN}` }, TOKEN],
  ])('takes a token from %s', async (_what, headers, token) => {
    const asked: MetadataRequest[] = [];
    const read: RegisterClient['read'] = async (request) => {
      asked.push(request as MetadataRequest);
      return { result: accept(INFORMATION), facts: {} };
    };
    await route({ read })(event('GET', { id: 'crm', headers }), lambdaContext());
    expect(asked).toMatchObject([{ token }]);
  });

  it.each<[string, Parameters<typeof event>[1], object]>([
    [
      'a form',
      { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      { reason: 'client_metadata_refused' },
    ],
    ['no type', { headers: { 'content-type': undefined } }, { reason: 'client_metadata_refused' }],
    ['more than 64 KiB', { body: ' '.repeat(65_537) }, { reason: 'body_too_large', maxBytes: 65_536 }],
  ])('hands on that there is no body: %s', async (_what, changes, refusal) => {
    const asked: MetadataRequest[] = [];
    const register: RegisterClient['register'] = async (request) => {
      asked.push(request);
      return refusing({ reason: 'registration_token_refused', because: 'missing' })();
    };
    await route({ register })(event('POST', changes), lambdaContext());
    expect(asked).toMatchObject([{ body: { ok: false, refusal } }]);
  });

  it('takes JSON with a parameter behind its type', async () => {
    const asked: MetadataRequest[] = [];
    const register: RegisterClient['register'] = async (request) => {
      asked.push(request);
      return { result: accept(INFORMATION), facts: {} };
    };
    const headers = { 'content-type': 'Application/JSON; charset=utf-8' };
    await route({ register })(event('POST', { headers }), lambdaContext());
    expect(asked).toMatchObject([{ body: { ok: true } }]);
  });

  it('answers an outage so that it is tried again, and leaves no decision', async () => {
    const down = () => Promise.reject(new Outage('dynamodb:Query', new Error('down')));
    const answer = await route({ register: down })(event('POST'), lambdaContext());
    expect([answer.statusCode, JSON.parse(answer.body ?? '').error]).toEqual([503, 'temporarily_unavailable']);
    expect(answer.headers).toMatchObject({ 'retry-after': '2', 'cache-control': 'no-store' });
    expect(observed.lines().map((line) => line.message)).toEqual(['outage']);
  });

  it('never fails on any body or header, and writes none of it down', async () => {
    const refused = refusing({ reason: 'registration_token_refused', because: 'malformed' });
    const chunk = fc.constantFrom('S3cret', 'Bearer ', '{', '"', ',', '\u0000', '€', 'cobt_');
    const text = fc.array(chunk, { maxLength: 8 }).map((chunks) => chunks.join(''));
    await fc.assert(
      fc.asyncProperty(text, text, fc.boolean(), async (body, authorization, isBase64Encoded) => {
        const request = { ...event('POST', { body, headers: { authorization } }), isBase64Encoded };
        expect((await route({ register: refused })(request, lambdaContext())).statusCode).toBe(401);
        expect(observed.text()).not.toContain('S3cret');
      }),
      { numRuns: 200 },
    );
  });
});
