import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { number, spread, table, times, writeResults } from '../../bench/report.ts';

describe('the report', () => {
  it.each([
    [0.0123456, '0.0123'],
    [1, '1'],
    [12.345, '12.3'],
    [99.96, '100'],
    [1234.5, '1,235'],
    [-0.5, '-0.5'],
  ])('writes %d as %s', (value, text) => {
    expect(number(value)).toBe(text);
  });

  it('shows the range of the rounds beside the median', () => {
    expect(spread({ median: 2, min: 1, max: 3 })).toBe('2 (1 to 3)');
    expect(times({ median: 2.345, min: 1, max: 3 })).toBe('2.35 x');
  });

  it('makes Markdown tables with figures to the right, as the formatter wants them', () => {
    const lines = ['| what  |   n |', '| ----- | --: |', '| short |   1 |', '| a     | 100 |'];
    const rows = [
      ['short', '1'],
      ['a', '100'],
    ];
    expect(table(['what', 'n'], rows)).toBe(lines.join('\n'));
  });
});

describe('writing the results', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'countersign-report-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const file = () => pathToFileURL(join(directory, 'README.md'));

  it('replaces what stands between the markers and nothing else', async () => {
    const shipped = await readFile(new URL('../../bench/README.md', import.meta.url), 'utf8');
    await writeFile(file(), shipped);
    await writeResults(file(), 'FIRST');
    await writeResults(file(), 'SECOND');
    const text = await readFile(file(), 'utf8');
    expect(text).toContain('\n\nSECOND\n\n');
    expect(text).not.toContain('FIRST');
    const [before = '', after = ''] = text.split('SECOND');
    expect(shipped.startsWith(before.trimEnd())).toBe(true);
    expect(shipped.endsWith(after.trimStart())).toBe(true);
  });

  it('does not touch a file without a place for them', async () => {
    await writeFile(file(), '# Other');
    await expect(writeResults(file(), 'RESULTS')).rejects.toThrow('has no place for the results');
    expect(await readFile(file(), 'utf8')).toBe('# Other');
  });
});
