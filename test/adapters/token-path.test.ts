/** The bounds that operators rely on, on the real adapters: how many AWS calls a token costs, and how long a cache is believed. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mustBe } from '../flows/admin-world.ts';
import { AUDIENCE, CLIENT, keyPair, NOW, OWNER, REALM } from '../support/builders.ts';
import { CACHE_SECONDS, openTokenService, type TokenService } from './token-service.ts';

let service: TokenService;
beforeEach(async () => {
  service = await openTokenService();
  await service.populate(REALM);
});
afterEach(() => service[Symbol.asyncDispose]());

const version = async (id: string, realm = REALM): Promise<number> =>
  mustBe(await service.admin.partners.show(realm, id)).partner.version;
const change = async (id: string, members: object) =>
  mustBe(await service.admin.partners.change(REALM, id, await version(id), members));
const changePolicy = async (tokenPolicy: object) => {
  const { items } = await service.admin.grants.findAudience(REALM, AUDIENCE);
  mustBe(await service.admin.grants.changeAudience(REALM, AUDIENCE, items[0]?.version ?? 0, { tokenPolicy }));
};
const realmOf = async (name: string) => {
  const found = await service.admin.realms.find(name);
  if (found === undefined) throw new Error(`there is no realm ${name}`);
  return found;
};

const READS = ['Query', 'BatchGetItem'];

describe('the AWS calls of a token', () => {
  it('are four when nothing is cached, and two when all is', async () => {
    const issue = service.startFunction();
    const [cold, warm] = [await issue(), await issue()];
    expect([cold.reason, cold.calls.slice(0, 2), cold.calls.slice(2).sort()]).toEqual([
      'granted',
      READS,
      ['Sign', 'TransactWriteItems'],
    ]);
    expect([warm.reason, warm.calls.sort()]).toEqual(['granted', ['PutItem', 'Sign']]);
  });

  it('are one more with a quota, and none more for one that is used up, as far as the function knows', async () => {
    await change(CLIENT, { quota: { perMinute: 2, mode: 'enforce' } });
    const issue = service.startFunction();
    const outcomes = [await issue(), await issue(), await issue()];
    expect(outcomes.map(({ reason, calls }) => [reason, calls.length])).toEqual([
      ['granted', 5],
      ['granted', 3],
      ['quota_exceeded', 0],
    ]);
    expect(outcomes[1]?.calls.sort()).toEqual(['PutItem', 'Sign', 'UpdateItem']);
  });

  it.each(['emea', 'europe'])('are as many in a further realm, reached as %s, once its name is known', async (name) => {
    mustBe(await service.admin.realms.add('emea', { aliases: ['europe'] }));
    await service.populate('emea');
    const issue = service.startFunction();
    const outcomes = [await issue(name, 'emea'), await issue(name, 'emea')];
    expect(outcomes.map(({ reason, claims }) => [reason, claims.iss])).toEqual(
      outcomes.map(() => ['granted', 'https://sts.example.com/realms/emea']),
    );
    expect(outcomes.map(({ calls }) => calls.length)).toEqual([name === 'emea' ? 5 : 6, 2]);
  });

  it('are one for a stranger who names a realm that there is not, and none for one who names what is no realm', async () => {
    const issue = service.startFunction();
    const strangers = [await issue('none', 'none'), await issue('NONE', 'none')];
    expect(strangers.map(({ reason, calls }) => [reason, calls])).toEqual([
      ['client_unknown', ['GetItem']],
      ['realm_unknown', []],
    ]);
  });

  it('are as many however many partners there are, as are those of the administration', async () => {
    for (let index = 0; index < 200; index += 1) await service.admin.partners.add(REALM, { id: `other-${index}` });
    const issue = service.startFunction();
    expect([(await issue()).calls.length, (await issue()).calls.length]).toEqual([4, 2]);
    const before = service.aws.calls.length;
    await service.admin.partners.list(REALM, { limit: 100 });
    await service.admin.partners.show(REALM, CLIENT);
    expect(service.aws.calls.slice(before)).toEqual(['Query', 'Query', 'GetItem']);
  });
});

/** What an operator takes away, and what the client is then told. */
const REVOCATIONS: readonly (readonly [string, string, () => Promise<unknown>])[] = [
  ['a partner', 'client_disabled', () => change(CLIENT, { enabled: false })],
  ['the owner of its audience', 'resource_disabled', () => change(OWNER, { enabled: false })],
  ['its grant', 'grant_missing', async () => mustBe(await service.admin.grants.removeGrant(REALM, CLIENT, AUDIENCE))],
  [
    'its credential',
    'assertion_key_unknown',
    async () => mustBe(await service.admin.partners.removeCredential(REALM, CLIENT, 'k1')),
  ],
  ['all of it', 'client_unknown', async () => mustBe(await service.admin.partners.remove(REALM, CLIENT))],
  [
    'its whole realm',
    'realm_disabled',
    async () => mustBe(await service.admin.realms.change(await realmOf(REALM), 0, { enabled: false })),
  ],
  ['its right to speak for itself', 'trust_level_insufficient', () => change(CLIENT, { trustLevel: 'user' })],
];

