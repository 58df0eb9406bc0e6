import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeTime, printable, record, table } from '../../cli/output.ts';
import { startAdminServer } from './admin-server.ts';
import { AWS_ENV, countersign } from './terminal.ts';

const quiet = { write: () => undefined };
const pipe = { env: {}, stdin: (async function* () {})(), stdout: quiet, stderr: quiet };
const terminal = { ...pipe, stdout: { ...quiet, isTTY: true } };

describe('table', () => {
  const draw = (io: typeof pipe | typeof terminal) =>
    table(
      io,
      ['ID', 'N'],
      [
        ['billing', 2],
        ['x', undefined],
      ],
      '-',
    );

  it('aligns columns without borders, colours or trailing blanks', () => {
    expect(draw(pipe)).toBe('ID       N\nbilling  2\nx        -');
  });

  it('emphasizes headings on a terminal, unless NO_COLOR says no', () => {
    expect(draw(terminal)).toContain('\u001b[1mID');
    expect(stripVTControlCharacters(draw(terminal)).replace(/ +$/gm, '')).toBe(draw(pipe));
    expect(draw({ ...terminal, env: { NO_COLOR: '1' } })).toBe(draw(pipe));
  });

  it('says when there is nothing', () => {
    expect(table(pipe, ['ID'], [], 'No partners yet.')).toBe('No partners yet.');
  });

  it('never lets a value add lines or control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const lines = table(pipe, ['A', 'B'], [[value, 'end']], '-').split('\n');
        expect(lines).toHaveLength(2);
        expect(lines[1]).toMatch(/end$/);
        expect(lines.join('')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
  });
});

describe('record', () => {
  it('leaves out what has no value', () => {
    const pairs = [
      ['id', 'a'],
      ['name', undefined],
      ['enabled', false],
    ] as const;
    expect(record(pipe, pairs)).toBe('id       a\nenabled  false');
  });
});

describe('describeTime', () => {
  const now = Date.UTC(2026, 10, 23, 10, 0, 0);
  it.each([
    [3600, '2026-11-23T11:00:00Z (in 1 hour)'],
    [-59, '2026-11-23T09:59:01Z (59 seconds ago)'],
    [86_400 * 3, '2026-11-26T10:00:00Z (in 3 days)'],
    [0, '2026-11-23T10:00:00Z (in 0 seconds)'],
  ])('puts %d seconds from now into words', (offset, text) => {
    expect(describeTime(now / 1000 + offset, now)).toBe(text);
  });

  it('leaves a number alone that is no time', () => {
    expect(describeTime(1e300, now)).toBe('1e+300');
  });
});

describe('printable', () => {
  it('keeps letters of every script', () => {
    expect(printable('Zürich 東京 🚀')).toBe('Zürich 東京 🚀');
  });
});

it('a terminal gets emphasis and a pipe does not', async () => {
  await using server = await startAdminServer();
  const argv = ['partner', 'add', 'billing', '--jwks', '-', '--endpoint', server.url];
  const stdin = '{"kty":"OKP","crv":"Ed25519","x":"5lEU7bH7WmAanL3ulq1yTqVg2XEAgpR-1XB6kpwLowQ"}';
  expect((await countersign(argv, { stdin, isTTY: true })).stdout).toContain('\u001b[1m');
  expect((await countersign(argv, { stdin, env: { ...AWS_ENV } })).stdout).not.toContain('\u001b');
});
