/**
 * Operations on aliases. Changing one changes whom a key answers to, so IAM is asked about the alias and about every
 * key that gains or loses it. Source: KMS Developer Guide, "Controlling access to aliases".
 */
import { AwsError, type JsonObject } from '../service.ts';
import { askAlias, askAnywhere, askKey } from './authorization.ts';
import { optionalText, requiredText, validationError } from './input.ts';
import { type Key, kmsArn, requireNotPending, timestamp } from './key.ts';
import type { KeyStore } from './key-store.ts';
import { keyIdentifier, type Operation } from './operation.ts';
import { takePage } from './paging.ts';

/** The name of the alias that a call makes, changes or deletes. */
function aliasName(input: JsonObject): string {
  const name = requiredText(input, 'AliasName', { min: 1, max: 256 });
  if (!name.startsWith('alias/')) {
    throw validationError(
      'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
    );
  }
  if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name)) throw validationError(`${name} contains invalid characters for an alias`);
  // These belong to AWS managed keys.
  if (name.startsWith('alias/aws/')) throw new AwsError('NotAuthorizedException', `${name} has a reserved prefix`);
  return name;
}

function targetKey(store: KeyStore, input: JsonObject): Key {
  return store.loadKey(keyIdentifier(input, 'TargetKeyId'), 'key');
}

export const createAlias: Operation = {
  authorizations: (store, input) => [
    askAlias(store, 'kms:CreateAlias', aliasName(input)),
    askKey(store, 'kms:CreateAlias', targetKey(store, input)),
  ],
  run: async (store, input) => {
    const name = aliasName(input);
    const key = targetKey(store, input);
    if (store.findAlias(name) !== undefined) {
      const arn = kmsArn(store.placement, name);
      throw new AwsError('AlreadyExistsException', `An alias with the name ${arn} already exists`);
    }
    requireNotPending(key);
    const now = store.now();
    await store.putAlias({ name, key, createdAt: now, updatedAt: now });
    return {};
  },
};

export const updateAlias: Operation = {
  authorizations: (store, input) => {
    const { name, key } = store.loadAlias(aliasName(input));
    const keys = new Set([key, targetKey(store, input)]);
    const keyQuestions = Array.from(keys, (affected) => askKey(store, 'kms:UpdateAlias', affected));
    return [askAlias(store, 'kms:UpdateAlias', name), ...keyQuestions];
  },
  run: async (store, input) => {
    const alias = store.loadAlias(aliasName(input));
    const key = targetKey(store, input);
    // The key that loses the alias may be waiting for deletion, the one that gains it may not (key state table, 10).
    requireNotPending(key);
    await store.putAlias({ ...alias, key, updatedAt: store.now() });
    return {};
  },
};

export const deleteAlias: Operation = {
  authorizations: (store, input) => {
    const { name, key } = store.loadAlias(aliasName(input));
    return [askAlias(store, 'kms:DeleteAlias', name), askKey(store, 'kms:DeleteAlias', key)];
  },
  run: async (store, input) => {
    await store.deleteAlias(store.loadAlias(aliasName(input)).name);
    return {};
  },
};

export const listAliases: Operation = {
  authorizations: () => [askAnywhere('kms:ListAliases')],
  run: (store, input) => {
    const identifier = optionalText(input, 'KeyId', { min: 1, max: 2048 });
    const key = identifier === undefined ? undefined : store.loadKey(identifier, 'key');
    const aliases = Array.from(store.aliases()).filter((alias) => key === undefined || alias.key === key);
    const { items, members } = takePage(input, aliases, (alias) => alias.name, { default: 50, max: 100 });
    const entries = items.map((alias) => ({
      AliasName: alias.name,
      AliasArn: kmsArn(store.placement, alias.name),
      TargetKeyId: alias.key.id,
      CreationDate: timestamp(alias.createdAt),
      LastUpdatedDate: timestamp(alias.updatedAt),
    }));
    return { Aliases: entries, ...members };
  },
};
