import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AUDIENCE, keyPair, NOW } from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';
import { type AdminWorld, openAdmin, PAIR, PARTNER, populate, realmOf, TIME, USED_AT } from './admin-world.ts';

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

const other = await keyPair('ES256', 'k2');
const jwkOf = ({ publicJwk, kid }: typeof other) => ({ ...publicJwk, kid });
const JSON_TYPE = 'application/json';

describe('partners', () => {
  const SHOWN = {
    ...{ id: 'billing', name: 'Billing', tags: {}, enabled: true, trustLevel: 'application', version: 1 },
    ...{ createdAt: TIME, updatedAt: TIME, acceptsSecurityIdentifiers: false, tokenPolicy: {}, claims: {} },
    compatibility: 'strict',
    credentials: [
      {
        ...{ kid: 'k1', type: 'public_key', alg: 'ES256', kty: 'EC', thumbprint: PAIR.thumbprint },
        ...{ jwk: { ...PAIR.publicJwk, kid: 'k1', alg: 'ES256' }, source: 'registered', addedAt: TIME },
      },
    ],
    ...{ secrets: [], federation: [], trustedIssuer: false, registered: false, audiences: [], grants: [] },
  };

  it('are added: 201, and 200 when one is there as wanted', async () => {
    const answers = [
      await inRealm('POST', '/partners', { body: PARTNER }),
      await inRealm('POST', '/partners', { body: PARTNER }),
    ];
    expect(answers).toEqual([
      { status: 201, body: SHOWN, type: JSON_TYPE },
      { status: 200, body: SHOWN, type: JSON_TYPE },
    ]);
  });

  it('get an id where none is said', async () => {
    const { id: _id, ...nameless } = PARTNER;
    const [first, second] = [
      await inRealm('POST', '/partners', { body: nameless }),
      await inRealm('POST', '/partners', { body: {} }),
    ];
    expect([first.status, first.body.id, second.status, second.body.id]).toEqual([201, 'made-1', 201, 'made-2']);
  });

  it('are shown with all there is to say', async () => {
    await populate(world);
    const { pem } = await issue({ name: 'crm', notBefore: NOW - 9, notAfter: NOW + 8 });
    const said = {
      ...{ name: 'CRM', contact: 'ada', tags: { team: 'x' }, trustLevel: 'full', acceptsSecurityIdentifiers: true },
      ...{ issuer: 'https://crm.example', tokenPolicy: { algorithm: 'ES256', accessTokenSeconds: 60 } },
      ...{ claims: { tenant: ['a', { b: null }] }, quota: { perDay: 9, mode: 'observe' }, enabled: false },
    };
    const times = { notBefore: '2027-01-15T09:00:00.9+01:00', expiresAt: '2027-01-16T00:00:00Z' };
    const { status, body } = await inRealm('PUT', '/partners/crm', {
      body: {
        ...{ ...said, jwksUri: 'https://crm.example/jwks', version: 1 },
        credentials: [{ jwk: jwkOf(PAIR), label: 'blue', ...times }, { certificate: pem }],
      },
    });
    expect([status, body]).toMatchObject([
      200,
      {
        ...said,
        version: 2,
        grants: [{ audience: AUDIENCE, scopes: ['read'], authorizationDetailsTypes: [] }],
        source: { type: 'jwks_uri', url: 'https://crm.example/jwks', nextAttemptAt: TIME },
        credentials: [
          {
            ...{ kid: 'k1', label: 'blue', notBefore: '2027-01-15T08:00:00.000Z' },
            ...{ expiresAt: '2027-01-16T00:00:00.000Z', lastUsedAt: new Date(USED_AT * 1_000).toISOString() },
          },
          {
            ...{ x5t: expect.stringMatching(/^[\w-]{27}$/), 'x5t#S256': expect.stringMatching(/^[\w-]{43}$/) },
            expiresAt: new Date((NOW + 9) * 1_000).toISOString(),
          },
        ],
      },
    ]);
    expect(await inRealm('GET', '/partners/crm')).toEqual({ status: 200, body, type: JSON_TYPE });
  });

  it('are listed by the page, in short', async () => {
    await populate(world);
    const first = await inRealm('GET', '/partners', { query: 'limit=1' });
    const second = await inRealm('GET', '/partners', { query: `limit=1&cursor=${String(first.body.next)}` });
    const { credentials: _1, audiences: _2, grants: _3, tokenPolicy: _4, claims: _5, ...brief } = SHOWN;
    const { acceptsSecurityIdentifiers: _6, compatibility: _7, secrets: _8, federation: _9, ...most } = brief;
    const { trustedIssuer: _10, registered: _11, ...summary } = most;
    expect([first.body, second.body]).toEqual([
      // Its audience has counted it on.
      { items: [{ ...summary, version: 2 }], next: 'billing' },
      { items: [{ ...summary, id: 'crm' }] },
    ]);
  });

  it('are changed in what is said, from the version that was read', async () => {
    await populate(world);
    const body = { version: 2, enabled: false, name: null, contact: 'ada' };
    const changed = await inRealm('PATCH', '/partners/billing', { body });
    const { name: _name, ...rest } = SHOWN;
    expect([changed.status, changed.body]).toEqual([
      200,
      { ...rest, enabled: false, contact: 'ada', version: 3, audiences: [AUDIENCE] },
    ]);
    expect(world.registry.audiences.get(`default/${AUDIENCE}`)?.ownerEnabled).toBe(false);
  });

  it('are declared: 201, then 200 with the version as it was, then 200 with what is different', async () => {
    const { id: _id, ...definition } = PARTNER;
    const answers = [
      await inRealm('PUT', '/partners/billing', { body: definition }),
      await inRealm('PUT', '/partners/billing', { body: definition }),
      await inRealm('PUT', '/partners/billing', { body: { ...definition, name: 'B', version: 1 } }),
      await inRealm('PUT', '/partners/billing', { body: {} }),
    ];
    expect(answers.map(({ status, body }) => [status, body.version, body.name])).toEqual([
      [201, 1, 'Billing'],
      [200, 1, 'Billing'],
      [200, 2, 'B'],
      [200, 3, undefined],
    ]);
    expect(answers.at(-1)?.body.credentials).toEqual([]);
  });

  it('are given credentials, and lose them without a word: 204', async () => {
    await populate(world);
    const body = { jwk: jwkOf(other), label: 'green' };
    const added = await inRealm('POST', '/partners/crm/credentials', { body });
    expect([added.status, (added.body.credentials as object[]).length, added.body.version]).toEqual([200, 2, 2]);
    expect(await inRealm('DELETE', '/partners/crm/credentials', { query: 'kid=k1' })).toEqual({
      status: 204,
      body: {},
      type: undefined,
    });
    const { body: left } = await inRealm('GET', '/partners/crm');
    expect(left.credentials).toMatchObject([{ kid: 'k2', label: 'green' }]);
  });

  it('are shown as never used with a key that came after its last use', async () => {
    await populate(world);
    const stored = world.registry.partners.get('default/crm');
    if (stored === undefined) throw new Error('there is no crm');
    const shown = async (addedAt: number) => {
      const credentials = stored.credentials.map((each) => ({ ...each, addedAt }));
      world.registry.partners.set('default/crm', { ...stored, credentials });
      const [credential] = (await inRealm('GET', '/partners/crm')).body.credentials as { lastUsedAt?: string }[];
      return credential?.lastUsedAt;
    };
    expect([await shown(USED_AT + 1), await shown(USED_AT)]).toEqual([
      undefined,
      new Date(USED_AT * 1_000).toISOString(),
    ]);
  });

  it('are removed with what they hold, and are gone then', async () => {
    await populate(world);
    expect(await inRealm('DELETE', '/partners/crm')).toEqual({ status: 204, body: {}, type: undefined });
    expect(await inRealm('DELETE', '/partners/billing')).toMatchObject({ status: 204 });
    const { partners, grants, audiences } = world.registry;
    expect([partners.size, grants.size, audiences.size]).toEqual([0, 0, 0]);
    expect((await inRealm('DELETE', '/partners/crm')).status).toBe(404);
  });

  it.each(['EdDSA', 'RS256', 'ML-DSA-44'] as const)('are shown with the whole public key, of %s too', async (alg) => {
    const { publicJwk } = await keyPair(alg);
    const { body } = await inRealm('POST', '/partners', { body: { id: 'a', jwks: { keys: [{ ...publicJwk, alg }] } } });
    expect(body.credentials).toMatchObject([{ alg, kty: publicJwk.kty, jwk: { ...publicJwk, alg } }]);
  });

  it('are listed without their keys, and shown with public members only, whatever the registry holds', async () => {
    await populate(world);
    const stored = world.registry.partners.get('default/crm');
    if (stored === undefined) throw new Error('there is no crm');
    const credentials = stored.credentials.map((each) => ({ ...each, jwk: { ...each.jwk, d: 'secret-7f3a' } }));
    world.registry.partners.set('default/crm', { ...stored, credentials });
    const [shown, listed] = [await inRealm('GET', '/partners/crm'), await inRealm('GET', '/partners')];
    expect(JSON.stringify(shown)).toContain(PAIR.publicJwk.x);
    expect(JSON.stringify(shown)).not.toContain('secret-7f3a');
    expect(JSON.stringify(listed)).not.toContain(PAIR.publicJwk.x);
  });
});

