/** The ports in memory, true to their contracts: conditional writes conflict, versions count, transactions are all or nothing. */

import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import type { Audience, Grant, Partner, PartnerWithGrants } from '../../functions/core/partner.ts';
import {
  type AssertionUse,
  type Clock,
  type FoundKey,
  KeyUnusable,
  type KeyVault,
  type Page,
  type PageRequest,
  type Registry,
  type ReplayGuard,
  type RingStore,
  type Signer,
} from '../../functions/ports.ts';
import { keyPair, NOW, signBytes, type TestKeyPair } from '../support/builders.ts';

export interface TestClock extends Clock {
  time: number;
}

export const testClock = (time = NOW): TestClock => ({
  time,
  now() {
    return this.time;
  },
});

export interface MemoryReplayGuard extends ReplayGuard {
  readonly uses: Map<string, AssertionUse>;
}

export const memoryReplayGuard = (): MemoryReplayGuard => {
  const uses = new Map<string, AssertionUse>();
  const keyOf = ({ realm, client, jti }: AssertionUse): string => JSON.stringify([realm, client, jti]);
  return {
    uses,
    claim: async (use, now) => {
      const known = uses.get(keyOf(use));
      if (known !== undefined && known.forgetAfter >= now && known.claimedBy !== use.claimedBy) return 'replayed';
      uses.set(keyOf(use), use);
      return 'claimed';
    },
    release: async (use) => {
      if (uses.get(keyOf(use))?.claimedBy === use.claimedBy) uses.delete(keyOf(use));
    },
  };
};

/** Signs with real keys, found by the ARN that `signingKey` gives them. */
export const pairSigner = (...pairs: readonly TestKeyPair[]): Signer => ({
  sign: async ({ keyArn }, algorithm, input) => {
    const pair = pairs.find((each) => keyArn.endsWith(`/${each.kid}`) && each.algorithm === algorithm);
    if (pair === undefined) throw new Error(`no key ${keyArn} for ${algorithm}`);
    return signBytes(pair, input);
  },
});

export interface MemoryRings extends RingStore {
  readonly stored: Map<string, KeyRing>;
}

export const memoryRings = (): MemoryRings => {
  const stored = new Map<string, KeyRing>();
  const keyOf = (realm: string, algorithm: JwsAlgorithm): string => `${realm}/${algorithm}`;
  return {
    stored,
    load: async (realm, algorithm) => stored.get(keyOf(realm, algorithm)),
    list: async (realm) => [...stored.values()].filter((ring) => ring.realm === realm),
    save: async (ring) => {
      const before = stored.get(keyOf(ring.realm, ring.algorithm))?.version ?? 0;
      if (before !== ring.version - 1) return 'conflict';
      stored.set(keyOf(ring.realm, ring.algorithm), structuredClone(ring));
      return 'saved';
    },
  };
};

/** What a key in KMS is. Gone ones stay in the list, as evidence for the test. */
interface VaultKey extends FoundKey {
  readonly realm: string;
  readonly algorithm: JwsAlgorithm;
  state: 'enabled' | 'disabled' | 'pending-deletion' | 'gone';
  lastUsedAt: number | undefined;
  deletionAt: number | undefined;
}

export interface MemoryVault extends KeyVault, Signer {
  readonly pairs: TestKeyPair[];
  readonly keys: VaultKey[];
}

const WAITING_SECONDS = 604_800;

/** A KMS: makes keys, signs with those that are enabled, and deletes them after a week. */
export const memoryVault = (name: string, clock: Clock): MemoryVault => {
  const pairs: TestKeyPair[] = [];
  const keys: VaultKey[] = [];
  let made = 0;
  const keyOf = (keyArn: string): VaultKey => {
    const key = keys.find((each) => each.keyArn === keyArn);
    if (key === undefined) throw new Error(`KMS has no key ${keyArn}`);
    if (key.deletionAt !== undefined && clock.now() >= key.deletionAt) key.state = 'gone';
    return key;
  };
  return {
    pairs,
    keys,
    create: async (realm, algorithm, creationId) => {
      made += 1;
      const pair = await keyPair(algorithm, `${name}-${made}`);
      pairs.push(pair);
      const key = {
        kid: pair.thumbprint,
        keyArn: `arn:key/${pair.kid}`,
        jwk: pair.publicJwk,
        createdAt: clock.now(),
      };
      keys.push({
        ...key,
        ...{ realm, algorithm, creationId, state: 'enabled', lastUsedAt: undefined, deletionAt: undefined },
      });
      return key;
    },
    listTagged: async (realm, algorithm) =>
      keys
        .filter((key) => key.realm === realm && key.algorithm === algorithm && key.state === 'enabled')
        .map(({ kid, keyArn, jwk, createdAt, creationId }) => ({ kid, keyArn, jwk, createdAt, creationId })),
    disable: async (keyArn) => {
      const key = keyOf(keyArn);
      if (key.state === 'enabled') key.state = 'disabled';
    },
    lastUsedAt: async (keyArn) => keyOf(keyArn).lastUsedAt,
    scheduleDeletion: async (keyArn) => {
      const key = keyOf(keyArn);
      if (key.state === 'gone') return undefined;
      key.state = 'pending-deletion';
      key.deletionAt ??= clock.now() + WAITING_SECONDS;
      return key.deletionAt;
    },
    cancelDeletion: async (keyArn) => {
      const key = keyOf(keyArn);
      if (key.state === 'gone') return 'gone';
      if (key.state === 'pending-deletion') key.state = 'disabled';
      key.deletionAt = undefined;
      return 'cancelled';
    },
    sign: async (key, algorithm, input) => {
      const known = keyOf(key.keyArn);
      if (known.state !== 'enabled') throw new KeyUnusable('kms:Sign', new Error(`the key is ${known.state}`));
      known.lastUsedAt = clock.now();
      return pairSigner(...pairs).sign(key, algorithm, input);
    },
  };
};

