/** The operations that use a key pair: Sign, Verify and GetPublicKey. */
import { AwsError, type JsonObject } from '../service.ts';
import { flag, list, requiredBytes } from './input.ts';
import { requireEnabled } from './key.ts';
import { KEY_SPECS } from './key-specs.ts';
import { matchMessage, parseMessage, parseMessageKind } from './message.ts';
import { type KeyCall, keyOperation } from './operation.ts';

function messageConditions(input: JsonObject) {
  const { algorithmName, type } = parseMessageKind(input);
  return { 'kms:SigningAlgorithm': algorithmName, 'kms:MessageType': type };
}

/** There are no grants here, so nobody can hold a token of one. */
function refuseGrantTokens(input: JsonObject): void {
  if (list(input, 'GrantTokens').length > 0) {
    throw new AwsError('InvalidGrantTokenException', 'The embedded KMS issues no grant tokens.');
  }
}

/** A dry run gets this far only when every other check has passed. */
function refuseDryRun(input: JsonObject): void {
  if (flag(input, 'DryRun')) {
    throw new AwsError('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.');
  }
}

export const sign = keyOperation('Sign', {
  identifiers: 'key-or-alias',
  conditions: messageConditions,
  run: async ({ store, input, key }: KeyCall) => {
    const requested = parseMessage(input);
    refuseGrantTokens(input);
    requireEnabled(key);
    const message = matchMessage(key.spec, requested);
    refuseDryRun(input);
    const signature = await key.signer.sign(message);
    store.recordUsage(key, 'Sign');
    return { KeyId: key.arn, Signature: signature.toString('base64'), SigningAlgorithm: requested.algorithmName };
  },
});

export const verify = keyOperation('Verify', {
  identifiers: 'key-or-alias',
  conditions: messageConditions,
  run: async ({ store, input, key }: KeyCall) => {
    const requested = parseMessage(input);
    const signature = requiredBytes(input, 'Signature', { min: 1, max: 6144 });
    refuseGrantTokens(input);
    requireEnabled(key);
    const message = matchMessage(key.spec, requested);
    refuseDryRun(input);
    // AWS sends no message with this one.
    if (!(await key.signer.verify(message, signature))) throw new AwsError('KMSInvalidSignatureException', '');
    store.recordUsage(key, 'Verify');
    return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: requested.algorithmName };
  },
});

export const getPublicKey = keyOperation('GetPublicKey', {
  identifiers: 'key-or-alias',
  run: ({ input, key }) => {
    refuseGrantTokens(input);
    requireEnabled(key);
    return {
      KeyId: key.arn,
      PublicKey: key.publicKeyInfo,
      CustomerMasterKeySpec: key.spec,
      KeySpec: key.spec,
      KeyUsage: 'SIGN_VERIFY',
      SigningAlgorithms: [...KEY_SPECS[key.spec].algorithms],
    };
  },
});