describe(`what an operator takes away gives no new token after ${CACHE_SECONDS} s`, () => {
  it.each(REVOCATIONS)('%s: then it is %s, and until then the cache may be believed', async (_what, reason, revoke) => {
    const issue = service.startFunction();
    expect((await issue()).reason).toBe('granted');
    await revoke();
    service.pass(CACHE_SECONDS - 0.001);
    const last = await issue();
    expect([last.reason, last.calls.length]).toEqual(['granted', 2]);
    service.pass(0.001);
    expect((await issue()).reason).toBe(reason);
  });

  it.each(REVOCATIONS)('%s: at once from a function that has not cached it (%s)', async (_what, reason, revoke) => {
    const issue = service.startFunction();
    await revoke();
    expect((await issue()).reason).toBe(reason);
  });

  it('counts from when it was read, and not from when it was last used', async () => {
    const issue = service.startFunction();
    await issue();
    await change(CLIENT, { enabled: false });
    const reasons: string[] = [];
    for (let index = 0; index < 4; index += 1) {
      service.pass(CACHE_SECONDS / 3);
      reasons.push((await issue()).reason);
    }
    expect(reasons).toEqual(['granted', 'granted', 'client_disabled', 'client_disabled']);
  });

  it('counts from when a read began, however long DynamoDB took over it', async () => {
    const issue = service.startFunction();
    let reads = 2;
    service.whileCalling.run = () => {
      reads -= 1;
      if (reads >= 0) service.pass(5);
    };
    await issue();
    await change(CLIENT, { enabled: false });
    service.pass(CACHE_SECONDS - 10.001);
    expect((await issue()).reason).toBe('granted');
    service.pass(0.001);
    expect((await issue()).reason).toBe('client_disabled');
  });

  it('counts for each part from when that was read: an audience that is read later makes the realm no younger', async () => {
    mustBe(await service.admin.grants.addAudience(REALM, { audience: 'urn:b', owner: OWNER, scopes: ['x'] }));
    mustBe(await service.admin.grants.addGrant(REALM, { client: CLIENT, audience: 'urn:b', scopes: ['x'] }));
    const issue = service.startFunction();
    await issue();
    mustBe(await service.admin.realms.change(await realmOf(REALM), 0, { enabled: false }));
    service.pass(CACHE_SECONDS - 1);
    const late = await issue(REALM, REALM, 'urn:b');
    expect([late.reason, late.calls.includes('BatchGetItem')]).toEqual(['granted', true]);
    service.pass(1);
    expect((await issue(REALM, REALM, 'urn:b')).reason).toBe('realm_disabled');
  });
});

