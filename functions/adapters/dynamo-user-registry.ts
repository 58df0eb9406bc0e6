/**
 * Users for the administration, on DynamoDB. A user and the rows of the identifiers are written in one transaction, so that an identifier
 * never means two users of a realm, nor anything that is no longer so.
 */

import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES } from '../config.ts';
import { type MicrosoftUser, USER_IDENTIFIERS } from '../core/microsoft-user.ts';
import type { UserRegistry } from '../ports.ts';
import { partnerKey, type Row, userKey, userNameKey, usersListing } from './registry-keys.ts';
import { getRow, queryListing } from './registry-query.ts';
import { IS_NEW, registryWrites } from './registry-writes.ts';
import { text } from './row-members.ts';
import { parseUserRow, userNameKeys, userNameRows, userRow } from './user-rows.ts';

/** The row is of this very user. Of the identifiers too: a user that is made anew begins at version 1 again. */
const isStill = ({ id, version, identifiers }: MicrosoftUser) => ({
  ConditionExpression: [
    '#id = :id',
    '#version = :version',
    ...USER_IDENTIFIERS.map((kind) => {
      const place = `#identifiers.#${kind}`;
      return identifiers[kind] === undefined ? `attribute_not_exists(${place})` : `${place} = :${kind}`;
    }),
  ].join(' AND '),
  ExpressionAttributeNames: Object.fromEntries(
    ['id', 'version', 'identifiers', ...USER_IDENTIFIERS].map((name) => [`#${name}`, name]),
  ),
  ExpressionAttributeValues: {
    ...{ ':id': id, ':version': version },
    ...Object.fromEntries(Object.entries(identifiers).map(([kind, identifier]) => [`:${kind}`, identifier])),
  },
});

const placeOf = (row: Row): unknown => row[KEY_ATTRIBUTES.partition];

export const dynamoUserRegistry = (client: DynamoDBDocumentClient, table: string): UserRegistry => {
  const writes = registryWrites(client, table);
  return {
    findUser: async (realm, id) => {
      const row = await getRow(client, table, userKey(realm, id));
      return row === undefined ? undefined : parseUserRow(row);
    },

    listUsers: (realm, page) => queryListing(client, table, usersListing(realm), page, parseUserRow),

    findHolder: async (realm, kind, identifier) => {
      const row = await getRow(client, table, userNameKey(realm, kind, identifier));
      return row === undefined ? undefined : text(row, 'id');
    },

    saveUser: (user, before) => {
      const condition = before === undefined ? IS_NEW : isStill(before);
      const had = before === undefined ? [] : userNameKeys(before.realm, before.identifiers);
      const held = new Set(had.map(placeOf));
      const rows = userNameRows(user);
      const has = new Set(rows.map(placeOf));
      return writes.all([
        writes.put(userRow(user), condition),
        ...(before === undefined ? [writes.mustStillBe(partnerKey(user.realm, user.id), IS_NEW)] : []),
        ...had.filter((key) => !has.has(placeOf(key))).map((key) => writes.remove(key, condition)),
        // Those that stay hold the whole user, and so are written anew.
        ...rows.map((row) => writes.put(row, held.has(placeOf(row)) ? condition : IS_NEW)),
      ]);
    },

    removeUser: (user) => {
      const condition = isStill(user);
      return writes.all([
        writes.remove(userKey(user.realm, user.id), condition),
        ...userNameKeys(user.realm, user.identifiers).map((key) => writes.remove(key, condition)),
      ]);
    },
  };
};
