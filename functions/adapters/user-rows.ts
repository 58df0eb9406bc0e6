/** Rows of users, and of the identifiers that mean them. */

import { type MicrosoftUser, USER_IDENTIFIERS, type UserIdentifiers } from '../core/microsoft-user.ts';
import { listed, type Row, userKey, userNameKey, usersListing } from './registry-keys.ts';
import { nested, optionalText, text, whole } from './row-members.ts';

export const userRow = (user: MicrosoftUser): Row => ({
  ...userKey(user.realm, user.id),
  ...listed(usersListing(user.realm), user.id),
  ...user,
});

/** One for each identifier, with the whole user in it, so that finding one is one read. */
export const userNameRows = (user: MicrosoftUser): readonly Row[] =>
  userNameKeys(user.realm, user.identifiers).map((key) => ({ ...key, ...user }));

export const userNameKeys = (realm: string, identifiers: UserIdentifiers): readonly Row[] =>
  USER_IDENTIFIERS.flatMap((kind) => {
    const identifier = identifiers[kind];
    return identifier === undefined ? [] : [userNameKey(realm, kind, identifier)];
  });

export const parseUserRow = (row: Row): MicrosoftUser => ({
  realm: text(row, 'realm'),
  id: text(row, 'id'),
  identifiers: parseIdentifiers(nested(row, 'identifiers')),
  version: whole(row, 'version'),
});

const parseIdentifiers = (row: Row): UserIdentifiers => ({
  ...optionalText(row, 'upn'),
  ...optionalText(row, 'smtp'),
  ...optionalText(row, 'sip'),
  ...optionalText(row, 'sid'),
  ...optionalText(row, 'puid'),
});
