/** The ports in memory, true to their contracts: conditional writes conflict, versions count, transactions are all or nothing. */

import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import { certificateNames } from '../../functions/core/microsoft-profile.ts';
import type { MicrosoftUser } from '../../functions/core/microsoft-user.ts';
import type { Audience, EpochSeconds, Grant, Partner } from '../../functions/core/partner.ts';
import type { RefreshStatus } from '../../functions/core/partner-source.ts';
import type { QuotaUse } from '../../functions/core/quota.ts';
import { type Realm, untouchedRealm } from '../../functions/core/realm.ts';
import type {
  Clock,
  CredentialUses,
  Page,
  PageRequest,
  QuotaCounter,
  RealmRegistry,
  RefreshRegistry,
  Registry,
  ReplayClaim,
  ReplayGuard,
  RingStore,
  Signer,
  SingleUse,
  TokenRevocations,
} from '../../functions/ports.ts';
import { NOW, REALM, signBytes, type TestKeyPair } from '../support/builders.ts';

export interface TestClock extends Clock {
  time: number;
}

export const testClock = (time = NOW): TestClock => ({
  time,
  now() {
    return this.time;
  },
});

/** A use, and who has claimed it. */
type ClaimedUse = SingleUse & Pick<ReplayClaim, 'realm' | 'claimedBy'>;

export interface MemoryReplayGuard extends ReplayGuard, CredentialUses {
  readonly uses: Map<string, ClaimedUse>;
}

export const memoryReplayGuard = (): MemoryReplayGuard => {
  const uses = new Map<string, ClaimedUse>();
  const lastUses = new Map<string, Map<string, EpochSeconds>>();
  const keyOf = (realm: string, { kind, maker, jti }: SingleUse): string => JSON.stringify([kind, realm, maker, jti]);
  const note = ({ realm, credential }: ReplayClaim, now: EpochSeconds): void => {
    if (credential === undefined) return;
    const { client, id } = credential;
    const noted = lastUses.get(`${realm}/${client}`) ?? new Map<string, EpochSeconds>();
    lastUses.set(`${realm}/${client}`, noted);
    if (now - (noted.get(id) ?? 0) >= HOUR) noted.set(id, now);
  };
  return {
    uses,
    claim: async (claim, now) => {
      const { realm, claimedBy } = claim;
      const used = claim.uses.find((use) => {
        const known = uses.get(keyOf(realm, use));
        return known !== undefined && known.forgetAfter >= now && known.claimedBy !== claimedBy;
      });
      if (used !== undefined) return used;
      for (const use of claim.uses) uses.set(keyOf(realm, use), { ...use, realm, claimedBy });
      note(claim, now);
      return undefined;
    },
    release: async ({ realm, claimedBy, uses: claimed }) => {
      for (const use of claimed) {
        if (uses.get(keyOf(realm, use))?.claimedBy === claimedBy) uses.delete(keyOf(realm, use));
      }
    },
    lastUses: async (realm, id) => new Map(lastUses.get(`${realm}/${id}`)),
  };
};

export interface MemoryTokenRevocations extends TokenRevocations {
  /** Until when each is remembered, by `realm/id`. */
  readonly revoked: Map<string, EpochSeconds>;
}

export const memoryTokenRevocations = (): MemoryTokenRevocations => {
  const revoked = new Map<string, EpochSeconds>();
  return {
    revoked,
    isRevoked: async (realm, tokenId, now) => (revoked.get(`${realm}/${tokenId}`) ?? 0) >= now,
    revoke: async (realm, tokenId, forgetAfter) => {
      revoked.set(`${realm}/${tokenId}`, forgetAfter);
    },
  };
};

const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];

