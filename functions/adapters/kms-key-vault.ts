/**
 * The life of signing keys in KMS: made with the deployment's key policy and tags, found again by them, disabled, deleted after
 * the longest waiting period. A repeated call finds its work done.
 */

import { createPublicKey } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  GetKeyLastUsageCommand,
  GetPublicKeyCommand,
  type KeySpec,
  type KMSClient,
  KMSServiceException,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { KEY_TAGS } from '../config.ts';
import { algorithmFacts } from '../core/algorithms.ts';
import type { EpochSeconds } from '../core/partner.ts';
import { type FoundKey, KeyNotMade, type KeyVault, type MadeKey, Outage } from '../ports.ts';
import { callAws, isAwsError } from './aws-clients.ts';

export interface KeyVaultOptions {
  readonly client: KMSClient;
  /** Value of the deployment tag; IAM lets this deployment's functions reach no other key. */
  readonly deployment: string;
  /** JSON policy document. */
  readonly keyPolicy: string;
  /** For how long a new key may be out of our reach: its tags, by which IAM lets us reach it, take a while to count. */
  readonly patienceMs: number;
}

/** The longest that KMS allows, and the shortest that the key policy does: a mistake can be noticed and taken back. */
const DELETION_WINDOW_DAYS = 30;

export const kmsKeyVault = ({ client, deployment, keyPolicy, patienceMs }: KeyVaultOptions): KeyVault => ({
  create: async (realm, algorithm, creationId) => {
    const created = await makeOrSayNo(() =>
      client.send(
        new CreateKeyCommand({
          KeySpec: algorithmFacts(algorithm).kms.keySpec as KeySpec,
          KeyUsage: 'SIGN_VERIFY',
          Description: `Countersign ${realm} ${algorithm}`,
          Policy: keyPolicy,
          Tags: [
            { TagKey: KEY_TAGS.deployment, TagValue: deployment },
            { TagKey: KEY_TAGS.realm, TagValue: realm },
            { TagKey: KEY_TAGS.algorithm, TagValue: algorithm },
            { TagKey: KEY_TAGS.creation, TagValue: creationId },
          ],
        }),
      ),
    );
    const { Arn: keyArn, CreationDate: date } = created.KeyMetadata ?? {};
    const jwk = await patiently(patienceMs, () => publicJwk(client, present('kms:CreateKey', keyArn)));
    return {
      keyArn: present('kms:CreateKey', keyArn),
      jwk,
      kid: await calculateJwkThumbprint(jwk),
      createdAt: seconds(present('kms:CreateKey', date)),
    };
  },

  listTagged: async (realm, algorithm) => {
    const found: FoundKey[] = [];
    for await (const keyArn of keyArns(client)) {
      const tags = await tagsOf(client, keyArn);
      const isOurs =
        tags.get(KEY_TAGS.deployment) === deployment &&
        tags.get(KEY_TAGS.realm) === realm &&
        tags.get(KEY_TAGS.algorithm) === algorithm;
      if (!isOurs || !(await isUsable(client, keyArn))) continue;
      found.push({ ...(await describeMade(client, keyArn)), creationId: tags.get(KEY_TAGS.creation) });
    }
    return found;
  },

  disable: async (keyArn) => {
    await callUnless([INVALID_STATE, GONE], 'kms:DisableKey', () =>
      client.send(new DisableKeyCommand({ KeyId: keyArn })),
    );
  },

  lastUsedAt: async (keyArn) => {
    const answer = await callUnless([GONE], 'kms:GetKeyLastUsage', () =>
      client.send(new GetKeyLastUsageCommand({ KeyId: keyArn })),
    );
    const date = answer?.KeyLastUsage?.Timestamp;
    return date === undefined ? undefined : seconds(date);
  },

  scheduleDeletion: async (keyArn) => {
    await callUnless([INVALID_STATE, GONE], 'kms:ScheduleKeyDeletion', () =>
      client.send(new ScheduleKeyDeletionCommand({ KeyId: keyArn, PendingWindowInDays: DELETION_WINDOW_DAYS })),
    );
    const found = await find(client, keyArn);
    return found === undefined ? undefined : seconds(present('kms:DescribeKey', found.DeletionDate));
  },

  cancelDeletion: async (keyArn) => {
    await callUnless([INVALID_STATE, GONE], 'kms:CancelKeyDeletion', () =>
      client.send(new CancelKeyDeletionCommand({ KeyId: keyArn })),
    );
    return (await find(client, keyArn)) === undefined ? 'gone' : 'cancelled';
  },
});