describe('audiences and grants', () => {
  it('are declared and listed', async () => {
    await inRealm('POST', '/partners', { body: PARTNER });
    const body = { audience: AUDIENCE, owner: 'billing', scopes: ['read'], tokenPolicy: { algorithm: 'ES256' } };
    const declared = [await inRealm('POST', '/audiences', { body }), await inRealm('POST', '/audiences', { body })];
    expect(declared.map(({ status }) => status)).toEqual([201, 200]);
    const query = (uri: string) => ({ query: `audience=${encodeURIComponent(uri)}` });
    const items = [{ ...body, authorizationDetails: {}, introspectors: [], version: 1 }];
    expect((await inRealm('GET', '/audiences')).body).toEqual({ items });
    expect((await inRealm('GET', '/audiences', query(AUDIENCE))).body).toEqual({ items });
    expect((await inRealm('GET', '/audiences', query('urn:none'))).body).toEqual({ items: [] });
  });

  it('are changed from the version that was read', async () => {
    await populate(world);
    const body = { audience: AUDIENCE, version: 1, scopes: ['read', 'new'], tokenPolicy: { binding: 'dpop' } };
    const changed = await inRealm('PATCH', '/audiences', { body });
    expect([changed.status, changed.body]).toEqual([
      200,
      { ...body, owner: 'billing', authorizationDetails: {}, introspectors: [], version: 2 },
    ]);
    expect((await inRealm('PATCH', '/audiences', { body })).status).toBe(409);
  });

  it('are granted, and listed by client and by audience', async () => {
    await populate(world);
    const item = { client: 'crm', audience: AUDIENCE, scopes: ['read'], authorizationDetailsTypes: [], version: 1 };
    expect((await inRealm('GET', '/grants', { query: 'client=crm' })).body).toEqual({ items: [item] });
    expect((await inRealm('GET', '/grants', { query: `audience=${encodeURIComponent(AUDIENCE)}` })).body).toEqual({
      items: [item],
    });
    const more = await inRealm('POST', '/grants', { body: { client: 'crm', audience: AUDIENCE, scopes: ['write'] } });
    expect([more.status, more.body]).toEqual([200, { ...item, scopes: ['write'], version: 2 }]);
  });

  it('are removed, grants first: 204 each', async () => {
    await populate(world);
    const audience = `audience=${encodeURIComponent(AUDIENCE)}`;
    expect([
      (await inRealm('DELETE', '/grants', { query: `client=crm&${audience}` })).status,
      (await inRealm('DELETE', '/audiences', { query: audience })).status,
      (await inRealm('DELETE', '/audiences', { query: audience })).status,
    ]).toEqual([204, 204, 404]);
  });
});

