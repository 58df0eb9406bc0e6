import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { CERTIFICATE } from './certificate.ts';
import { AWS_ENV, countersign, oneLine } from './terminal.ts';

const GUID = '00000004-0000-0ff1-ce00-000000000000';
const NAME = ['--application-identifier', GUID, '--application-realm', 'contoso.com'];
const OTHER = '00000002-0000-0ff1-ce00-000000000000@contoso.com';
const URL = 'https://mail.contoso.com/autodiscover/metadata/json/1';

let server: AdminServer;
let directory: string;
beforeEach(async () => {
  server = await startAdminServer();
  directory = await mkdtemp(join(tmpdir(), 'countersign-microsoft-'));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const call = (...argv: readonly string[]) => countersign([...argv, '--endpoint', server.url], { env: AWS_ENV });
const lastBody = () => JSON.parse(server.requests.at(-1)?.body ?? '');
const certificate = async (): Promise<string> => {
  const path = join(directory, 'lync.cer');
  await writeFile(path, CERTIFICATE);
  return path;
};
const show = async (id: string): Promise<string> => (await call('partner', 'show', id)).stdout;

describe('a partner of the Microsoft profile', () => {
  it('is added in the old words, and told of in plain ones', async () => {
    const options = ['--certificate', await certificate(), ...NAME, '--trust-level', 'full', '--accept-user-tokens'];
    expect(await call('partner', 'add', 'lync', ...options)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(lastBody()).toMatchObject({
      ...{ id: 'lync', issuer: `${GUID}@contoso.com`, trustLevel: 'full', microsoft: { userTokens: true } },
      credentials: [{ certificate: expect.any(String) }],
    });
    expect(await show('lync')).toMatch(/\nMicrosoft profile +it signs its tokens itself\nuser tokens +accepted\n/);
  });

  it('takes part with --microsoft alone, its document followed', async () => {
    server.documents.set(URL, { keys: [] });
    await call('partner', 'add', 'exchange', '--metadata', URL, '--microsoft');
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({ id: 'exchange', microsoft: {}, metadataUrl: URL });
    expect(await show('exchange')).toMatch(
      /\nMicrosoft profile +it signs its tokens itself\nuser tokens +not accepted\n/,
    );
  });

  it('does not take part unless somebody says so', async () => {
    await call('partner', 'add', 'lync', '--certificate', await certificate(), ...NAME);
    expect(lastBody()).not.toHaveProperty('microsoft');
    expect(await show('lync')).not.toContain('Microsoft');
  });

  it('may be vouched for by an authorization server, which is told of as one', async () => {
    await call('partner', 'add', 'voicemail', ...NAME, '--use-oauth-server', '--allow-delegation');
    expect(lastBody()).toEqual({
      ...{ id: 'voicemail', issuer: `${GUID}@contoso.com` },
      microsoft: { issuedBy: 'authorization-server', delegation: true },
    });
    expect(await show('voicemail')).toMatch(
      /\nMicrosoft profile +an authorization server signs its tokens\nuser tokens +not accepted\ndelegation +it may get tokens for any user\n/,
    );
    await call('partner', 'add', 'acs', '--issuer', OTHER, '--trusted-issuer', '--microsoft');
    expect(await show('acs')).toMatch(/\nMicrosoft profile +it is an authorization server: it signs tokens for others/);
  });

  it('is changed thing by thing: what is not named stays', async () => {
    await call('partner', 'add', 'lync', ...NAME, '--trust-broker-for', OTHER, '--accept-user-tokens');
    const microsoft = { actors: [OTHER], userTokens: true, issuedBy: 'itself', delegation: false };
    const change = async (...options: readonly string[]) => {
      expect(await call('partner', 'set', 'lync', ...options)).toMatchObject({ exitCode: 0, stderr: '' });
      return lastBody().microsoft;
    };
    expect(await show('lync')).toMatch(
      /\ntrust broker for +\S+@contoso\.com\nuser tokens +accepted, but not with the trust level application\n/,
    );
    expect(await change('--allow-delegation')).toEqual({ ...microsoft, delegation: true });
    expect(await change('--no-accept-user-tokens', '--no-allow-delegation')).toEqual({
      ...microsoft,
      userTokens: false,
    });
    const [a, b] = [`${GUID}@a.example`, `${GUID}@b.example`];
    expect((await change('--trust-broker-for', a, '--trust-broker-for', b)).actors).toEqual([a, b]);
    expect(await change('--no-trust-broker-for', '--use-oauth-server')).toMatchObject({
      ...{ actors: [], issuedBy: 'authorization-server' },
    });
    expect(await change('--no-use-oauth-server', '--no-trust-broker-for', '--trust-broker-for', a)).toMatchObject({
      ...{ actors: [a], issuedBy: 'itself' },
    });
    expect(await change('--no-microsoft')).toBeNull();
    expect(await show('lync')).not.toContain('Microsoft');
  });

  it.each([
    ['metadata URL and application id', ['--metadata-url', URL, ...NAME], "cannot be used with option '--metadata-url"],
    ['metadata and application id', ['--metadata', URL, ...NAME], "cannot be used with option '--metadata "],
    ['metadata file and realm', ['--metadata-file', 'x', '--application-realm', 'r'], 'cannot be used with option'],
    [
      'an OAuth server and a certificate',
      [...NAME, '--use-oauth-server', '--certificate', 'x'],
      'excludes --certificate',
    ],
    ['an OAuth server and metadata', ['--use-oauth-server', '--metadata-url', URL], 'excludes --metadata-url'],
    ['an OAuth server and being one', [...NAME, '--use-oauth-server', '--trusted-issuer'], 'excludes --trusted-issuer'],
    [
      'an OAuth server and others',
      [...NAME, '--use-oauth-server', '--trust-broker-for', OTHER],
      'excludes --trust-broker',
    ],
    ['an OAuth server and no name', ['--use-oauth-server'], 'needs --application-identifier and --application-realm'],
  ])('is not added with %s', async (_, options, message) => {
    const path = await certificate();
    const outcome = await call('partner', 'add', 'x', ...options.map((each) => (each === 'x' ? path : each)));
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(oneLine(outcome.stderr)).toBe(true);
    expect(server.requests).toEqual([]);
  });

  it.each([
    [['--no-accept-user-tokens'], 'takes no part in the Microsoft profile: --microsoft turns it on'],
    [['--no-microsoft', '--allow-delegation'], '--no-microsoft turns all of the profile off'],
  ])('is not changed with %j', async (options, message) => {
    await call('partner', 'add', 'x');
    const outcome = await call('partner', 'set', 'x', ...options);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
  });
});

describe('a realm of the Microsoft profile', () => {
  const OWN = ['--application-identifier', GUID, '--microsoft-realm', 'contoso.com'];

  it('is named, told of, and changed list by list', async () => {
    const made = await call('realm', 'add', 'hybrid', ...OWN, '--host', 'api.contoso.com');
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    const policy = { applicationId: GUID, realms: ['contoso.com'], hosts: ['api.contoso.com'] };
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({ name: 'hybrid', policy: { microsoft: policy } });
    expect(made.stdout).toMatch(
      new RegExp(
        `\\nMicrosoft profile +it is ${GUID}@contoso.com\\nhosts +api.contoso.com\\nusers +registered ones only\\n`,
      ),
    );
    const lists = ['--microsoft-realm', 'contoso.com fabrikam.com', '--token-host', 't.contoso.com'];
    const changed = await call('realm', 'set', 'hybrid', ...lists, '--users', 'as-stated', '--unset', 'hosts');
    expect(lastBody()).toEqual({
      version: 1,
      policy: {
        microsoft: {
          ...{ applicationId: GUID, realms: ['contoso.com', 'fabrikam.com'], tokenHosts: ['t.contoso.com'] },
          users: 'as-stated',
        },
      },
    });
    expect(changed.stdout).toMatch(
      /\nfurther realms +fabrikam\.com\nhosts +none: \D+\ntoken hosts +t\.contoso\.com\nusers +as a trusted server/,
    );
  });

  it('keeps it when something else of its policy is changed, and loses it when it is taken away', async () => {
    await call('realm', 'set', 'staging', ...OWN, '--token-seconds', '600');
    await call('realm', 'set', 'staging', '--token-seconds', '300');
    expect(lastBody().policy).toMatchObject({ accessTokenSeconds: 300, microsoft: { applicationId: GUID } });
    await call('realm', 'set', 'staging', '--unset', 'microsoft');
    expect(lastBody().policy).toEqual({ accessTokenSeconds: 300 });
    await call('realm', 'set', 'staging', '--unset', 'token-hosts users');
    expect(lastBody().policy).toEqual({ accessTokenSeconds: 300 });
    expect((await call('realm', 'show', 'staging')).stdout).not.toContain('Microsoft');
  });

  it.each([
    [['--host', 'api.contoso.com'], 'go together'],
    [['--microsoft-realm', 'contoso.com'], 'go together'],
    [['--users', 'all'], 'Allowed choices are registered, as-stated.'],
  ])('is not one with %j', async (options, message) => {
    const outcome = await call('realm', 'set', 'staging', ...options);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
  });
});

describe('a file with partners of the Microsoft profile', () => {
  const FILE = `
partners:
  - id: exchange
    issuer: ${OTHER}
    microsoft: {}
  - id: voicemail
    issuer: ${GUID}@contoso.com
    trustLevel: full
    microsoft: { issuedBy: authorization-server, userTokens: true, delegation: true }
  - id: broker
    microsoft: { actors: ["${OTHER}"] }
`;
  const apply = async (content: string, ...argv: readonly string[]) => {
    const path = join(directory, 'partners.yaml');
    await writeFile(path, content);
    return call('apply', '-f', path, ...(argv.length === 0 ? ['--yes'] : argv));
  };

  it('is applied once, and then there is nothing to do', async () => {
    const { exitCode, stdout } = await apply(FILE);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('    + microsoft.issuedBy: "authorization-server"\n');
    expect(server.registry().partners.get('exchange')?.microsoft).toEqual({});
    expect((await apply(FILE, '--check')).stdout).toBe('Nothing to do: realm default is as declared.\n');
  });

  it('shows what it changes, and turns off what it no longer says', async () => {
    await apply(FILE);
    const changed = await apply(FILE.replace(', delegation: true', '').replace('    microsoft: {}\n', ''));
    expect(changed.stdout.split('\n').slice(0, 7)).toEqual([
      '~ partner exchange',
      '    - microsoft.issuedBy: "itself"',
      '    - microsoft.actors: []',
      '    - microsoft.userTokens: false',
      '    - microsoft.delegation: false',
      '~ partner voicemail',
      '    ~ microsoft.delegation: true -> false',
    ]);
    expect(server.registry().partners.get('exchange')).not.toHaveProperty('microsoft');
  });

  it('is what an export gives, so that applying that is nothing to do', async () => {
    await apply(FILE);
    const exported = (await call('partner', 'export')).stdout;
    expect(exported).toContain('    microsoft: {}\n');
    expect(exported).not.toMatch(/userTokens: false|delegation: false|actors: \[\]|issuedBy: itself/);
    expect(await apply(exported, '--prune', '--check')).toMatchObject({ exitCode: 0 });
    await apply('partners: []', '--prune', '--yes');
    await apply(exported);
    expect((await apply(FILE, '--check')).exitCode).toBe(0);
  });

  it.each([
    ['microsoft: { issuedBy: nobody }', 'microsoft.issuedBy Invalid option'],
    ['microsoft: { trustBroker: true }', 'has no member "trustBroker"'],
    ['microsoft: { userTokens: "yes" }', 'microsoft.userTokens expected boolean'],
  ])('is refused with %s, with its line', async (member, message) => {
    const outcome = await apply(`partners:\n  - id: a\n    ${member}\n`);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toMatch(/partners\.yaml:3: /);
    expect(outcome.stderr).toContain(message);
  });
});
