/**
 * The embedded AWS services behind the functions: KMS, and DynamoDB with the tables that the template declares.
 */

import { join } from 'node:path';
import { EmbeddedDynamoDb } from './dynamodb/embedded-dynamodb.ts';
import { createTableFromTemplate } from './dynamodb/table-template.ts';
import { EmbeddedKms } from './kms/embedded-kms.ts';
import type { Clock, EmbeddedService, Placement } from './service.ts';
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

/** @throws StartError when the directory cannot be used or a declared table cannot be had. */
export async function openDataServices(resolver: Resolver, options: DataServicesOptions): Promise<DataServices> {
  const { placement, clock, directory } = options;
  await using opened = new AsyncDisposableStack();
  const inDirectory = `cannot use the data directory ${directory}`;
  const kept = directory === undefined ? {} : { file: join(directory, 'kms.json') };
  const kms = await orStartError(inDirectory, () => new EmbeddedKms({ placement, clock, ...kept }));
  opened.defer(() => kms.close());
  const tables = directory === undefined ? {} : { directory: join(directory, 'dynamodb') };
  const dynamodb = await orStartError(inDirectory, () => EmbeddedDynamoDb.open({ placement, clock, ...tables }));
  opened.defer(() => dynamodb.close());
  for (const [logicalId] of resolver.resources('AWS::DynamoDB::GlobalTable')) {
    const name = resolver.values(logicalId, logicalId).ref;
    const properties = resolver.properties(logicalId);
    await orStartError(logicalId, () => createTableFromTemplate(dynamodb, properties, name));
  }
  const running = opened.move();
  return {
    services: [kms, dynamodb],
    sweep: async () => void (await dynamodb.sweep()),
    close: () => running.disposeAsync(),
  };
}

async function orStartError<T>(what: string, attempt: () => T | Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    throw new StartError(`${what}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}
