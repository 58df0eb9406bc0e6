/**
 * The life of signing keys in KMS: made with the deployment's key policy and tags, found again by them, disabled, deleted after
 * the longest waiting period. A repeated call finds its work done.
 */

import { createPublicKey } from 'node:crypto';
import {
  CancelKeyDeletionCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  GetKeyLastUsageCommand,
  GetPublicKeyCommand,
  type KeySpec,
  type KMSClient,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { KEY_TAGS } from '../config.ts';
import { algorithmFacts } from '../core/algorithms.ts';
import type { EpochSeconds } from '../core/partner.ts';
import { type KeyVault, type MadeKey, Outage } from '../ports.ts';
import { callAws, isAwsError } from './aws-clients.ts';

export interface KeyVaultOptions {
  readonly client: KMSClient;
  /** Value of the deployment tag; IAM lets this deployment's functions reach no other key. */
  readonly deployment: string;
  /** JSON policy document. */
  readonly keyPolicy: string;
}

/** The longest that KMS allows, and the shortest that the key policy does: a mistake can be noticed and taken back. */
const DELETION_WINDOW_DAYS = 30;

export const kmsKeyVault = ({ client, deployment, keyPolicy }: KeyVaultOptions): KeyVault => ({
  create: async (realm, algorithm, creationId) => {
    const created = await callAws('kms:CreateKey', () =>
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
    return describeMade(client, present('kms:CreateKey', created.KeyMetadata?.Arn));
  },

  listTagged: async (realm, algorithm) => {
    const found: MadeKey[] = [];
    for await (const keyArn of keyArns(client)) {
      const tags = await tagsOf(client, keyArn);
      const isOurs =
        tags.get(KEY_TAGS.deployment) === deployment &&
        tags.get(KEY_TAGS.realm) === realm &&
        tags.get(KEY_TAGS.algorithm) === algorithm;
      if (isOurs && (await isUsable(client, keyArn))) found.push(await describeMade(client, keyArn));
    }
    return found;
  },

  disable: async (keyArn) => {
    await tolerating(['KMSInvalidStateException'], 'kms:DisableKey', () =>
      client.send(new DisableKeyCommand({ KeyId: keyArn })),
    );
  },

  lastUsedAt: async (keyArn) => {
    const { KeyLastUsage: usage } = await callAws('kms:GetKeyLastUsage', () =>
      client.send(new GetKeyLastUsageCommand({ KeyId: keyArn })),
    );
    return usage?.Timestamp === undefined ? undefined : seconds(usage.Timestamp);
  },

  scheduleDeletion: async (keyArn) => {
    await tolerating(['KMSInvalidStateException'], 'kms:ScheduleKeyDeletion', () =>
      client.send(new ScheduleKeyDeletionCommand({ KeyId: keyArn, PendingWindowInDays: DELETION_WINDOW_DAYS })),
    );
    const { DeletionDate: date } = await metadata(client, keyArn);
    return seconds(present('kms:DescribeKey', date));
  },

  cancelDeletion: async (keyArn) => {
    await tolerating(['KMSInvalidStateException'], 'kms:CancelKeyDeletion', () =>
      client.send(new CancelKeyDeletionCommand({ KeyId: keyArn })),
    );
  },
});

const seconds = (date: Date): EpochSeconds => Math.floor(date.getTime() / 1_000);

const present = <Value>(operation: string, value: Value | undefined): Value => {
  if (value === undefined) throw new Outage(operation, new Error('the answer is incomplete'));
  return value;
};

/** Runs a call whose work may be done already, which KMS calls an invalid state. */
const tolerating = async (names: readonly string[], operation: string, call: () => Promise<unknown>): Promise<void> => {
  try {
    await call();
  } catch (error) {
    if (!isAwsError(error, ...names)) throw new Outage(operation, error);
  }
};

const metadata = async (client: KMSClient, keyArn: string) => {
  const { KeyMetadata: described } = await callAws('kms:DescribeKey', () =>
    client.send(new DescribeKeyCommand({ KeyId: keyArn })),
  );
  return present('kms:DescribeKey', described);
};

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