describe('realms', () => {
  const DEFAULT = { name: 'default', issuer: 'https://sts.example.com', aliases: [], enabled: true, policy: {} };
  const ACME = { name: 'acme', description: 'Acme', aliases: ['acme.example'], policy: { algorithms: ['ES256'] } };
  const shown = { ...ACME, issuer: 'https://sts.example.com/realms/acme', enabled: true };

  it('are the default one, before anybody has said anything', async () => {
    const body = { ...DEFAULT, version: 0 };
    expect((await call('GET', '/realms/default')).body).toEqual(body);
    expect((await call('GET', '/realms')).body).toEqual({ items: [body] });
  });

  it('are added: 201, and 200 when one is there as wanted', async () => {
    const answers = [await call('POST', '/realms', { body: ACME }), await call('POST', '/realms', { body: ACME })];
    const body = { ...shown, version: 1, createdAt: TIME, updatedAt: TIME };
    expect(answers).toEqual([
      { status: 201, body, type: JSON_TYPE },
      { status: 200, body, type: JSON_TYPE },
    ]);
    expect((await call('GET', '/realms/acme.example')).body).toEqual(body);
    expect((await call('GET', '/realms')).body.items).toEqual([{ ...DEFAULT, version: 0 }, body]);
  });

  it('are changed, the default one too, from the version that was read', async () => {
    await call('POST', '/realms', { body: ACME });
    const change = { version: 1, description: null, aliases: [], enabled: false, policy: { accessTokenSeconds: 60 } };
    const { description: _gone, ...rest } = { ...shown, ...change };
    const times = { createdAt: TIME, updatedAt: TIME };
    expect((await call('PATCH', '/realms/acme', { body: change })).body).toEqual({ ...rest, version: 2, ...times });
    expect((await call('PATCH', '/realms/default', { body: { version: 0, enabled: false } })).body).toEqual({
      ...{ ...DEFAULT, enabled: false, version: 1 },
      ...times,
    });
  });

  it('have partners of their own, under any of their names', async () => {
    world.realms.realms.set('acme', realmOf('acme', { aliases: ['a.example'] }));
    await call('POST', '/realms/a.example/partners', { body: PARTNER });
    expect([...world.registry.partners.keys()]).toEqual(['acme/billing']);
    expect((await call('GET', '/realms/acme/partners/billing')).status).toBe(200);
    expect((await inRealm('GET', '/partners/billing')).status).toBe(404);
  });
});
