/** Realms for the administration, on DynamoDB. A realm and its aliases are written in one transaction. */

import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { DEFAULT_REALM } from '../config.ts';
import { isRealmName, untouchedRealm } from '../core/realm.ts';
import type { RealmRegistry } from '../ports.ts';
import { aliasedRealm, aliasRow, parseRealmRow, realmRow } from './realm-rows.ts';
import { realmKey, realmsListing } from './registry-keys.ts';
import { getRow, queryListing } from './registry-query.ts';
import { follows, IS_NEW, registryWrites } from './registry-writes.ts';

/** Follows an alias; gives the default realm where no row says anything about it. */
export const findRealm = async (
  client: DynamoDBDocumentClient,
  table: string,
  nameOrAlias: string,
): ReturnType<RealmRegistry['findRealm']> => {
  if (!isRealmName(nameOrAlias)) return undefined;
  const row = await getRow(client, table, realmKey(nameOrAlias));
  if (row === undefined) return nameOrAlias === DEFAULT_REALM ? untouchedRealm(DEFAULT_REALM) : undefined;
  const name = aliasedRealm(row);
  return name === undefined ? parseRealmRow(row) : findRealm(client, table, name);
};

export const dynamoRealmRegistry = (client: DynamoDBDocumentClient, table: string): RealmRegistry => {
  const writes = registryWrites(client, table);
  return {
    findRealm: (nameOrAlias) => findRealm(client, table, nameOrAlias),
    listRealms: (page) => queryListing(client, table, realmsListing, page, parseRealmRow),
    saveRealm: async (realm, before) => {
      // The default realm is there without a row that could stand in the way.
      if (realm.aliases.includes(DEFAULT_REALM)) return 'conflict';
      return writes.all([
        writes.put(realmRow(realm), follows(realm.version)),
        ...before.aliases
          .filter((alias) => !realm.aliases.includes(alias))
          .map((alias) => writes.remove(realmKey(alias))),
        ...realm.aliases
          .filter((alias) => !before.aliases.includes(alias))
          .map((alias) => writes.put(aliasRow(alias, realm.name), IS_NEW)),
      ]);
    },
  };
};
