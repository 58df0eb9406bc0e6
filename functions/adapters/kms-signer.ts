/** Signatures by KMS, in the form that JOSE wants. */

import { createHash } from 'node:crypto';
import { type KMSClient, SignCommand, type SigningAlgorithmSpec } from '@aws-sdk/client-kms';
import { algorithmFacts } from '../core/algorithms.ts';
import { ecdsaDerToRaw } from '../core/jws.ts';
import { Outage, type Signer } from '../ports.ts';
import { callAws } from './aws-clients.ts';

export const kmsSigner = (client: KMSClient): Signer => ({
  sign: async ({ keyArn }, algorithm, input) => {
    const { kms, ecdsaCoordinateBytes } = algorithmFacts(algorithm);
    const { message } = kms;
    const { Signature: signature } = await callAws('kms:Sign', () =>
      client.send(
        new SignCommand({
          KeyId: keyArn,
          SigningAlgorithm: kms.signingAlgorithm as SigningAlgorithmSpec,
          MessageType: message.type,
          Message: message.type === 'DIGEST' ? createHash(message.hash).update(input).digest() : Buffer.from(input),
        }),
      ),
    );
    if (signature === undefined) throw new Outage('kms:Sign', new Error('no signature in the answer'));
    return ecdsaCoordinateBytes === undefined ? signature : ecdsaDerToRaw(signature, ecdsaCoordinateBytes);
  },
});
