import { beforeEach, describe, expect, it } from 'vitest';
import { Outage } from '../../functions/ports.ts';
import { CLIENT, NOW, REALM } from '../support/builders.ts';
import { mustBe, stored } from './admin-world.ts';
import { follow, INTERVAL_SECONDS, JWKS_URL, keySet, type RefreshWorld, refreshWorld } from './refresh-world.ts';

let world: RefreshWorld;
beforeEach(() => {
  world = refreshWorld();
});

const urlOf = (id: string) => `https://${id}.example.com/jwks`;

describe('the scheduled refresh', () => {
  it('looks at those that are due, the longest due first, as many as it may', async () => {
    for (const id of ['a', 'b', 'c']) {
      await follow(world, { jwksUri: urlOf(id) }, id);
      world.clock.time += 1;
    }
    await world.partners.add(REALM, { id: 'follows-nothing' });
    expect((await world.refresh.due(2)).reports.map(({ partner }) => partner)).toEqual(['a', 'b']);
    expect((await world.refresh.due(2)).reports.map(({ partner }) => partner)).toEqual(['c']);
    expect(await world.refresh.due(2)).toEqual({ reports: [], failures: [] });
    expect(world.fetched).toEqual(['a', 'b', 'c'].map(urlOf));
  });

  it('says of each what came of it', async () => {
    for (const id of ['gone', 'new', 'same']) await follow(world, { jwksUri: urlOf(id) }, id);
    world.web.set(urlOf('same'), await keySet('k1'));
    mustBe(await world.refresh.now(REALM, 'same'));
    world.web.set(urlOf('new'), await keySet('k2'));
    world.clock.time += INTERVAL_SECONDS;
    expect([...(await world.refresh.due(10)).reports].sort((a, b) => (a.partner < b.partner ? -1 : 1))).toEqual([
      { realm: REALM, partner: 'gone', outcome: 'failed', failure: { code: 'unreachable', detail: 'no answer' } },
      { realm: REALM, partner: 'new', outcome: 'changed' },
      { realm: REALM, partner: 'same', outcome: 'unchanged' },
    ]);
  });

  it('leaves out one that an administrator has just had looked at, without fetching', async () => {
    await follow(world);
    const listed = await world.registry.listDue(NOW, 5);
    await world.refresh.now(REALM, CLIENT);
    // The listing is a little behind, as an index of DynamoDB is.
    const behind = world.refresher({ listDue: async () => listed });
    expect((await behind.due(5)).reports).toEqual([{ realm: REALM, partner: CLIENT, outcome: 'skipped' }]);
    expect(world.fetched).toHaveLength(1);
  });

  it('does nothing about one that is gone by now', async () => {
    await follow(world);
    const listed = await world.registry.listDue(NOW, 5);
    mustBe(await world.partners.remove(REALM, CLIENT));
    const behind = world.refresher({ listDue: async () => listed });
    expect((await behind.due(5)).reports).toEqual([{ realm: REALM, partner: CLIENT, outcome: 'skipped' }]);
  });

  it('looks at many side by side, but not at all of them', async () => {
    let [open, most] = [0, 0];
    world.meanwhile.run = async () => {
      open += 1;
      most = Math.max(most, open);
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
    };
    for (let index = 0; index < 60; index += 1) await follow(world, { jwksUri: urlOf(`p${index}`) }, `p${index}`);
    expect((await world.refresh.due(100)).reports).toHaveLength(60);
    expect([most > 1, most <= 25, new Set(world.fetched).size]).toEqual([true, true, 60]);
  });

  it('gets to the others when one of them cannot be written, and says that as well', async () => {
    for (let index = 0; index < 40; index += 1) {
      const id = `p${String(index).padStart(2, '0')}`;
      await follow(world, { jwksUri: urlOf(id) }, id);
      world.web.set(urlOf(id), await keySet('k1'));
    }
    const outage = new Outage('dynamodb:TransactWriteItems', new Error('down'));
    const broken = world.refresher({
      updatePartner: (partner, ...rest) =>
        partner.id === 'p03' ? Promise.reject(outage) : world.registry.updatePartner(partner, ...rest),
    });
    const { reports, failures } = await broken.due(100);
    expect([reports.length, failures]).toEqual([39, [outage]]);
    expect((await stored(world, 'p39')).partner.credentials).toHaveLength(1);
    expect(await world.registry.listDue(world.clock.time, 100)).toEqual([]);
  });

  it('costs two reads and two writes for a partner of which nothing has changed', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1'));
    mustBe(await world.refresh.now(REALM, CLIENT));
    world.clock.time += INTERVAL_SECONDS;
    const calls: string[] = [];
    const counted = Object.fromEntries(
      Object.entries(world.registry)
        .filter(([, member]) => typeof member === 'function')
        .map(([name, call]) => [
          name,
          (...input: readonly unknown[]) => {
            calls.push(name);
            return (call as (...input: readonly unknown[]) => unknown)(...input);
          },
        ]),
    );
    await world.refresher(counted).due(5);
    expect(calls).toEqual(['listDue', 'findPartner', 'saveRefresh', 'saveRefresh']);
  });
});
