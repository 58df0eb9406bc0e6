/**
 * When each credential of a partner was last used, to the hour: one item of the ephemera table per partner. Whoever wants to
 * take an old key away needs to know whether it is still in use.
 */

import { type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES } from '../config.ts';
import type { EpochSeconds } from '../core/partner.ts';
import type { CredentialUses } from '../ports.ts';
import { callAws } from './aws-clients.ts';

const { partition, expiresAt } = KEY_ATTRIBUTES;

/** In front of a thumbprint: a key is told by itself, since a `kid` may name one key today and another tomorrow. */
const KEY_PREFIX = 'key:';

/** A credential that was not used for so long is not remembered. */
const REMEMBERED_SECONDS = 400 * 86_400;

const lastUsesKey = (realm: string, client: string): Readonly<Record<string, string>> => ({
  [partition]: `used#${realm}#${client}`,
});

/** For UpdateItem or a transaction. */
export const lastUseUpdate = (table: string, realm: string, client: string, thumbprint: string, now: EpochSeconds) => ({
  TableName: table,
  Key: { ...lastUsesKey(realm, client) },
  UpdateExpression: 'SET #key = :now, #expiresAt = :forget',
  ExpressionAttributeNames: { '#key': `${KEY_PREFIX}${thumbprint}`, '#expiresAt': expiresAt },
  ExpressionAttributeValues: { ':now': now, ':forget': now + REMEMBERED_SECONDS },
});

const parseLastUses = (item: Readonly<Record<string, unknown>>): ReadonlyMap<string, EpochSeconds> =>
  new Map(
    Object.entries(item).flatMap(([name, time]) =>
      name.startsWith(KEY_PREFIX) && typeof time === 'number' ? [[name.slice(KEY_PREFIX.length), time] as const] : [],
    ),
  );

export const dynamoCredentialUses = (client: DynamoDBDocumentClient, table: string): CredentialUses => ({
  lastUses: async (realm, id) => {
    const { Item: item = {} } = await callAws('dynamodb:GetItem', () =>
      client.send(new GetCommand({ TableName: table, Key: { ...lastUsesKey(realm, id) } })),
    );
    return parseLastUses(item);
  },
});
