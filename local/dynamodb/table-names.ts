/**
 * Tables may be named by name or by ARN (DynamoDB API Reference, `TableName`); inside there are only names.
 */
import type { Json, JsonObject, Placement } from '../service.ts';
import { tableNotFound, validationError } from './errors.ts';

const TABLE_ARN = /^arn:[^:]+:dynamodb:([^:]+):([^:]+):table\/([^/]+)$/;

export function tableArn(name: string, placement: Placement): string {
  return `arn:aws:dynamodb:${placement.region}:${placement.account}:table/${name}`;
}

/** The ARN of the table that `nameOrArn` means, wherever that is. */
export function arnOf(nameOrArn: string, placement: Placement): string {
  return nameOrArn.startsWith('arn:') ? nameOrArn : tableArn(nameOrArn, placement);
}

/** @throws AwsError for the ARN of a table that lives elsewhere. */
export function localName(nameOrArn: string, placement: Placement): string {
  if (!nameOrArn.startsWith('arn:')) return nameOrArn;
  const [, region, account, name] = TABLE_ARN.exec(nameOrArn) ?? [];
  if (name === undefined)
    throw validationError(
      `Invalid table/index name. Table/index names must be between 3 and 255 characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'`,
    );
  if (region !== placement.region || account !== placement.account) throw tableNotFound();
  return name;
}

/** The request with its `TableName` as a plain name. Anything that is no string is left to the request's own validation. */
export function withLocalName(input: JsonObject, placement: Placement): JsonObject {
  const name: Json | undefined = input.TableName;
  if (typeof name !== 'string' || !name.startsWith('arn:')) return input;
  return { ...input, TableName: localName(name, placement) };
}
