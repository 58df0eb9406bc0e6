import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE } from '../support/builders.ts';
import { type AdminWorld, type Call, openAdmin, PAIR, PARTNER, populate } from './admin-world.ts';

let world: AdminWorld;
let call: AdminWorld['call'];
let inRealm: AdminWorld['inRealm'];
beforeEach(() => {
  world = openAdmin();
  ({ call, inRealm } = world);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const PROBLEM = 'application/problem+json';
const SHAPE = 'the request is not of the expected shape';
const RACE = 'somebody else changed this at the same time; look again and repeat';
const pointersOf = (errors: unknown) => (errors as { pointer: string }[]).map(({ pointer }) => pointer);
const uri = `audience=${encodeURIComponent(AUDIENCE)}`;

describe('what is not there', () => {
  const AUDIENCE_OF = { audience: AUDIENCE, owner: 'nobody', scopes: ['read'] };
  const GRANT_OF = { client: 'nobody', audience: AUDIENCE, scopes: ['read'] };
  const here = '/realms/default';

  it.each<[string, string, Call, string]>([
    ['GET', `${here}/partners/nobody`, {}, 'there is no partner nobody'],
    ['GET', `${here}/partners/%2e%2e`, {}, 'there is no partner %2e%2e'],
    ['GET', `${here}/partners/__proto__`, {}, 'there is no partner __proto__'],
    ['PATCH', `${here}/partners/nobody`, { body: { version: 1, enabled: true } }, 'there is no partner nobody'],
    ['DELETE', `${here}/partners/nobody`, {}, 'there is no partner nobody'],
    ['POST', `${here}/partners/nobody/credentials`, { body: { jwk: PAIR.publicJwk } }, 'there is no partner nobody'],
    ['DELETE', `${here}/partners/nobody/credentials`, { query: 'kid=a' }, 'there is no partner nobody'],
    ['DELETE', `${here}/partners/crm/credentials`, { query: 'kid=a' }, 'there is no credential a'],
    ['GET', `${here}/grants`, { query: 'client=nobody' }, 'there is no partner nobody'],
    ['POST', `${here}/audiences`, { body: AUDIENCE_OF }, 'there is no partner nobody'],
    ['POST', `${here}/grants`, { body: GRANT_OF }, 'there is no partner nobody'],
    [
      'POST',
      `${here}/grants`,
      { body: { ...GRANT_OF, client: 'crm', audience: 'urn:x' } },
      'there is no audience urn:x',
    ],
    [
      'PATCH',
      `${here}/audiences`,
      { body: { audience: 'urn:x', version: 1, scopes: ['a'] } },
      'there is no audience urn:x',
    ],
    ['DELETE', `${here}/audiences`, { query: 'audience=urn:x' }, 'there is no audience urn:x'],
    ['DELETE', `${here}/grants`, { query: 'client=crm&audience=urn:x' }, 'there is no grant of crm on urn:x'],
    ['GET', `${here}/nothing`, {}, 'there is no such route'],
    ['PUT', `${here}/partners`, {}, 'there is no such route'],
    ['DELETE', here, {}, 'there is no such route'],
    ['GET', `${here}/partners/a/b`, {}, 'there is no such route'],
    ['POST', `${here}/partners/crm/refresh`, {}, 'there is no such route'],
    ['GET', '', {}, 'there is no such route'],
    ['GET', '/realms/other', {}, 'there is no such realm'],
    ['GET', '/realms/other/partners', {}, 'there is no such realm'],
    ['GET', '/realms/__proto__/partners', {}, 'there is no such realm'],
    ['POST', '/realms/DEFAULT/partners', { body: PARTNER }, 'there is no such realm'],
    ['PATCH', '/realms/other', { body: { version: 1, enabled: true } }, 'there is no such realm'],
  ])('%s %s %j is 404: %s', async (method, path, more, detail) => {
    await populate(world);
    expect(await call(method, path, more)).toEqual({
      status: 404,
      body: { type: 'about:blank', title: 'Not Found', status: 404, detail },
      type: PROBLEM,
    });
  });
});

describe('a body that is none', () => {
  it.each([
    ['no body', undefined],
    ['no JSON', '{'],
    ['JSON with more behind', '{} {}'],
    ['a list', '[]'],
    ['null', 'null'],
    ['text', '"x"'],
    ['a member too many', JSON.stringify({ ...PARTNER, admin: true })],
    ['a version', JSON.stringify({ ...PARTNER, version: 1 })],
    ['a member of the wrong kind', JSON.stringify({ ...PARTNER, id: 1 })],
    ['no keys', JSON.stringify({ id: 'a', jwks: {} })],
    ['keys that are texts', JSON.stringify({ id: 'a', jwks: { keys: ['x'] } })],
    ['keys that are null', JSON.stringify({ id: 'a', jwks: { keys: [null] } })],
    ['a credential of more members', JSON.stringify({ id: 'a', credentials: [{ jwk: {}, kid: 'x' }] })],
    ['a time without a zone', JSON.stringify({ credentials: [{ jwk: {}, notBefore: '2027-01-01T00:00:00' }] })],
    ['a time before 1970', JSON.stringify({ credentials: [{ jwk: {}, notBefore: '1969-12-31T23:59:59Z' }] })],
    ['a time after 9999', JSON.stringify({ credentials: [{ jwk: {}, expiresAt: '9999-12-31T23:59:59-01:00' }] })],
    ['a time as a number', JSON.stringify({ credentials: [{ jwk: {}, expiresAt: 1_800_000_000 }] })],
    ['a quota without mode', JSON.stringify({ quota: { perDay: 1 } })],
    ['a trust level that is none', JSON.stringify({ trustLevel: 'none' })],
    ['a document that is a text', JSON.stringify({ metadata: 'x' })],
    ['a prototype', `{"__proto__":${JSON.stringify(PARTNER)}}`],
    ['a prototype beside good members', JSON.stringify(PARTNER).replace('{', '{"__proto__":{"enabled":false},')],
    ['a constructor', JSON.stringify(PARTNER).replace('{', '{"constructor":{"prototype":{"x":1}},')],
    ['a byte order mark', `\ufeff${JSON.stringify(PARTNER)}`],
    ['deep nesting', '['.repeat(60_000)],
  ])('is 400 with %s, and nothing is written', async (_what, body) => {
    const answer = await inRealm('POST', '/partners', body === undefined ? {} : { body });
    expect(answer).toEqual({
      status: 400,
      body: { type: 'about:blank', title: 'Bad Request', status: 400, detail: SHAPE, errors: expect.any(Array) },
      type: PROBLEM,
    });
    expect([world.registry.partners.size, ({} as Record<string, unknown>).x]).toEqual([0, undefined]);
  });

  it.each(['claims', 'metadata', 'tags', 'jwks', 'quota'])(
    'is 400, not a fault, with %s as deep as 128 KB go',
    async (name) => {
      const body = `{"${name}":{"a":${'['.repeat(60_000)}${']'.repeat(60_000)}}}`;
      expect((await inRealm('POST', '/partners', { body })).status).toBe(400);
    },
  );

  it('is 400 beyond 128 KB, and where none is wanted', async () => {
    await populate(world);
    const large = await inRealm('POST', '/partners', { body: 'x'.repeat(131_073) });
    const unwanted = [
      await inRealm('GET', '/partners/crm', { body: {} }),
      await inRealm('DELETE', '/partners/crm', { body: { id: 'billing' } }),
    ];
    expect([large.status, large.body.detail]).toEqual([400, 'the body is body_too_large']);
    expect(unwanted.map(({ status, body }) => [status, body.detail])).toEqual([
      [400, 'this operation takes no body'],
      [400, 'this operation takes no body'],
    ]);
    expect(world.registry.partners.size).toBe(2);
  });

  it('but a prototype within a key is no member of it', async () => {
    const body = JSON.stringify(PARTNER)
      .replace('{"kty"', '{"__proto__":{"d":"x"},"kty"')
      .replace('{"crv"', '{"__proto__":{"d":"x"},"crv"');
    expect((await inRealm('POST', '/partners', { body })).status).toBe(201);
  });

  it('names each problem by its place, and gives a code to machines where there is one', async () => {
    const body = { id: '-', name: '', jwks: { keys: [PARTNER.jwks.keys[0], { kty: 'oct', k: 'x' }] } };
    const answer = await inRealm('POST', '/partners', { body });
    expect([answer.status, answer.body.detail, pointersOf(answer.body.errors)]).toEqual([
      400,
      'the input is not acceptable',
      ['/id', '/jwks/keys/1', '/name'],
    ]);
    expect(answer.body.errors).toContainEqual(expect.objectContaining({ code: 'key_exposed' }));
    const shape = await inRealm('POST', '/partners', { body: { id: 'a', jwks: { keys: ['x'] } } });
    expect(pointersOf(shape.body.errors)).toEqual(['/jwks/keys/0']);
  });

  it.each([
    ...['{}', '{"version":1}', '{"enabled":true}', '{"version":1,"enabled":"no"}', '{"version":1,"enabled":null}'],
    ...['{"version":1,"id":"x"}', '{"version":"1","enabled":true}', '{"version":-1,"enabled":true}'],
    ...['{"version":1.5,"enabled":true}', '{"version":1,"tags":null}', '{"version":1,"claims":null}'],
    ...['{"version":1,"credentials":[]}', '{"version":1,"jwks":{"keys":[]}}', '{"version":1,"claims":{"iss":"x"}}'],
    '{"version":1,"jwksUri":"https://a.example/k","metadataUrl":"https://a.example/m"}',
  ])('is 400 as the change %s', async (body) => {
    await populate(world);
    expect((await inRealm('PATCH', '/partners/crm', { body })).status).toBe(400);
    expect(world.registry.partners.get('default/crm')?.version).toBe(1);
  });

  it.each([
    ['POST', '/realms', '{"name":"Acme"}'],
    ['POST', '/realms', '{"name":"acme","aliases":["acme"]}'],
    ['POST', '/realms', '{"name":"acme","policy":{"algorithms":["HS256"]}}'],
    ['POST', '/realms', '{"name":"acme","policy":{"periodSeconds":1}}'],
    ['POST', '/realms', '{}'],
    ['PATCH', '/realms/default', '{"version":0}'],
    ['PATCH', '/realms/default', '{"enabled":true}'],
    ['PATCH', '/realms/default', '{"version":0,"name":"x"}'],
    ['POST', '/realms/default/audiences', '{"audience":"x","owner":"crm","scopes":["a"]}'],
    ['POST', '/realms/default/audiences', '{"audience":"urn:x","owner":"crm","scopes":[]}'],
    ['PATCH', '/realms/default/audiences', `{"audience":"${AUDIENCE}","version":1}`],
    ['POST', '/realms/default/grants', `{"client":"crm","audience":"${AUDIENCE}","scopes":["other"]}`],
    ['POST', '/realms/default/partners/crm/credentials', '{}'],
  ])('%s %s is 400 with %s', async (method, path, body) => {
    await populate(world);
    expect((await call(method, path, { body })).status).toBe(400);
  });

  it('is answered whatever it is, and never by a fault', async () => {
    const keys = fc.constantFrom('kty', 'alg', 'crv', 'x', 'n', 'e', 'use', 'key_ops', 'kid', '__proto__');
    const members = fc.constantFrom('name', 'tags', 'issuer', 'tokenPolicy', 'claims', 'quota', 'metadata', 'jwksUri');
    const value = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(members, fc.jsonValue()),
      fc.record({ id: fc.jsonValue(), jwks: fc.record({ keys: fc.array(fc.dictionary(keys, fc.jsonValue())) }) }),
    );
    await fc.assert(
      fc.asyncProperty(value, async (body) => {
        expect([201, 400]).toContain((await inRealm('POST', '/partners', { body: JSON.stringify(body) })).status);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a query that is none', () => {
  it.each([
    ...['limit=0', 'limit=101', 'limit=x', 'limit=1.5', 'limit=', 'cursor=', 'cursor=%00', 'cursor=%E2%82%AC'],
    ...[`cursor=${'x'.repeat(513)}`, 'foo=1', '__proto__=1'],
  ])('is 400 as the page %s', async (query) => {
    for (const path of ['/realms', '/realms/default/partners', '/realms/default/audiences']) {
      expect((await call('GET', path, { query })).status).toBe(400);
    }
  });

  it.each([
    ...['', 'client=a&audience=urn:b', 'audience=no-uri', 'audience=', `audience=urn:${'x'.repeat(2_000)}`, 'owner=a'],
  ])('is 400 for the list of grants with %j', async (query) => {
    expect((await inRealm('GET', '/grants', { query })).status).toBe(400);
  });

  it.each([
    ['/grants', ''],
    ['/grants', 'client=crm'],
    ['/grants', uri],
    ['/audiences', ''],
    ['/partners/crm/credentials', ''],
    ['/partners/crm', 'kid=k1'],
  ])('is 400 for the removal of %s with "%s", and nothing goes', async (path, query) => {
    await populate(world);
    expect((await inRealm('DELETE', path, { query })).status).toBe(400);
    const { partners, grants, audiences } = world.registry;
    expect([partners.size, grants.size, audiences.size]).toEqual([2, 1, 1]);
  });
});

describe('a conflict', () => {
  const detailOf = ({ status, body: { title, detail }, type }: Awaited<ReturnType<AdminWorld['call']>>) => {
    expect([status, title, type]).toEqual([409, 'Conflict', PROBLEM]);
    return detail;
  };

  it('is 409 where another thing stands under the name', async () => {
    await populate(world);
    await call('POST', '/realms', { body: { name: 'acme' } });
    const body = { audience: AUDIENCE, owner: 'crm', scopes: ['read'] };
    expect([
      detailOf(await inRealm('POST', '/partners', { body: { ...PARTNER, name: 'Other' } })),
      detailOf(await inRealm('POST', '/audiences', { body })),
      detailOf(await call('POST', '/realms', { body: { name: 'acme', description: 'x' } })),
      detailOf(await call('POST', '/realms', { body: { name: 'other', aliases: ['acme'] } })),
      detailOf(await call('PATCH', '/realms/acme', { body: { version: 1, aliases: ['default'] } })),
    ]).toEqual([
      'partner billing exists and is different',
      `audience ${AUDIENCE} exists and is different`,
      'realm acme exists and is different',
      'a realm or an alias of one of these names exists',
      'somebody else changed this at the same time, or an alias is taken; look again and repeat',
    ]);
  });

  it('is 409 from a view that is no longer current, whatever is changed', async () => {
    await populate(world);
    const since = (version: number) => `somebody else has changed this since; it is version ${version} now`;
    const audience = { audience: AUDIENCE, version: 7, scopes: ['read'] };
    expect([
      detailOf(await inRealm('PATCH', '/partners/crm', { body: { version: 7, enabled: false } })),
      detailOf(await inRealm('PUT', '/partners/crm', { body: { version: 7, enabled: false } })),
      detailOf(await inRealm('PUT', '/partners/nobody', { body: { version: 7 } })),
      detailOf(await inRealm('PATCH', '/audiences', { body: audience })),
      detailOf(await call('PATCH', '/realms/default', { body: { version: 7, enabled: false } })),
    ]).toEqual([since(1), since(1), 'partner nobody is gone', since(1), since(0)]);
  });

  it('is 409 where somebody was faster, each time', async () => {
    await populate(world);
    const registry: Call['registry'] = { updatePartner: async () => 'conflict', saveGrant: async () => 'conflict' };
    const grant = { client: 'crm', audience: AUDIENCE, scopes: ['write'] };
    expect([
      detailOf(await inRealm('PATCH', '/partners/crm', { body: { version: 1, enabled: false }, registry })),
      detailOf(await inRealm('DELETE', '/partners/crm/credentials', { query: 'kid=k1', registry })),
      detailOf(await inRealm('POST', '/grants', { body: grant, registry })),
    ]).toEqual([RACE, RACE, RACE]);
  });

  it('is 409 where another partner has the issuer', async () => {
    const issuer = 'https://idp.example';
    await inRealm('POST', '/partners', { body: { id: 'a', issuer } });
    await inRealm('POST', '/partners', { body: { id: 'b' } });
    expect([
      detailOf(await inRealm('POST', '/partners', { body: { id: 'c', issuer } })),
      detailOf(await inRealm('PATCH', '/partners/b', { body: { version: 1, issuer } })),
    ]).toEqual(['partner a has this issuer', 'partner a has this issuer']);
  });

  it('names those who would be hurt', async () => {
    await populate(world);
    const dependents = [{ client: 'crm', audience: AUDIENCE }];
    const answers = [
      await inRealm('DELETE', '/partners/billing'),
      await inRealm('DELETE', '/audiences', { query: uri }),
      await inRealm('PATCH', '/audiences', { body: { audience: AUDIENCE, version: 1, scopes: ['write'] } }),
    ];
    expect(answers.map(({ body }) => body.dependents)).toEqual([dependents, dependents, dependents]);
    expect(answers.map(detailOf)).toEqual([
      'others may call what this partner owns',
      'partners may call this audience',
      'grants hold a scope that would go',
    ]);
  });
});

describe('an outage', () => {
  it('is 503 and says when to come back; a fault is 500 and says nothing', async () => {
    const down = (error: Error) => ({ registry: { listPartners: () => Promise.reject(error) } });
    const outage = await inRealm('GET', '/partners', down(new Outage('dynamodb:Query', new Error('down'))));
    const fault = await inRealm('GET', '/partners', down(new Error('secret-7f3a')));
    expect([outage, fault].map(({ status, body, type }) => [status, body.title, type])).toEqual([
      [503, 'Service Unavailable', PROBLEM],
      [500, 'Internal Server Error', PROBLEM],
    ]);
    expect(JSON.stringify(fault) + world.observed.text()).not.toContain('secret-7f3a');
  });
});
