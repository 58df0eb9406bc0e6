/**
 * Values of options that several commands take: read, checked and collected. A wrong one is a usage error that says what it should be.
 */
import { InvalidArgumentError } from 'commander';
import { parseJson } from './http.ts';

type Texts = Readonly<Record<string, string>>;
type Json = Readonly<Record<string, unknown>>;

/** Parser of an option that may be repeated and may hold several words: `--scope a --scope "b c"`. */
export function collectWords(value: string, previous: readonly string[] | undefined): readonly string[] {
  const words = value.split(/\s+/).filter((word) => word !== '');
  return [...new Set([...(previous ?? []), ...words])];
}

/** Parser of an option that may be repeated and is taken as it is, such as a file name. */
export function collectValues(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** Parser of an option that may be repeated, for words of a list. */
export const collectChoices =
  (choices: readonly string[]) =>
  (value: string, previous: readonly string[] | undefined): readonly string[] => {
    if (!choices.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
    return [...new Set([...(previous ?? []), value])];
  };

/** `team=payments`, repeated. */
export function collectPairs(value: string, previous: Texts | undefined): Texts {
  const [name, text] = splitPair(value, 'Write NAME=VALUE.');
  return addOnce(name, text, previous);
}

/** `region="eu"` or `limits={"max":3}`, repeated. */
export function collectJsonPairs(value: string, previous: Json | undefined): Json {
  const [name, text] = splitPair(value, 'Write NAME=JSON.');
  const json = parseJson(text);
  if (json === undefined) {
    throw new InvalidArgumentError(
      `The value of ${name} is not JSON; text goes in double quotes, as in '${name}="a"'.`,
    );
  }
  // JSON would write it as null, without a word.
  if (holdsInfinity(json)) throw new InvalidArgumentError(`The value of ${name} has a number that is too large.`);
  return addOnce(name, json, previous);
}

const holdsInfinity = (value: unknown): boolean =>
  typeof value === 'object' && value !== null
    ? Object.values(value).some(holdsInfinity)
    : typeof value === 'number' && !Number.isFinite(value);

function splitPair(value: string, advice: string): readonly [string, string] {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(advice);
  return [value.slice(0, at), value.slice(at + 1)];
}

function addOnce<T>(name: string, value: T, previous: Readonly<Record<string, T>> = {}): Readonly<Record<string, T>> {
  if (Object.hasOwn(previous, name)) throw new InvalidArgumentError(`${name} is given twice.`);
  // Not as a literal: `__proto__` would vanish silently.
  return Object.fromEntries([...Object.entries(previous), [name, value]]);
}

export function parseCount(value: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new InvalidArgumentError('Not a whole number above 0.');
  return Number(value);
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** An RFC 3339 time, or a day for its first second in UTC. */
export function parseMoment(value: string): string {
  const text = DAY.test(value) ? `${value}T00:00:00Z` : value;
  const time = new Date(text);
  if (!MOMENT.test(text) || Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError('Not a time such as 2027-01-31T00:00:00Z, nor a day such as 2027-01-31.');
  }
  return time.toISOString().replace('.000Z', 'Z');
}

const UTC_SECOND = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** A time that reads the same everywhere: no local form, no other zone, nothing left out. */
export function parseUtc(value: string): string {
  const time = new Date(value);
  if (!UTC_SECOND.test(value) || Number.isNaN(time.getTime()) || time.toISOString() !== value.replace('Z', '.000Z')) {
    throw new InvalidArgumentError('Not a time in UTC such as 2027-01-31T06:00:00Z.');
  }
  return value;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time as `parseMoment` takes it, or how long from now: `30m`. What it gives tells the end for a present. */
export function parseEnd(value: string): (nowMs: number) => number {
  const [, count = '', unit = ''] = /^([1-9]\d{0,6})([smhd])$/.exec(value) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs !== undefined) return (nowMs) => nowMs + Number(count) * unitMs;
  const endMs = Date.parse(parseMoment(value));
  return () => endMs;
}

/** The members that have a value: an absent option must not be sent as one that was given. */
export function defined<T extends object>(members: T): { [name in keyof T]?: Exclude<T[name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}
