/**
 * What a template says of a table, read from the resolved Properties of AWS::DynamoDB::GlobalTable (CDK's TableV2) or
 * AWS::DynamoDB::Table. A property that is not known here is refused by name: nothing is assumed of what it would do.
 */
import type { Json, JsonObject, Placement } from '../service.ts';
import { isObject } from './members.ts';

/** A table as declared, in the words of the API's requests. */
export interface DeclaredTable {
  /** Of CreateTable, without settings that an existing table can change. */
  readonly structure: JsonObject;
  readonly deletionProtection: boolean;
  /** `SSESpecification` of the API. */
  readonly encryption: JsonObject;
  readonly tags: readonly Json[];
  /** The TTL attribute. */
  readonly timeToLive: string | undefined;
  /** `PointInTimeRecoverySpecification` of the API. */
  readonly recovery: JsonObject;
}

const STRUCTURE = [
  'AttributeDefinitions',
  'KeySchema',
  'GlobalSecondaryIndexes',
  'LocalSecondaryIndexes',
  'BillingMode',
];
const SHARED = [...STRUCTURE, 'TableName', 'TimeToLiveSpecification', 'SSESpecification'];
const SETTINGS = ['PointInTimeRecoverySpecification', 'DeletionProtectionEnabled', 'Tags'];

/**
 * @param name the physical name that the table gets here.
 * @throws Error naming the property that is unknown or that cannot be had here.
 */
export function parseTableProperties(properties: JsonObject, name: string, placement: Placement): DeclaredTable {
  const isGlobal = properties.Replicas !== undefined;
  const settings = isGlobal ? parseReplica(properties, placement) : properties;
  refuse(properties, [...SHARED, ...(isGlobal ? ['Replicas'] : [...SETTINGS, 'ProvisionedThroughput'])], name);
  if (properties.TableName !== undefined && properties.TableName !== name) {
    throw new Error(`${name}: property TableName says ${String(properties.TableName)}`);
  }
  if (isGlobal && properties.BillingMode !== 'PAY_PER_REQUEST') {
    throw new Error(`${name}: property BillingMode must be PAY_PER_REQUEST for a global table here`);
  }
  checkIndexes(properties, name, isGlobal);
  return {
    structure: pick(properties, [...STRUCTURE, 'ProvisionedThroughput']),
    deletionProtection: flag(settings.DeletionProtectionEnabled, `${name}.DeletionProtectionEnabled`),
    encryption: parseEncryption(properties.SSESpecification, settings, `${name}.SSESpecification`),
    tags: parseTagList(settings.Tags, `${name}.Tags`),
    timeToLive: parseTimeToLive(properties.TimeToLiveSpecification, `${name}.TimeToLiveSpecification`),
    recovery: parseRecovery(settings.PointInTimeRecoverySpecification, `${name}.PointInTimeRecoverySpecification`),
  };
}

function parseReplica(properties: JsonObject, placement: Placement): JsonObject {
  const replicas = properties.Replicas;
  const [replica, ...others] = Array.isArray(replicas) ? replicas : [];
  if (!isObject(replica) || others.length > 0) throw new Error('Replicas: exactly one replica can be had here');
  if (replica.Region !== placement.region) {
    throw new Error(`Replicas[0].Region: ${JSON.stringify(replica.Region)} is not ${placement.region}`);
  }
  refuse(replica, ['Region', 'GlobalSecondaryIndexes', 'SSESpecification', ...SETTINGS], 'Replicas[0]');
  // CDK repeats the indexes by name for settings of a replica's own, of which there must be none.
  for (const [at, index] of list(replica.GlobalSecondaryIndexes, 'Replicas[0].GlobalSecondaryIndexes').entries()) {
    refuse(object(index, 'an index of a replica'), ['IndexName'], `Replicas[0].GlobalSecondaryIndexes[${at}]`);
  }
  return replica;
}

function checkIndexes(properties: JsonObject, name: string, isGlobal: boolean): void {
  for (const kind of ['GlobalSecondaryIndexes', 'LocalSecondaryIndexes'] as const) {
    for (const [at, value] of list(properties[kind], `${name}.${kind}`).entries()) {
      const where = `${name}.${kind}[${at}]`;
      const index = object(value, where);
      const provisioned = !isGlobal && kind === 'GlobalSecondaryIndexes' ? ['ProvisionedThroughput'] : [];
      refuse(index, ['IndexName', 'KeySchema', 'Projection', ...provisioned], where);
      refuse(
        object(index.Projection, `${where}.Projection`),
        ['ProjectionType', 'NonKeyAttributes'],
        `${where}.Projection`,
      );
    }
  }
}

function parseEncryption(value: Json | undefined, settings: JsonObject, where: string): JsonObject {
  if (value === undefined) return { Enabled: false };
  const specification = object(value, where);
  refuse(specification, ['SSEEnabled', 'SSEType', 'KMSMasterKeyId'], where);
  const own =
    settings.SSESpecification === value ? {} : object(settings.SSESpecification ?? {}, `${where} of the replica`);
  refuse(own, ['KMSMasterKeyId'], `${where} of the replica`);
  const key = specification.KMSMasterKeyId ?? own.KMSMasterKeyId;
  return {
    Enabled: flag(specification.SSEEnabled, `${where}.SSEEnabled`),
    ...(specification.SSEType === undefined ? {} : { SSEType: specification.SSEType }),
    ...(key === undefined ? {} : { KMSMasterKeyId: key }),
  };
}

function parseTagList(value: Json | undefined, where: string): readonly Json[] {
  const tags = list(value, where);
  for (const [at, tag] of tags.entries()) refuse(object(tag, `${where}[${at}]`), ['Key', 'Value'], `${where}[${at}]`);
  return tags;
}

function parseTimeToLive(value: Json | undefined, where: string): string | undefined {
  if (value === undefined) return undefined;
  const specification = object(value, where);
  refuse(specification, ['AttributeName', 'Enabled'], where);
  if (!flag(specification.Enabled, `${where}.Enabled`)) return undefined;
  const attribute = specification.AttributeName;
  if (typeof attribute !== 'string') throw new Error(`${where}.AttributeName must be a string`);
  return attribute;
}

function parseRecovery(value: Json | undefined, where: string): JsonObject {
  const specification = object(value ?? {}, where);
  refuse(specification, ['PointInTimeRecoveryEnabled', 'RecoveryPeriodInDays'], where);
  const enabled = flag(specification.PointInTimeRecoveryEnabled, `${where}.PointInTimeRecoveryEnabled`);
  const days = specification.RecoveryPeriodInDays;
  return { PointInTimeRecoveryEnabled: enabled, ...(days === undefined ? {} : { RecoveryPeriodInDays: days }) };
}

function refuse(given: JsonObject, known: readonly string[], where: string): void {
  const unknown = Object.keys(given).find((property) => !known.includes(property));
  if (unknown !== undefined) throw new Error(`${where}: the embedded DynamoDB does not know the property ${unknown}`);
}

function pick(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
}

function object(value: Json | undefined, where: string): JsonObject {
  if (!isObject(value)) throw new Error(`${where} must be an object`);
  return value;
}

function list(value: Json | undefined, where: string): readonly Json[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`${where} must be a list`);
  return value;
}

function flag(value: Json | undefined, where: string): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw new Error(`${where} must be true or false`);
  return value;
}
