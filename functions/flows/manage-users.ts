/**
 * Administration of the users that old servers speak of. Saying the same twice is answered as done; an identifier that means somebody else,
 * a lost race and a view that is no longer current are conflicts.
 */

import { accept, refuse } from '../core/errors.ts';
import { type MicrosoftUser, USER_IDENTIFIERS } from '../core/microsoft-user.ts';
import { isPartnerId } from '../core/partner.ts';
import type { AdminResult } from '../core/registration.ts';
import { defineUser, hasSameIdentifiers, isUserId, type UserInput } from '../core/user-definition.ts';
import type { Page, PageRequest, PartnerRegistry, UserRegistry } from '../ports.ts';
import type { Created } from './manage-partners.ts';
import { changedSince } from './manage-realms.ts';
import { lostRace } from './remove-partner.ts';

export interface ManageUsersPorts {
  readonly users: UserRegistry;
  readonly registry: Pick<PartnerRegistry, 'findPartner'>;
}

const MAX_ATTEMPTS = 4;

const conflict = (detail: string) => refuse({ reason: 'conflict', detail } as const);

export type ManageUsers = ReturnType<typeof manageUsers>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const manageUsers = ({ users, registry }: ManageUsersPorts) => {
  const load = async (realm: string, id: string): Promise<AdminResult<MicrosoftUser>> => {
    const found = isUserId(id) ? await users.findUser(realm, id) : undefined;
    return found === undefined ? refuse({ reason: 'not_found', what: `user ${id.slice(0, 256)}` }) : accept(found);
  };

  /** What stands in the way of a write, as far as it is still there to be seen. */
  const obstacle = async ({ realm, id, identifiers }: MicrosoftUser) => {
    for (const kind of USER_IDENTIFIERS) {
      const identifier = identifiers[kind];
      const holder = identifier === undefined ? undefined : await users.findHolder(realm, kind, identifier);
      if (holder !== undefined && holder !== id) return conflict(`${kind} ${identifier} means user ${holder}`);
    }
    const isPartner = isPartnerId(id) && (await registry.findPartner(realm, id)) !== undefined;
    return isPartner ? conflict(`a partner of the realm has the id ${id}`) : undefined;
  };

  return {
    show: load,

    list: (realm: string, page: PageRequest): Promise<Page<MicrosoftUser>> => users.listUsers(realm, page),

    /**
     * Makes the user exactly what the input says, whether or not it exists.
     * @param version the one that was last read, 0 for a user that is not there; `undefined`: whatever is.
     */
    declare: async (
      realm: string,
      id: string,
      version: number | undefined,
      input: UserInput,
    ): Promise<AdminResult<Created<MicrosoftUser>>> => {
      const defined = defineUser(realm, id, input);
      if (!defined.ok) return refuse({ reason: 'invalid', problems: defined.refusal });
      const stored = await users.findUser(realm, id);
      if (version !== undefined && version !== (stored?.version ?? 0)) {
        return conflict(stored === undefined ? `user ${id} is gone` : changedSince(stored.version));
      }
      if (stored !== undefined && hasSameIdentifiers(stored, defined.value)) {
        return accept({ created: false, value: stored });
      }
      const wanted = { ...defined.value, version: (stored?.version ?? 0) + 1 };
      const saved = await users.saveUser(wanted, stored);
      if (saved === 'saved') return accept({ created: stored === undefined, value: wanted });
      return (await obstacle(wanted)) ?? lostRace();
    },

    remove: async (realm: string, id: string): Promise<AdminResult<void>> => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const found = await load(realm, id);
        if (!found.ok) return found;
        if ((await users.removeUser(found.value)) === 'saved') return accept(undefined);
      }
      return lostRace();
    },
  };
};
