/**
 * CreateKey for asymmetric signing keys.
 * What AWS offers and nothing here uses (symmetric and HMAC keys, imported material, other usages, key stores,
 * multi-Region keys) is refused by name, so that nobody takes a key for something it is not.
 */
import { randomUUID } from 'node:crypto';
import { type AuthorizationRequest, AwsError, type JsonObject } from '../service.ts';
import { askAnywhere, requestTagConditions } from './authorization.ts';
import { flag, optionalChoice, optionalText, validationError } from './input.ts';
import { describeKey, type Key, kmsArn } from './key.ts';
import { generatePrivateKey, loadMaterial } from './key-pair.ts';
import { defaultKeyPolicy, type KeyPolicy, parsePolicy } from './key-policy.ts';
import { isSupportedSpec, KEY_SPEC_NAMES, type KeySpecName } from './key-specs.ts';
import type { KeyStore } from './key-store.ts';
import type { Operation } from './operation.ts';
import { addTags, parseTags } from './tags.ts';

const USAGES = ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'GENERATE_VERIFY_MAC', 'KEY_AGREEMENT', 'ENCAPSULATE_DECAPSULATE'];
const ORIGINS = ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE'];

function unsupported(message: string): AwsError {
  return new AwsError('UnsupportedOperationException', message);
}

function requestedSpec(input: JsonObject): string {
  const spec = optionalChoice(input, 'KeySpec', KEY_SPEC_NAMES);
  const former = optionalChoice(input, 'CustomerMasterKeySpec', KEY_SPEC_NAMES);
  if (spec !== undefined && former !== undefined) {
    throw validationError(
      'You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.',
    );
  }
  return spec ?? former ?? 'SYMMETRIC_DEFAULT';
}

/** The usage that the call gives, or the default, which exists for symmetric encryption keys only. */
function requestedUsage(input: JsonObject, spec: string): string {
  const usage = optionalChoice(input, 'KeyUsage', USAGES);
  if (usage === undefined && spec !== 'SYMMETRIC_DEFAULT') {
    throw validationError('You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.');
  }
  return usage ?? 'ENCRYPT_DECRYPT';
}

function signingSpec(spec: string, usage: string): KeySpecName {
  if (!isSupportedSpec(spec)) {
    throw unsupported(`The embedded KMS has signing keys only; it cannot create a key of spec ${spec}.`);
  }
  if (usage === 'SIGN_VERIFY') return spec;
  const alsoEncrypts = spec.startsWith('RSA_') && usage === 'ENCRYPT_DECRYPT';
  const alsoAgrees = spec.startsWith('ECC_NIST_P') && usage === 'KEY_AGREEMENT';
  if (alsoEncrypts || alsoAgrees) {
    throw unsupported(`The embedded KMS has signing keys only; it cannot create a ${spec} key for ${usage}.`);
  }
  throw validationError(`KeyUsage ${usage} is not compatible with KeySpec ${spec}.`);
}

function refuseForeignMaterial(input: JsonObject): void {
  const origin = optionalChoice(input, 'Origin', ORIGINS) ?? 'AWS_KMS';
  if (origin !== 'AWS_KMS') throw unsupported(`The embedded KMS has no keys of origin ${origin}.`);
  if (flag(input, 'MultiRegion')) throw unsupported('The embedded KMS has one Region, so no multi-Region keys.');
  for (const member of ['CustomKeyStoreId', 'XksKeyId']) {
    if (optionalText(input, member, { max: 128 }) !== undefined) {
      throw unsupported(`The embedded KMS has no custom key stores (${member}).`);
    }
  }
}

function requestedPolicy(store: KeyStore, input: JsonObject): KeyPolicy {
  const bypass = flag(input, 'BypassPolicyLockoutSafetyCheck');
  if (optionalText(input, 'Policy', { max: Number.MAX_SAFE_INTEGER }) !== undefined) return parsePolicy(input, bypass);
  return defaultKeyPolicy(store.placement.account);
}

/**
 * A CreateKey call with tags needs kms:TagResource as well, in an IAM policy "that isn't restricted to particular KMS
 * keys" (Developer Guide, "Controlling access to tags"). The key has no ARN yet, so the question names one that only
 * patterns such as `key/*` or `*` can match.
 */
function authorizations(store: KeyStore, input: JsonObject): readonly AuthorizationRequest[] {
  const spec = requestedSpec(input);
  const tags = requestTagConditions(parseTags(input));
  const create = askAnywhere('kms:CreateKey', {
    'kms:KeySpec': spec,
    'kms:KeyUsage': requestedUsage(input, spec),
    'kms:KeyOrigin': optionalChoice(input, 'Origin', ORIGINS) ?? 'AWS_KMS',
    'kms:MultiRegion': String(flag(input, 'MultiRegion')),
    'kms:BypassPolicyLockoutSafetyCheck': String(flag(input, 'BypassPolicyLockoutSafetyCheck')),
    ...tags,
  });
  if (Object.keys(tags).length === 0) return [create];
  return [create, { action: 'kms:TagResource', resource: kmsArn(store.placement, 'key/new-key'), context: tags }];
}

const run = (store: KeyStore, input: JsonObject): Promise<JsonObject> => makeKey(store, input, randomUUID());

/** Makes a key with this id, from the input of a CreateKey call. @throws AwsError for what the call would be refused for. */
export async function makeKey(store: KeyStore, input: JsonObject, id: string): Promise<JsonObject> {
  const requested = requestedSpec(input);
  const spec = signingSpec(requested, requestedUsage(input, requested));
  refuseForeignMaterial(input);
  const description = optionalText(input, 'Description', { max: 8192 }) ?? '';
  const policy = requestedPolicy(store, input);
  const tags = new Map<string, string>();
  addTags(tags, parseTags(input));
  const key: Key = {
    ...loadMaterial(spec, await generatePrivateKey(spec)),
    id,
    arn: kmsArn(store.placement, `key/${id}`),
    spec,
    description,
    createdAt: store.now(),
    tags,
    policy,
    isEnabled: true,
    deletionAt: undefined,
    lastUsage: undefined,
  };
  await store.addKey(key);
  return { KeyMetadata: describeKey(key, store.placement) };
}

export const createKey: Operation = { authorizations, run };
