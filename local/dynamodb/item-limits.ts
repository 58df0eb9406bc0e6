/**
 * Limits of one item that dynalite counts in characters or does not know: DynamoDB counts UTF-8 bytes
 * (Developer Guide, "DynamoDB item sizes and formats") and takes no empty string as the key of an index.
 */
import type { Json, JsonObject } from '../service.ts';
import { validationError } from './errors.ts';
import type { Table } from './tables.ts';

export const MAX_ITEM_BYTES = 400 * 1024;

const MAX_KEY_BYTES = { HASH: 2048, RANGE: 1024 } as const;

export function itemBytes(item: JsonObject): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item)) bytes += Buffer.byteLength(name) + valueBytes(value);
  return bytes;
}

/** `value` is an attribute value: one member, named by its type. */
function valueBytes(value: Json | undefined): number {
  if (typeof value !== 'object' || value === null) return 0;
  const [type, content] = Object.entries(value)[0] ?? [];
  return contentBytes(type, content);
}

function contentBytes(type: string | undefined, content: Json | undefined): number {
  if (typeof content === 'string') {
    if (type === 'N') return numberBytes(content);
    return type === 'B' ? Buffer.byteLength(content, 'base64') : Buffer.byteLength(content);
  }
  if (typeof content !== 'object' || content === null) return 1;
  if (type === 'M') return 3 + itemBytes(content as JsonObject) + Object.keys(content).length;
  const elements = Array.isArray(content) ? content : [];
  if (type === 'L') return 3 + elements.reduce<number>((sum, element) => sum + 1 + valueBytes(element), 0);
  return elements.reduce<number>((sum, element) => sum + contentBytes(type?.charAt(0), element), 0);
}

// About one byte for two significant digits, and one more; one for the sign.
function numberBytes(number: string): number {
  const digits = number.replace(/e.*$/i, '').replace(/^-?0*\.?0*|[.]|\.?0+$/g, '');
  return Math.ceil(digits.length / 2) + 1 + (number.startsWith('-') ? 1 : 0);
}

/**
 * @param change how the item came about; the wording depends on it.
 * @throws AwsError ValidationException
 */
export function checkItem(item: JsonObject, table: Table, change: 'put' | 'update'): void {
  if (itemBytes(item) > MAX_ITEM_BYTES) {
    const what = change === 'put' ? 'Item size has' : 'Item size to update has';
    throw validationError(`${what} exceeded the maximum allowed size`);
  }
  checkIndexKeys(item, table, change);
}

function checkIndexKeys(item: JsonObject, table: Table, change: 'put' | 'update'): void {
  for (const index of [...(table.GlobalSecondaryIndexes ?? []), ...(table.LocalSecondaryIndexes ?? [])]) {
    for (const { AttributeName: name, KeyType: role } of index.KeySchema) {
      const bytes = keyBytes(item[name]);
      if (bytes === 0) throw validationError(emptyIndexKey(index.IndexName, name, change));
      if (bytes !== undefined && bytes > MAX_KEY_BYTES[role]) {
        throw validationError(
          `One or more parameter values were invalid: Size of ${role === 'HASH' ? 'hashkey' : 'rangekey'} has exceeded ` +
            `the maximum size limit of ${MAX_KEY_BYTES[role]} bytes. IndexName: ${index.IndexName}, IndexKey: ${name}`,
        );
      }
    }
  }
}

function keyBytes(value: Json | undefined): number | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (typeof value.S === 'string') return Buffer.byteLength(value.S);
  if (typeof value.B === 'string') return Buffer.byteLength(value.B, 'base64');
  return undefined;
}

function emptyIndexKey(index: string, attribute: string, change: 'put' | 'update'): string {
  const empty = 'The AttributeValue for a key attribute cannot contain an empty string value.';
  return change === 'put'
    ? `One or more parameter values are not valid. A value specified for a secondary index key is not supported. ${empty} IndexName: ${index}, IndexKey: ${attribute}`
    : `One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. ${empty}`;
}
