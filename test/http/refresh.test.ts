import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newRefresh } from '../../functions/core/partner-source.ts';
import { manageRealms } from '../../functions/flows/manage-realms.ts';
import { type RefreshPartner, refreshPartner } from '../../functions/flows/refresh-partner.ts';
import type { HttpAnswer } from '../../functions/http/endpoint.ts';
import { type Fetched, Outage } from '../../functions/ports.ts';
import { refreshPartnersRoute } from '../../functions/routes.ts';
import { memoryRealms, memoryRegistry, type TestClock, testClock } from '../flows/in-memory.ts';
import { httpEvent, keyPair, NOW, partner, REALM, realmDefaults } from '../support/builders.ts';
import { promised } from './admin-world.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let observed: Observed;
let clock: TestClock;
let answer: () => Promise<Fetched>;
let fetched: string[];
let refresh: RefreshPartner;
const { publicJwk, thumbprint } = await keyPair();
const KEYS: Fetched = { ok: true, text: JSON.stringify({ keys: [{ ...publicJwk, kid: 'k1' }] }) };
const URL_OF = 'https://crm.example/jwks';

beforeEach(async () => {
  observed = observe();
  clock = testClock();
  answer = async () => KEYS;
  fetched = [];
  const registry = memoryRegistry();
  for (const id of ['crm', 'erp']) {
    const source = { type: 'jwks_uri', url: URL_OF } as const;
    await registry.createPartner(partner({ id, source }), newRefresh(REALM, id, NOW));
  }
  await registry.createPartner(partner({ id: 'plain' }), undefined);
  const documents = {
    fetch: (url: string) => {
      fetched.push(url);
      return answer();
    },
  };
  const uses = { lastUses: async () => new Map([[thumbprint, NOW + 60]]) };
  refresh = refreshPartner({ registry, uses, documents, clock }, { intervalSeconds: 3_600 });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const run = (event: unknown, flow = refresh): Promise<HttpAnswer | undefined> => {
  const realms = manageRealms({ realms: memoryRealms(), clock }, realmDefaults());
  return refreshPartnersRoute(observed.seen, { refresh: flow, realms, defaultRealm: REALM })(event, lambdaContext());
};
const path = (id: string) => `/realms/default/partners/${id}/refresh`;
const ask = async (id: string) => promised('POST', path(id), (await run(httpEvent('POST', `/admin${path(id)}`))) ?? {});

describe('a refresh that somebody asks for', () => {
  it('shows the partner with the keys of its document', async () => {
    const { status, body } = await ask('crm');
    expect([status, body.credentials, body.source]).toMatchObject([
      200,
      [{ kid: 'k1', source: 'document', lastUsedAt: new Date((NOW + 60) * 1_000).toISOString() }],
      {
        ...{ type: 'jwks_uri', url: URL_OF, nextAttemptAt: new Date((NOW + 3_600) * 1_000).toISOString() },
        lastAttemptAt: new Date(NOW * 1_000).toISOString(),
        lastSuccessAt: new Date(NOW * 1_000).toISOString(),
      },
    ]);
    expect(observed.lines()).toMatchObject([
      { message: 'administration', audit: { method: 'POST', path: `/admin${path('crm')}`, status: 200 } },
    ]);
  });

  it('is 409 during the cool-down, and says until when', async () => {
    await ask('crm');
    clock.time += 59;
    expect(await ask('crm')).toMatchObject({
      status: 409,
      body: { title: 'Conflict', until: new Date((NOW + 60) * 1_000).toISOString() },
    });
    clock.time += 1;
    expect([(await ask('crm')).status, fetched]).toEqual([200, [URL_OF, URL_OF]]);
  });

  it.each<[string, Fetched, string]>([
    ['cannot be had', { ok: false, failure: { code: 'timeout', detail: 'no answer in time' } }, 'timeout'],
    ['is not JSON', { ok: true, text: '<html>' }, 'not_json'],
    ['has no keys', { ok: true, text: '{"keys":[]}' }, 'document_no_keys'],
    ['has a private key', { ok: true, text: '{"keys":[{"kty":"oct","k":"c2VjcmV0LTdmM2E"}]}' }, 'key_exposed'],
  ])('is 422 where the document %s, with a code, and shows the failure from then on', async (_what, document, code) => {
    answer = async () => document;
    const { status, body, type } = await ask('crm');
    expect([status, type, body.title, body.code]).toEqual([
      422,
      'application/problem+json',
      'Unprocessable Content',
      code,
    ]);
    expect(JSON.stringify(body) + observed.text()).not.toContain('c2VjcmV0LTdmM2E');
  });

  it('is 409 without a document to follow, and 404 without a partner', async () => {
    expect([await ask('plain'), await ask('nobody')]).toMatchObject([
      { status: 409, body: { detail: 'this partner has no document to follow' } },
      { status: 404, body: { detail: 'there is no partner nobody' } },
    ]);
    expect(fetched).toEqual([]);
  });

  it.each([
    ['GET', path('crm')],
    ['POST', '/realms/default/partners'],
    ['DELETE', '/realms/default/partners/crm'],
  ])('is all that this function does: not %s %s', async (method, other) => {
    expect(await run(httpEvent(method, `/admin${other}`))).toMatchObject({ statusCode: 404 });
  });

  it('takes no body', async () => {
    const event = httpEvent('POST', `/admin${path('crm')}`, { body: '{"id":"erp"}' });
    expect([(await run(event))?.statusCode, fetched]).toEqual([400, []]);
  });
});

describe('the refresh by schedule', () => {
  it('looks after all that are due, reports each and counts the failures', async () => {
    let first = true;
    answer = async () => {
      if (!first) return { ok: false, failure: { code: 'tls', detail: 'no trust' } };
      first = false;
      return KEYS;
    };
    expect(await run({})).toBeUndefined();
    expect(observed.lines()).toMatchObject([
      { level: 'INFO', message: 'refresh', audit: { realm: REALM, partner: 'crm', outcome: 'changed' } },
      {
        level: 'WARN',
        message: 'refresh',
        audit: { partner: 'erp', outcome: 'failed', failure: { code: 'tls', detail: 'no trust' } },
      },
    ]);
    expect(observed.metrics()).toMatchObject({ PartnerRefreshFailures: 1 });
  });

  it('says that none failed, so that the alarm sees it run', async () => {
    await run({});
    expect(observed.metrics()).toMatchObject({ PartnerRefreshFailures: 0 });
    clock.time += 60;
    await run({});
    expect(fetched).toHaveLength(2);
  });

  it.each([{}, null, undefined, 'x', 7, [], { httpMethod: 'POST' }])('is what %j means', async (event) => {
    const limits: number[] = [];
    const due = async (limit: number) => {
      limits.push(limit);
      return { reports: [], failures: [] };
    };
    await run(event, { ...refresh, due });
    expect(limits).toEqual([250]);
  });

  it('tells of all that it could do before it throws what failed on our side', async () => {
    const outage = new Outage('dynamodb:PutItem', new Error('down'));
    const report = { realm: REALM, partner: 'crm', outcome: 'failed', failure: { code: 'tls', detail: 'x' } } as const;
    const due = async () => ({ reports: [report], failures: [outage, new Error('second')] });
    await expect(run({}, { ...refresh, due })).rejects.toBe(outage);
    expect(observed.lines()).toMatchObject([
      { message: 'refresh', audit: report },
      { message: 'outage', fault: { operation: 'dynamodb:PutItem' } },
    ]);
    expect(observed.metrics()).toMatchObject({ PartnerRefreshFailures: 1, Outages: 1 });
  });

  it('throws an outage on, so that the scheduler tries again; a fault without its message', async () => {
    const failing = (error: Error) => run({}, { ...refresh, due: () => Promise.reject(error) });
    const outage = new Outage('dynamodb:Query', new Error('down'));
    await expect(failing(outage)).rejects.toBe(outage);
    await expect(failing(new TypeError('secret-7f3a'))).rejects.toEqual(
      new Error('TypeError: see the fault of this request in the log'),
    );
    expect(observed.text()).not.toContain('secret-7f3a');
  });
});
