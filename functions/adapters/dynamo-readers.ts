/**
 * What issuing and checking read of the registry, each answer kept for at most `cacheSeconds`. Reads are strongly consistent,
 * so that this is the whole delay by which a disabled partner or a revoked grant can still be obeyed.
 */

import { BatchGetCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { LRUCache } from 'lru-cache';
import { KEY_ATTRIBUTES } from '../config.ts';
import { JWS_ALGORITHMS } from '../core/algorithms.ts';
import { activeKey, type KeyRing } from '../core/key-ring.ts';
import type { Audience, PartnerWithGrants } from '../core/partner.ts';
import { type CatalogueReader, type Freshness, Outage, type PartnerReader, type RingReader } from '../ports.ts';
import { callAws } from './aws-clients.ts';
import { queryPartition } from './registry-query.ts';
import {
  audienceKey,
  parseAudienceRow,
  parsePartnerCollection,
  parseRingRow,
  partnerPartition,
  type Row,
  ringKey,
  ringPartition,
} from './registry-rows.ts';

export interface ReaderOptions {
  readonly client: DynamoDBDocumentClient;
  readonly table: string;
  readonly cacheSeconds: number;
}

/** Bounds the memory that a flood of different names could take. */
const MAX_CACHED = 1_000;

/** A bounded cache whose reader says how old an answer may be. */
const cacheFor = <Value extends object>(seconds: number) => {
  // lru-cache takes a ttl of 0 for "forever".
  const entries = seconds === 0 ? undefined : new LRUCache<string, Value>({ max: MAX_CACHED, ttl: seconds * 1_000 });
  return {
    get: (key: string, { maxAgeSeconds = seconds }: Freshness = {}): Value | undefined => {
      const ageSeconds = seconds - (entries?.getRemainingTTL(key) ?? 0) / 1_000;
      return ageSeconds < maxAgeSeconds ? entries?.get(key) : undefined;
    },
    /** @param readAt when the read began, by `performance.now()`: an answer is as old as its question. */
    set: (key: string, value: Value, readAt: number): void => {
      entries?.set(key, value, { start: readAt });
    },
  };
};

/** A partner that is not there is not cached: one that was just added works at once. */
export const dynamoPartnerReader = (options: ReaderOptions): PartnerReader => {
  const partners = cacheFor<PartnerWithGrants>(options.cacheSeconds);
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

/** Rings without an active key are not kept: the first token and the key set are possible as soon as the first key is. */
const isSigning = (ring: KeyRing): boolean => activeKey(ring) !== undefined;

export const dynamoRingReader = (options: ReaderOptions): RingReader => {
  const rings = cacheFor<readonly KeyRing[]>(options.cacheSeconds);
  return {
    list: async (realm) => {
      const partition = ringPartition(realm);
      const cached = rings.get(partition);
      if (cached !== undefined) return cached;
      const readAt = performance.now();
      const found = (await queryPartition(options.client, options.table, partition)).map(parseRingRow);
      if (found.some(isSigning)) rings.set(partition, found, readAt);
      return found;
    },
  };
};

/** Rings and audience in one BatchGetItem; only what is not in the cache is asked for. */
export const dynamoCatalogueReader = (options: ReaderOptions): CatalogueReader => {
  const rings = cacheFor<readonly KeyRing[]>(options.cacheSeconds);
  const audiences = cacheFor<Audience>(options.cacheSeconds);
  return {
    read: async (realm, name, freshness) => {
      const cachedRings = rings.get(realm, freshness);
      const cachedAudience = audiences.get(`${realm}#${name}`, freshness);
      if (cachedRings !== undefined && cachedAudience !== undefined) {
        return { rings: cachedRings, audience: cachedAudience };
      }
      const wanted = [
        ...(cachedRings === undefined ? JWS_ALGORITHMS.map((algorithm) => ringKey(realm, algorithm)) : []),
        ...(cachedAudience === undefined ? [audienceKey(realm, name)] : []),
      ];
      const readAt = performance.now();
      const rows = await batchGet(options, wanted);
      const isRing = (row: Row) => row[KEY_ATTRIBUTES.partition] === ringPartition(realm);
      const readRings = cachedRings ?? rows.filter(isRing).map(parseRingRow);
      const audience = cachedAudience ?? rows.filter((row) => !isRing(row)).map(parseAudienceRow)[0];
      // What came from the cache keeps its age: a read of the other half must not make it younger.
      if (cachedRings === undefined && readRings.some(isSigning)) rings.set(realm, readRings, readAt);
      if (cachedAudience === undefined && audience !== undefined) {
        audiences.set(`${realm}#${name}`, audience, readAt);
      }
      return { rings: readRings, audience };
    },
  };
};

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
