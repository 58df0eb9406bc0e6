import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Quota } from '../../functions/core/quota.ts';
import { type IssueTokenPorts, issueToken } from '../../functions/flows/issue-token.ts';
import { Outage } from '../../functions/ports.ts';
import { assertion, client, NOW, REALM, tokenRequest } from '../support/builders.ts';
import { testClock } from './in-memory.ts';
import { clientPair, finding, portsOf, reasonOf, SETTINGS } from './issue-token-world.ts';

/** The start of a minute, in the middle of a day. */
const MINUTE = NOW - (NOW % 60);
const DAY_END = NOW - (NOW % 86_400) + 86_400;

const world = (quota: Quota | undefined, changes: Partial<IssueTokenPorts> = {}) => {
  const clock = testClock(MINUTE);
  const limited = quota === undefined ? {} : { quota };
  const { ports, calls, replay } = portsOf({ clock, partners: finding(async () => client(limited)), ...changes });
  let requests = 0;
  const ask = (jti = `assertion-${requests}`, over: Partial<IssueTokenPorts> = {}) => {
    requests += 1;
    const { time } = clock;
    const jws = assertion(clientPair, { jti, iat: time, exp: time + 60 });
    return issueToken({ ...ports, ...over }, SETTINGS)(REALM, tokenRequest(jws), `request-${requests}`);
  };
  return { ask, clock, calls, ports, replay };
};

const limitsOf = (decided: Awaited<ReturnType<ReturnType<typeof world>['ask']>>) =>
  decided.result.ok ? decided.result.value.limits : [];

describe('a partner without quota', () => {
  it('is not counted, and told of no limits', async () => {
    const { ask, calls } = world(undefined);
    const decided = await ask();
    expect([reasonOf(decided), limitsOf(decided)]).toEqual(['granted', []]);
    expect(calls.filter((call) => call.startsWith('count'))).toEqual([]);
  });
});

describe('a quota that is enforced', () => {
  it('gives as many tokens as it says, telling what is left, and then says when there will be more', async () => {
    const { ask, clock } = world({ perMinute: 2, perDay: 3, mode: 'enforce' });
    clock.time += 12;
    const outcomes = [];
    for (let index = 0; index < 3; index += 1) outcomes.push(await ask());
    expect(outcomes.map(reasonOf)).toEqual(['granted', 'granted', 'quota_exceeded']);
    const [first, second, third] = outcomes;
    const minute = { name: 'minute', limit: 2, windowSeconds: 60, resetSeconds: 48 };
    const day = { name: 'day', limit: 3, windowSeconds: 86_400, resetSeconds: DAY_END - MINUTE - 12 };
    expect([first, second].map((decided) => decided && limitsOf(decided))).toEqual([
      [
        { ...minute, remaining: 1 },
        { ...day, remaining: 2 },
      ],
      [
        { ...minute, remaining: 0 },
        { ...day, remaining: 1 },
      ],
    ]);
    expect(third?.result).toEqual({
      ok: false,
      refusal: {
        ...{ reason: 'quota_exceeded', retryAfterSeconds: 48 },
        limits: [
          { ...minute, remaining: 0 },
          { ...day, remaining: 0 },
        ],
      },
    });
  });

  it('begins anew with the next minute, until the day is used up', async () => {
    const { ask, clock } = world({ perMinute: 1, perDay: 2, mode: 'enforce' });
    const outcomes = [];
    for (const seconds of [0, 59, 60, 120]) {
      clock.time = MINUTE + seconds;
      outcomes.push(await ask());
    }
    expect(outcomes.map(reasonOf)).toEqual(['granted', 'quota_exceeded', 'granted', 'quota_exceeded']);
    expect(outcomes[3]?.result).toMatchObject({ refusal: { retryAfterSeconds: DAY_END - MINUTE - 120 } });
    clock.time = DAY_END;
    expect(reasonOf(await ask())).toBe('granted');
  });

  it('that is used up as far as is known costs neither claim nor count nor signature', async () => {
    const { ask, calls, replay } = world({ perMinute: 1, mode: 'enforce' });
    await ask();
    const before = calls.length;
    expect(reasonOf(await ask('unused'))).toBe('quota_exceeded');
    expect(calls.slice(before).filter((call) => !/^(find|read|realm)/.test(call))).toEqual([]);
    expect(replay.uses.size).toBe(1);
  });

  it('that turns out to be used up gives the assertion back, to be sent again when there is room', async () => {
    const { ask, clock, ports, replay } = world({ perMinute: 1, mode: 'enforce' });
    await ports.quotas.count(REALM, 'crm', MINUTE);
    const blind = { quotas: { ...ports.quotas, lastSeen: () => undefined } };
    expect(reasonOf(await ask('later', blind))).toBe('quota_exceeded');
    expect(replay.uses.size).toBe(0);
    clock.time += 60;
    expect(reasonOf(await ask('later'))).toBe('granted');
  });

  it('gives no more than it says to many at once, whoever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 20 }), async (perMinute, requests) => {
        const { ask } = world({ perMinute, mode: 'enforce' });
        const outcomes = (await Promise.all(Array.from({ length: requests }, () => ask()))).map(reasonOf);
        expect(outcomes.filter((outcome) => outcome === 'granted')).toHaveLength(Math.min(perMinute, requests));
      }),
      { numRuns: 40 },
    );
  });

  it('is not used up by replays: who has got hold of an assertion gets nowhere with it', async () => {
    const { ask } = world({ perMinute: 2, mode: 'enforce' });
    const outcomes = [await ask('once'), await ask('once'), await ask('once'), await ask('once'), await ask('next')];
    expect(outcomes.map(reasonOf)).toEqual([
      ...['granted', 'assertion_replayed', 'assertion_replayed', 'assertion_replayed', 'granted'],
    ]);
  });

  it('is not used up by what was refused, or failed', async () => {
    const { ask, ports } = world({ perDay: 2, mode: 'enforce' });
    const down = () => Promise.reject(new Outage('kms:Sign', new Error('down')));
    const blind = { ...ports.quotas, lastSeen: () => undefined };
    await expect(ask('a', { signer: { sign: down } })).rejects.toBeInstanceOf(Outage);
    const outcomes = [
      await ask('a'),
      await ask('b'),
      await ask('c', { quotas: blind }),
      await ask('d', { quotas: blind }),
    ];
    expect(outcomes.map(reasonOf)).toEqual(['granted', 'granted', 'quota_exceeded', 'quota_exceeded']);
    expect(ports.quotas.lastSeen(REALM, 'crm', MINUTE)?.day).toBe(2);
  });
});

