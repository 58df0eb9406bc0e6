/** Signatures by KMS, in the form that JOSE wants. */

import { createHash } from 'node:crypto';
import { type KMSClient, SignCommand, type SigningAlgorithmSpec } from '@aws-sdk/client-kms';
import { algorithmFacts } from '../core/algorithms.ts';
import { ecdsaDerToRaw } from '../core/jws.ts';
import { KeyUnusable, Outage, type Signer } from '../ports.ts';
import { isAwsError } from './aws-clients.ts';

export const kmsSigner = (client: KMSClient): Signer => ({
  sign: async ({ keyArn }, algorithm, input) => {
    const { kms, ecdsaCoordinateBytes } = algorithmFacts(algorithm);
    const { message } = kms;
    const { Signature: signature } = await signOrSayWhyNot(() =>
      client.send(
        new SignCommand({
          KeyId: keyArn,
          SigningAlgorithm: kms.signingAlgorithm as SigningAlgorithmSpec,
          MessageType: message.type,
          Message: message.type === 'DIGEST' ? createHash(message.hash).update(input).digest() : bytesOf(input),
        }),
      ),
    );
    if (signature === undefined) throw new Outage('kms:Sign', new Error('no signature in the answer'));
    return ecdsaCoordinateBytes === undefined ? signature : ecdsaDerToRaw(signature, ecdsaCoordinateBytes);
  },
});

const bytesOf = (input: string | Uint8Array): Uint8Array =>
  typeof input === 'string' ? Buffer.from(input, 'utf8') : input;

const signOrSayWhyNot = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await call();
  } catch (error) {
    if (isAwsError(error, ...OUT_OF_USE)) throw new KeyUnusable('kms:Sign', error);
    throw new Outage('kms:Sign', error);
  }
};

/** KMS developer guide, "Key states of AWS KMS keys": what Sign answers for a key that is disabled, going, or gone. */
const OUT_OF_USE = ['DisabledException', 'KMSInvalidStateException', 'NotFoundException'];
