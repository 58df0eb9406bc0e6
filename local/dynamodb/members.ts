/**
 * Reading members of a request that dynalite's own rules do not cover: typed or refused, in DynamoDB's words.
 */
import type { Json, JsonObject } from '../service.ts';
import { constraintError, validationError } from './errors.ts';

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `transactItems.1.member.put` as the service spells paths: first letters small. */
export function pathOf(...names: readonly string[]): string {
  return names.map((name) => name.charAt(0).toLowerCase() + name.slice(1)).join('.');
}

export function requireObject(value: Json | undefined, path: string): JsonObject {
  if (value === undefined || value === null) throw constraintError(null, path, 'Member must not be null');
  if (!isObject(value)) throw validationError(`Unexpected value type in payload at '${path}'`);
  return value;
}

export function requireString(value: Json | undefined, path: string): string {
  if (value === undefined || value === null) throw constraintError(null, path, 'Member must not be null');
  if (typeof value !== 'string') throw validationError(`Unexpected value type in payload at '${path}'`);
  return value;
}

export function requireBoolean(value: Json | undefined, path: string): boolean {
  if (value === undefined || value === null) throw constraintError(null, path, 'Member must not be null');
  if (typeof value !== 'boolean') throw validationError(`Unexpected value type in payload at '${path}'`);
  return value;
}

export function requireList(value: Json | undefined, path: string): readonly Json[] {
  if (value === undefined || value === null) throw constraintError(null, path, 'Member must not be null');
  if (!Array.isArray(value)) throw validationError(`Unexpected value type in payload at '${path}'`);
  return value;
}

/** `undefined` when the member is absent. */
export function findEnum<Value extends string>(
  value: Json | undefined,
  path: string,
  allowed: readonly Value[],
): Value | undefined {
  if (value === undefined || value === null) return undefined;
  const known = allowed.find((candidate) => candidate === value);
  if (known === undefined) {
    throw constraintError(String(value), path, `Member must satisfy enum value set: [${allowed.join(', ')}]`);
  }
  return known;
}

/** A member that this engine does not act on is refused, never ignored: a test must not pass on a setting without effect. */
export function refuseUnknown(input: JsonObject, known: readonly string[], where: string): void {
  const unknown = Object.keys(input).find((member) => !known.includes(member));
  if (unknown !== undefined) {
    throw validationError(`The embedded DynamoDB does not support the member ${unknown} of ${where}`);
  }
}
