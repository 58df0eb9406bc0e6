/**
 * A running service of which some days have gone by: functions live by the real time, so the stored times of the key rings are
 * moved into the past instead, between two runs on the same data directory.
 */

import { join } from 'node:path';
import { EmbeddedDynamoDb } from '../../local/dynamodb/embedded-dynamodb.ts';
import type { JsonObject } from '../../local/service.ts';

/** Where the service lived does not matter for its items. */
const PLACEMENT = { region: 'eu-central-1', account: '111122223333' };

const TIMES = new Set([
  ...[
    'createdAt',
    'publishedAt',
    'certifiedAt',
    'activateNotBefore',
    'activatedAt',
    'rotateNotBefore',
    'deactivatedAt',
    'sweptAt',
  ],
  ...['lastSignBefore', 'retireNotBefore', 'retiredAt', 'revokedAt', 'listedUntil', 'disabledAt', 'deleteNotBefore'],
]);

/** Members that are times become as much earlier; everything else stays. In DynamoDB's own form: `{ "N": "1800000000" }`. */
const earlier = (value: unknown, seconds: number): unknown => {
  if (Array.isArray(value)) return value.map((each) => earlier(each, seconds));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const time = (member as { readonly N?: string } | null)?.N;
      if (TIMES.has(name) && time !== undefined) return [name, { N: String(Number(time) - seconds) }];
      return [name, earlier(member, seconds)];
    }),
  );
};

/** Lets time pass for the key rings of a service that is not running. */
export const ageRings = async (dataDirectory: string, seconds: number): Promise<number> => {
  const directory = join(dataDirectory, 'dynamodb');
  await using database = await openDatabase(directory);
  const { TableNames: tables } = await database.call('ListTables', {});
  let aged = 0;
  for (const table of tables as readonly string[]) {
    const { Items: items } = await database.call('Scan', { TableName: table });
    for (const item of items as readonly { readonly pk?: { readonly S?: string } }[]) {
      if (item.pk?.S !== 'ring#default') continue;
      await database.call('PutItem', { TableName: table, Item: earlier(item, seconds) as JsonObject });
      aged += 1;
    }
  }
  return aged;
};

const openDatabase = async (directory: string) => {
  const database = await EmbeddedDynamoDb.open({ placement: PLACEMENT, clock: Date.now, directory });
  return {
    call: (operation: string, input: JsonObject) => database.call(operation, input),
    [Symbol.asyncDispose]: () => database.close(),
  };
};
