/**
 * Audiences and grants for the administration, on DynamoDB. Each grant is counted at both of its ends, scope by scope, so that
 * whatever it hangs on can be removed only when nothing does, without reading a list that may be behind.
 */

import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Audience, EpochSeconds, Grant } from '../core/partner.ts';
import type { GrantRegistry } from '../ports.ts';
import { audienceRow, grantRow, introspectsRow, ownsRow, parseAudienceRow, parseGrantRow } from './partner-rows.ts';
import {
  audienceKey,
  audiencesListing,
  grantedTallyKey,
  grantKey,
  grantsListing,
  heldTallyKey,
  introspectsKey,
  ownsKey,
  partnerKey,
} from './registry-keys.ts';
import { getRow, queryListing } from './registry-query.ts';
import { COUNT, IS_NEW, lastVersionOf, registryWrites, scopeCount, type Write } from './registry-writes.ts';

/** The audience as it was read: of this owner, in this version. */
export const isVersionOf = (owner: string, version: number) => ({
  ConditionExpression: '#version = :before AND #owner = :owner',
  ExpressionAttributeNames: { '#version': 'version', '#owner': 'owner' },
  ExpressionAttributeValues: { ':before': version, ':owner': owner },
});

/** The grant as it was read: also of this content and mark, since a grant that was taken and given anew begins at version 1 again. */
export const isGrant = ({
  version,
  scopes,
  authorizationDetailsTypes: types,
  tokensNotBefore: mark,
}: Pick<Grant, 'version' | 'scopes' | 'authorizationDetailsTypes' | 'tokensNotBefore'>) => ({
  ConditionExpression: [
    '#version = :before AND size(scopes) = :size',
    ...scopes.map((_, index) => `scopes[${index}] = :s${index}`),
    // Rows of before there were such types lack the list.
    types.length === 0 ? '(attribute_not_exists(#types) OR size(#types) = :types)' : 'size(#types) = :types',
    ...types.map((_, index) => `#types[${index}] = :t${index}`),
    mark === undefined ? 'attribute_not_exists(tokensNotBefore)' : 'tokensNotBefore = :mark',
  ].join(' AND '),
  ExpressionAttributeNames: { '#version': 'version', '#types': 'authorizationDetailsTypes' },
  ExpressionAttributeValues: {
    ':before': version,
    ':size': scopes.length,
    ':types': types.length,
    ...(mark === undefined ? {} : { ':mark': mark }),
    ...Object.fromEntries(scopes.map((scope, index) => [`:s${index}`, scope])),
    ...Object.fromEntries(types.map((type, index) => [`:t${index}`, type])),
  },
});

/** What a grant adds to the tally of its audience, or takes from it. */
export const grantTally = ({ scopes }: Pick<Grant, 'scopes'>, change: 1 | -1): Readonly<Record<string, number>> => ({
  [COUNT]: change,
  ...Object.fromEntries(scopes.map((scope) => [scopeCount(scope), change])),
});

/** The same for a grant that gets other scopes. */
const changedTally = (before: Grant, after: Grant): Readonly<Record<string, number>> => ({
  ...Object.fromEntries(
    before.scopes.filter((scope) => !after.scopes.includes(scope)).map((scope) => [scopeCount(scope), -1]),
  ),
  ...Object.fromEntries(
    after.scopes.filter((scope) => !before.scopes.includes(scope)).map((scope) => [scopeCount(scope), 1]),
  ),
});

