import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { AWS_ENV, countersign } from './terminal.ts';

const LEDGER = 'https://ledger.example.com';
const FILE = `partners:
  - id: gateway
  - id: auditor
  - id: ledger
    audiences:
      - { audience: ${LEDGER}, scopes: [read], introspectors: [gateway, auditor] }
`;

let server: AdminServer;
beforeEach(async () => {
  server = await startAdminServer();
});
afterEach(() => server[Symbol.asyncDispose]());

const call = (argv: readonly string[], stdin?: string) =>
  countersign([...argv, '--endpoint', server.url], { env: AWS_ENV, ...(stdin === undefined ? {} : { stdin }) });
const callForJson = async (...argv: string[]) => JSON.parse((await call([...argv, '--json'])).stdout);
const apply = (content: string, ...argv: readonly string[]) => call(['apply', '-f', '-', '--yes', ...argv], content);
const kept = () => server.registry().audiences.get(LEDGER);

describe('countersign audience', () => {
  const add = (...argv: readonly string[]) =>
    call(['audience', 'add', LEDGER, '--owner', 'ledger', '--scope', 'read', ...argv]);
  const set = (...argv: readonly string[]) => call(['audience', 'set', LEDGER, ...argv]);
  beforeEach(async () => {
    for (const id of ['ledger', 'gateway', 'auditor']) await call(['partner', 'add', id]);
  });

  it('declares who may introspect, and lists them', async () => {
    const added = await add('--introspector', 'gateway', '--introspector', 'auditor');
    expect(added).toEqual({
      exitCode: 0,
      stdout: `Audience ${LEDGER} of ledger added: read; introspected by gateway auditor\n`,
      stderr: '',
    });
    expect(kept()).toMatchObject({ introspectors: ['gateway', 'auditor'] });
    expect((await call(['audience', 'list'])).stdout).toMatch(
      /^AUDIENCE +OWNER +SCOPES +INTROSPECTORS +VERSION\nhttps:\S+ +ledger +read +gateway auditor +1\n$/,
    );
    expect(await callForJson('audience', 'list')).toMatchObject([{ introspectors: ['gateway', 'auditor'] }]);
  });

  it('shows with a partner what it may introspect', async () => {
    await add('--introspector', 'gateway');
    expect((await call(['partner', 'show', 'gateway'])).stdout).toMatch(/\nmay introspect +https:\/\/ledger\S+\n/);
    expect((await call(['partner', 'show', 'auditor'])).stdout).not.toContain('may introspect');
  });

  it('sends no introspectors where none are named', async () => {
    await add();
    const [request] = server.requests.filter(({ target }) => target.endsWith('/audiences'));
    expect(JSON.parse(request?.body ?? '')).toEqual({ audience: LEDGER, owner: 'ledger', scopes: ['read'] });
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['exactly', ['--introspector', 'auditor'], ['auditor']],
    ['one more', ['--add-introspector', 'auditor'], ['gateway', 'auditor']],
    ['one less', ['--remove-introspector', 'gateway'], []],
    ['one in the place of another', ['--add-introspector', 'auditor', '--remove-introspector', 'gateway'], ['auditor']],
    ['none', ['--unset', 'introspectors'], []],
    ['those there are when something else is set', ['--add-scope', 'write'], ['gateway']],
  ])('sets %s', async (_, options, introspectors) => {
    await add('--introspector', 'gateway');
    expect((await set(...options)).exitCode).toBe(0);
    expect(kept()).toMatchObject({ introspectors, version: 2 });
  });

  it('does not take two minds, nor a partner that is not there', async () => {
    await add('--introspector', 'gateway');
    expect((await set('--introspector', 'auditor', '--add-introspector', 'ledger')).exitCode).toBe(2);
    expect(await set('--add-introspector', 'nobody')).toMatchObject({
      exitCode: 1,
      stderr: 'countersign: Not found: no partner nobody\n',
    });
  });

  it('is named by a partner that cannot be removed for it', async () => {
    await add('--introspector', 'gateway');
    const { exitCode, stderr } = await call(['partner', 'remove', 'gateway', '--yes']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('audiences name this partner as an introspector');
    expect(stderr).toContain(LEDGER);
  });
});

describe('countersign apply', () => {
  it('names introspectors once all partners are there, and then has nothing to do', async () => {
    const { exitCode, stdout } = await apply(FILE.replace(/(.*id: gateway\n)(.*id: auditor\n)([\s\S]*)/, '$3$1$2'));
    expect(exitCode).toBe(0);
    expect(stdout).toContain('    + introspector: auditor\n    + introspector: gateway\n');
    expect((await apply(FILE)).stdout).toBe('Nothing to do: realm default is as declared.\n');
    const reordered = FILE.replace('[gateway, auditor]', '[auditor, gateway, auditor]');
    expect((await apply(reordered, '--dry-run', '--check')).exitCode).toBe(0);
  });

  it('shows who comes and who goes, in one change, and lets go of a partner before that goes', async () => {
    await apply(FILE);
    const changed = FILE.replace('  - id: gateway\n', '').replace('[gateway, auditor]', '[auditor]');
    const { stdout, exitCode } = await apply(changed, '--prune');
    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toEqual([
      `~ audience ${LEDGER}`,
      '    - introspector: gateway',
      '- partner gateway',
      '2 changes to make.',
      'Done: 2 changes.',
      '',
    ]);
    expect([kept()?.introspectors, server.registry().partners.has('gateway')]).toEqual([['auditor'], false]);
  });

  it('takes all of them away where the file names none', async () => {
    await apply(FILE);
    await apply(FILE.replace(', introspectors: [gateway, auditor]', ''));
    expect(kept()?.introspectors).toEqual([]);
  });

  it('keeps them while scopes go in two steps', async () => {
    await apply(FILE.replace('[read]', '[read, write]'));
    await apply(FILE.replace('[read]', '[read, admin]'));
    expect(kept()).toMatchObject({ scopes: ['read', 'admin'], introspectors: ['auditor', 'gateway'] });
  });

  it('gives back with an export what it was given', async () => {
    await apply(FILE);
    const { stdout } = await call(['partner', 'export']);
    expect((await apply(stdout, '--dry-run', '--check')).stdout).toBe('Nothing to do: realm default is as declared.\n');
    expect(stdout).toContain('introspectors:');
    await apply(FILE.replace(', introspectors: [gateway, auditor]', ''));
    expect((await call(['partner', 'export'])).stdout).not.toContain('introspectors');
  });

  it('is told of a member that is misspelt', async () => {
    expect((await apply(FILE.replace('introspectors', 'introspector'))).exitCode).toBe(2);
  });
});