export interface MemoryRegistry extends Registry {
  readonly partners: Map<string, Partner>;
  readonly audiences: Map<string, Audience>;
  readonly grants: Map<string, Grant>;
}

/** Keys are `realm/name`, and `realm/client/audience` for grants. */
export const memoryRegistry = (): MemoryRegistry => {
  const partners = new Map<string, Partner>();
  const audiences = new Map<string, Audience>();
  const grants = new Map<string, Grant>();

  const follows = (stored: { readonly version: number } | undefined, version: number): boolean =>
    (stored?.version ?? 0) === version - 1;

  return {
    partners,
    audiences,
    grants,
    findPartner: async (realm, id): Promise<PartnerWithGrants | undefined> => {
      const partner = partners.get(`${realm}/${id}`);
      if (partner === undefined) return undefined;
      return {
        partner,
        grants: [...grants.values()].filter((grant) => grant.realm === realm && grant.client === id),
        audiences: [...audiences.values()]
          .filter((each) => each.realm === realm && each.owner === id)
          .map((each) => each.audience),
      };
    },
    listPartners: async (realm, page) => pageOf(within(partners, realm), (each) => each.id, page),
    createPartner: async (partner) => {
      const key = `${partner.realm}/${partner.id}`;
      if (partners.has(key)) return 'conflict';
      partners.set(key, partner);
      return 'saved';
    },
    updatePartner: async (partner, mirrored) => {
      const key = `${partner.realm}/${partner.id}`;
      const touched = mirrored.map((each) => audiences.get(`${partner.realm}/${each}`));
      if (!follows(partners.get(key), partner.version)) return 'conflict';
      if (touched.some((each) => each?.owner !== partner.id)) return 'conflict';
      partners.set(key, partner);
      for (const each of touched) {
        if (each !== undefined)
          audiences.set(`${each.realm}/${each.audience}`, { ...each, ownerEnabled: partner.enabled });
      }
      return 'saved';
    },
    findAudience: async (realm, audience) => audiences.get(`${realm}/${audience}`),
    listAudiences: async (realm, page) => pageOf(within(audiences, realm), (each) => each.audience, page),
    createAudience: async (audience, { version }) => {
      const owner = partners.get(`${audience.realm}/${audience.owner}`);
      if (audiences.has(`${audience.realm}/${audience.audience}`) || owner?.version !== version) return 'conflict';
      audiences.set(`${audience.realm}/${audience.audience}`, audience);
      partners.set(`${owner.realm}/${owner.id}`, { ...owner, version: version + 1 });
      return 'saved';
    },
    saveGrant: async (grant) => {
      const { realm, client, audience } = grant;
      const key = `${realm}/${client}/${audience}`;
      if (!partners.has(`${realm}/${client}`) || !audiences.has(`${realm}/${audience}`)) return 'conflict';
      if (!follows(grants.get(key), grant.version)) return 'conflict';
      grants.set(key, grant);
      return 'saved';
    },
    listGrantsOn: async (realm, audience, page) =>
      pageOf(
        within(grants, realm).filter((grant) => grant.audience === audience),
        (grant) => grant.client,
        page,
      ),
  };
};

const within = <Item extends { readonly realm: string }>(items: Map<string, Item>, realm: string): Item[] =>
  [...items.values()].filter((item) => item.realm === realm);

const pageOf = <Item>(items: Item[], nameOf: (item: Item) => string, { limit, cursor }: PageRequest): Page<Item> => {
  const sorted = items.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const rest = cursor === undefined ? sorted : sorted.filter((item) => nameOf(item) > cursor);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return { items: page, ...(rest.length > limit && last !== undefined ? { next: nameOf(last) } : {}) };
};
