/** Users as tokens need them: by their id, or by any of the identifiers that old servers know them by. */

import { BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import type { MicrosoftUser } from '../core/microsoft-user.ts';
import { Outage, type UserReader } from '../ports.ts';
import { agedCache } from './aged-cache.ts';
import { callAws } from './aws-clients.ts';
import type { ReaderOptions } from './dynamo-readers.ts';
import { type Row, userKey } from './registry-keys.ts';
import { parseUserRow, userNameKeys } from './user-rows.ts';

/** A user that is not there is not cached, as partners are not. */
export const dynamoUserReader = (options: ReaderOptions): UserReader => {
  const users = agedCache<readonly MicrosoftUser[]>(options.cacheSeconds);

  const read = async (keys: readonly Row[]): Promise<readonly MicrosoftUser[]> => {
    const { Responses, UnprocessedKeys } = await callAws('dynamodb:BatchGetItem', () =>
      options.client.send(
        new BatchGetCommand({
          RequestItems: { [options.table]: { Keys: keys.map((key) => ({ ...key })), ConsistentRead: true } },
        }),
      ),
    );
    // Who was not looked up could be a second user whom the same identifiers mean.
    if (UnprocessedKeys !== undefined && Object.keys(UnprocessedKeys).length > 0)
      throw new Outage('dynamodb:BatchGetItem', new Error('some keys were not processed'));
    return (Responses?.[options.table] ?? []).map(parseUserRow);
  };

  const find: (keys: readonly Row[], maxAge: Parameters<typeof users.get>[1]) => Promise<readonly MicrosoftUser[]> =
    async (keys, freshness) => {
      const name = JSON.stringify(keys);
      const cached = users.get(name, freshness);
      if (cached !== undefined) return cached;
      const readAt = performance.now();
      const found = await read(keys);
      if (found.length > 0) users.set(name, found, readAt);
      return found;
    };

  return {
    findUser: async (realm, id, freshness) => (await find([userKey(realm, id)], freshness))[0],
    findUsers: async (realm, identifiers, freshness) => find(userNameKeys(realm, identifiers), freshness),
  };
};
