import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countersign } from './terminal.ts';

const execute = promisify(execFile);

/** What bash offers for a command line, the last word being the one at the cursor. */
async function completeInBash(script: string, words: readonly string[]): Promise<string[]> {
  const program = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _countersign; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await execute('bash', ['--norc', '-c', program, script, 'countersign', ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('completion in bash', () => {
  let directory: string;
  let script: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'countersign-completion-'));
    script = join(directory, 'countersign.bash');
    await writeFile(script, (await countersign(['completion', 'bash'])).stdout);
    await writeFile(join(directory, 'a file.json'), '');
  });
  afterAll(() => rm(directory, { recursive: true }));

  it.each([
    ['a command', ['par'], ['partner']],
    ['a subcommand', ['key', 'certificate', 's'], ['self-signed']],
    ['a subcommand behind an option and its value', ['--realm', 'partner', 'key', 'ro'], ['rotate']],
    [
      'an option of the command',
      ['partner', 'add', 'x', '--trust'],
      ['--trust-level', '--trusted-issuer', '--trust-broker-for'],
    ],
    ['an option of every command', ['partner', 'list', '--end'], ['--endpoint']],
    ['the choices of an option', ['partner', 'add', '--trust-level', ''], ['application', 'user', 'full']],
    ['the choices of an argument', ['completion', 'z'], ['zsh']],
    ['nothing for a free value', ['partner', 'add', '--name', ''], []],
    ['nothing that belongs to another command', ['key', 'list', '--jw'], []],
  ])('offers %s', async (_, words, expected) => {
    expect(await completeInBash(script, words)).toEqual(expected);
  });

  it.each([
    [['apply', '--file', 'DIR/a']],
    [['apply', '-f', 'DIR/a']],
    [['partner', 'import', '--from', 'hydra', 'DIR/a']],
    [['partner', 'add', '--jwks', 'DIR/a']],
  ])('offers files, with blanks in their names, where one is wanted: %j', async (words) => {
    const inPlace = words.map((word) => word.replace('DIR', directory));
    expect(await completeInBash(script, inPlace)).toEqual([join(directory, 'a file.json')]);
  });
});

describe('completion', () => {
  it('is for zsh what it is for bash', async () => {
    const [bash, zsh] = await Promise.all(['bash', 'zsh'].map((shell) => countersign(['completion', shell])));
    expect(zsh?.stdout).toBe(`autoload -U +X bashcompinit && bashcompinit\n${bash?.stdout}`);
  });

  it('knows commands, choices and files in fish', async () => {
    const { stdout } = await countersign(['completion', 'fish']);
    const lines = stdout.split('\n').filter((line) => line.includes("'__countersign_at '\\''partner add'\\'''"));
    expect(lines).toContainEqual(
      expect.stringMatching(/ -l trust-level -x -a 'application user full' -d 'what it may/),
    );
    expect(lines).toContainEqual(expect.stringMatching(/ -l jwks -r -F -d /));
    expect(lines).toContainEqual(expect.stringMatching(/ -l disabled -d /));
    expect(stdout).toMatch(/'__countersign_at '\\''partner'\\''' -a 'import' -d 'turn the client export /);
  });

  it('as JSON is the same script', async () => {
    const { stdout } = await countersign(['completion', 'fish', '--json']);
    const { shell, script } = JSON.parse(stdout);
    expect([shell, script]).toEqual(['fish', (await countersign(['completion', 'fish'])).stdout]);
  });
});