/** What KMS answers when a key is on its way out, or is not, as the call would make it; and when there is no such key any more. */
const INVALID_STATE = 'KMSInvalidStateException';
const GONE = 'NotFoundException';

/** An answer of the service's own, other than that it failed, means that no key was made. */
const makeOrSayNo = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await call();
  } catch (error) {
    const isRefusal = error instanceof KMSServiceException && error.$fault === 'client';
    throw isRefusal ? new KeyNotMade('kms:CreateKey', error) : new Outage('kms:CreateKey', error);
  }
};

/** KMS developer guide, "Eventual consistency": a new key, and its tags, may not be seen everywhere at once. */
const NOT_YET = ['AccessDeniedException', 'NotFoundException'];
const FIRST_PAUSE_MS = 250;

const patiently = async <Answer>(
  patienceMs: number,
  call: () => Promise<Answer>,
  pauseMs = FIRST_PAUSE_MS,
): Promise<Answer> => {
  try {
    return await call();
  } catch (error) {
    const isNotYet = error instanceof Outage && isAwsError(error.cause, ...NOT_YET);
    if (!isNotYet || patienceMs < pauseMs) throw error;
    await setTimeout(pauseMs);
    return patiently(patienceMs - pauseMs, call, 2 * pauseMs);
  }
};

const seconds = (date: Date): EpochSeconds => Math.floor(date.getTime() / 1_000);

const present = <Value>(operation: string, value: Value | undefined): Value => {
  if (value === undefined) throw new Outage(operation, new Error('the answer is incomplete'));
  return value;
};

/** Runs a call whose work may be done already, which KMS says by one of these errors. `undefined`: it is. */
const callUnless = async <Answer>(
  names: readonly string[],
  operation: string,
  call: () => Promise<Answer>,
): Promise<Answer | undefined> => {
  try {
    return await call();
  } catch (error) {
    if (isAwsError(error, ...names)) return undefined;
    throw new Outage(operation, error);
  }
};

/** `undefined`: KMS has deleted it. */
const find = async (client: KMSClient, keyArn: string) => {
  const answer = await callUnless([GONE], 'kms:DescribeKey', () =>
    client.send(new DescribeKeyCommand({ KeyId: keyArn })),
  );
  return answer === undefined ? undefined : present('kms:DescribeKey', answer.KeyMetadata);
};

/** The key must be there. KMS may not show a new one everywhere yet: then the next run finds it by its tags. */
const metadata = async (client: KMSClient, keyArn: string) => present('kms:DescribeKey', await find(client, keyArn));

const isUsable = async (client: KMSClient, keyArn: string): Promise<boolean> =>
  (await metadata(client, keyArn)).KeyState === 'Enabled';

const describeMade = async (client: KMSClient, keyArn: string): Promise<MadeKey> => {
  const { CreationDate: date } = await metadata(client, keyArn);
  const jwk = await publicJwk(client, keyArn);
  return { keyArn, jwk, kid: await calculateJwkThumbprint(jwk), createdAt: seconds(present('kms:DescribeKey', date)) };
};

const publicJwk = async (client: KMSClient, keyArn: string): Promise<JWK> => {
  const { PublicKey: spki } = await callAws('kms:GetPublicKey', () =>
    client.send(new GetPublicKeyCommand({ KeyId: keyArn })),
  );
  const key = Buffer.from(present('kms:GetPublicKey', spki));
  return createPublicKey({ key, format: 'der', type: 'spki' }).export({ format: 'jwk' }) as JWK;
};

/** All keys of the account and Region: KMS cannot list by tag. */
async function* keyArns(client: KMSClient): AsyncGenerator<string> {
  let marker: string | undefined;
  do {
    const page = await callAws('kms:ListKeys', () =>
      client.send(new ListKeysCommand({ Limit: 1_000, ...(marker === undefined ? {} : { Marker: marker }) })),
    );
    for (const { KeyArn: keyArn } of page.Keys ?? []) if (keyArn !== undefined) yield keyArn;
    marker = page.Truncated === true ? page.NextMarker : undefined;
  } while (marker !== undefined);
}

/** IAM lets us see the tags of our own keys alone; a key that we may not look at is somebody else's. */
const tagsOf = async (client: KMSClient, keyArn: string): Promise<ReadonlyMap<string, string>> => {
  try {
    const { Tags: tags = [] } = await client.send(new ListResourceTagsCommand({ KeyId: keyArn }));
    return new Map(tags.map(({ TagKey: key = '', TagValue: value = '' }) => [key, value]));
  } catch (error) {
    if (isAwsError(error, 'AccessDeniedException', 'NotFoundException')) return new Map();
    throw new Outage('kms:ListResourceTags', error);
  }
};
