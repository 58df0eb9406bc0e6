/** New signing keys in KMS: created with the deployment's key policy and tags, described by their public half. */

import { createPublicKey } from 'node:crypto';
import { CreateKeyCommand, GetPublicKeyCommand, type KeySpec, type KMSClient } from '@aws-sdk/client-kms';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { KEY_TAGS } from '../config.ts';
import { algorithmFacts } from '../core/algorithms.ts';
import { type KeyMaker, Outage } from '../ports.ts';
import { callAws } from './aws-clients.ts';

export interface KeyMakerOptions {
  readonly client: KMSClient;
  /** Value of the deployment tag; IAM lets this deployment's functions reach no other key. */
  readonly deployment: string;
  /** JSON policy document. */
  readonly keyPolicy: string;
}

export const kmsKeyMaker = ({ client, deployment, keyPolicy }: KeyMakerOptions): KeyMaker => ({
  create: async (realm, algorithm) => {
    const created = await callAws('kms:CreateKey', () =>
      client.send(
        new CreateKeyCommand({
          KeySpec: algorithmFacts(algorithm).kms.keySpec as KeySpec,
          KeyUsage: 'SIGN_VERIFY',
          Description: `Countersign ${realm} ${algorithm}`,
          Policy: keyPolicy,
          Tags: [
            { TagKey: KEY_TAGS.deployment, TagValue: deployment },
            { TagKey: KEY_TAGS.realm, TagValue: realm },
            { TagKey: KEY_TAGS.algorithm, TagValue: algorithm },
          ],
        }),
      ),
    );
    const keyArn = created.KeyMetadata?.Arn;
    if (keyArn === undefined) throw new Outage('kms:CreateKey', new Error('no ARN in the answer'));
    const jwk = await publicJwk(client, keyArn);
    return { keyArn, jwk, kid: await calculateJwkThumbprint(jwk) };
  },
});

const publicJwk = async (client: KMSClient, keyArn: string): Promise<JWK> => {
  const { PublicKey: spki } = await callAws('kms:GetPublicKey', () =>
    client.send(new GetPublicKeyCommand({ KeyId: keyArn })),
  );
  if (spki === undefined) throw new Outage('kms:GetPublicKey', new Error('no key in the answer'));
  return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).export({ format: 'jwk' }) as JWK;
};
