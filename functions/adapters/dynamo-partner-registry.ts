/**
 * Partners for the administration, on DynamoDB. Writes that touch more than one row are transactions; every write has a
 * condition on what its decision was made from.
 */

import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { certificateNames } from '../core/microsoft-profile.ts';
import type { Audience, Grant, Partner, PartnerWithGrants } from '../core/partner.ts';
import type { PartnerRegistry, RefreshRegistry } from '../ports.ts';
import { grantTally, isGrant, isVersionOf } from './dynamo-grant-registry.ts';
import {
  certificateRow,
  issuerRow,
  parsePartnerCollection,
  parsePartnerRow,
  parseRefreshRow,
  partnerRow,
  refreshRow,
} from './partner-rows.ts';
import {
  audienceKey,
  certificateKey,
  dueMark,
  grantedTallyKey,
  grantKey,
  heldTallyKey,
  introspectsKey,
  issuerKey,
  ownsKey,
  partnerKey,
  partnerPartition,
  partnersListing,
  REFRESH_LISTING,
  refreshKey,
  userKey,
} from './registry-keys.ts';
import { getRow, queryBelow, queryListing, queryPartition } from './registry-query.ts';
import { COUNT, follows, IS_NEW, isVersion, lastVersionOf, registryWrites, type Write } from './registry-writes.ts';
import { text } from './row-members.ts';

