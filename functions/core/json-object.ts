/** An object of parsed JSON of which nothing is known yet but that it is one. */

export type JsonObject = Readonly<Record<string, unknown>>;

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What objects of JavaScript have of themselves: readers that copy members together would take them for that. */
export const OBJECT_MEMBERS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** A member's name as a token of a JSON pointer (RFC 6901 3), with at most 128 characters of it. */
export const pointerToken = (name: string): string => name.slice(0, 128).replaceAll('~', '~0').replaceAll('/', '~1');

/** One text for one value, whatever order its members were given in. */
export const canonicalJson = (value: unknown): string => JSON.stringify(value, sortedMembers);

const sortedMembers = (_name: string, value: unknown): unknown =>
  isJsonObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
