import { describe, expect, it } from 'vitest';
import { type Realm, untouchedRealm } from '../../functions/core/realm.ts';
import { publishRealm } from '../../functions/flows/publish-realm.ts';
import { Outage } from '../../functions/ports.ts';
import { ISSUER, keyPair, REALM, realmDefaults, ring, signingKey } from '../support/builders.ts';
import { memoryRealms } from './in-memory.ts';

const [ours, theirs] = [await keyPair('ES256', 'ours'), await keyPair('ES256', 'theirs')];

const world = (changes: Partial<Realm> = {}) => {
  const realms = memoryRealms();
  realms.realms.set('emea', { ...untouchedRealm('emea'), aliases: ['europe'], version: 1, ...changes });
  const rings = {
    list: async (realm: string) => {
      if (realm === 'emea') return [ring('ES256', [signingKey(theirs)], { realm })];
      return realm === REALM ? [ring('ES256', [signingKey(ours)])] : [];
    },
  };
  const lists = { load: async (realm: string) => `list of ${realm}`, save: async () => undefined };
  return publishRealm({ realms: { find: realms.findRealm }, rings, lists }, realmDefaults());
};

describe('what a realm publishes', () => {
  it.each([
    [REALM, ISSUER, REALM, ours],
    ['emea', `${ISSUER}/realms/emea`, 'emea', theirs],
    ['europe', `${ISSUER}/realms/emea`, 'emea', theirs],
  ])('by the name %s is that of the issuer %s: its addresses, its keys, its list', async (name, issuer, own, pair) => {
    const documents = await world()(name);
    for (const metadata of [await documents?.authorizationServer(), await documents?.openid()]) {
      expect(metadata).toMatchObject({ issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` });
    }
    expect((await documents?.keys())?.keys.map(({ kid }) => kid)).toEqual([pair.thumbprint]);
    expect(await documents?.revokedKeys()).toBe(`list of ${own}`);
  });

  it('names the algorithms of the realm, its own or those that it inherits', async () => {
    const algorithms = async (publish: ReturnType<typeof world>, name: string) =>
      (await (await publish(name))?.openid()) as Readonly<Record<string, readonly string[]>>;
    const named = [
      await algorithms(world(), REALM),
      await algorithms(world(), 'emea'),
      await algorithms(world({ policy: { algorithms: ['ES512', 'ES256'] } }), 'emea'),
    ];
    // The realm has a key for ES256 only: as long as that is so, it signs with it.
    const expected = [
      ['RS256', 'ES256'],
      ['RS256', 'ES256'],
      ['ES512', 'ES256'],
    ];
    expect(named.map((each) => each.id_token_signing_alg_values_supported)).toEqual(expected);
    expect(named.map((each) => each.introspection_signing_alg_values_supported)).toEqual(expected);
  });

  it('has the document of the Microsoft profile where the realm takes part in that, by all names of it there', async () => {
    const microsoft = {
      ...{
        applicationId: '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34',
        realms: ['contoso.example', 'emea.example'] as const,
      },
      ...{ hosts: [], tokenHosts: [], users: 'registered' as const },
    };
    expect(await world()(REALM)).not.toHaveProperty('microsoft');
    const documents = (await world({ policy: { microsoft } })('emea'))?.microsoft;
    expect(documents?.realms).toEqual(['contoso.example', 'emea.example']);
    await expect(documents?.document()).rejects.toMatchObject({ operation: 'key-ring' });
  });

  it('stays public while the realm is disabled: its tokens have to be verifiable until they end', async () => {
    const documents = await world({ enabled: false })('emea');
    expect((await documents?.keys())?.keys).toHaveLength(1);
  });

  it.each(['none', '', 'EMEA', '../x'])('is nothing where there is no realm %j', async (name) => {
    expect(await world()(name)).toBeUndefined();
  });

  it('is an outage where a realm has no key yet, and when DynamoDB does not answer', async () => {
    const realms = memoryRealms();
    const down = () => Promise.reject(new Outage('dynamodb:GetItem', new Error('down')));
    const lists = { load: async () => undefined, save: async () => undefined };
    const empty = { realms: { find: realms.findRealm }, rings: { list: async () => [] }, lists };
    const documents = await publishRealm(empty, realmDefaults())(REALM);
    await expect(documents?.keys()).rejects.toMatchObject({ operation: 'key-ring' });
    expect(await documents?.authorizationServer()).toMatchObject({ issuer: ISSUER });
    const unread = await publishRealm({ ...empty, rings: { list: down } }, realmDefaults())(REALM);
    for (const part of [unread?.keys, unread?.authorizationServer, unread?.openid])
      await expect(part?.()).rejects.toThrow(Outage);
    await expect(documents?.revokedKeys()).rejects.toMatchObject({ operation: 'revocation-list' });
    await expect(publishRealm({ ...empty, realms: { find: down } }, realmDefaults())(REALM)).rejects.toThrow(Outage);
  });
});
