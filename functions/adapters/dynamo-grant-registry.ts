/**
 * Audiences and grants for the administration, on DynamoDB. Each grant is counted at both of its ends, so that whatever it
 * hangs on can be removed only when nothing does, without reading a list that may be behind.
 */

import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { GrantRegistry } from '../ports.ts';
import { writeIf } from './aws-clients.ts';
import { audienceRow, grantRow, ownsRow, parseAudienceRow, parseGrantRow } from './partner-rows.ts';
import {
  audienceKey,
  audiencesListing,
  grantedCountKey,
  grantKey,
  grantsListing,
  heldCountKey,
  ownsKey,
  partnerKey,
} from './registry-keys.ts';
import { getRow, queryListing } from './registry-query.ts';
import { follows, IS_NEW, isVersion, registryWrites, type Write } from './registry-writes.ts';

export const dynamoGrantRegistry = (client: DynamoDBDocumentClient, table: string): GrantRegistry => {
  const writes = registryWrites(client, table);

  // The owner's version is counted on: whoever disables it at the same time has read another list of its audiences, and must
  // not leave one behind enabled. One of the two fails and looks again.
  const countOwnerOn = (realm: string, owner: string, condition: object): Write => ({
    Update: {
      TableName: table,
      Key: { ...partnerKey(realm, owner) },
      UpdateExpression: 'SET #version = #version + :one',
      ...condition,
    },
  });

  return {
    findAudience: async (realm, audience) => {
      const row = await getRow(client, table, audienceKey(realm, audience));
      return row === undefined ? undefined : parseAudienceRow(row);
    },

    listAudiences: (realm, page) => queryListing(client, table, audiencesListing(realm), page, parseAudienceRow),

    createAudience: (audience, owner) =>
      writes.all([
        writes.put(audienceRow(audience), IS_NEW),
        writes.put(ownsRow(audience), IS_NEW),
        countOwnerOn(audience.realm, audience.owner, {
          ConditionExpression: '#version = :before',
          ExpressionAttributeNames: { '#version': 'version' },
          ExpressionAttributeValues: { ':before': owner.version, ':one': 1 },
        }),
      ]),

    // `ownerEnabled` is the owner's to write: it may have changed since this audience was read, without a new version of it.
    updateAudience: (audience) =>
      writeIf('dynamodb:PutItem', () =>
        client.send(
          new PutCommand({
            TableName: table,
            Item: { ...audienceRow(audience) },
            ConditionExpression: '#version = :before AND ownerEnabled = :enabled',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: { ':before': audience.version - 1, ':enabled': audience.ownerEnabled },
          }),
        ),
      ),

    removeAudience: ({ realm, audience, owner, version }) =>
      writes.all([
        writes.remove(audienceKey(realm, audience), isVersion(version)),
        writes.remove(ownsKey(realm, owner, audience)),
        writes.removeCount(grantedCountKey(realm, audience), 0),
        countOwnerOn(realm, owner, {
          ConditionExpression: 'attribute_exists(#version)',
          ExpressionAttributeNames: { '#version': 'version' },
          ExpressionAttributeValues: { ':one': 1 },
        }),
      ]),

    saveGrant: (grant) => {
      const { realm, client: id, audience, version } = grant;
      return writes.all([
        writes.put(grantRow(grant), follows(version)),
        writes.mustExist(partnerKey(realm, id)),
        writes.mustExist(audienceKey(realm, audience)),
        ...(version === 1
          ? [writes.add(heldCountKey(realm, id), 1), writes.add(grantedCountKey(realm, audience), 1)]
          : []),
      ]);
    },

    removeGrant: ({ realm, client: id, audience, version }) =>
      writes.all([
        writes.remove(grantKey(realm, id, audience), isVersion(version)),
        writes.add(heldCountKey(realm, id), -1),
        writes.add(grantedCountKey(realm, audience), -1),
      ]),

    listGrantsOn: (realm, audience, page) =>
      queryListing(client, table, grantsListing(realm, audience), page, parseGrantRow),
  };
};
