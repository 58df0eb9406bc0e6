/**
 * The embedded AWS services behind the functions: KMS and DynamoDB, with the keys and tables that the templates declare.
 */

import { join } from 'node:path';
import { EmbeddedDynamoDb } from './dynamodb/embedded-dynamodb.ts';
import { createTableFromTemplate } from './dynamodb/table-template.ts';
import { EmbeddedKms } from './kms/embedded-kms.ts';
import { createKeyFromTemplate } from './kms/key-template.ts';
import type { Clock, EmbeddedService, JsonObject, Placement } from './service.ts';
import { StartError } from './start-error.ts';
import type { Resolver } from './template/resolver.ts';

export interface DataServices {
  readonly services: readonly EmbeddedService[];
  /** Deletes the items whose time to live has passed. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export interface DataServicesOptions {
  readonly placement: Placement;
  readonly clock: Clock;
  /** Where keys and tables are kept; in memory when undefined. */
  readonly directory: string | undefined;
}

/**
 * @param resolvers of the stacks; or of the only one.
 * @throws StartError when the directory cannot be used, or a declared table or key cannot be had.
 */
export async function openDataServices(
  resolvers: Resolver | readonly Resolver[],
  options: DataServicesOptions,
): Promise<DataServices> {
  const { placement, clock, directory } = options;
  await using opened = new AsyncDisposableStack();
  const inDirectory = `cannot use the data directory ${directory}`;
  const kept = directory === undefined ? {} : { file: join(directory, 'kms.json') };
  const kms = await orStartError(inDirectory, () => new EmbeddedKms({ placement, clock, ...kept }));
  opened.defer(() => kms.close());
  const tables = directory === undefined ? {} : { directory: join(directory, 'dynamodb') };
  const dynamodb = await orStartError(inDirectory, () => EmbeddedDynamoDb.open({ placement, clock, ...tables }));
  opened.defer(() => dynamodb.close());
  for (const resolver of [resolvers].flat()) {
    await forEach(resolver, 'AWS::DynamoDB::GlobalTable', (properties, name) =>
      createTableFromTemplate(dynamodb, properties, name),
    );
    await forEach(resolver, 'AWS::KMS::Key', (properties, id) => createKeyFromTemplate(kms, properties, id));
  }
  const running = opened.move();
  return {
    services: [kms, dynamodb],
    sweep: async () => void (await dynamodb.sweep()),
    close: () => running.disposeAsync(),
  };
}

/** Makes every resource of a type, by its resolved properties and its `Ref`. */
async function forEach(
  resolver: Resolver,
  type: string,
  make: (properties: JsonObject, ref: string) => Promise<void>,
): Promise<void> {
  for (const [logicalId] of resolver.resources(type)) {
    const { ref } = resolver.values(logicalId, logicalId);
    const properties = resolver.properties(logicalId);
    await orStartError(logicalId, () => make(properties, ref));
  }
}

async function orStartError<T>(what: string, attempt: () => T | Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    throw new StartError(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
