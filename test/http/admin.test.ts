import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { managePartners } from '../../functions/flows/manage-partners.ts';
import type { HttpAnswer } from '../../functions/http/endpoint.ts';
import { Outage, type Registry } from '../../functions/ports.ts';
import { adminEndpoint } from '../../functions/routes.ts';
import { type MemoryRegistry, memoryRegistry, testClock } from '../flows/in-memory.ts';
import { AUDIENCE, httpEvent, keyPair, NOW, ring, signingKey } from '../support/builders.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let observed: Observed;
let registry: MemoryRegistry;
beforeEach(() => {
  observed = observe();
  registry = memoryRegistry();
});
afterEach(() => {
  vi.restoreAllMocks();
});

const { publicJwk, thumbprint } = await keyPair();
const rings = [ring('ES256', [signingKey(await keyPair())]), ring('RS256', [signingKey(await keyPair('RS256'))])];
const PARTNER = { id: 'billing', name: 'Billing', jwks: { keys: [{ ...publicJwk, kid: 'k1' }] } };

interface Call {
  readonly body?: string | object;
  readonly query?: string;
  readonly realm?: string;
  readonly registry?: Registry;
  readonly operator?: string;
}

const call = async (
  method: string,
  path: string,
  { body, query = '', realm = 'default', operator, ...more }: Call = {},
) => {
  const manage = managePartners({
    registry: more.registry ?? registry,
    clock: testClock(),
    rings: { list: async () => rings },
  });
  const text = typeof body === 'object' ? JSON.stringify(body) : body;
  const event = httpEvent(method, `/admin/realms/${realm}${path}`, {
    query,
    ...(text === undefined ? {} : { body: text }),
  });
  if (operator !== undefined) Object.assign(event.requestContext, { authorizer: { iam: { userArn: operator } } });
  const answer: HttpAnswer = await adminEndpoint(observed.seen, manage, ['default'])(event, lambdaContext());
  return {
    status: answer.statusCode,
    body: JSON.parse(answer.body ?? '') as Record<string, unknown>,
    type: answer.headers?.['content-type'],
  };
};

const populate = async () => {
  await call('POST', '/partners', { body: PARTNER });
  await call('POST', '/partners', { body: { ...PARTNER, id: 'crm' } });
  await call('POST', '/audiences', { body: { audience: AUDIENCE, owner: 'billing', scopes: ['read', 'write'] } });
  await call('POST', '/grants', { body: { client: 'crm', audience: AUDIENCE, scopes: ['read'] } });
};

const TIME = new Date(NOW * 1_000).toISOString();

