import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE, NOW, REALM } from '../support/builders.ts';
import { type AdminWorld, openAdmin, populate } from './admin-world.ts';

const at = (seconds: number): string => new Date(seconds * 1_000).toISOString();
const MARK = at(NOW + 1);
const GRANT = { client: 'crm', audience: AUDIENCE };
const TOKEN = { tokenId: 'token-1', expiresAt: at(NOW + 600) };

let world: AdminWorld;
let inRealm: AdminWorld['inRealm'];
beforeEach(async () => {
  world = openAdmin();
  ({ inRealm } = world);
  await populate(world);
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('the end of tokens', () => {
  it('of a partner is answered with the partner, which shows it from then on', async () => {
    const before = await inRealm('GET', '/partners/crm');
    const revoked = await inRealm('POST', '/partners/crm/revoke-tokens');
    expect([before.body.tokensNotBefore, revoked.status]).toEqual([undefined, 200]);
    expect(revoked.body).toEqual({ ...before.body, tokensNotBefore: MARK, version: 2 });
    expect((await inRealm('GET', '/partners/crm')).body).toEqual(revoked.body);
  });

  it('of a grant is answered with the grant, and both of its ends show it', async () => {
    const { status, body } = await inRealm('POST', '/grants/revoke-tokens', { body: GRANT });
    const grant = { ...GRANT, scopes: ['read'], authorizationDetailsTypes: [], tokensNotBefore: MARK, version: 2 };
    expect([status, body]).toEqual([200, grant]);
    const { client: _client, version: _version, ...held } = grant;
    expect((await inRealm('GET', '/partners/crm')).body).toMatchObject({ grants: [held] });
    expect((await inRealm('GET', '/grants', { query: 'client=crm' })).body).toEqual({ items: [grant] });
    const on = `audience=${encodeURIComponent(AUDIENCE)}`;
    expect((await inRealm('GET', '/grants', { query: on })).body).toEqual({ items: [grant] });
  });

  it('of one token has nothing to show', async () => {
    const { status, body } = await inRealm('POST', '/tokens/revoke', { body: TOKEN });
    expect([status, body]).toEqual([204, {}]);
    expect([...world.revocations.revoked]).toEqual([[`${REALM}/token-1`, NOW + 660]]);
  });

  it.each([
    ['/partners/nobody/revoke-tokens', undefined, 404],
    ['/partners/crm/revoke-tokens', { version: 1 }, 400],
    ['/grants/revoke-tokens', { ...GRANT, client: 'billing' }, 404],
    ['/grants/revoke-tokens', { ...GRANT, audience: 'no uri' }, 404],
    ['/grants/revoke-tokens', { client: 'crm' }, 400],
    ['/tokens/revoke', { ...TOKEN, token: 'eyJhbGciOi' }, 400],
    ['/tokens/revoke', { ...TOKEN, tokenId: '' }, 400],
    ['/tokens/revoke', { ...TOKEN, expiresAt: NOW + 600 }, 400],
    ['/tokens/revoke', { ...TOKEN, expiresAt: at(NOW - 600) }, 400],
    ['/tokens/revoke', { tokenId: 'token-1' }, 400],
  ])('at %s with %j is refused: %d', async (path, body, expected) => {
    const { status, type } = await inRealm('POST', path, body === undefined ? {} : { body });
    expect([status, type, world.revocations.revoked.size]).toEqual([expected, 'application/problem+json', 0]);
  });

  it('is in the realm of the path, and nowhere else', async () => {
    await world.call('POST', '/realms', { body: { name: 'acme' } });
    expect((await world.call('POST', '/realms/acme/partners/crm/revoke-tokens')).status).toBe(404);
    await world.call('POST', '/realms/acme/tokens/revoke', { body: TOKEN });
    expect([...world.revocations.revoked.keys()]).toEqual(['acme/token-1']);
  });

  it('is on record: whose they are, from which second on, and of one token its id and its time', async () => {
    const before = world.records().length;
    await inRealm('POST', '/partners/crm/revoke-tokens');
    await inRealm('POST', '/grants/revoke-tokens', { body: GRANT });
    await inRealm('POST', '/tokens/revoke', { body: TOKEN });
    expect(world.records().slice(before)).toMatchObject([
      {
        path: '/admin/realms/default/partners/crm/revoke-tokens',
        outcome: { id: 'crm', version: 2, tokensNotBefore: MARK },
      },
      { path: '/admin/realms/default/grants/revoke-tokens', change: GRANT, outcome: { tokensNotBefore: MARK } },
      { path: '/admin/realms/default/tokens/revoke', change: TOKEN, status: 204 },
    ]);
  });

  it('is 503 when nobody knows whether it was done, and on record all the same', async () => {
    const down = () => Promise.reject(new Outage('dynamodb:TransactWriteItems', new Error('down')));
    const registry = { updatePartner: down };
    const { status } = await inRealm('POST', '/partners/crm/revoke-tokens', { registry });
    expect([status, world.records().at(-1)?.status]).toEqual([503, 503]);
  });
});
