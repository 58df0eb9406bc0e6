/**
 * What issuing and checking read of the registry, each answer kept for at most `cacheSeconds`. Reads are strongly consistent,
 * so that this is the whole delay by which a disabled partner or a revoked grant can still be obeyed.
 */

import { BatchGetCommand, type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { DEFAULT_REALM, KEY_ATTRIBUTES } from '../config.ts';
import { JWS_ALGORITHMS } from '../core/algorithms.ts';
import { activeKey, type KeyRing } from '../core/key-ring.ts';
import { certificateNames } from '../core/microsoft-profile.ts';
import type { Audience, Partner, PartnerWithGrants } from '../core/partner.ts';
import { type Realm, untouchedRealm } from '../core/realm.ts';
import {
  type AudienceReader,
  type Catalogue,
  type CatalogueReader,
  type IssuerReader,
  Outage,
  type PartnerReader,
  type RealmReader,
  type RingReader,
  type ThumbprintReader,
} from '../ports.ts';
import { agedCache } from './aged-cache.ts';
import { callAws } from './aws-clients.ts';
import { findRealm } from './dynamo-realm-registry.ts';
import { parseAudienceRow, parsePartnerCollection } from './partner-rows.ts';
import { aliasedRealm, parseRealmRow } from './realm-rows.ts';
import {
  audienceKey,
  certificateKey,
  issuerKey,
  partnerPartition,
  type Row,
  realmKey,
  ringKey,
  ringPartition,
} from './registry-keys.ts';
import { getRow, queryPartition } from './registry-query.ts';
import { parseRingRow } from './ring-rows.ts';
import { text } from './row-members.ts';

export interface ReaderOptions {
  readonly client: DynamoDBDocumentClient;
  readonly table: string;
  readonly cacheSeconds: number;
}

/** A partner that is not there is not cached: one that was just added works at once. */
export const dynamoPartnerReader = (options: ReaderOptions): PartnerReader => {
  const partners = agedCache<PartnerWithGrants>(options.cacheSeconds);
  return {
    find: async (realm, id, freshness) => {
      const partition = partnerPartition(realm, id);
      const cached = partners.get(partition, freshness);
      if (cached !== undefined) return cached;
      const readAt = performance.now();
      const found = parsePartnerCollection(await queryPartition(options.client, options.table, partition));
      if (found !== undefined) partners.set(partition, found, readAt);
      return found;
    },
  };
};

type FindByName = IssuerReader['findByIssuer'];

/** Which partner goes by an issuer, or a certificate, is one read, the partner itself the next. A name that is nobody's is not cached. */
const namedPartners = (
  options: ReaderOptions,
  partners: PartnerReader,
  keyOf: (realm: string, name: string) => Row,
  isNamed: (partner: Partner, name: string) => boolean,
): FindByName => {
  const ids = agedCache<{ readonly id: string }>(options.cacheSeconds);
  const read = async (realm: string, name: string): Promise<{ readonly id: string } | undefined> => {
    const { Item: row } = await callAws('dynamodb:GetItem', () =>
      options.client.send(
        new GetCommand({ TableName: options.table, Key: { ...keyOf(realm, name) }, ConsistentRead: true }),
      ),
    );
    return row === undefined ? undefined : { id: text(row, 'partner') };
  };
  return async (realm, name, freshness) => {
    const entry = JSON.stringify([realm, name]);
    const cached = ids.get(entry, freshness);
    const readAt = performance.now();
    const found = cached ?? (await read(realm, name));
    if (found === undefined) return undefined;
    if (cached === undefined) ids.set(entry, found, readAt);
    const partner = await partners.find(realm, found.id, freshness);
    // The name may have gone to another partner since; then neither is meant.
    return partner !== undefined && isNamed(partner.partner, name) ? partner : undefined;
  };
};

export const dynamoIssuerReader = (options: ReaderOptions, partners: PartnerReader): IssuerReader => ({
  findByIssuer: namedPartners(options, partners, issuerKey, (partner, name) => partner.issuer === name),
});

export const dynamoThumbprintReader = (options: ReaderOptions, partners: PartnerReader): ThumbprintReader => ({
  findByThumbprint: namedPartners(options, partners, certificateKey, (partner, name) =>
    certificateNames(partner).includes(name),
  ),
});

/** Rings without an active key are not kept: the first token and the key set are possible as soon as the first key is. */
const isSigning = (ring: KeyRing): boolean => activeKey(ring) !== undefined;

export const dynamoRingReader = (options: ReaderOptions): RingReader => {
  const rings = agedCache<readonly KeyRing[]>(options.cacheSeconds);
  return {
    list: async (realm, freshness) => {
      const partition = ringPartition(realm);
      const cached = rings.get(partition, freshness);
      if (cached !== undefined) return cached;
      const readAt = performance.now();
      const found = (await queryPartition(options.client, options.table, partition)).map(parseRingRow);
      if (found.some(isSigning)) rings.set(partition, found, readAt);
      return found;
    },
  };
};

/** A realm that is not there is not cached, as partners are not. */
export const dynamoRealmReader = (options: ReaderOptions): RealmReader => {
  const realms = agedCache<Realm>(options.cacheSeconds);
  return {
    find: async (nameOrAlias, freshness) => {
      const cached = realms.get(nameOrAlias, freshness);
      if (cached !== undefined) return cached;
      const readAt = performance.now();
      const found = await findRealm(options.client, options.table, nameOrAlias);
      if (found !== undefined) realms.set(nameOrAlias, found, readAt);
      return found;
    },
  };
};

/** An audience that is not there is not cached, as partners are not. */
export const dynamoAudienceReader = ({ client, table, cacheSeconds }: ReaderOptions): AudienceReader => {
  const audiences = agedCache<Audience>(cacheSeconds);
  return {
    find: async (realm, name, freshness) => {
      const key = `${realm}#${name}`;
      const cached = audiences.get(key, freshness);
      if (cached !== undefined) return cached;
      const readAt = performance.now();
      const row = await getRow(client, table, audienceKey(realm, name));
      if (row === undefined) return undefined;
      const found = parseAudienceRow(row);
      audiences.set(key, found, readAt);
      return found;
    },
  };
};

/** A realm and its rings: read together, cached together. */
type RealmWithRings = Pick<Catalogue, 'realm' | 'rings'>;

/** Realm, rings and audience in one BatchGetItem; only what is not in the cache is asked for. */
export const dynamoCatalogueReader = (options: ReaderOptions): CatalogueReader => {
  const realms = agedCache<RealmWithRings>(options.cacheSeconds);
  const audiences = agedCache<Audience>(options.cacheSeconds);
  return {
    read: async (realm, name, freshness) => {
      const cachedRealm = realms.get(realm, freshness);
      const cachedAudience = audiences.get(`${realm}#${name}`, freshness);
      if (cachedRealm !== undefined && cachedAudience !== undefined) {
        return { ...cachedRealm, audience: cachedAudience };
      }
      const readAt = performance.now();
      const rows = await batchGet(options, [
        ...(cachedRealm === undefined ? realmKeys(realm) : []),
        ...(cachedAudience === undefined ? [audienceKey(realm, name)] : []),
      ]);
      const readRealm = cachedRealm ?? realmWithRings(realm, rows);
      const audience =
        cachedAudience ?? rows.filter((row) => isAt(row, audienceKey(realm, name))).map(parseAudienceRow)[0];
      // What came from the cache keeps its age: a read of the other half must not make it younger.
      if (cachedRealm === undefined && readRealm.rings.some(isSigning)) realms.set(realm, readRealm, readAt);
      if (cachedAudience === undefined && audience !== undefined) {
        audiences.set(`${realm}#${name}`, audience, readAt);
      }
      return { ...readRealm, audience };
    },
  };
};

const realmKeys = (realm: string): readonly Row[] => [
  realmKey(realm),
  ...JWS_ALGORITHMS.map((algorithm) => ringKey(realm, algorithm)),
];

const realmWithRings = (name: string, rows: readonly Row[]): RealmWithRings => {
  const row = rows.find((each) => isAt(each, realmKey(name)));
  const rings = rows.filter((each) => each[KEY_ATTRIBUTES.partition] === ringPartition(name)).map(parseRingRow);
  if (row === undefined) return { realm: name === DEFAULT_REALM ? untouchedRealm(name) : undefined, rings };
  return { realm: aliasedRealm(row) === undefined ? parseRealmRow(row) : undefined, rings };
};

const isAt = (row: Row, key: Row): boolean => row[KEY_ATTRIBUTES.partition] === key[KEY_ATTRIBUTES.partition];

const batchGet = async ({ client, table }: ReaderOptions, keys: readonly Row[]): Promise<readonly Row[]> => {
  const answer = await callAws('dynamodb:BatchGetItem', () =>
    client.send(new BatchGetCommand({ RequestItems: { [table]: { Keys: [...keys], ConsistentRead: true } } })),
  );
  // A handful of small items is left unprocessed only when the table is throttled.
  if ((answer.UnprocessedKeys?.[table]?.Keys ?? []).length > 0) {
    throw new Outage('dynamodb:BatchGetItem', new Error('the table is throttled'));
  }
  return answer.Responses?.[table] ?? [];
};
