/** Operations on keys as such: looking at them, listing them, and moving them from state to state. */
import { askAnywhere } from './authorization.ts';
import { optionalInteger } from './input.ts';
import { describeKey, keyState, requireNotPending, requirePending, timestamp } from './key.ts';
import { type KeyCall, keyOperation, type Operation } from './operation.ts';
import { takePage } from './paging.ts';

const DAY_MILLISECONDS = 86_400_000;

export const describe = keyOperation('DescribeKey', {
  identifiers: 'key-or-alias',
  run: ({ store, key }) => ({ KeyMetadata: describeKey(key, store.placement) }),
});

export const listKeys: Operation = {
  authorizations: () => [askAnywhere('kms:ListKeys')],
  run: (store, input) => {
    const { items, members } = takePage(input, store.keys(), (key) => key.id, { default: 100, max: 1000 });
    return { Keys: items.map((key) => ({ KeyId: key.id, KeyArn: key.arn })), ...members };
  },
};

const setEnabled =
  (isEnabled: boolean) =>
  async ({ store, key }: KeyCall) => {
    requireNotPending(key);
    key.isEnabled = isEnabled;
    await store.save();
    return {};
  };

export const enableKey = keyOperation('EnableKey', { run: setEnabled(true) });
export const disableKey = keyOperation('DisableKey', { run: setEnabled(false) });

/** The waiting period in days; its default is in the condition keys too, as AWS documents for defaults. */
function pendingDays({ input }: Pick<KeyCall, 'input'>): number {
  return optionalInteger(input, 'PendingWindowInDays', { min: 7, max: 30 }) ?? 30;
}

export const scheduleKeyDeletion = keyOperation('ScheduleKeyDeletion', {
  conditions: (input) => ({ 'kms:ScheduleKeyDeletionPendingWindowInDays': String(pendingDays({ input })) }),
  run: async ({ store, input, key }) => {
    const days = pendingDays({ input });
    requireNotPending(key);
    const deletionAt = store.now() + days * DAY_MILLISECONDS;
    await store.setDeletion(key, deletionAt);
    return {
      KeyId: key.arn,
      DeletionDate: timestamp(deletionAt),
      KeyState: keyState(key),
      PendingWindowInDays: days,
    };
  },
});

export const cancelKeyDeletion = keyOperation('CancelKeyDeletion', {
  run: async ({ store, key }) => {
    requirePending(key);
    // A key comes back disabled, whatever it was before (CancelKeyDeletion in the API reference).
    key.isEnabled = false;
    await store.setDeletion(key, undefined);
    return { KeyId: key.arn };
  },
});

/** The ids of a CloudTrail event and a KMS request are left out, being optional: nothing here keeps a trail. */
export const getKeyLastUsage = keyOperation('GetKeyLastUsage', {
  run: ({ key }) => ({
    KeyId: key.id,
    KeyLastUsage: key.lastUsage ? { Operation: key.lastUsage.operation, Timestamp: timestamp(key.lastUsage.at) } : {},
    TrackingStartDate: timestamp(key.createdAt),
    KeyCreationDate: timestamp(key.createdAt),
  }),
});
