/** The examples of docs/verifying-tokens.md: each block is a whole file that compiles against the library. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { blocksOf } from '../e2e/docs-page.ts';

const root = join(import.meta.dirname, '../..');

describe('docs/verifying-tokens.md', () => {
  it('has examples that compile', async () => {
    const page = await readFile(join(root, 'docs/verifying-tokens.md'), 'utf8');
    const examples = blocksOf(page).filter(({ language }) => language === 'ts');
    expect(examples).toHaveLength(6);
    const project = await mkdtemp(join(tmpdir(), 'countersign-docs-sdk-'));
    try {
      const paths = { 'countersign/sdk': ['./sdk/index.ts'], 'countersign/sdk/*': ['./sdk/*.ts'] };
      const settings = { extends: join(root, 'tsconfig.json'), include: ['*.ts'], compilerOptions: { paths } };
      await Promise.all([
        ...['sdk', 'node_modules', 'package.json'].map((name) => symlink(join(root, name), join(project, name))),
        writeFile(join(project, 'tsconfig.json'), JSON.stringify(settings)),
        ...examples.map(({ text }, index) => writeFile(join(project, `example-${index}.ts`), text)),
      ]);
      const compile = promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['--project', project]);
      await compile.catch(({ stdout }: { stdout: string }) => expect(stdout).toBe(''));
    } finally {
      await rm(project, { recursive: true, force: true });
    }
  }, 60_000);
});
