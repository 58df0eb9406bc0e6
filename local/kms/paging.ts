/** Pages of the list operations: Limit and Marker in, Truncated and NextMarker out. */
import { AwsError, type JsonObject } from '../service.ts';
import { optionalInteger, optionalText } from './input.ts';

interface Page<T> {
  readonly items: readonly T[];
  /** The members of the answer that speak of further pages. */
  readonly members: { readonly Truncated: boolean; readonly NextMarker?: string };
}

const PREFIX = 'after:';

/**
 * The page of `items` that a call asks for, in the order of their names, so that what is added or deleted between
 * two calls neither repeats nor hides another item.
 * @throws AwsError InvalidMarkerException for a marker that no answer gave out.
 */
export function takePage<T>(
  input: JsonObject,
  items: Iterable<T>,
  nameOf: (item: T) => string,
  limits: { readonly default: number; readonly max: number },
): Page<T> {
  const limit = optionalInteger(input, 'Limit', { min: 1, max: limits.max }) ?? limits.default;
  const marker = optionalText(input, 'Marker', { min: 1, max: 1024 });
  const after = marker === undefined ? '' : readMarker(marker);
  const rest = [...items].filter((item) => nameOf(item) > after).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const taken = rest.slice(0, limit);
  const last = taken.at(-1);
  if (rest.length === taken.length || last === undefined) return { items: taken, members: { Truncated: false } };
  const next = Buffer.from(PREFIX + nameOf(last)).toString('base64url');
  return { items: taken, members: { Truncated: true, NextMarker: next } };
}

function readMarker(marker: string): string {
  const text = Buffer.from(marker, 'base64url').toString();
  if (text.startsWith(PREFIX) && Buffer.from(text).toString('base64url') === marker) return text.slice(PREFIX.length);
  throw new AwsError('InvalidMarkerException', 'The marker is not one that an earlier answer gave out.');
}
