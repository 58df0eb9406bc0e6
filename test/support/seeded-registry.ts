/**
 * A run directory whose registry already holds many rows, written as the admin function would write them: for tests of what a
 * service does that has been in use for years.
 */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { readAssembly } from '../../local/assembly.ts';
import { AwsEndpoint } from '../../local/aws-endpoint.ts';
import { openDataServices } from '../../local/data-services.ts';
import { readFunctions } from '../../local/function-specs.ts';
import { readRoles } from '../../local/roles.ts';
import { Sessions } from '../../local/sessions.ts';
import { createResolver, placementOf } from '../../local/stack-resolver.ts';

/** DynamoDB takes so many writes in one transaction. */
const BATCH = 100;

/** @param directory empty; to be given to the deployment as its `dataDirectory`. */
export const seedRegistry = async (
  assemblyDirectory: string,
  directory: string,
  rows: readonly Readonly<Record<string, unknown>>[],
): Promise<void> => {
  await using registry = await openRegistry(assemblyDirectory, directory);
  const { documents, table } = registry;
  for (let from = 0; from < rows.length; from += BATCH) {
    const items = rows.slice(from, from + BATCH).map((row) => ({ Put: { TableName: table, Item: { ...row } } }));
    await documents.send(new TransactWriteCommand({ TransactItems: items }));
  }
};

interface OpenRegistry extends AsyncDisposable {
  readonly documents: DynamoDBDocumentClient;
  readonly table: string;
}

/** The registry in that directory, as the admin function may use it. To be closed before a deployment gets the directory. */
const openRegistry = async (assemblyDirectory: string, directory: string): Promise<OpenRegistry> => {
  await using started = new AsyncDisposableStack();
  const assembly = readAssembly(assemblyDirectory);
  const placement = placementOf(assembly);
  const resolver = createResolver(assembly, placement, 'http://localhost');
  const sessions = new Sessions(readRoles(resolver), placement);
  const data = await openDataServices(resolver, { placement, clock: Date.now, directory });
  started.defer(() => data.close());
  const aws = new AwsEndpoint({
    services: data.services,
    principals: sessions.principals,
    clock: Date.now,
    region: placement.region,
  });
  const awsUrl = await aws.listen();
  started.defer(() => aws.close());
  const specs = readFunctions(resolver, {
    ...placement,
    assembly,
    awsUrl,
    assume: (role, name, logicalId) => sessions.assumeForFunction(role, name, logicalId),
  });
  const environment = specs.find(({ logicalId }) => logicalId.startsWith('ServiceAdminFunction'))?.environment ?? {};
  const documents = DynamoDBDocumentClient.from(
    new DynamoDBClient({
      endpoint: awsUrl.href,
      region: placement.region,
      credentials: {
        accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
        secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
        sessionToken: environment.AWS_SESSION_TOKEN ?? '',
      },
    }),
  );
  started.defer(() => documents.destroy());
  const running = started.move();
  return {
    documents,
    table: environment.REGISTRY_TABLE ?? '',
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};
