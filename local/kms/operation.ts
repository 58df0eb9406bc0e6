/** What an operation consists of, and the form that most share: one existing key, one question to IAM. */
import type { AuthorizationRequest, JsonObject } from '../service.ts';
import { askKey, type ConditionKeys } from './authorization.ts';
import { requiredText } from './input.ts';
import type { Key } from './key.ts';
import type { IdentifierForms, KeyStore } from './key-store.ts';

export interface Operation {
  /** Everything IAM must allow. @throws AwsError for input that the operation could not run on. */
  authorizations(store: KeyStore, input: JsonObject): readonly AuthorizationRequest[];
  /** @throws AwsError */
  run(store: KeyStore, input: JsonObject): JsonObject | Promise<JsonObject>;
}

export interface KeyCall {
  readonly store: KeyStore;
  readonly input: JsonObject;
  readonly key: Key;
}

interface KeyOperation {
  /** Forms of `KeyId` that the operation takes; without it a key id or key ARN. */
  readonly identifiers?: IdentifierForms;
  /** Condition keys that come from the request. */
  readonly conditions?: (input: JsonObject) => ConditionKeys;
  run(call: KeyCall): JsonObject | Promise<JsonObject>;
}

/** An identifier of a key, in whatever form: `KeyIdType` of the API model. */
export function keyIdentifier(input: JsonObject, member = 'KeyId'): string {
  return requiredText(input, member, { min: 1, max: 2048 });
}

/** The operation `name` on the key that `KeyId` names; it asks for `kms:<name>` on that key. */
export function keyOperation(name: string, { identifiers = 'key', conditions, run }: KeyOperation): Operation {
  return {
    authorizations: (store, input) => {
      const identifier = keyIdentifier(input);
      const key = store.loadKey(identifier, identifiers);
      const alias = identifiers === 'key-or-alias' ? store.aliasNameIn(identifier) : undefined;
      const requested = { ...conditions?.(input), ...(alias !== undefined && { 'kms:RequestAlias': alias }) };
      return [askKey(store, `kms:${name}`, key, requested)];
    },
    run: (store, input) => run({ store, input, key: store.loadKey(keyIdentifier(input), identifiers) }),
  };
}