export const dynamoPartnerRegistry = (
  client: DynamoDBDocumentClient,
  table: string,
): PartnerRegistry & RefreshRegistry => {
  const writes = registryWrites(client, table);

  const moveIssuer = (realm: string, id: string, before: string | undefined, after: string | undefined): Write[] =>
    before === after
      ? []
      : [
          ...(before === undefined ? [] : [writes.remove(issuerKey(realm, before))]),
          ...(after === undefined ? [] : [writes.put(issuerRow(realm, after, id), IS_NEW)]),
        ];

  /** A certificate names one partner of a realm, which the tokens signed with it are then taken for. */
  const moveCertificates = (
    realm: string,
    id: string,
    before: Partner | undefined,
    after: Partner | undefined,
  ): Write[] => {
    const [had, has] = [certificateNames(before), certificateNames(after)];
    return [
      ...had.filter((x5t) => !has.includes(x5t)).map((x5t) => writes.remove(certificateKey(realm, x5t))),
      ...has.filter((x5t) => !had.includes(x5t)).map((x5t) => writes.put(certificateRow(realm, x5t, id), IS_NEW)),
    ];
  };

  /** Mirrors `enabled`. The owner's version guards the list: an audience that came since has counted it on. */
  const mirrorEnabled = ({ realm, id, enabled }: Partner, { partner, audiences }: PartnerWithGrants): Write[] =>
    enabled === partner.enabled
      ? []
      : audiences.map((audience) => ({
          Update: {
            TableName: table,
            Key: { ...audienceKey(realm, audience) },
            UpdateExpression: 'SET ownerEnabled = :enabled',
            ConditionExpression: '#owner = :owner',
            ExpressionAttributeNames: { '#owner': 'owner' },
            ExpressionAttributeValues: { ':enabled': enabled, ':owner': id },
          },
        }));

  const removeGrant = (grant: Grant, owned: readonly Audience[]): Write[] => {
    const row = writes.remove(grantKey(grant.realm, grant.client, grant.audience), isGrant(grant));
    // The tally of an audience that goes with the partner ends whole.
    const isOwn = owned.some(({ audience }) => audience === grant.audience);
    return isOwn ? [row] : [row, writes.count(grantedTallyKey(grant.realm, grant.audience), grantTally(grant, -1))];
  };

  const removeOwned = (
    { realm, audience, owner, version, introspectors }: Audience,
    grants: readonly Grant[],
  ): Write[] => [
    writes.remove(audienceKey(realm, audience), isVersionOf(owner, version)),
    writes.remove(ownsKey(realm, owner, audience)),
    writes.close(
      grantedTallyKey(realm, audience),
      grants.filter((grant) => grant.audience === audience).length,
      version,
    ),
    ...introspectors.map((id) => writes.remove(introspectsKey(realm, id, audience))),
  ];

  /** One write for each introspector: a transaction touches no row twice. */
  const countIntrospectors = (realm: string, owned: readonly Audience[]): Write[] => {
    const counts = new Map<string, number>();
    for (const id of owned.flatMap(({ introspectors }) => introspectors)) counts.set(id, (counts.get(id) ?? 0) - 1);
    return [...counts].map(([id, change]) => writes.count(heldTallyKey(realm, id), { [COUNT]: change }));
  };

  return {
    findPartner: async (realm, id) =>
      parsePartnerCollection(await queryPartition(client, table, partnerPartition(realm, id))),

    listPartners: (realm, page) => queryListing(client, table, partnersListing(realm), page, parsePartnerRow),

    findIssuer: async (realm, issuer) => {
      const row = await getRow(client, table, issuerKey(realm, issuer));
      return row === undefined ? undefined : text(row, 'partner');
    },

    findCertificate: async (realm, x5t) => {
      const row = await getRow(client, table, certificateKey(realm, x5t));
      return row === undefined ? undefined : text(row, 'partner');
    },

    isUser: async (realm, id) => (await getRow(client, table, userKey(realm, id))) !== undefined,

    lastVersion: async (realm, id) => lastVersionOf(await getRow(client, table, heldTallyKey(realm, id))),

    createPartner: (partner, refresh) =>
      writes.all([
        writes.put(partnerRow(partner), IS_NEW),
        writes.mustFollow(heldTallyKey(partner.realm, partner.id), partner.version),
        // `sub` alone says whom a token is about (RFC 9068 5): a partner by the name of a user would be taken for them.
        writes.mustStillBe(userKey(partner.realm, partner.id), IS_NEW),
        ...moveIssuer(partner.realm, partner.id, undefined, partner.issuer),
        ...moveCertificates(partner.realm, partner.id, undefined, partner),
        ...(refresh === undefined ? [] : [writes.put(refreshRow(refresh), IS_NEW)]),
      ]),

    updatePartner: (partner, before, refresh) => {
      const stops = partner.source === undefined && before.refresh !== undefined;
      return writes.all([
        writes.put(partnerRow(partner), follows(partner.version)),
        ...mirrorEnabled(partner, before),
        ...moveIssuer(partner.realm, partner.id, before.partner.issuer, partner.issuer),
        ...moveCertificates(partner.realm, partner.id, before.partner, partner),
        ...(refresh === undefined ? [] : [writes.put(refreshRow(refresh), follows(refresh.version))]),
        ...(stops ? [writes.remove(refreshKey(partner.realm, partner.id))] : []),
      ]);
    },

    removePartner: ({ partner, grants, refresh }, owned) => {
      const { realm, id, version, issuer } = partner;
      return writes.all([
        writes.remove(partnerKey(realm, id), isVersion(version)),
        // Counts what an audience gives it, too: whom one names does not go.
        writes.close(heldTallyKey(realm, id), grants.length, version),
        ...grants.flatMap((grant) => removeGrant(grant, owned)),
        ...owned.flatMap((audience) => removeOwned(audience, grants)),
        ...countIntrospectors(realm, owned),
        ...moveIssuer(realm, id, issuer, undefined),
        ...moveCertificates(realm, id, partner, undefined),
        ...(refresh === undefined ? [] : [writes.remove(refreshKey(realm, id))]),
      ]);
    },

    listDue: async (now, limit) =>
      (await queryBelow(client, table, REFRESH_LISTING, dueMark(now + 1), limit)).map(parseRefreshRow),

    // As a transaction of one write: the SDK gives it a token, so that a write whose answer was lost is not refused when it is
    // sent again.
    saveRefresh: (status) => writes.all([writes.put(refreshRow(status), follows(status.version))]),
  };
};
