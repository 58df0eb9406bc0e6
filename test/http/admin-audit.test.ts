import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { changeOf, outcomeOf } from '../../functions/http/admin-audit.ts';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE, httpEvent } from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';
import { type AdminWorld, openAdmin, PAIR, PARTNER, populate } from './admin-world.ts';

let world: AdminWorld;
let inRealm: AdminWorld['inRealm'];
beforeEach(() => {
  world = openAdmin();
  ({ inRealm } = world);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const OPERATOR = 'arn:aws:iam::111122223333:user/ada';
const SECRET = 'secret-7f3a';
const uri = `audience=${encodeURIComponent(AUDIENCE)}`;
const changes = () => world.records().map(({ change }) => change);
const { pem, base64 } = await issue({ name: 'crm' });

describe('the record of an administration', () => {
  it('says who did what and how it ended, for reads as well', async () => {
    await inRealm('POST', '/partners', { body: PARTNER, operator: OPERATOR });
    await inRealm('GET', '/partners/nobody', { operator: OPERATOR });
    await inRealm('GET', '/partners');
    const path = '/admin/realms/default/partners';
    expect(world.records()).toEqual([
      {
        ...{ requestId: 'request-1', operator: OPERATOR, method: 'POST', path, status: 201 },
        change: { id: 'billing', name: 'Billing' },
        outcome: { id: 'billing', version: 1, keys: [{ kid: 'k1', thumbprint: PAIR.thumbprint }], claims: [] },
      },
      { requestId: 'request-1', operator: OPERATOR, method: 'GET', path: `${path}/nobody`, status: 404 },
      { requestId: 'request-1', operator: 'unknown', method: 'GET', path, status: 200 },
    ]);
  });

  it('says what was changed', async () => {
    await populate(world);
    await inRealm('PATCH', '/partners/crm', { body: { version: 1, enabled: false, name: null, tags: { a: 'b' } } });
    await world.call('POST', '/realms', { body: { name: 'acme', aliases: ['a'], policy: { algorithms: ['ES256'] } } });
    expect(changes()).toEqual([
      { id: 'billing', name: 'Billing' },
      { id: 'crm', name: 'Billing' },
      { audience: AUDIENCE, owner: 'billing', scopes: ['read', 'write'] },
      { client: 'crm', audience: AUDIENCE, scopes: ['read'] },
      { version: 1, enabled: false, name: null, tags: { a: 'b' } },
      { name: 'acme', aliases: ['a'], policy: { algorithms: ['ES256'] } },
    ]);
  });

  it('says whom an audience lets introspect its tokens', async () => {
    await populate(world);
    const before = world.records().length;
    await inRealm('PATCH', '/audiences', { body: { audience: AUDIENCE, version: 1, introspectors: ['crm'] } });
    await inRealm('DELETE', '/partners/crm');
    expect(
      world
        .records()
        .slice(before)
        .map(({ status, change }) => [status, change]),
    ).toEqual([
      [200, { audience: AUDIENCE, version: 1, introspectors: ['crm'] }],
      [409, undefined],
    ]);
  });

  it('says what was removed, once it is, and nothing of what was asked for in vain', async () => {
    await populate(world);
    const before = world.records().length;
    await inRealm('DELETE', '/audiences', { query: uri });
    await inRealm('DELETE', '/partners/crm/credentials', { query: `kid=${SECRET}` });
    await inRealm('DELETE', '/grants', { query: `client=crm&${uri}` });
    await inRealm('DELETE', '/audiences', { query: uri });
    await inRealm('DELETE', '/partners/crm/credentials', { query: 'kid=k1' });
    expect(
      world
        .records()
        .slice(before)
        .map(({ status, change }) => [status, change]),
    ).toEqual([
      [409, undefined],
      [404, undefined],
      [204, { client: 'crm', audience: AUDIENCE }],
      [204, { audience: AUDIENCE }],
      [204, { kid: 'k1' }],
    ]);
    expect(world.observed.text()).not.toContain(SECRET);
  });

  it('holds nothing of the query of a listing', async () => {
    await populate(world);
    await inRealm('GET', '/grants', { query: 'client=crm' });
    expect(changes().at(-1)).toBeUndefined();
  });

  it('holds no key material, no claims, and no document', async () => {
    const body = {
      ...{ ...PARTNER, claims: { tenant: SECRET }, quota: { perDay: 5, mode: 'enforce' } },
      ...{ credentials: [{ certificate: pem, label: 'auth' }], issuer: 'https://idp.example' },
    };
    await inRealm('POST', '/partners', { body });
    await inRealm('PUT', '/partners/doc', {
      body: { metadata: { keys: [{ ...PAIR.publicJwk, kid: 'k1', x5t: SECRET }] } },
    });
    await inRealm('POST', '/partners/doc/credentials', { body: { certificate: base64, label: 'second' } });
    expect(world.records().map(({ status, change }) => [status, change])).toEqual([
      [201, { id: 'billing', name: 'Billing', quota: { perDay: 5, mode: 'enforce' }, issuer: 'https://idp.example' }],
      [201, undefined],
      [200, { label: 'second' }],
    ]);
    for (const secret of [PAIR.publicJwk.x, PAIR.publicJwk.y, 'jwk', 'metadata', base64.slice(40, 80), SECRET]) {
      expect(world.observed.text()).not.toContain(secret);
    }
  });

  it('says where a document is, without the query that may let somebody read it', async () => {
    const url = 'https://idp.example/keys';
    await inRealm('POST', '/partners', { body: { id: 'a', jwksUri: `${url}?sig=${SECRET}` } });
    await inRealm('PATCH', '/partners/a', { body: { version: 1, metadataUrl: `${url}/m?sig=${SECRET}` } });
    await inRealm('PATCH', '/partners/a', { body: { version: 2, metadataUrl: null } });
    expect(changes()).toEqual([
      { id: 'a', jwksUri: url },
      { version: 1, metadataUrl: `${url}/m` },
      { version: 2, metadataUrl: null },
    ]);
    expect(world.observed.text()).not.toContain(SECRET);
  });

  it.each([
    [400, 'POST', '/partners', { id: SECRET, more: 1 }],
    [400, 'POST', '/partners', { ...PARTNER, name: '', id: SECRET }],
    [400, 'GET', '/partners', { name: SECRET }],
    [404, 'PATCH', '/partners/nobody', { version: 1, name: SECRET }],
    [409, 'POST', '/partners', { ...PARTNER, name: SECRET }],
    [409, 'PATCH', '/partners/billing', { version: 7, name: SECRET }],
  ])('says nothing of a body that was refused with %i', async (status, method, path, body) => {
    await inRealm('POST', '/partners', { body: PARTNER });
    expect((await inRealm(method, path, { body })).status).toBe(status);
    expect(world.records().at(-1)).not.toHaveProperty('change');
    expect(world.observed.text()).not.toContain(SECRET);
  });

  it.each([
    [503, () => new Outage('dynamodb:PutItem', new Error('lost'))],
    [500, () => new Error('bug')],
  ])('is there also for a write that ended in %i, since it may have been done', async (status, error) => {
    const registry = { createPartner: () => Promise.reject(error()) };
    const answer = await inRealm('POST', '/partners', { body: PARTNER, registry, operator: OPERATOR });
    expect([answer.status, answer.type]).toEqual([status, 'application/problem+json']);
    expect(world.records()).toMatchObject([{ operator: OPERATOR, status }]);
  });

  it('cuts off a path that is longer than any that leads somewhere', async () => {
    await inRealm('GET', `/partners/${'x'.repeat(5_000)}`);
    expect(String(world.records()[0]?.path)).toHaveLength(512);
  });
});

describe('what is kept of a body', () => {
  const kept = (body: string, method = 'POST', query = '') => changeOf(httpEvent(method, '/x', { body, query }));

  it.each([
    ['', undefined],
    ['{', undefined],
    ['null', undefined],
    ['[{"id":"x"}]', undefined],
    ['"id"', undefined],
    ['{"password":"x","jwk":{"d":"x"},"claims":{"a":1},"credentials":[],"chain":"x","subject":{"CN":"x"}}', undefined],
    ['{"id":"a","jwks":{"keys":[]}}', { id: 'a' }],
    // Of the members that are kept only what they may be: nothing hides in them at depth.
    [
      '{"tags":{"a":{"d":"x"}},"quota":[{"d":"x"}],"scopes":[["x"]],"policy":{"algorithms":["a"],"x":{"d":1}}}',
      undefined,
    ],
    [
      '{"policy":{"algorithms":["a"],"accessTokenSeconds":60}}',
      { policy: { algorithms: ['a'], accessTokenSeconds: 60 } },
    ],
    ['{"jwksUri":"https://u:p@a.example/k?q#f"}', { jwksUri: 'https://a.example/k' }],
    ['{"jwksUri":["https://a.example/k?q"],"metadataUrl":"no url"}', { jwksUri: null, metadataUrl: null }],
    ['{"__proto__":{"id":"x"}}', undefined],
    ['{"secrets":[{"hash":"x"}],"onboarding":{"hash":"x"},"secret":"x","token":"x","hash":"x"}', undefined],
    [
      '{"trustedIssuer":true,"tlsSubject":{"sanDns":"a"},"federation":[{"issuer":"i","claims":{"sub":{"oneOf":["a"]}}}]}',
      {
        ...{ trustedIssuer: true, tlsSubject: { sanDns: 'a' } },
        federation: [{ issuer: 'i', claims: { sub: { oneOf: ['a'] } } }],
      },
    ],
    ['{"federation":[{"issuer":"i","token":"x"}]}', undefined],
    ['{"federation":[{"issuer":"i","claims":{"sub":{"exact":{"d":"x"}}}}]}', undefined],
    ['{"federation":[{"issuer":{"d":"x"}}]}', undefined],
    ['{"federation":["x"]}', undefined],
    [
      '{"authorizationDetails":{"payment":{"actions":["a"]},"b":{}}}',
      { authorizationDetails: { payment: { actions: ['a'] }, b: {} } },
    ],
    ['{"authorizationDetails":{"payment":{"actions":[{"d":"x"}]}}}', undefined],
    ['{"authorizationDetails":["x"]}', undefined],
    ['{"policy":{"microsoft":{"hosts":["a"]}}}', { policy: { microsoft: { hosts: ['a'] } } }],
    ['{"policy":{"microsoft":{"hosts":[{"d":"x"}]}}}', undefined],
    ['{"policy":["x"],"microsoft":[["x"]]}', undefined],
    ['{"microsoft":{"actors":["a"],"userTokens":true}}', { microsoft: { actors: ['a'], userTokens: true } }],
    ['{"microsoft":{"actors":[{"d":"x"}]}}', undefined],
  ])('of %s is %j', (body, change) => {
    expect(kept(body)).toEqual(change);
  });

  it('is decoded first, and is nothing beyond 128 KB', () => {
    const event = httpEvent('POST', '/x', { body: Buffer.from('{"id":"a"}').toString('base64') });
    expect(changeOf({ ...event, isBase64Encoded: true })).toEqual({ id: 'a' });
    expect(kept(`{"id":"a","name":"${'x'.repeat(131_072)}"}`)).toBeUndefined();
  });

  it('comes from the query of a removal, and from no other', () => {
    expect(['DELETE', 'GET', 'POST'].map((method) => kept('', method, 'client=a&kid=b&token=c'))).toEqual([
      { client: 'a', kid: 'b' },
      undefined,
      undefined,
    ]);
  });
});

describe('what is kept of an answer', () => {
  it('is what is there now, by name: keys and claims too, whichever way they came', async () => {
    await inRealm('POST', '/partners', { body: { id: 'a', claims: { tenant: SECRET, roles: [] } } });
    await inRealm('POST', '/partners/a/credentials', { body: { jwk: { ...PAIR.publicJwk, kid: 'blue' } } });
    await inRealm('PATCH', '/partners/a', { body: { version: 2, claims: {} } });
    await inRealm('POST', '/audiences', { body: { audience: AUDIENCE, owner: 'a', scopes: ['read'] } });
    const keys = [{ kid: 'blue', thumbprint: PAIR.thumbprint }];
    expect(world.records().map(({ outcome }) => outcome)).toEqual([
      { id: 'a', version: 1, keys: [], claims: ['tenant', 'roles'] },
      { id: 'a', version: 2, keys, claims: ['tenant', 'roles'] },
      { id: 'a', version: 3, keys, claims: [] },
      { version: 1 },
    ]);
    for (const secret of [SECRET, PAIR.publicJwk.x]) expect(world.observed.text()).not.toContain(secret);
  });

  it('is nothing of what was read, refused or removed', async () => {
    await inRealm('POST', '/partners', { body: PARTNER });
    await inRealm('GET', '/partners/billing');
    await inRealm('POST', '/partners', { body: { ...PARTNER, name: 'Other' } });
    await inRealm('DELETE', '/partners/billing');
    const [, ...rest] = world.records();
    expect(rest.map((record) => 'outcome' in record)).toEqual([false, false, false]);
  });

  it.each([
    [{ statusCode: 200, body: '{"id":7,"version":"1","credentials":"x","claims":null}' }, undefined],
    [{ statusCode: 200, body: '[{"id":"x"}]' }, undefined],
    [{ statusCode: 200, body: 'null' }, undefined],
    [{ statusCode: 200, body: '<html>' }, undefined],
    [{ statusCode: 409, body: '{"id":"x"}' }, undefined],
    [{ statusCode: 204 }, undefined],
    [{ body: '{"id":"x"}' }, { id: 'x' }],
  ])('of %j is %j', (answer, outcome) => {
    expect(outcomeOf(answer)).toEqual(outcome);
  });
});