describe('the admin API', () => {
  it('adds a partner: 201, and 200 when it is there as wanted', async () => {
    const shown = {
      ...{ id: 'billing', name: 'Billing', enabled: true, version: 1, createdAt: TIME, updatedAt: TIME },
      credentials: [{ kid: 'k1', alg: 'ES256', kty: 'EC', thumbprint, addedAt: TIME }],
      ...{ audiences: [], grants: [] },
    };
    const [first, second] = [
      await call('POST', '/partners', { body: PARTNER }),
      await call('POST', '/partners', { body: PARTNER }),
    ];
    expect([first, second]).toEqual([
      { status: 201, body: shown, type: 'application/json' },
      { status: 200, body: shown, type: 'application/json' },
    ]);
  });

  it('shows, lists, disables and renames partners', async () => {
    await populate();
    const shown = await call('GET', '/partners/crm');
    const changed = await call('PATCH', '/partners/billing', { body: { enabled: false, name: 'Old' } });
    const listed = await call('GET', '/partners', { query: 'limit=1' });
    const more = await call('GET', '/partners', { query: `limit=1&cursor=${String(listed.body.next)}` });
    expect([shown.status, shown.body.grants]).toEqual([200, [{ audience: AUDIENCE, scopes: ['read'] }]]);
    expect([changed.status, changed.body]).toMatchObject([
      200,
      { enabled: false, name: 'Old', version: 3, audiences: [AUDIENCE] },
    ]);
    expect([listed.body, more.body]).toMatchObject([
      { items: [{ id: 'billing' }], next: 'billing' },
      { items: [{ id: 'crm' }] },
    ]);
    expect(more.body.next).toBeUndefined();
  });

  it('declares audiences and lists them', async () => {
    await call('POST', '/partners', { body: PARTNER });
    const body = { audience: AUDIENCE, owner: 'billing', scopes: ['read'], algorithm: 'ES256' };
    const declared = [await call('POST', '/audiences', { body }), await call('POST', '/audiences', { body })];
    expect(declared.map(({ status }) => status)).toEqual([201, 200]);
    expect((await call('GET', '/audiences')).body).toEqual({ items: [{ ...body, version: 1 }] });
  });

  it('grants, and lists grants by client and by audience', async () => {
    await populate();
    const item = { client: 'crm', audience: AUDIENCE, scopes: ['read'], version: 1 };
    expect((await call('GET', '/grants', { query: 'client=crm' })).body).toEqual({ items: [item] });
    expect((await call('GET', '/grants', { query: `audience=${encodeURIComponent(AUDIENCE)}` })).body).toEqual({
      items: [item],
    });
    const more = await call('POST', '/grants', { body: { client: 'crm', audience: AUDIENCE, scopes: ['write'] } });
    expect([more.status, more.body]).toEqual([200, { ...item, scopes: ['write'], version: 2 }]);
  });

  it('never shows key material', async () => {
    await populate();
    const answers = [await call('GET', '/partners/crm'), await call('GET', '/partners')];
    expect(JSON.stringify(answers)).not.toContain(publicJwk.x);
  });
});

