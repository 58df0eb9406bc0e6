/**
 * Results as Markdown: tables, numbers, the machine they come from, and the place in bench/README.md where they are kept.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import type { Spread } from './rounds.ts';

const BEGIN = '<!-- results: written by npm run bench -- --write -->';
const END = '<!-- end of results -->';

/** Columns as wide as their widest cell, the first to the left, the others to the right: readable as text, too. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) =>
    Math.max(3, ...[header, ...rows].map((cells) => cells[column]?.length ?? 0)),
  );
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [header.map(pad), rule, ...rows.map((cells) => cells.map(pad))]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** Three digits that matter. */
export const number = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));

/** The median, and in brackets the lowest and the highest of the rounds. */
export const spread = ({ median, min, max }: Spread): string => `${number(median)} (${number(min)} to ${number(max)})`;

export const times = (value: Spread): string => `${value.median.toFixed(2)} x`;

/** @param rounds of the measurements, and how each was done. */
export function machine(rounds: number, mode: string): string {
  const [cpu] = cpus();
  const { node, openssl, v8 } = process.versions;
  const hardware = `${cpus().length} cores, ${cpu?.model ?? process.arch} (${process.platform} ${process.arch})`;
  const software = `Node ${node}, V8 ${v8}, OpenSSL ${openssl}`;
  const date = new Date().toISOString().slice(0, 10);
  return `${date}; ${hardware}; ${software}; ${rounds} rounds${mode}.`;
}

/** Replaces what stands between the markers. @throws Error when the file has none. */
export async function writeResults(file: URL, markdown: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${file.pathname} has no place for the results`);
  const before = text.slice(0, begin + BEGIN.length);
  await writeFile(file, `${before}\n\n${markdown}\n\n${text.slice(end)}`);
}
