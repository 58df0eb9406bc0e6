/** The matrix in README.md: no row without a test, no test without a row. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const read = (file: string): string => readFileSync(join(import.meta.dirname, file), 'utf8');

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Rows of three cells whose second one names a test file. */
const rows = read('README.md')
  .split('\n')
  .filter((line) => line.startsWith('| ') && line.includes('.test.ts`'))
  .map(cellsOf);

/** Titles of tests as they stand in the source, parametrized ones with their placeholders. */
const titlesIn = (file: string): string[] =>
  [...read(file).matchAll(/\bit\(\s*'([^']+)'|\]\)\(\s*'([^']+)'/g)].map(([, plain, each]) => plain ?? each ?? '');

const files = readdirSync(import.meta.dirname).filter((file) => /^rfc\d+(-[a-z]+)?\.test\.ts$/.test(file));
const tests = files.flatMap((file) => titlesIn(file).map((title) => `${file}: ${title}`));

/** What the metadata, the documentation and the package say that it speaks. */
const STANDARDS = [
  'RFC 6749',
  'RFC 6750',
  'RFC 7009',
  'RFC 7517',
  'RFC 7521',
  'RFC 7523',
  'RFC 7591',
  'RFC 7592',
  'RFC 7662',
  'RFC 8414',
  'RFC 8693',
  'RFC 8705',
  'RFC 8707',
  'RFC 9068',
  'RFC 9396',
  'RFC 9449',
  'RFC 9701',
  'draft-ietf-oauth-rfc7523bis',
];

describe('the conformance matrix', () => {
  it('has rows, and each says which clause, which file and which test', () => {
    expect(rows.length).toBeGreaterThan(200);
    for (const row of rows) {
      expect(row).toHaveLength(3);
      expect(row.every((cell) => cell !== '')).toBe(true);
      expect(row[0]).toMatch(/^(RFC \d{4}|draft-ietf-)/);
    }
  });

  it('names tests that are there', () => {
    for (const [, file = '', title] of rows) expect(tests).toContain(`${file.replaceAll('`', '')}: ${title}`);
  });

  it('names every test of this folder, once', () => {
    const named = rows.map(([, file = '', title]) => `${file.replaceAll('`', '')}: ${title}`);
    expect([...named].sort()).toEqual([...tests].sort());
  });

  it('covers each standard that this server claims to speak', () => {
    const standards = new Set(rows.map(([clause = '']) => /^(RFC \d+|draft-[a-z0-9-]+)/.exec(clause)?.[1]));
    for (const standard of STANDARDS) {
      expect(standards).toContain(standard);
    }
  });
});