describe('a quota that only observes', () => {
  it('refuses nothing, tells what would be left, and puts it on record', async () => {
    const { ask } = world({ perMinute: 1, mode: 'observe' });
    const outcomes = [await ask(), await ask(), await ask()];
    expect(outcomes.map(reasonOf)).toEqual(['granted', 'granted', 'granted']);
    expect(outcomes.map((decided) => [limitsOf(decided)[0]?.remaining, decided.facts.overQuota])).toEqual([
      [0, undefined],
      [0, true],
      [0, true],
    ]);
  });
});

describe('an outage', () => {
  const down = (operation: string) => () => Promise.reject(new Outage(operation, new Error('down')));

  it('of the counter gives no token, and gives the assertion back: a quota that cannot be counted is no quota', async () => {
    for (const mode of ['enforce', 'observe'] as const) {
      const { ask, ports, replay } = world({ perDay: 5, mode });
      const broken = { quotas: { ...ports.quotas, count: down('dynamodb:UpdateItem') } };
      await expect(ask('again', broken)).rejects.toMatchObject({ operation: 'dynamodb:UpdateItem' });
      expect(replay.uses.size).toBe(0);
      expect(reasonOf(await ask('again'))).toBe('granted');
    }
  });

  it('of the counter is none of a partner that has no quota', async () => {
    const { ask, ports } = world(undefined);
    expect(reasonOf(await ask('x', { quotas: { ...ports.quotas, count: down('dynamodb:UpdateItem') } }))).toBe(
      'granted',
    );
  });

  it('of KMS while the quota is used up is an outage: nobody is told to wait for nothing', async () => {
    const { ask, ports } = world({ perMinute: 1, mode: 'enforce' });
    await ports.quotas.count(REALM, 'crm', MINUTE);
    const broken = { quotas: { ...ports.quotas, lastSeen: () => undefined }, signer: { sign: down('kms:Sign') } };
    await expect(ask('x', broken)).rejects.toMatchObject({ operation: 'kms:Sign' });
  });
});
