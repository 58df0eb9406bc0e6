/**
 * Attacks by, and through, the right to introspect: to keep it, to inherit it, to use it elsewhere or for more than to ask. RFC 7662 4.
 */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decisionOn } from '../support/decisions.ts';
import {
  administer,
  callAdmin,
  changePartner,
  getToken,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  type World,
} from '../support/service.ts';
import { introspect, isActive, nameIntrospectors, postState, proofForm, revoke } from '../support/token-state.ts';

const OTHERS = 'https://others.example';

let service: Service;
let world: World;
let gateway: TestPartner;
beforeAll(async () => {
  service = await startService({ maxInstances: 1 });
  world = await populate(service);
  gateway = await makePartner('gateway');
  await mustCreate(service, '/partners', { id: gateway.id, jwks: { keys: [gateway.publicJwk] } });
  await mustCreate(service, '/audiences', { audience: OTHERS, owner: world.client.id, scopes: ['read'] });
});
afterAll(() => service[Symbol.asyncDispose]());

/** The resource of the tokens names these, and nobody else. */
const name = (introspectors: readonly string[], audience = world.audience): Promise<number> =>
  nameIntrospectors(service, audience, introspectors);
beforeEach(async () => {
  expect(await name([gateway.id])).toBe(200);
});

describe('the right to introspect', () => {
  it('begins and ends at once, with nothing kept of it', async () => {
    const token = await getToken(service, world);
    for (const introspectors of [[], [gateway.id], [], [gateway.id]]) {
      expect(await name(introspectors)).toBe(200);
      expect(await isActive(service, gateway, token)).toBe(introspectors.length > 0);
    }
  });

  it('is of no use for the tokens of another resource', async () => {
    const token = await getToken(service, world);
    await name([]);
    expect(await name([gateway.id], OTHERS)).toBe(200);
    expect(await isActive(service, gateway, token)).toBe(false);
    await name([], OTHERS);
  });

  it('is not that of a partner who is disabled, also while the function still knows it as enabled', async () => {
    const token = await getToken(service, world);
    expect(await isActive(service, gateway, token)).toBe(true);
    await changePartner(service, gateway.id, { enabled: false });
    const { status, text, headers } = await introspect(service, gateway, token);
    const { facts } = await decisionOn(service, headers.get('apigw-requestid'));
    expect([status, text, facts.tokenFault]).toEqual([200, '{"active":false}', 'token_foreign']);
    await changePartner(service, gateway.id, { enabled: true });
    expect(await isActive(service, gateway, token)).toBe(true);
  });

  it('is no right to revoke', async () => {
    const token = await getToken(service, world);
    const { status, headers } = await revoke(service, gateway, token);
    const { facts } = await decisionOn(service, headers.get('apigw-requestid'));
    expect([status, facts.tokenState, facts.tokenFault]).toEqual([200, 'unchanged', 'token_foreign']);
    expect([await isActive(service, gateway, token), await isActive(service, world.owner, token)]).toEqual([
      true,
      true,
    ]);
  });

  it('tells of a dead token no more than the owner is told', async () => {
    const token = await getToken(service, world);
    await revoke(service, world.owner, token);
    for (const asking of [gateway, world.owner]) {
      expect((await introspect(service, asking, token)).text).toBe('{"active":false}');
    }
  });
});

describe('a partner of the same name', () => {
  it('cannot come while the first is named, and gets nothing of it afterwards', async () => {
    const token = await getToken(service, world);
    const removal = await administer(service, 'DELETE', `/partners/${gateway.id}`);
    expect([removal.status, removal.body]).toEqual([
      409,
      expect.objectContaining({ dependents: [{ client: gateway.id, audience: world.audience }] }),
    ]);
    await name([]);
    await administer(service, 'DELETE', `/partners/${gateway.id}`);
    const next = await makePartner(gateway.id);
    await mustCreate(service, '/partners', { id: next.id, jwks: { keys: [next.publicJwk] } });
    for (const asking of [next, gateway]) {
      expect((await introspect(service, asking, token)).text).not.toContain('"active":true');
    }
    gateway = next;
  });

  it('in another realm is a stranger, and cannot be named from here', async () => {
    await callAdmin(service, 'POST', '/admin/realms', { name: 'other' });
    const [twin, foreigner] = [await makePartner(gateway.id), await makePartner('foreigner')];
    for (const each of [twin, foreigner]) {
      const jwks = { keys: [each.publicJwk] };
      await callAdmin(service, 'POST', '/admin/realms/other/partners', { id: each.id, jwks });
    }
    const token = await getToken(service, world);
    const form = { ...(await proofForm(service, twin, `${service.issuer}/realms/other`)), token };
    expect((await postState(service, { path: 'realms/other/introspect', form })).text).toBe('{"active":false}');
    const here = { ...(await proofForm(service, twin)), token };
    expect((await postState(service, { path: 'introspect', form: here })).status).toBe(401);
    expect(await name([foreigner.id])).toBe(404);
  });
});

describe('what is asked of the table', () => {
  const readsOf = async (asking: TestPartner, token: string): Promise<readonly string[]> => {
    // The same question before has filled the caches.
    await isActive(service, asking, token);
    const before = service.calls.length;
    expect(await isActive(service, asking, token)).toBe(true);
    return service.calls.slice(before).map(({ operation }) => operation);
  };

  it('is one Query more for an introspector than for the owner, who costs no more than without any', async () => {
    const token = await getToken(service, world);
    const ofOwner = await readsOf(world.owner, token);
    const ofGateway = await readsOf(gateway, token);
    expect([...ofGateway].sort()).toEqual([...ofOwner, 'Query'].sort());
    await name([]);
    expect(await readsOf(world.owner, token)).toEqual(ofOwner);
  });
});
