/**
 * The registry for the administration, on DynamoDB. Writes that touch more than one row are transactions; every write has a
 * condition on what its decision was made from.
 */

import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  TransactWriteCommand,
} from '@aws-sdk/lib-dynamodb';
import { KEY_ATTRIBUTES, REGISTRY_INDEX } from '../config.ts';
import type { Page, PageRequest, Registry } from '../ports.ts';
import { callAws, writeIf } from './aws-clients.ts';
import { queryPartition } from './registry-query.ts';
import {
  audienceKey,
  audienceRow,
  audiencesListing,
  grantRow,
  grantsListing,
  type Listing,
  ownsKey,
  parseAudienceRow,
  parseGrantRow,
  parsePartnerCollection,
  parsePartnerRow,
  partnerKey,
  partnerPartition,
  partnerRow,
  partnersListing,
  type Row,
} from './registry-rows.ts';

const { partition, listingPartition, listingSort } = KEY_ATTRIBUTES;

const IS_NEW = { ConditionExpression: 'attribute_not_exists(#pk)', ExpressionAttributeNames: { '#pk': partition } };
const EXISTS = { ConditionExpression: 'attribute_exists(#pk)', ExpressionAttributeNames: { '#pk': partition } };

const isVersion = (version: number) => ({
  ConditionExpression: '#version = :before',
  ExpressionAttributeNames: { '#version': 'version' },
  ExpressionAttributeValues: { ':before': version },
});

/** A new row for version 1, the successor of the version before for every other. */
const follows = (version: number) => (version === 1 ? IS_NEW : isVersion(version - 1));

export const dynamoRegistry = (client: DynamoDBDocumentClient, table: string): Registry => {
  const transact = (items: NonNullable<ConstructorParameters<typeof TransactWriteCommand>[0]['TransactItems']>) =>
    writeIf('dynamodb:TransactWriteItems', () => client.send(new TransactWriteCommand({ TransactItems: items })));

  return {
    findPartner: async (realm, id) =>
      parsePartnerCollection(await queryPartition(client, table, partnerPartition(realm, id))),
    listPartners: (realm, page) => list(client, table, partnersListing(realm), page, parsePartnerRow),
    createPartner: (partner) =>
      writeIf('dynamodb:PutItem', () =>
        client.send(new PutCommand({ TableName: table, Item: { ...partnerRow(partner) }, ...IS_NEW })),
      ),
    updatePartner: (partner, audiences) =>
      transact([
        { Put: { TableName: table, Item: { ...partnerRow(partner) }, ...follows(partner.version) } },
        ...audiences.map((audience) => ({
          Update: {
            TableName: table,
            Key: { ...audienceKey(partner.realm, audience) },
            UpdateExpression: 'SET ownerEnabled = :enabled',
            ConditionExpression: '#owner = :owner',
            ExpressionAttributeNames: { '#owner': 'owner' },
            ExpressionAttributeValues: { ':enabled': partner.enabled, ':owner': partner.id },
          },
        })),
      ]),
    findAudience: async (realm, audience) => {
      const { Item: row } = await callAws('dynamodb:GetItem', () =>
        client.send(
          new GetCommand({ TableName: table, Key: { ...audienceKey(realm, audience) }, ConsistentRead: true }),
        ),
      );
      return row === undefined ? undefined : parseAudienceRow(row);
    },
    listAudiences: (realm, page) => list(client, table, audiencesListing(realm), page, parseAudienceRow),
    // The owner's version is counted on: whoever disables it at the same time has read a list without this audience, and must
    // not leave it behind enabled. One of the two fails and looks again.
    createAudience: (audience, owner) =>
      transact([
        { Put: { TableName: table, Item: { ...audienceRow(audience) }, ...IS_NEW } },
        {
          Put: { TableName: table, Item: { ...ownsKey(audience.realm, audience.owner, audience.audience) }, ...IS_NEW },
        },
        {
          Update: {
            TableName: table,
            Key: { ...partnerKey(audience.realm, audience.owner) },
            UpdateExpression: 'SET #version = :after',
            ConditionExpression: '#version = :before',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: { ':before': owner.version, ':after': owner.version + 1 },
          },
        },
      ]),
    saveGrant: (grant) =>
      transact([
        { Put: { TableName: table, Item: { ...grantRow(grant) }, ...follows(grant.version) } },
        { ConditionCheck: { TableName: table, Key: { ...partnerKey(grant.realm, grant.client) }, ...EXISTS } },
        { ConditionCheck: { TableName: table, Key: { ...audienceKey(grant.realm, grant.audience) }, ...EXISTS } },
      ]),
    listGrantsOn: (realm, audience, page) => list(client, table, grantsListing(realm, audience), page, parseGrantRow),
  };
};

/** `cursor` is the listing's own sort value of the last item seen; the rest of the start key follows from it. */
const list = async <Item>(
  client: DynamoDBDocumentClient,
  table: string,
  listing: Listing,
  { limit, cursor }: PageRequest,
  parse: (row: Row) => Item,
): Promise<Page<Item>> => {
  const startKey = (from: string) => ({
    ...listing.rowKey(from),
    [listingPartition]: listing.name,
    [listingSort]: from,
  });
  const page = await callAws('dynamodb:Query', () =>
    client.send(
      new QueryCommand({
        TableName: table,
        IndexName: REGISTRY_INDEX,
        KeyConditionExpression: '#listing = :listing',
        ExpressionAttributeNames: { '#listing': listingPartition },
        ExpressionAttributeValues: { ':listing': listing.name },
        Limit: limit,
        ...(cursor === undefined ? {} : { ExclusiveStartKey: startKey(cursor) }),
      }),
    ),
  );
  const next: unknown = page.LastEvaluatedKey?.[listingSort];
  return { items: (page.Items ?? []).map(parse), ...(typeof next === 'string' ? { next } : {}) };
};