describe('a no', () => {
  const SHAPE = 'the request is not of the expected shape';

  it.each([
    ['GET', '/partners/nobody', {}, 'there is no partner nobody'],
    ['GET', '/partners/%2e%2e', {}, 'there is no partner %2e%2e'],
    ['PATCH', '/partners/nobody', { body: { enabled: true } }, 'there is no partner nobody'],
    ['GET', '/grants', { query: 'client=nobody' }, 'there is no partner nobody'],
    [
      'POST',
      '/audiences',
      { body: { audience: AUDIENCE, owner: 'nobody', scopes: ['read'] } },
      'there is no partner nobody',
    ],
    [
      'POST',
      '/grants',
      { body: { client: 'nobody', audience: AUDIENCE, scopes: ['read'] } },
      'there is no partner nobody',
    ],
    ['GET', '/nothing', {}, 'there is no such route'],
    ['DELETE', '/partners/crm', {}, 'there is no such route'],
    ['PUT', '/partners', {}, 'there is no such route'],
    ['GET', '', {}, 'there is no such route'],
    ['GET', '/partners/a/b', {}, 'there is no such route'],
    ['GET', '/partners', { realm: 'other' }, 'there is no such realm'],
    ['GET', '/partners', { realm: '__proto__' }, 'there is no such realm'],
    ['POST', '/partners', { realm: 'DEFAULT', body: PARTNER }, 'there is no such realm'],
  ])('%s %s %j is 404: %s', async (method, path, more, detail) => {
    expect(await call(method, path, more)).toEqual({
      status: 404,
      body: { type: 'about:blank', title: 'Not Found', status: 404, detail },
      type: 'application/problem+json',
    });
  });

  it.each([
    ['no body', undefined],
    ['no JSON', '{'],
    ['JSON with more behind', '{} {}'],
    ['a list', '[]'],
    ['null', 'null'],
    ['text', '"x"'],
    ['an empty object', '{}'],
    ['a member too many', JSON.stringify({ ...PARTNER, admin: true })],
    ['a member of the wrong kind', JSON.stringify({ ...PARTNER, id: 1 })],
    ['no keys', JSON.stringify({ id: 'a', jwks: {} })],
    ['keys that are texts', JSON.stringify({ id: 'a', jwks: { keys: ['x'] } })],
    ['keys that are null', JSON.stringify({ id: 'a', jwks: { keys: [null] } })],
    ['a prototype', `{"__proto__":${JSON.stringify(PARTNER)}}`],
    ['a prototype beside good members', JSON.stringify(PARTNER).replace('{', '{"__proto__":{"enabled":false},')],
    ['a constructor', JSON.stringify(PARTNER).replace('{', '{"constructor":{"prototype":{"x":1}},')],
    ['a byte order mark', `\ufeff${JSON.stringify(PARTNER)}`],
    ['deep nesting', '['.repeat(60_000)],
  ])('is 400 for a body with %s, and nothing is written', async (_what, body) => {
    const answer = await call('POST', '/partners', body === undefined ? {} : { body });
    expect(answer).toEqual({
      status: 400,
      body: { type: 'about:blank', title: 'Bad Request', status: 400, detail: SHAPE, errors: expect.any(Array) },
      type: 'application/problem+json',
    });
    expect([registry.partners.size, ({} as Record<string, unknown>).x]).toEqual([0, undefined]);
  });

  it('is 400 for a body beyond 128 KB', async () => {
    const answer = await call('POST', '/partners', { body: 'x'.repeat(131_073) });
    expect([answer.status, answer.body.detail]).toEqual([400, 'the body is body_too_large']);
  });

  it('ignores a prototype within a key: it is no member of it', async () => {
    const body = JSON.stringify(PARTNER)
      .replace('{"kty"', '{"__proto__":{"d":"x"},"kty"')
      .replace('{"crv"', '{"__proto__":{"d":"x"},"crv"');
    expect((await call('POST', '/partners', { body })).status).toBe(201);
  });

  it('names each problem by its place', async () => {
    const body = { id: '-', name: '', jwks: { keys: [PARTNER.jwks.keys[0], { kty: 'oct', k: 'x' }] } };
    const answer = await call('POST', '/partners', { body });
    expect([
      answer.status,
      answer.body.detail,
      (answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer),
    ]).toEqual([400, 'the input is not acceptable', ['/id', '/name', '/jwks/keys/1']]);
    const shape = await call('POST', '/partners', { body: { id: 'a', jwks: { keys: ['x'] } } });
    expect(shape.body.errors).toMatchObject([{ pointer: '/jwks/keys/0' }]);
  });

  it.each(['{}', '{"enabled":"no"}', '{"enabled":null}', '{"version":9}', '{"id":"x"}'])(
    'is 400 for the change %s',
    async (body) => {
      await populate();
      expect((await call('PATCH', '/partners/crm', { body })).status).toBe(400);
      expect(registry.partners.get('default/crm')?.version).toBe(1);
    },
  );

  it.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=1.5',
    'limit=',
    'cursor=',
    'cursor=%00',
    'cursor=%E2%82%AC',
    `cursor=${'x'.repeat(513)}`,
    'foo=1',
    '__proto__=1',
  ])('is 400 for the page %s', async (query) => {
    expect((await call('GET', '/partners', { query })).status).toBe(400);
  });

  it.each([
    '',
    'client=a&audience=urn:b',
    'audience=no-uri',
    'audience=',
    `audience=urn:${'x'.repeat(2_000)}`,
    'owner=a',
  ])('is 400 for the list of grants with %j', async (query) => {
    expect((await call('GET', '/grants', { query })).status).toBe(400);
  });

  it('is 409 where another thing stands under the name, or somebody was faster', async () => {
    await populate();
    const other = await call('POST', '/partners', { body: { ...PARTNER, name: 'Other' } });
    const taken = await call('POST', '/audiences', { body: { audience: AUDIENCE, owner: 'crm', scopes: ['read'] } });
    const raced = await call('PATCH', '/partners/crm', {
      body: { enabled: false },
      registry: { ...registry, updatePartner: async () => 'conflict' },
    });
    expect([other, taken, raced].map(({ status, body, type }) => [status, body.title, body.detail, type])).toEqual([
      [409, 'Conflict', 'partner billing exists and is different', 'application/problem+json'],
      [409, 'Conflict', `audience ${AUDIENCE} exists and is different`, 'application/problem+json'],
      [
        409,
        'Conflict',
        'somebody else changed this at the same time; look again and repeat',
        'application/problem+json',
      ],
    ]);
  });

  it('is an answer to every body, never a fault', async () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record({
        id: fc.jsonValue(),
        jwks: fc.record({
          keys: fc.array(
            fc.dictionary(
              fc.constantFrom('kty', 'alg', 'crv', 'x', 'n', 'e', 'use', 'key_ops', 'kid', '__proto__'),
              fc.jsonValue(),
            ),
          ),
        }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(value, async (body) => {
        expect((await call('POST', '/partners', { body: JSON.stringify(body) })).status).toBe(400);
      }),
      { numRuns: 300 },
    );
  });
});

