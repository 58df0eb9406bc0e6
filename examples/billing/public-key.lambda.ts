/**
 * Tells CloudFormation the public key of a KMS key, as the members of a JWK (RFC 7518 6.2.1).
 * Source: CloudFormation user guide, "Custom resource response objects".
 */

import { createPublicKey } from 'node:crypto';
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import type { CloudFormationCustomResourceEvent } from 'aws-lambda';

const kms = new KMSClient();

const readKey = async (KeyId: string) => {
  const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
  const der = Buffer.from(PublicKey ?? []);
  const { x, y } = createPublicKey({ key: der, format: 'der', type: 'spki' }).export({ format: 'jwk' });
  return { x, y };
};

const answerTo = async (event: CloudFormationCustomResourceEvent): Promise<object> => {
  try {
    const Data = event.RequestType === 'Delete' ? {} : await readKey(String(event.ResourceProperties.KeyArn));
    return { Status: 'SUCCESS', Data };
  } catch (error) {
    return { Status: 'FAILED', Reason: String(error) };
  }
};

export const handler = async (event: CloudFormationCustomResourceEvent): Promise<void> => {
  const { StackId, RequestId, LogicalResourceId, ResponseURL } = event;
  const PhysicalResourceId = String(event.ResourceProperties.KeyArn);
  const answer = { StackId, RequestId, LogicalResourceId, PhysicalResourceId, ...(await answerTo(event)) };
  const { ok, status } = await fetch(ResponseURL, { method: 'PUT', body: JSON.stringify(answer) });
  if (!ok) throw new Error(`CloudFormation answered ${status}`);
};