describe('the end of a credential', () => {
  it('needs no cache to run out: it holds to the second', async () => {
    const jwk = { ...(await keyPair('ES256', 'other')).publicJwk, kid: 'other' };
    mustBe(await service.admin.partners.addCredential(REALM, CLIENT, { jwk }));
    mustBe(await service.admin.partners.removeCredential(REALM, CLIENT, 'k1'));
    const limited = { ...(await keyPair()).publicJwk, kid: 'k1' };
    mustBe(
      await service.admin.partners.addCredential(REALM, CLIENT, {
        jwk: limited,
        notBefore: NOW + 5,
        expiresAt: NOW + 10,
      }),
    );
    const issue = service.startFunction();
    const reasons: string[] = [];
    for (const wait of [4, 1, 4, 1]) {
      service.pass(wait);
      reasons.push((await issue()).reason);
    }
    expect(reasons).toEqual(['credential_not_yet_valid', 'granted', 'granted', 'credential_expired']);
  });
});

describe('what an operator adds works at once, whatever is cached', () => {
  it('a first key, a first grant, an enabled partner', async () => {
    const issue = service.startFunction();
    await issue();
    await change(CLIENT, { enabled: false });
    service.pass(CACHE_SECONDS);
    expect((await issue()).reason).toBe('client_disabled');
    await change(CLIENT, { enabled: true });
    expect((await issue()).reason).toBe('granted');
    mustBe(await service.admin.grants.removeGrant(REALM, CLIENT, AUDIENCE));
    service.pass(CACHE_SECONDS);
    expect((await issue()).reason).toBe('grant_missing');
    mustBe(await service.admin.grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'] }));
    expect((await issue()).reason).toBe('granted');
  });
});

describe('the authorizer', () => {
  it('refuses the token of a client that was disabled, or lost its grant, or its realm, or whose resource asks for more, after the same time', async () => {
    const { token } = await service.startFunction()();
    for (const [reason, revoke, restore, restored = 'granted'] of [
      ['client_disabled', () => change(CLIENT, { enabled: false }), () => change(CLIENT, { enabled: true })],
      [
        'realm_disabled',
        async () => {
          const realm = await realmOf(REALM);
          return service.admin.realms.change(realm, realm.version, { enabled: false });
        },
        async () => {
          const realm = await realmOf(REALM);
          return service.admin.realms.change(realm, realm.version, { enabled: true });
        },
      ],
      ['token_unbound', () => changePolicy({ binding: 'dpop' }), () => changePolicy({})],
      [
        'grant_missing',
        () => service.admin.grants.removeGrant(REALM, CLIENT, AUDIENCE),
        () => service.admin.grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read'] }),
        // What is given anew is not what was taken.
        'token_too_old',
      ],
    ] as const) {
      const check = service.startAuthorizer();
      expect((await check(token)).reason).toBe('granted');
      await revoke();
      service.pass(CACHE_SECONDS - 0.001);
      expect(await check(token)).toEqual({ reason: 'granted', calls: [] });
      service.pass(0.001);
      expect((await check(token)).reason).toBe(reason);
      await restore();
      expect((await check(token)).reason).toBe(restored);
    }
  });

  it('makes five calls when nothing is cached, and none when all is', async () => {
    const { token } = await service.startFunction()();
    const check = service.startAuthorizer();
    const [cold, warm] = [await check(token), await check(token)];
    expect([cold.calls.sort(), warm.calls]).toEqual([['GetItem', 'GetItem', 'GetItem', 'Query', 'Query'], []]);
  });

  it('makes one call for a token that it has not seen, to ask whether it was revoked', async () => {
    const issue = service.startFunction();
    const check = service.startAuthorizer();
    await check((await issue()).token);
    const { token } = await issue();
    expect([(await check(token)).calls, (await check(token)).calls]).toEqual([['GetItem'], []]);
  });
});
