/** The users of a realm in memory, true to the contract of their port. */

import { USER_IDENTIFIERS } from '../../functions/core/microsoft-user.ts';
import { hasSameIdentifiers } from '../../functions/core/user-definition.ts';
import type { UserRegistry } from '../../functions/ports.ts';
import { type MemoryRegistry, pageOf, within } from './in-memory.ts';

/** @param rows of the partners as well, since no partner has the id of a user. */
export const memoryUsers = ({ users, partners }: Pick<MemoryRegistry, 'users' | 'partners'>): UserRegistry => {
  const holderOf: UserRegistry['findHolder'] = async (realm, kind, identifier) =>
    within(users, realm).find(({ identifiers }) => identifiers[kind] === identifier)?.id;
  return {
    findUser: async (realm, id) => users.get(`${realm}/${id}`),
    listUsers: async (realm, page) => pageOf(within(users, realm), ({ id }) => id, page),
    findHolder: holderOf,
    saveUser: async (user, before) => {
      const { realm, id, identifiers } = user;
      const key = `${realm}/${id}`;
      const stored = users.get(key);
      const isNext =
        before === undefined
          ? stored === undefined && !partners.has(key)
          : stored?.version === before.version && hasSameIdentifiers(stored, before);
      const isFree = within(users, realm).every(
        (other) =>
          other.id === id ||
          USER_IDENTIFIERS.every(
            (kind) => identifiers[kind] === undefined || identifiers[kind] !== other.identifiers[kind],
          ),
      );
      if (!isNext || !isFree) return 'conflict';
      users.set(key, user);
      return 'saved';
    },
    removeUser: async (user) => {
      const key = `${user.realm}/${user.id}`;
      const stored = users.get(key);
      if (stored?.version !== user.version || !hasSameIdentifiers(stored, user)) return 'conflict';
      users.delete(key);
      return 'saved';
    },
  };
};
