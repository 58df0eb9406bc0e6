/** What the documents list is what the code has, and what they refer to is there. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../cli/main.ts';
import { NUMBER_SETTINGS } from '../functions/config.ts';
import { claimProblems } from '../functions/core/custom-claims.ts';
import { MICROSOFT_ADVICE } from '../functions/core/microsoft-advice.ts';
import { partnerSchema } from '../functions/http/admin-schemas.ts';
import type { SingleUse } from '../functions/ports.ts';
import { MUTUAL_TLS_CHECKS } from '../infra/mutual-tls-settings.ts';
import { API_SETTINGS } from '../infra/settings.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const cells = (row: string): string[] => row.split('|').map((cell) => cell.trim());

/** What stands between two marks, `<!-- name -->` and `<!-- /name -->`. */
const section = (path: string, name: string): string =>
  new RegExp(`<!-- ${name} -->(.*)<!-- /${name} -->`, 's').exec(read(path))?.[1] ?? '';

/** Words in code font. */
const words = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, word = '']) => word);

const docs = readdirSync(join(root, 'docs')).map((name) => `docs/${name}`);
const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'bench/README.md',
  'examples/README.md',
  ...docs,
];

describe('docs/deploying.md', () => {
  const rows = section('docs/deploying.md', 'settings')
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map(cells);

  it.each(Object.entries({ ...NUMBER_SETTINGS, ...API_SETTINGS }))('lists the setting %s as it is', (name, setting) => {
    const row = rows.find(([, first]) => first === `\`${name}\``);
    expect(row?.slice(2, 5)).toEqual([String(setting.default), `${setting.min} to ${setting.max}`, setting.help]);
  });

  it('lists no setting that there is not', () => {
    const others = ['issuer', 'algorithms', 'privateHosts', ...Object.keys(MUTUAL_TLS_CHECKS)];
    const known = [...Object.keys(NUMBER_SETTINGS), ...Object.keys(API_SETTINGS), ...others];
    expect(rows.map(([, first = '']) => words(first)[0]).toSorted()).toEqual(known.toSorted());
  });
});

describe('docs/partners.md', () => {
  it('lists what can be said of a partner', () => {
    const listed = section('docs/partners.md', 'attributes')
      .split('\n')
      .flatMap((row) => words(cells(row)[1] ?? ''));
    expect(listed.toSorted()).toEqual(Object.keys(partnerSchema.shape).toSorted());
  });
});

describe('docs/custom-claims.md', () => {
  const listed = words(section('docs/custom-claims.md', 'reserved'));
  const source = read('functions/core/custom-claims.ts');

  it.each(listed)('says rightly that %s cannot be set', (name) => {
    expect(claimProblems({ [name]: 1 })).toHaveLength(1);
  });

  it('leaves out none', () => {
    const [, reserved = ''] = /new Set\(\[(.*?)\n\]\);/s.exec(source) ?? [];
    const names = [...reserved.matchAll(/'([^']+)'/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(50);
    expect(listed.toSorted()).toEqual(names.toSorted());
  });
});

describe('docs/following-documents.md', () => {
  it('has every code by which a document can fail, and no other', () => {
    const listed = section('docs/following-documents.md', 'codes')
      .split('\n')
      .flatMap((row) => words(cells(row)[1] ?? ''));
    expect(listed.toSorted()).toEqual([...failureCodes(), 'conflict'].toSorted());
  });
});

/** The codes have no list of their own: each stands where the failure is found. */
const failureCodes = (): readonly string[] => {
  const sources = [
    ...['document-key', 'key-set', 'microsoft-key', 'microsoft-metadata', 'partner-document', 'public-key'].map(
      (name) => `functions/core/${name}.ts`,
    ),
    'functions/core/server-metadata.ts',
    'functions/flows/refresh-partner.ts',
    'functions/adapters/partner-fetcher.ts',
  ].map(read);
  const quoted = sources.flatMap((source) => [...source.matchAll(/'([a-z]+(?:_[a-z0-9]+)*)'/g)]);
  return [...new Set(quoted.map(([, word = '']) => word).filter(isFailure))];
};

const isFailure = (word: string): boolean =>
  /^(?:url|address|key|document|metadata|issuer|certificate|not|content)_[a-z0-9_]+$/.test(word)
    ? !NO_FAILURES.includes(word)
    : ['unreachable', 'tls', 'timeout', 'redirect', 'status', 'too_large'].includes(word);

/** Reasons of the administration. */
const NO_FAILURES = ['document_refused', 'not_found'];

describe('docs/microsoft.md', () => {
  it('has every refusal, in the words of the doctor', () => {
    const rows = section('docs/microsoft.md', 'refusals')
      .split('\n')
      .filter((row) => /^\| *\d* *\| `/.test(row))
      .map((row) => cells(row.replaceAll('\\<', '<')).slice(1, 5));
    expect(rows).toEqual(
      Object.entries(MICROSOFT_ADVICE).map(([code, { step, finding, remedy }]) => [
        ...[step === 0 ? '' : String(step), `\`${code}\``, finding, remedy],
      ]),
    );
  });
});

describe('docs/data-model.md', () => {
  it.each(['registry-keys', 'last-use', 'dynamo-quota-counter', 'dynamo-dpop-nonces'])(
    'has the key patterns of %s',
    (name) => {
      const patterns = [...read(`functions/adapters/${name}.ts`).matchAll(/`([a-z-]+)#\$\{/g)].map(
        ([, first]) => first,
      );
      expect(patterns.length).toBeGreaterThan(0);
      const page = read('docs/data-model.md');
      expect(patterns.filter((first) => !page.includes(`\`${first}#`))).toEqual([]);
    },
  );

  it('has every kind of what may be used once', () => {
    const kinds: Readonly<Record<SingleUse['kind'], true>> = { assertion: true, dpop: true };
    const page = read('docs/data-model.md');
    expect(Object.keys(kinds).filter((kind) => !page.includes(`\`${kind}#<realm>#<SHA-256`))).toEqual([]);
  });
});

describe('the command line', () => {
  const silent = { write: () => true };
  const program = buildProgram({ stdin: process.stdin, stdout: silent, stderr: silent, env: {} });
  const leaves = (command: Command, path: string): string[] =>
    command.commands.length === 0
      ? [path]
      : command.commands.flatMap((child) => leaves(child, `${path} ${child.name()}`));
  const text = docs.map(read).join('\n');

  it.each(leaves(program, 'countersign'))('%s is on some page', (command) => {
    expect(text).toMatch(new RegExp(`\\b${command}(?![\\w-])`));
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

  it.each(documents)('%s links to what is there', (path) => {
    const links = [...read(path).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !leadsSomewhere(path, link))).toEqual([]);
  });

  it('are all in the index of the README', () => {
    const index = read('README.md');
    expect(docs.filter((path) => !index.includes(`](${path})`))).toEqual([]);
  });
});

/** A file, and in it the heading that is meant. */
const leadsSomewhere = (from: string, link: string): boolean => {
  const [file = '', anchor] = link.split('#');
  const path = file === '' ? from : join(dirname(from), file);
  return existsSync(join(root, path)) && (anchor === undefined || headings(read(path)).includes(anchor));
};

/** As GitHub makes anchors of headings. */
const headings = (markdown: string): string[] =>
  [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
