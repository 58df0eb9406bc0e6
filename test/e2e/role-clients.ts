/**
 * AWS clients with the permissions that the template gives to each function, against the embedded services: for what a function does
 * only after days, or only when a partner has done something first.
 */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { KMSClient } from '@aws-sdk/client-kms';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { readAssembly } from '../../local/assembly.ts';
import { type AwsCallRecord, AwsEndpoint } from '../../local/aws-endpoint.ts';
import { openDataServices } from '../../local/data-services.ts';
import { readFunctions } from '../../local/function-specs.ts';
import { readRoles } from '../../local/roles.ts';
import { Sessions } from '../../local/sessions.ts';
import { createResolver, placementOf } from '../../local/stack-resolver.ts';

export interface RoleClients {
  readonly environment: Readonly<Record<string, string>>;
  readonly kms: KMSClient;
  readonly documents: DynamoDBDocumentClient;
}

export interface Roles extends AsyncDisposable {
  /** @param role its name in the template, e.g. `RotateKeys`. */
  as(role: string): RoleClients;
  /** Every AWS call since the start. */
  readonly calls: readonly AwsCallRecord[];
}

/** @param now seconds since the epoch, for the keys and the tables. */
export const openRoles = async (assemblyDirectory: string, now: () => number): Promise<Roles> => {
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
  const running = started.move();
  const as = (role: string): RoleClients => {
    const environment = specs.find(({ logicalId }) => logicalId.startsWith(`Service${role}Function`))?.environment;
    if (environment === undefined) throw new Error(`the template has no function ${role}`);
    const clients = clientsOf(environment);
    running.defer(() => {
      clients.kms.destroy();
      clients.documents.destroy();
    });
    return { environment, ...clients };
  };
  return { as, calls, [Symbol.asyncDispose]: () => running.disposeAsync() };
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
