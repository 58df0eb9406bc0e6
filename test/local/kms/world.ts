/**
 * A KMS for tests: the embedded service behind the real SDK client, a clock that the test moves, and short words for
 * what most tests do. The handler does what the endpoint does: IAM's questions first, then the call.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  GetPublicKeyCommand,
  type KeySpec,
  KMSClient,
} from '@aws-sdk/client-kms';
import { EmbeddedKms } from '../../../local/kms/embedded-kms.ts';
import { AwsError, type JsonObject } from '../../../local/service.ts';

export const PLACEMENT = { region: 'eu-central-1', account: '111122223333' };
export const START = Date.UTC(2026, 0, 5, 12);
export const DAY = 86_400_000;

export interface World extends AsyncDisposable {
  readonly kms: EmbeddedKms;
  readonly client: KMSClient;
  /** Moves the clock forward by milliseconds. */
  advance(milliseconds: number): void;
  /** Creates a signing key and returns its id and ARN. */
  createKey(spec: KeySpec, input?: Omit<CreateKeyCommandInput, 'KeySpec'>): Promise<{ id: string; arn: string }>;
  /** What GetPublicKey answers, as a key. */
  publicKey(keyId: string): Promise<KeyObject>;
}

interface Request {
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

function requestText(body: unknown): string {
  return typeof body === 'string' ? body : Buffer.from(body instanceof Uint8Array ? body : []).toString();
}

async function answer(kms: EmbeddedKms, { headers, body }: Request) {
  const [prefix, operation = ''] = (headers['x-amz-target'] ?? '').split('.');
  if (prefix !== kms.targetPrefix || headers['content-type'] !== kms.contentType) throw new Error('not a KMS request');
  const input = JSON.parse(requestText(body)) as JsonObject;
  try {
    kms.authorizations(operation, input);
    return { statusCode: 200, content: await kms.call(operation, input) };
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return { statusCode: error.status, content: { __type: error.type, message: error.message, ...error.members } };
  }
}

function createClient(kms: EmbeddedKms): KMSClient {
  return new KMSClient({
    region: PLACEMENT.region,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'example' },
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: Request) => {
        const { statusCode, content } = await answer(kms, request);
        const headers = { 'content-type': kms.contentType };
        return { response: { statusCode, headers, body: new TextEncoder().encode(JSON.stringify(content)) } };
      },
    },
  });
}

export function openWorld(file?: string): World {
  let now = START;
  const kms = new EmbeddedKms({ placement: PLACEMENT, clock: () => now, ...(file !== undefined && { file }) });
  const client = createClient(kms);
  return {
    kms,
    client,
    advance: (milliseconds) => {
      now += milliseconds;
    },
    createKey: async (spec, input) => {
      const command = new CreateKeyCommand({ KeyUsage: 'SIGN_VERIFY', ...input, KeySpec: spec });
      const { KeyMetadata: { KeyId: id = '', Arn: arn = '' } = {} } = await client.send(command);
      return { id, arn };
    },
    publicKey: async (keyId) => {
      const { PublicKey = new Uint8Array() } = await client.send(new GetPublicKeyCommand({ KeyId: keyId }));
      return createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
    },
    [Symbol.asyncDispose]: () => kms.close(),
  };
}

/** The name of the exception with which a call fails; fails the test when it succeeds. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => 'no refusal',
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  );
}