/** @param calls is told of every count. */
export const memoryQuotas = (calls: string[] = []): QuotaCounter => {
  const counts = new Map<string, number>();
  const seen = new Set<string>();
  const windows = (realm: string, client: string, now: EpochSeconds) => ({
    minute: `${realm}/${client}/m${Math.floor(now / MINUTE)}`,
    day: `${realm}/${client}/d${Math.floor(now / DAY)}`,
  });
  const read = ({ minute, day }: ReturnType<typeof windows>): QuotaUse => ({
    minute: counts.get(minute) ?? 0,
    day: counts.get(day) ?? 0,
  });
  const add = (current: ReturnType<typeof windows>, change: number): QuotaUse => {
    for (const window of Object.values(current)) counts.set(window, (counts.get(window) ?? 0) + change);
    seen.add(current.day);
    return read(current);
  };
  return {
    lastSeen: (realm, client, now) => {
      const current = windows(realm, client, now);
      return seen.has(current.day) ? read(current) : undefined;
    },
    count: async (realm, client, now) => {
      calls.push(`count ${realm}/${client}`);
      return add(windows(realm, client, now), 1);
    },
    takeBack: async (realm, client, now) => {
      calls.push(`take back ${realm}/${client}`);
      add(windows(realm, client, now), -1);
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

/** What the rows of the registry are, by `realm/name`; grants by `realm/client/audience`. */
interface MemoryRows {
  readonly partners: Map<string, Partner>;
  readonly audiences: Map<string, Audience>;
  readonly grants: Map<string, Grant>;
  /** Which partner has an issuer. */
  readonly issuers: Map<string, string>;
  readonly refreshes: Map<string, RefreshStatus>;
  readonly users: Map<string, MicrosoftUser>;
  /** Versions of what is gone: of partners by `realm/name`, of audiences by `audience/realm/name`. */
  readonly ended: Map<string, number>;
  /** When a partner last lost a grant. */
  readonly lost: Map<string, EpochSeconds>;
}

export interface MemoryRegistry extends Registry, RefreshRegistry, MemoryRows {}

type Versioned = { readonly version: number } | undefined;

/** Version 1 is for what is not there yet; every other follows the one before. */
const follows = (stored: Versioned, version: number): boolean =>
  version === 1 ? stored === undefined : stored?.version === version - 1;

/** All of a transaction is decided, and done, at one moment: there is no waiting in between. */
export const memoryRegistry = (): MemoryRegistry => {
  const rows: MemoryRows = {
    ...{ partners: new Map(), audiences: new Map(), grants: new Map(), issuers: new Map(), refreshes: new Map() },
    ...{ users: new Map(), ended: new Map(), lost: new Map() },
  };
  const { partners, audiences, grants, issuers, refreshes, users, ended, lost } = rows;
  const write = async (isAllowed: boolean, change: () => void): Promise<'saved' | 'conflict'> => {
    if (!isAllowed) return 'conflict';
    change();
    return 'saved';
  };
  const grantsOf = (realm: string, id: string): Grant[] => within(grants, realm).filter(({ client }) => client === id);
  const grantsOn = (realm: string, audience: string): Grant[] =>
    within(grants, realm).filter((each) => each.audience === audience);
  const countOwnerOn = (key: string): void => {
    const owner = partners.get(key);
    if (owner !== undefined) partners.set(key, { ...owner, version: owner.version + 1 });
  };
  const isAsGiven = ({
    realm,
    audience,
    owner,
    version,
  }: Pick<Audience, 'realm' | 'audience' | 'owner' | 'version'>) => {
    const stored = audiences.get(`${realm}/${audience}`);
    return stored?.owner === owner && stored.version === version;
  };
  const isStill = (grant: Grant): boolean => {
    const { realm, client, audience, version, scopes, authorizationDetailsTypes: types } = grant;
    const stored = grants.get(`${realm}/${client}/${audience}`);
    return (
      stored?.version === version &&
      stored.tokensNotBefore === grant.tokensNotBefore &&
      stored.scopes.join(' ') === scopes.join(' ') &&
      stored.authorizationDetailsTypes.join(' ') === types.join(' ')
    );
  };
  const areThere = (realm: string, ids: readonly string[]) => ids.every((id) => partners.has(`${realm}/${id}`));
  const introspectedBy = (realm: string, id: string): string[] => {
    const naming = within(audiences, realm).filter(({ introspectors }) => introspectors.includes(id));
    return naming.map(({ audience }) => audience).sort();
  };
  const end = ({ realm, audience, version }: Audience): void => {
    audiences.delete(`${realm}/${audience}`);
    ended.set(`audience/${realm}/${audience}`, version);
  };
  const isFree = (realm: string, issuer: string | undefined): boolean =>
    issuer === undefined || !issuers.has(`${realm}/${issuer}`);
  const moveIssuer = ({ realm, id }: Partner, before: string | undefined, after: string | undefined): void => {
    if (before !== undefined) issuers.delete(`${realm}/${before}`);
    if (after !== undefined) issuers.set(`${realm}/${after}`, id);
  };
  const put = (refresh: RefreshStatus | undefined): void => {
    if (refresh !== undefined) refreshes.set(`${refresh.realm}/${refresh.id}`, refresh);
  };

  const holderOf = (realm: string, x5t: string): string | undefined =>
    within(partners, realm).find((partner) => certificateNames(partner).includes(x5t))?.id;
  const hasOwnCertificates = (partner: Partner): boolean =>
    certificateNames(partner).every((x5t) => [undefined, partner.id].includes(holderOf(partner.realm, x5t)));

  return {
    ...rows,
    findPartner: async (realm, id) => {
      const partner = partners.get(`${realm}/${id}`);
      if (partner === undefined) return undefined;
      const refresh = refreshes.get(`${realm}/${id}`);
      const owned = within(audiences, realm).filter(({ owner }) => owner === id);
      const introspects = introspectedBy(realm, id);
      const lostGrantAt = lost.get(`${realm}/${id}`);
      return {
        partner,
        grants: byName(grantsOf(realm, id), ({ audience }) => audience),
        audiences: owned.map(({ audience }) => audience).sort(),
        ...(introspects.length === 0 ? {} : { introspects }),
        ...(lostGrantAt === undefined ? {} : { lostGrantAt }),
        ...(refresh === undefined ? {} : { refresh }),
      };
    },
    listPartners: async (realm, page) => pageOf(within(partners, realm), ({ id }) => id, page),
    findIssuer: async (realm, issuer) => issuers.get(`${realm}/${issuer}`),
    findCertificate: async (realm, x5t) => holderOf(realm, x5t),
    isUser: async (realm, id) => users.has(`${realm}/${id}`),
    lastVersion: async (realm, id) => ended.get(`${realm}/${id}`) ?? 0,
    createPartner: (partner, refresh) => {
      const key = `${partner.realm}/${partner.id}`;
      const isNext = !partners.has(key) && !users.has(key) && (ended.get(key) ?? 0) === partner.version - 1;
      return write(isNext && isFree(partner.realm, partner.issuer) && hasOwnCertificates(partner), () => {
        partners.set(key, partner);
        moveIssuer(partner, undefined, partner.issuer);
        put(refresh);
      });
    },
    updatePartner: (partner, before, refresh) => {
      const { realm, id, enabled, issuer, version } = partner;
      const key = `${realm}/${id}`;
      const mirrored = enabled === before.partner.enabled ? [] : before.audiences.map((each) => `${realm}/${each}`);
      const isAllowed =
        follows(partners.get(key), version) &&
        mirrored.every((each) => audiences.get(each)?.owner === id) &&
        (issuer === before.partner.issuer || isFree(realm, issuer)) &&
        hasOwnCertificates(partner) &&
        (refresh === undefined || follows(refreshes.get(key), refresh.version));
      return write(isAllowed, () => {
        partners.set(key, partner);
        for (const each of mirrored) {
          const audience = audiences.get(each);
          if (audience !== undefined) audiences.set(each, { ...audience, ownerEnabled: enabled });
        }
        moveIssuer(partner, before.partner.issuer, issuer);
        put(refresh);
        if (partner.source === undefined) refreshes.delete(key);
      });
    },
    removePartner: ({ partner, grants: held }, owned) => {
      const { realm, id, version } = partner;
      const key = `${realm}/${id}`;
      const isAllowed =
        partners.get(key)?.version === version &&
        grantsOf(realm, id).length === held.length &&
        held.every(isStill) &&
        introspectedBy(realm, id).length === 0 &&
        owned.every((each) => isAsGiven(each) && grantsOn(realm, each.audience).every(({ client }) => client === id));
      return write(isAllowed, () => {
        partners.delete(key);
        refreshes.delete(key);
        lost.delete(key);
        for (const { audience } of held) grants.delete(`${key}/${audience}`);
        for (const each of owned) end(each);
        ended.set(key, version);
        moveIssuer(partner, partner.issuer, undefined);
      });
    },
    listDue: async (now, limit) =>
      byName(
        [...refreshes.values()].filter(({ dueAt }) => dueAt <= now),
        ({ dueAt, realm, id }) => `${String(dueAt).padStart(12, '0')}#${realm}#${id}`,
      ).slice(0, limit),
    saveRefresh: (status) =>
      write(follows(refreshes.get(`${status.realm}/${status.id}`), status.version), () => put(status)),
    findAudience: async (realm, audience) => audiences.get(`${realm}/${audience}`),
    listAudiences: async (realm, page) => pageOf(within(audiences, realm), ({ audience }) => audience, page),
    lastAudienceVersion: async (realm, audience) => ended.get(`audience/${realm}/${audience}`) ?? 0,
    createAudience: (audience, owner) => {
      const [key, ownerKey] = [`${audience.realm}/${audience.audience}`, `${audience.realm}/${audience.owner}`];
      const isNext = !audiences.has(key) && (ended.get(`audience/${key}`) ?? 0) === audience.version - 1;
      const isOwned = partners.get(ownerKey)?.version === owner.version;
      return write(isNext && isOwned && areThere(audience.realm, audience.introspectors), () => {
        audiences.set(key, audience);
        countOwnerOn(ownerKey);
      });
    },
    updateAudience: (audience, before) => {
      const key = `${before.realm}/${before.audience}`;
      const gone = before.scopes.filter((scope) => !audience.scopes.includes(scope));
      const isHeld = grantsOn(before.realm, before.audience).some(({ scopes }) =>
        scopes.some((each) => gone.includes(each)),
      );
      const isAllowed = isAsGiven(before) && audiences.get(key)?.ownerEnabled === before.ownerEnabled && !isHeld;
      return write(isAllowed && areThere(before.realm, audience.introspectors), () => audiences.set(key, audience));
    },
    removeAudience: (audience) =>
      write(isAsGiven(audience) && grantsOn(audience.realm, audience.audience).length === 0, () => {
        end(audience);
        countOwnerOn(`${audience.realm}/${audience.owner}`);
      }),
    saveGrant: (grant, before, audience, lostGrantAt) => {
      const { realm, client } = grant;
      const key = `${realm}/${client}/${grant.audience}`;
      const isBetween =
        partners.has(`${realm}/${client}`) && isAsGiven({ ...audience, realm, audience: grant.audience });
      const isNew = !grants.has(key) && lost.get(`${realm}/${client}`) === lostGrantAt;
      return write(isBetween && (before === undefined ? isNew : isStill(before)), () => grants.set(key, grant));
    },
    removeGrant: (grant, at) =>
      write(isStill(grant), () => {
        grants.delete(`${grant.realm}/${grant.client}/${grant.audience}`);
        lost.set(`${grant.realm}/${grant.client}`, at);
      }),
    listGrantsOn: async (realm, audience, page) => pageOf(grantsOn(realm, audience), ({ client }) => client, page),
  };
};

export interface MemoryRealms extends RealmRegistry {
  readonly realms: Map<string, Realm>;
}

export const memoryRealms = (): MemoryRealms => {
  const realms = new Map<string, Realm>();
  const isTaken = (name: string): boolean =>
    name === REALM || [...realms.values()].some((each) => each.name === name || each.aliases.includes(name));
  return {
    realms,
    findRealm: async (nameOrAlias) =>
      realms.get(nameOrAlias) ??
      [...realms.values()].find(({ aliases }) => aliases.includes(nameOrAlias)) ??
      (nameOrAlias === REALM ? untouchedRealm(REALM) : undefined),
    listRealms: async (page) => pageOf([...realms.values()], ({ name }) => name, page),
    saveRealm: async (realm, before) => {
      const { name, aliases, version } = realm;
      const stored = realms.get(name);
      const added = aliases.filter((alias) => !before.aliases.includes(alias));
      const isNameTaken = stored === undefined && name !== REALM && isTaken(name);
      if (isNameTaken || !follows(stored, version) || added.some(isTaken)) return 'conflict';
      realms.set(name, realm);
      return 'saved';
    },
  };
};

export const within = <Item extends { readonly realm: string }>(items: Map<string, Item>, realm: string): Item[] =>
  [...items.values()].filter((item) => item.realm === realm);

/** As DynamoDB sorts text, as long as it is ASCII. */
const byName = <Item>(items: readonly Item[], nameOf: (item: Item) => string): Item[] =>
  [...items].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));

export const pageOf = <Item>(
  items: Item[],
  nameOf: (item: Item) => string,
  { limit, cursor }: PageRequest,
): Page<Item> => {
  const sorted = byName(items, nameOf);
  const rest = cursor === undefined ? sorted : sorted.filter((item) => nameOf(item) > cursor);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return { items: page, ...(rest.length > limit && last !== undefined ? { next: nameOf(last) } : {}) };
};
