/**
 * The questions that KMS asks IAM, with the condition keys that it supplies.
 * Source: KMS Developer Guide, "AWS KMS permissions" (the table) and "AWS KMS condition keys". Only keys that the
 * real service supplies are here, so that a condition on any other fails as it does in AWS. `kms:CallerAccount`
 * speaks of the caller, whom only the endpoint knows.
 */
import type { AuthorizationRequest } from '../service.ts';
import { type Key, kmsArn } from './key.ts';
import type { KeyStore } from './key-store.ts';

export type ConditionKeys = Readonly<Record<string, string | readonly string[]>>;

/** A question about an existing key. Its own policy takes part in the answer. */
export function askKey(
  store: KeyStore,
  action: string,
  key: Key,
  conditions: ConditionKeys = {},
): AuthorizationRequest {
  return {
    action,
    resource: key.arn,
    context: { ...keyConditions(store, key), ...conditions },
    resourcePolicy: key.policy.document,
  };
}

/** A question about an alias. Aliases have no policy and supply no condition keys. */
export function askAlias(store: KeyStore, action: string, name: string): AuthorizationRequest {
  return { action, resource: kmsArn(store.placement, name), context: {} };
}

/** A question of an action that takes no resource. */
export function askAnywhere(action: string, conditions: ConditionKeys = {}): AuthorizationRequest {
  return { action, resource: '*', context: conditions };
}

function keyConditions(store: KeyStore, key: Key): ConditionKeys {
  const aliases = Array.from(store.aliases()).filter((alias) => alias.key === key);
  return {
    'kms:KeySpec': key.spec,
    'kms:KeyUsage': 'SIGN_VERIFY',
    'kms:KeyOrigin': 'AWS_KMS',
    'kms:MultiRegion': 'false',
    ...(aliases.length > 0 && { 'kms:ResourceAliases': aliases.map((alias) => alias.name) }),
    ...Object.fromEntries(Array.from(key.tags, ([tag, value]) => [`aws:ResourceTag/${tag}`, value])),
  };
}

/** The condition keys of a request that carries tags; none where it carries no tags. */
export function requestTagConditions(tags: ReadonlyMap<string, string>): ConditionKeys {
  if (tags.size === 0) return {};
  return {
    'aws:TagKeys': [...tags.keys()],
    ...Object.fromEntries(Array.from(tags, ([tag, value]) => [`aws:RequestTag/${tag}`, value])),
  };
}