describe('the record of an administration', () => {
  const OPERATOR = 'arn:aws:iam::111122223333:user/ada';

  it('says who did what and how it ended, for reads as well', async () => {
    await call('POST', '/partners', { body: PARTNER, operator: OPERATOR });
    await call('GET', '/partners/nobody', { operator: OPERATOR });
    await call('GET', '/partners');
    const path = '/admin/realms/default/partners';
    expect(observed.lines().map((line) => line.audit)).toEqual([
      {
        ...{ requestId: 'request-1', operator: OPERATOR, method: 'POST', path, status: 201 },
        change: { id: 'billing', name: 'Billing' },
      },
      { requestId: 'request-1', operator: OPERATOR, method: 'GET', path: `${path}/nobody`, status: 404 },
      { requestId: 'request-1', operator: 'unknown', method: 'GET', path, status: 200 },
    ]);
  });

  it('says what was changed', async () => {
    await populate();
    await call('PATCH', '/partners/crm', { body: { enabled: false } });
    expect(observed.lines().map((line) => (line.audit as { change?: object }).change)).toEqual([
      { id: 'billing', name: 'Billing' },
      { id: 'crm', name: 'Billing' },
      { audience: AUDIENCE, owner: 'billing', scopes: ['read', 'write'] },
      { client: 'crm', audience: AUDIENCE, scopes: ['read'] },
      { enabled: false },
    ]);
  });

  it('holds no key material', async () => {
    await call('POST', '/partners', { body: PARTNER });
    expect(observed.text()).toContain('"billing"');
    for (const secret of [publicJwk.x, publicJwk.y, 'jwks']) expect(observed.text()).not.toContain(secret);
  });

  it.each([
    [400, 'POST', '/partners', { id: 'secret-7f3a' }],
    [400, 'POST', '/partners', { ...PARTNER, name: '', id: 'secret-7f3a' }],
    [404, 'PATCH', '/partners/nobody', { name: 'secret-7f3a' }],
    [409, 'POST', '/partners', { ...PARTNER, name: 'secret-7f3a' }],
  ])('says nothing of a body that was refused with %i', async (status, method, path, body) => {
    await call('POST', '/partners', { body: PARTNER });
    expect((await call(method, path, { body })).status).toBe(status);
    expect(observed.lines().at(-1)?.audit).not.toHaveProperty('change');
    expect(observed.text()).not.toContain('secret-7f3a');
  });

  it.each([
    [503, () => new Outage('dynamodb:PutItem', new Error('lost'))],
    [500, () => new Error('bug')],
  ])('is there also for a write that ended in %i, since it may have been done', async (status, error) => {
    const failing = { ...registry, createPartner: () => Promise.reject(error()) };
    const answer = await call('POST', '/partners', { body: PARTNER, registry: failing, operator: OPERATOR });
    expect([answer.status, answer.type]).toEqual([status, 'application/problem+json']);
    expect(observed.lines().flatMap((line) => line.audit ?? [])).toMatchObject([{ operator: OPERATOR, status }]);
  });
});
