/** Administration of realms: containers with an issuer, keys and partners of their own. */

import { accept, refuse } from '../core/errors.ts';
import {
  changeRealm,
  type Realm,
  type RealmDefaults,
  type RealmInput,
  realmTerms,
  untouchedRealm,
} from '../core/realm.ts';
import type { AdminResult } from '../core/registration.ts';
import type { Clock, Page, PageRequest, RealmRegistry } from '../ports.ts';
import type { Created } from './manage-partners.ts';

export interface ManageRealmsPorts {
  readonly realms: RealmRegistry;
  readonly clock: Clock;
}

/** A realm and who it says it is. */
export interface RealmView {
  readonly realm: Realm;
  readonly issuer: string;
}

/** A cursor; names begin with letters and digits, which sort after it. */
const BEFORE_ALL = '-';

const conflict = (detail: string) => refuse({ reason: 'conflict', detail } as const);

export type ManageRealms = ReturnType<typeof manageRealms>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const manageRealms = ({ realms, clock }: ManageRealmsPorts, defaults: RealmDefaults) => {
  const view = (realm: Realm): RealmView => ({ realm, issuer: realmTerms(realm, defaults).issuer });

  const change = (realm: Realm, input: RealmInput): AdminResult<Realm> => {
    const changed = changeRealm(realm, input, clock.now());
    return changed.ok ? changed : refuse({ reason: 'invalid', problems: changed.refusal });
  };

  return {
    find: (nameOrAlias: string): Promise<Realm | undefined> => realms.findRealm(nameOrAlias),

    show: view,

    list: async (page: PageRequest): Promise<Page<RealmView>> => {
      const standard = page.cursor === undefined ? await realms.findRealm(defaults.defaultRealm) : undefined;
      // Once it is written it stands among the others; until then no row says that it is there, and it takes the first place.
      const unwritten = standard?.version === 0 ? [standard] : [];
      const limit = page.limit - unwritten.length;
      const found = limit === 0 ? { items: [], next: BEFORE_ALL } : await realms.listRealms({ ...page, limit });
      return { ...found, items: [...unwritten, ...found.items].map(view) };
    },

    add: async (name: string, input: RealmInput): Promise<AdminResult<Created<RealmView>>> => {
      const wanted = change(untouchedRealm(name), input);
      if (!wanted.ok) return wanted;
      const stored = await realms.findRealm(name);
      if (stored !== undefined) {
        return stored.name === name && isSameRealm(stored, wanted.value)
          ? accept({ created: false, value: view(stored) })
          : conflict(`realm ${name} exists and is different`);
      }
      const saved = await realms.saveRealm(wanted.value, untouchedRealm(name));
      return saved === 'saved'
        ? accept({ created: true, value: view(wanted.value) })
        : conflict('a realm or an alias of one of these names exists');
    },

    change: async (realm: Realm, version: number, input: RealmInput): Promise<AdminResult<RealmView>> => {
      if (realm.version !== version) return conflict(changedSince(realm.version));
      const wanted = change(realm, input);
      if (!wanted.ok) return wanted;
      const saved = await realms.saveRealm(wanted.value, realm);
      return saved === 'saved'
        ? accept(view(wanted.value))
        : conflict('somebody else changed this at the same time, or an alias is taken; look again and repeat');
    },
  };
};

/** What an administrator is told whose view is not the current one. */
export const changedSince = (version: number): string =>
  `somebody else has changed this since; it is version ${version} now`;

const isSameRealm = (a: Realm, b: Realm): boolean => said(a) === said(b);

const said = ({ name, description, aliases, enabled, policy }: Realm): string =>
  JSON.stringify([
    name,
    description,
    [...aliases].sort(),
    enabled,
    policy.algorithms,
    policy.accessTokenSeconds,
    policy.assertionSeconds,
    policy.clientSecrets,
    policy.grantTypes,
    policy.dpopNonces,
    policy.authorizationDetailsTypes && [...policy.authorizationDetailsTypes].sort(),
  ]);