export const dynamoGrantRegistry = (client: DynamoDBDocumentClient, table: string): GrantRegistry => {
  const writes = registryWrites(client, table);

  const gainGrant = (realm: string, id: string, lostGrantAt: EpochSeconds | undefined): Write => ({
    Update: {
      TableName: table,
      Key: { ...heldTallyKey(realm, id) },
      UpdateExpression: 'ADD #count :one',
      ConditionExpression: lostGrantAt === undefined ? 'attribute_not_exists(lostGrantAt)' : 'lostGrantAt = :lost',
      ExpressionAttributeNames: { '#count': COUNT },
      ExpressionAttributeValues: { ':one': 1, ...(lostGrantAt === undefined ? {} : { ':lost': lostGrantAt }) },
    },
  });

  const loseGrant = (realm: string, id: string, at: EpochSeconds): Write => ({
    Update: {
      TableName: table,
      Key: { ...heldTallyKey(realm, id) },
      UpdateExpression: 'ADD #count :less SET lostGrantAt = :at',
      ExpressionAttributeNames: { '#count': COUNT },
      ExpressionAttributeValues: { ':less': -1, ':at': at },
    },
  });

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

  /** Each has a row of its own, counted with the grants that it holds: it cannot go while it is named. */
  const nameIntrospectors = (before: readonly string[], { realm, audience, introspectors }: Audience): Write[] => [
    ...introspectors
      .filter((id) => !before.includes(id))
      .flatMap((id) => [
        writes.mustExist(partnerKey(realm, id)),
        writes.put(introspectsRow(realm, id, audience), IS_NEW),
        writes.count(heldTallyKey(realm, id), { [COUNT]: 1 }),
      ]),
    ...before
      .filter((id) => !introspectors.includes(id))
      .flatMap((id) => [
        writes.remove(introspectsKey(realm, id, audience)),
        writes.count(heldTallyKey(realm, id), { [COUNT]: -1 }),
      ]),
  ];

  return {
    findAudience: async (realm, audience) => {
      const row = await getRow(client, table, audienceKey(realm, audience));
      return row === undefined ? undefined : parseAudienceRow(row);
    },

    lastAudienceVersion: async (realm, audience) =>
      lastVersionOf(await getRow(client, table, grantedTallyKey(realm, audience))),

    listAudiences: (realm, page) => queryListing(client, table, audiencesListing(realm), page, parseAudienceRow),

    createAudience: (audience, owner) =>
      writes.all([
        writes.put(audienceRow(audience), IS_NEW),
        writes.mustFollow(grantedTallyKey(audience.realm, audience.audience), audience.version),
        writes.put(ownsRow(audience), IS_NEW),
        ...nameIntrospectors([], audience),
        countOwnerOn(audience.realm, audience.owner, {
          ConditionExpression: '#version = :before',
          ExpressionAttributeNames: { '#version': 'version' },
          ExpressionAttributeValues: { ':before': owner.version, ':one': 1 },
        }),
      ]),

    updateAudience: (audience, before) => {
      const gone = before.scopes.filter((scope) => !audience.scopes.includes(scope));
      const { ExpressionAttributeNames, ExpressionAttributeValues } = isVersionOf(before.owner, before.version);
      return writes.all([
        // `ownerEnabled` is the owner's to write: it may have changed since the audience was read, without a new version of it.
        writes.put(audienceRow(audience), {
          ConditionExpression: '#version = :before AND #owner = :owner AND ownerEnabled = :enabled',
          ExpressionAttributeNames,
          ExpressionAttributeValues: { ...ExpressionAttributeValues, ':enabled': before.ownerEnabled },
        }),
        ...nameIntrospectors(before.introspectors, audience),
        ...(gone.length === 0
          ? []
          : [writes.mustBeNone(grantedTallyKey(audience.realm, audience.audience), gone.map(scopeCount))]),
      ]);
    },

    removeAudience: (gone) => {
      const { realm, audience, owner, version } = gone;
      return writes.all([
        writes.remove(audienceKey(realm, audience), isVersionOf(owner, version)),
        writes.remove(ownsKey(realm, owner, audience)),
        ...nameIntrospectors(gone.introspectors, { ...gone, introspectors: [] }),
        writes.close(grantedTallyKey(realm, audience), 0, version),
        countOwnerOn(realm, owner, {
          ConditionExpression: 'attribute_exists(#version)',
          ExpressionAttributeNames: { '#version': 'version' },
          ExpressionAttributeValues: { ':one': 1 },
        }),
      ]);
    },

    saveGrant: (grant, before, { owner, version }, lostGrantAt) => {
      const { realm, client: id, audience } = grant;
      const tally = before === undefined ? grantTally(grant, 1) : changedTally(before, grant);
      return writes.all([
        writes.put(grantRow(grant), before === undefined ? IS_NEW : isGrant(before)),
        writes.mustExist(partnerKey(realm, id)),
        // The scopes were chosen from those that the audience had in this version.
        writes.mustStillBe(audienceKey(realm, audience), isVersionOf(owner, version)),
        ...(before === undefined ? [gainGrant(realm, id, lostGrantAt)] : []),
        ...(Object.keys(tally).length === 0 ? [] : [writes.count(grantedTallyKey(realm, audience), tally)]),
      ]);
    },

    removeGrant: (grant, at) =>
      writes.all([
        writes.remove(grantKey(grant.realm, grant.client, grant.audience), isGrant(grant)),
        loseGrant(grant.realm, grant.client, at),
        writes.count(grantedTallyKey(grant.realm, grant.audience), grantTally(grant, -1)),
      ]),

    listGrantsOn: (realm, audience, page) =>
      queryListing(client, table, grantsListing(realm, audience), page, parseGrantRow),
  };
};
