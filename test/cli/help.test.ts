import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../cli/main.ts';
import manifest from '../../package.json' with { type: 'json' };
import { countersign } from './terminal.ts';

const nowhere = { write: () => undefined };
const program = buildProgram({ env: {}, stdin: (async function* () {})(), stdout: nowhere, stderr: nowhere });

function paths(command: Command, path: readonly string[] = []): (readonly string[])[] {
  return [path, ...command.commands.flatMap((child) => paths(child, [...path, child.name()]))];
}

const ALL = paths(program);

describe('help', () => {
  it('knows every command', () => {
    expect(ALL.map((path) => path.join(' '))).toEqual([
      '',
      'realm',
      'realm add',
      'realm set',
      'realm list',
      'realm show',
      'realm enable',
      'realm disable',
      'partner',
      'partner add',
      'partner set',
      'partner list',
      'partner show',
      'partner enable',
      'partner disable',
      'partner remove',
      'partner revoke-tokens',
      'partner refresh',
      'partner onboard',
      'partner import',
      'partner export',
      'credential',
      'credential add',
      'credential set',
      'credential list',
      'credential remove',
      'secret',
      'secret add',
      'secret list',
      'secret remove',
      'audience',
      'audience add',
      'audience set',
      'audience list',
      'audience remove',
      'grant',
      'grant add',
      'grant list',
      'grant remove',
      'grant revoke-tokens',
      'user',
      'user add',
      'user list',
      'user show',
      'user remove',
      'user import',
      'doctor',
      'apply',
      'token',
      'token get',
      'token inspect',
      'token verify',
      'token revoke',
      'key',
      'key list',
      'key rotate',
      'key revoke',
      'key hold',
      'key release',
      'key add',
      'key certificate',
      'key certificate self-signed',
      'key certificate csr',
      'key certificate import',
      'keygen',
      'register',
      'registration',
      'registration show',
      'registration update',
      'registration remove',
      'completion',
    ]);
  });

  it.each(ALL.map((path) => [path.join(' '), path] as const))(
    'of "%s" has examples and all options',
    async (_, path) => {
      const outcome = await countersign([...path, '--help']);
      expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
      expect(outcome.stdout).toContain(['Usage: countersign', ...path].join(' '));
      expect(outcome.stdout).toMatch(new RegExp(`Examples:\\n {2}\\$ countersign ${path.join(' ')}`));
      for (const option of ['--endpoint', '--realm', '--region', '--json']) expect(outcome.stdout).toContain(option);
    },
  );

  it('of the program tells exit codes and how to trust a private CA', async () => {
    const { stdout } = await countersign(['--help']);
    expect(stdout).toContain(
      'Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 service or network not reachable.',
    );
    expect(stdout).toContain('NODE_EXTRA_CA_CERTS=');
  });

  it('has a version', async () => {
    expect(await countersign(['--version'])).toEqual({ exitCode: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });
});
