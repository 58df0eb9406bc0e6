/** Operations on a key's policy. They work in every key state (key state table of the Developer Guide). */
import { AwsError, type JsonObject } from '../service.ts';
import { flag, optionalText } from './input.ts';
import { parsePolicy } from './key-policy.ts';
import { keyOperation } from './operation.ts';

/** A key has one policy, and its name is `default`. */
function checkPolicyName(input: JsonObject): void {
  const name = optionalText(input, 'PolicyName', { min: 1, max: 128 }) ?? 'default';
  if (name !== 'default') throw new AwsError('NotFoundException', 'No such policy exists');
}

const bypassesLockoutCheck = (input: JsonObject) => flag(input, 'BypassPolicyLockoutSafetyCheck');

export const getKeyPolicy = keyOperation('GetKeyPolicy', {
  run: ({ input, key }) => {
    checkPolicyName(input);
    return { Policy: key.policy.text, PolicyName: 'default' };
  },
});

export const putKeyPolicy = keyOperation('PutKeyPolicy', {
  conditions: (input) => ({ 'kms:BypassPolicyLockoutSafetyCheck': String(bypassesLockoutCheck(input)) }),
  run: async ({ store, input, key }) => {
    checkPolicyName(input);
    key.policy = parsePolicy(input, bypassesLockoutCheck(input));
    await store.save();
    return {};
  },
});
