/** Every command of the documentation, run as it stands there, page by page, each from an empty registry. */

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startService } from '../support/service.ts';
import { runScript, scriptOf, toolsOf } from './docs-page.ts';

const docs = join(import.meta.dirname, '../../docs');
const pages = readdirSync(docs)
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, script: scriptOf(readFileSync(join(docs, name), 'utf8')) }))
  .filter(({ script }) => script !== '');

const isHere = (tool: string): boolean => spawnSync(tool, ['--help']).error === undefined;

/** A page is many programs one after the other, on a machine that may have other things to do. */
const PATIENCE_MS = 300_000;

// Side by side, since pages wait for caches of the service to forget; each has a service and a directory of its own.
describe.concurrent('a page of the documentation', () => {
  it.each([
    'admin-api.md',
    'apply.md',
    'audiences-and-grants.md',
    'cli.md',
    'client-secrets.md',
    'compatibility.md',
    'credentials.md',
    'custom-claims.md',
    'following-documents.md',
    'from-exchange.md',
    'from-sharepoint.md',
    'from-skype.md',
    'getting-started.md',
    'importing.md',
    'onboarding.md',
    'partners.md',
    'quotas.md',
    'realms.md',
    'revocation.md',
    'scenarios.md',
    'users.md',
    'workload-identity.md',
  ])('%s has commands', (name) => {
    expect(pages.map((page) => page.name)).toContain(name);
  });

  for (const { name, script } of pages) {
    it.runIf(toolsOf(script).every(isHere))(
      `${name}: every command does what it says`,
      async () => {
        await using service = await startService();
        const { code, failures, transcript } = await runScript(script, service.deployment);
        expect({ code, failures }, transcript).toEqual({ code: 0, failures: [] });
      },
      PATIENCE_MS,
    );
  }
});

describe('the reader of pages', () => {
  const run = async (...lines: readonly string[]) => {
    await using service = await startService();
    // Awaited here, since the service goes with this function.
    return await runScript(scriptOf(['text', '```sh', ...lines, '```'].join('\n')), service.deployment);
  };

  it('notices a command that fails, and goes no further', async () => {
    const { code, failures, transcript } = await run('countersign partner show nobody', 'echo went on');
    expect({ code, failures }).toEqual({ code: 1, failures: ['1 partner show nobody'] });
    expect(transcript).not.toContain('\nwent on');
  });

  it('notices one that fails inside a pipeline', async () => {
    const { failures } = await run('countersign partner show nobody | cat');
    expect(failures).toEqual(['1 partner show nobody']);
  });

  it.each([
    ['is done', 'countersign partner list # refused: nothing', 97],
    ['is refused with other words', 'countersign partner show nobody # refused: too late', 98],
    ['fails in another way', 'countersign partner show nobody # wrong usage: nobody', 97],
  ])('notices a command that should be refused and %s', async (_case, line, expected) => {
    expect((await run(line)).code).toBe(expected);
  });

  it('lets a command be refused that should be, and has npx run this project', async () => {
    const outcome = await run(
      'npx countersign partner show nobody # refused: there is no partner',
      'npx other || exit 5',
    );
    expect({ code: outcome.code, failures: outcome.failures }).toEqual({ code: 5, failures: [] });
  });
});
