/** What the vault says of a key that KMS has deleted, or will: by the real SDK, on the embedded KMS. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kmsKeyVault } from '../../functions/adapters/kms-key-vault.ts';
import { kmsSigner } from '../../functions/adapters/kms-signer.ts';
import type { KeyVault } from '../../functions/ports.ts';
import { NOW, REALM } from '../support/builders.ts';
import { type EmbeddedAws, KEY_POLICY, openAws } from '../support/embedded-aws.ts';

const DELETION_SECONDS = 30 * 86_400;

let now = NOW;
let aws: EmbeddedAws;
let vault: KeyVault;

beforeAll(async () => {
  aws = await openAws(() => now * 1_000);
  vault = kmsKeyVault({ client: aws.kms, deployment: 'test', keyPolicy: KEY_POLICY, patienceMs: 0 });
});
afterAll(() => aws[Symbol.asyncDispose]());

describe('a key whose deletion is pending', () => {
  it('is deleted when KMS said at first, however often it is asked, and is not listed', async () => {
    const { keyArn } = await vault.create(REALM, 'ES256', 'pending');
    const deletionAt = await vault.scheduleDeletion(keyArn);
    now += 60;
    expect([deletionAt, await vault.scheduleDeletion(keyArn)]).toEqual([
      now - 60 + DELETION_SECONDS,
      now - 60 + DELETION_SECONDS,
    ]);
    expect((await vault.listTagged(REALM, 'ES256')).map((key) => key.keyArn)).not.toContain(keyArn);
  });

  it('is disabled once the deletion is taken back, which may be repeated', async () => {
    const key = await vault.create(REALM, 'ES256', 'cancelled');
    await vault.scheduleDeletion(key.keyArn);
    expect([await vault.cancelDeletion(key.keyArn), await vault.cancelDeletion(key.keyArn)]).toEqual([
      'cancelled',
      'cancelled',
    ]);
    await expect(kmsSigner(aws.kms).sign(key, 'ES256', 'input')).rejects.toMatchObject({ operation: 'kms:Sign' });
  });
});

describe('a key whose deletion was never begun', () => {
  it('goes on signing when its deletion is taken back', async () => {
    const key = await vault.create(REALM, 'ES256', 'usable');
    expect(await vault.cancelDeletion(key.keyArn)).toBe('cancelled');
    await expect(kmsSigner(aws.kms).sign(key, 'ES256', 'input')).resolves.toHaveLength(64);
  });

  it('is found by its tags with the creation that made it', async () => {
    const { keyArn } = await vault.create(REALM, 'ES384', 'tagged');
    expect((await vault.listTagged(REALM, 'ES384')).map((key) => [key.keyArn, key.creationId])).toEqual([
      [keyArn, 'tagged'],
    ]);
  });
});

describe('a key that KMS has deleted', () => {
  it('is gone, and no call is an outage for it', async () => {
    const { keyArn } = await vault.create(REALM, 'ES256', 'gone');
    await vault.scheduleDeletion(keyArn);
    now += DELETION_SECONDS;
    await expect(vault.disable(keyArn)).resolves.toBeUndefined();
    expect([
      await vault.lastUsedAt(keyArn),
      await vault.scheduleDeletion(keyArn),
      await vault.cancelDeletion(keyArn),
    ]).toEqual([undefined, undefined, 'gone']);
  });
});
