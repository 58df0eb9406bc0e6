import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { AWS_ENV, countersign } from './terminal.ts';

describe('countersign realm', () => {
  let server: AdminServer;
  beforeEach(async () => {
    server = await startAdminServer();
  });
  afterEach(() => server[Symbol.asyncDispose]());

  const call = (...argv: string[]) => countersign(['realm', ...argv, '--endpoint', server.url], { env: AWS_ENV });
  const callForJson = async (...argv: string[]) => JSON.parse((await call(...argv, '--json')).stdout);
  const sent = (method: string) =>
    server.requests
      .filter((each) => each.method === method)
      .map(({ target, body }) => [target.replace('/admin/realms', ''), JSON.parse(body)]);

  it('is added with its keys, and tells its issuer', async () => {
    const { exitCode, stdout } = await call('add', 'contoso', '--description', 'Tests');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^Realm contoso added\.\nname +contoso\nissuer +https:\/\/tokens\.example\.com\/realms\/contoso\ndescription +Tests\nstate +enabled\n/,
    );
    expect(sent('POST')).toEqual([
      ['', { name: 'contoso', description: 'Tests' }],
      ['/contoso/keys', { algorithm: 'RS256' }],
    ]);
  });

  it('gets a ring for each algorithm of its policy, and a missing one when it is added again', async () => {
    const words = [
      '--alias',
      'contoso.com',
      '--algorithm',
      'ES256',
      '--algorithm',
      'Ed25519',
      '--token-seconds',
      '600',
    ];
    await call('add', 'contoso', ...words, '--assertion-seconds', '60');
    const policy = { algorithms: ['ES256', 'EdDSA'], accessTokenSeconds: 600, assertionSeconds: 60 };
    const first = [
      ['', { name: 'contoso', aliases: ['contoso.com'], policy }],
      ['/contoso/keys', { algorithm: 'ES256' }],
      ['/contoso/keys', { algorithm: 'EdDSA' }],
    ];
    expect(sent('POST')).toEqual(first);
    const again = await call('add', 'contoso', ...words, '--assertion-seconds', '60');
    expect(again.stdout).toMatch(/^Realm contoso was already there with the same content\.\n/);
    expect(sent('POST')).toEqual([...first, first[0]]);
  });

  it('tells what is missing when its keys could not be made', async () => {
    const gone = { status: 500, body: { title: 'Broken' } };
    const realm = { name: 'c', issuer: 'https://i', aliases: [], enabled: true, policy: {}, version: 1 };
    server.interruptions.push({ status: 201, body: realm }, gone);
    const outcome = await call('add', 'c');
    expect(outcome).toEqual({
      exitCode: 1,
      stdout: '',
      stderr:
        'countersign: Broken; realm c is stored, but has no RS256 key yet: countersign key add --realm c --algorithm RS256\n',
    });
  });

  it('is changed from what was read, and gets the rings that are new to its policy', async () => {
    await call(
      'set',
      'staging',
      '--description',
      'x',
      '--alias',
      'a b',
      '--token-seconds',
      '60',
      '--algorithm',
      'ES256',
    );
    const policy = { accessTokenSeconds: 60, algorithms: ['ES256'] };
    expect(sent('PATCH')).toEqual([['/staging', { version: 1, description: 'x', aliases: ['a', 'b'], policy }]]);
    expect(sent('POST')).toEqual([['/staging/keys', { algorithm: 'ES256' }]]);
    await call('set', 'staging', '--unset', 'description aliases token-seconds');
    expect(sent('PATCH')[1]).toEqual([
      '/staging',
      { version: 2, description: null, aliases: [], policy: { algorithms: ['ES256'] } },
    ]);
    const outcome = await call('set', 'staging', '--unset', 'name');
    expect(outcome).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('nothing is called "name"') });
  });

  it('is listed, shown, disabled and enabled', async () => {
    expect((await call('list')).stdout).toMatch(
      /^NAME +ISSUER +STATE +ALIASES +DESCRIPTION\ndefault +https:\S+ +enabled +- +-\nstaging +https:\S+\/realms\/staging +enabled/,
    );
    expect((await call('disable', 'staging')).stdout).toMatch(/^Realm staging is disabled: no new tokens/);
    expect(await callForJson('show', 'staging')).toMatchObject({ enabled: false, version: 2 });
    expect((await call('enable', 'staging')).stdout).toBe('Realm staging is enabled.\n');
    expect((await call('show', 'staging')).stdout).toMatch(/\nstate +enabled\n/);
    expect(await call('show', 'nowhere')).toMatchObject({ exitCode: 1, stdout: '' });
  });
});
