/**
 * Key rotation under the permissions of one of the functions, at any time: the real flow and adapters in this process, with
 * credentials of the function's role, against the embedded services. For what a function does only after days.
 */

import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { dynamoRingStore } from '../../functions/adapters/dynamo-ring-store.ts';
import { kmsKeyVault } from '../../functions/adapters/kms-key-vault.ts';
import { kmsSigner } from '../../functions/adapters/kms-signer.ts';
import type { RotationPolicy } from '../../functions/core/key-ring.ts';
import { type RotateKeys, rotateKeys } from '../../functions/flows/rotate-keys.ts';
import type { RingStore } from '../../functions/ports.ts';
import { readAssembly } from '../../local/assembly.ts';
import { type AwsCallRecord, AwsEndpoint } from '../../local/aws-endpoint.ts';
import { openDataServices } from '../../local/data-services.ts';
import { readFunctions } from '../../local/function-specs.ts';
import { readRoles } from '../../local/roles.ts';
import { Sessions } from '../../local/sessions.ts';
import { createResolver, placementOf } from '../../local/stack-resolver.ts';

export interface RoleSession extends AsyncDisposable {
  readonly rotate: RotateKeys;
  readonly rings: RingStore;
  /** Every AWS call since the start. */
  readonly calls: readonly AwsCallRecord[];
}

/**
 * @param role its name in the template, e.g. `RotateKeys`.
 * @param now seconds since the epoch, for the flow, the keys and the tables alike.
 */
export const openRoleSession = async (
  assemblyDirectory: string,
  role: string,
  policy: RotationPolicy,
  now: () => number,
): Promise<RoleSession> => {
  await using started = new AsyncDisposableStack();
  const assembly = readAssembly(assemblyDirectory);
  const placement = placementOf(assembly);
  const resolver = createResolver(assembly, placement, 'http://localhost');
  const sessions = new Sessions(readRoles(resolver), placement);
  const data = await openDataServices(resolver, { placement, clock: () => now() * 1_000, directory: undefined });
  started.defer(() => data.close());
  const calls: AwsCallRecord[] = [];
  const aws = new AwsEndpoint({
    services: data.services,
    principals: sessions.principals,
    clock: Date.now,
    region: placement.region,
    observe: (call) => calls.push(call),
  });
  const awsUrl = await aws.listen();
  started.defer(() => aws.close());
  const specs = readFunctions(resolver, {
    ...placement,
    assembly,
    awsUrl,
    assume: (roleArn, name, logicalId) => sessions.assumeForFunction(roleArn, name, logicalId),
  });
  const environment = specs.find(({ logicalId }) => logicalId.startsWith(`Service${role}Function`))?.environment;
  if (environment === undefined) throw new Error(`the template has no function ${role}`);
  const clients = clientsOf(environment);
  started.defer(() => {
    clients.kms.destroy();
    clients.documents.destroy();
  });
  const rings = dynamoRingStore(clients.documents, environment.REGISTRY_TABLE ?? '');
  const ports = {
    rings,
    vault: kmsKeyVault({
      client: clients.kms,
      deployment: environment.DEPLOYMENT ?? '',
      keyPolicy: environment.KEY_POLICY ?? '',
      patienceMs: 0,
    }),
    signer: kmsSigner(clients.kms),
    published: { name: async () => true },
    clock: { now },
    ids: { next: () => randomUUID() },
  };
  const rotate = rotateKeys(ports, { realm: 'default', algorithms: ['ES256'], policy });
  const running = started.move();
  return { rotate, rings, calls, [Symbol.asyncDispose]: () => running.disposeAsync() };
};

const clientsOf = (environment: Readonly<Record<string, string>>) => {
  const options = {
    endpoint: environment.AWS_ENDPOINT_URL ?? '',
    region: environment.AWS_REGION ?? '',
    maxAttempts: 1,
    credentials: {
      accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
      sessionToken: environment.AWS_SESSION_TOKEN ?? '',
    },
  };
  const documents = DynamoDBDocumentClient.from(new DynamoDBClient(options), {
    marshallOptions: { removeUndefinedValues: true },
  });
  return { kms: new KMSClient(options), documents };
};
