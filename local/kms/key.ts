/**
 * A KMS key: its record, its states, and what DescribeKey tells of it.
 * Source of the state rules: KMS Developer Guide, "Key states of AWS KMS keys", the key state table.
 */
import { AwsError, type JsonObject, type Placement } from '../service.ts';
import type { KeyMaterial } from './key-pair.ts';
import type { KeyPolicy } from './key-policy.ts';
import { KEY_SPECS, type KeySpecName } from './key-specs.ts';

/** Times are milliseconds since the epoch. */
export interface Key extends KeyMaterial {
  readonly id: string;
  readonly arn: string;
  readonly spec: KeySpecName;
  readonly description: string;
  readonly createdAt: number;
  readonly tags: Map<string, string>;
  policy: KeyPolicy;
  isEnabled: boolean;
  /** Set while deletion is pending; the key is gone once the clock reaches it. */
  deletionAt: number | undefined;
  lastUsage: LastUsage | undefined;
}

export interface LastUsage {
  readonly operation: 'Sign' | 'Verify';
  readonly at: number;
}

export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion';

/** ARN of a key or alias: `resource` is `key/<id>` or `alias/<name>`. */
export function kmsArn({ region, account }: Placement, resource: string): string {
  return `arn:aws:kms:${region}:${account}:${resource}`;
}

/** Milliseconds as the AWS JSON protocol writes timestamps: seconds with a fraction. */
export function timestamp(milliseconds: number): number {
  return milliseconds / 1000;
}

export function keyState(key: Key): KeyState {
  if (key.deletionAt !== undefined) return 'PendingDeletion';
  return key.isEnabled ? 'Enabled' : 'Disabled';
}

/** @throws AwsError KMSInvalidStateException when the key waits for its deletion. */
export function requireNotPending(key: Key): void {
  if (key.deletionAt !== undefined) {
    throw new AwsError('KMSInvalidStateException', `${key.arn} is pending deletion.`);
  }
}

/** @throws AwsError KMSInvalidStateException when the key does not wait for its deletion. */
export function requirePending(key: Key): void {
  if (key.deletionAt === undefined) {
    throw new AwsError('KMSInvalidStateException', `${key.arn} is not pending deletion.`);
  }
}

/** @throws AwsError KMSInvalidStateException or DisabledException unless the key is enabled. */
export function requireEnabled(key: Key): void {
  requireNotPending(key);
  if (!key.isEnabled) throw new AwsError('DisabledException', `${key.arn} is disabled.`);
}

/** The members of KeyMetadata that an asymmetric single-Region signing key has. */
export function describeKey(key: Key, { account }: Placement): JsonObject {
  const state = keyState(key);
  return {
    AWSAccountId: account,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: timestamp(key.createdAt),
    Enabled: state === 'Enabled',
    Description: key.description,
    KeyUsage: 'SIGN_VERIFY',
    KeyState: state,
    ...(key.deletionAt !== undefined && { DeletionDate: timestamp(key.deletionAt) }),
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    CustomerMasterKeySpec: key.spec,
    KeySpec: key.spec,
    SigningAlgorithms: [...KEY_SPECS[key.spec].algorithms],
    MultiRegion: false,
  };
}
