/** What the documents list is what the code has. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NUMBER_SETTINGS } from '../functions/config.ts';
import { API_SETTINGS } from '../infra/settings.ts';

const read = (path: string): string => readFileSync(join(import.meta.dirname, '..', path), 'utf8');
const cells = (row: string): string[] => row.split('|').map((cell) => cell.trim());

describe('docs/deploying.md', () => {
  const rows = read('docs/deploying.md')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map(cells);

  it.each(Object.entries({ ...NUMBER_SETTINGS, ...API_SETTINGS }))('lists the setting %s as it is', (name, setting) => {
    const row = rows.find(([, first]) => first === `\`${name}\``);
    expect(row?.slice(2, 5)).toEqual([String(setting.default), `${setting.min} to ${setting.max}`, setting.help]);
  });
});

describe('the documents', () => {
  it.each(['README.md', 'CONTRIBUTING.md', 'docs/key-rotation.md', 'bench/README.md'])(
    '%s names npm scripts that exist',
    (path) => {
      const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
      const named = [...read(path).matchAll(/`npm run ([a-z-]+)/g)].map(([, script]) => script ?? '');
      expect(named.filter((script) => scripts[script] === undefined)).toEqual([]);
    },
  );
});
