/**
 * How results look: JSON for scripts, borderless tables for people, colour only on a terminal that wants it.
 * What came from elsewhere is made printable first, so that a partner's name cannot drive the operator's terminal.
 */
import { styleText } from 'node:util';
import Table from 'cli-table3';
import type { Io } from './io.ts';

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

export type Row = readonly (string | number | boolean | undefined)[];

/** Prints `value` as JSON when scripts asked for it, otherwise what `forPeople` makes of it. */
export function show(io: Io, asJson: boolean, value: unknown, forPeople: () => string): void {
  io.stdout.write(`${asJson ? printableJson(value) : forPeople()}\n`);
}

/** Rows under a heading; `nothing` stands in for an empty list. */
export function table(io: Io, heading: readonly string[], rows: readonly Row[], nothing: string): string {
  if (rows.length === 0) return nothing;
  return layout([heading.map((title) => emphasize(io, title)), ...rows.map(printableRow)]);
}

/** Columns that nobody has anything in would push the others off the screen. */
export function withoutEmptyColumns(
  heading: readonly string[],
  rows: readonly Row[],
): [readonly string[], readonly Row[]] {
  const isUsed = (_: unknown, column: number): boolean => rows.some((row) => row[column] !== undefined);
  return [heading.filter(isUsed), rows.map((row) => row.filter(isUsed))];
}

/** Labels at the left, values at the right; pairs without a value are left out. */
export function record(io: Io, pairs: readonly (readonly [label: string, value: Row[number]])[]): string {
  const present = pairs.filter(([, value]) => value !== undefined && value !== '');
  return layout(present.map(([label, value]) => [emphasize(io, printable(label)), ...printableRow([value])]));
}

/** Text without control and bidirectional-override characters, on one line. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ');
}

/** `2026-11-23T10:00:00Z (in 59 minutes)` for seconds since the epoch. */
export function describeTime(epochSeconds: number, nowMs: number): string {
  const milliseconds = epochSeconds * 1000;
  if (Number.isNaN(new Date(milliseconds).getTime())) return String(epochSeconds);
  const seconds = Math.round((milliseconds - nowMs) / 1000);
  return `${new Date(milliseconds).toISOString().replace('.000Z', 'Z')} (${relativeTime(seconds)})`;
}

/** As `describeTime`, for an RFC 3339 time; what is none is shown as it is. */
export function describeTimestamp(timestamp: string, nowMs: number): string {
  const milliseconds = Date.parse(timestamp);
  return Number.isNaN(milliseconds) ? timestamp : describeTime(Math.floor(milliseconds / 1000), nowMs);
}

/** `3 days` for a number of seconds, in the largest unit that it fills. */
export function describeDuration(seconds: number): string {
  const [unit, size] = unitOf(seconds);
  return new Intl.NumberFormat('en', { style: 'unit', unit, unitDisplay: 'long' }).format(Math.trunc(seconds / size));
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

const unitOf = (seconds: number): (typeof UNITS)[number] =>
  UNITS.find(([, unitSeconds]) => Math.abs(seconds) >= unitSeconds) ?? ['second', 1];

function relativeTime(seconds: number): string {
  const [unit, size] = unitOf(seconds);
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(Math.trunc(seconds / size), unit);
}

const INVISIBLE = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

/** Whether a text holds C1 or bidirectional controls, or characters without width. */
export const isInvisible = (text: string): boolean => INVISIBLE.test(text);

/** As `\uXXXX`, which JSON and double-quoted YAML both read as the character itself. */
export const escapeInvisible = (text: string): string =>
  text.replace(
    new RegExp(INVISIBLE, 'g'),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** JSON escapes C0 controls by itself. */
const printableJson = (value: unknown): string => escapeInvisible(JSON.stringify(value, null, 2));

const printableRow = (row: Row): string[] => row.map((value) => printable(String(value ?? '-')));

function layout(rows: readonly string[][]): string {
  const grid = new Table({ chars: NO_BORDERS, style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 } });
  grid.push(...rows);
  return grid.toString().replace(/ +$/gm, '');
}

/** In colour on a terminal that wants it (NO_COLOR says no), otherwise as it is. */
export function colour(io: Io, style: 'bold' | 'green' | 'red' | 'yellow', text: string): string {
  const isColoured = io.stdout.isTTY === true && !io.env.NO_COLOR;
  return isColoured ? styleText(style, text, { validateStream: false }) : text;
}

const emphasize = (io: Io, text: string): string => colour(io, 'bold', text);
