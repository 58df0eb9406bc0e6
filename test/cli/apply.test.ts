import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { calculateJwkThumbprint } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { CERTIFICATE } from './certificate.ts';
import { AWS_ENV, countersign, type Surroundings } from './terminal.ts';

const LEDGER = 'https://ledger.example.com';
const JWKS_URI = 'https://crm.example.com/jwks';
const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const kid = await calculateJwkThumbprint(jwk);

const FILE = `# our partners
realm: default
partners:
  - id: ledger
    name: Ledger
    certificateless: true
    audiences:
      - { audience: ${LEDGER}, scopes: [read, write], tokenPolicy: { algorithm: ES256 } }
  - id: billing
    tags: { team: payments }
    tokenPolicy: { accessTokenSeconds: 600 }
    claims: { region: eu }
    quota: { perMinute: 60, mode: observe }
    credentials:
      - jwkFile: billing.jwk.json
        label: first
        expiresAt: 2027-12-31T01:00:00+01:00
      - certificateFile: billing.crt
    grants:
      - { audience: ${LEDGER}, scopes: [read] }
`.replace(/.*certificateless.*\n/, '');

describe('countersign apply', () => {
  let server: AdminServer;
  let directory: string;
  beforeEach(async () => {
    server = await startAdminServer();
    directory = await mkdtemp(join(tmpdir(), 'countersign-apply-'));
    await write('billing.jwk.json', JSON.stringify(jwk));
    await write('billing.crt', CERTIFICATE);
  });
  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const write = async (name: string, content: string): Promise<string> => {
    await writeFile(join(directory, name), content);
    return join(directory, name);
  };
  const call = (argv: readonly string[], more: Surroundings = {}) =>
    countersign([...argv, '--endpoint', server.url], { env: AWS_ENV, ...more });
  const apply = async (content: string, argv: readonly string[] = ['--yes'], more: Surroundings = {}) =>
    call(['apply', '-f', await write('partners.yaml', content), ...argv], more);
  const writes = () =>
    server.requests
      .filter(({ method }) => method !== 'GET')
      .map(({ method, target }) => [method, target.split('/').slice(4).join('/')]);

  it('makes an empty realm what the file says, in an order that breaks no reference, and then has nothing to do', async () => {
    const outcome = await apply(FILE);
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout.split('\n')).toEqual([
      '+ partner ledger',
      '    + name: "Ledger"',
      '+ partner billing',
      '    + tags.team: "payments"',
      '    + tokenPolicy.accessTokenSeconds: 600',
      '    + claims.region: "eu"',
      '    + quota.perMinute: 60',
      '    + quota.mode: "observe"',
      `    + credential ${kid} ES256 "first" until 2027-12-31T00:00:00Z`,
      expect.stringMatching(/^ {4}\+ credential [\w-]{43} until 2036-11-20T03:52:50Z$/),
      `+ audience ${LEDGER}`,
      '    + owner: ledger',
      '    + scope: read',
      '    + scope: write',
      '    + tokenPolicy.algorithm: ES256',
      `+ grant billing -> ${LEDGER}`,
      '    + scope: read',
      '4 changes to make.',
      'Done: 4 changes.',
      '',
    ]);
    expect(writes()).toEqual([
      ['POST', 'partners'],
      ['POST', 'partners'],
      ['POST', 'audiences'],
      ['POST', 'grants'],
    ]);
    const again = await apply(FILE);
    expect(again).toEqual({ exitCode: 0, stdout: 'Nothing to do: realm default is as declared.\n', stderr: '' });
    expect(writes()).toHaveLength(4);
  });

  it('shows what is different and sends the version that it compared with', async () => {
    await apply(FILE);
    const changed = FILE.replace('name: Ledger', 'contact: x@example.com')
      .replace('region: eu', 'region: us')
      .replace('label: first', 'label: second')
      .replace(/ +- certificateFile.*\n/, '')
      .replace('scopes: [read]', 'scopes: [write]');
    const { stdout } = await apply(changed);
    expect(stdout.split('\n')).toEqual([
      '~ partner ledger',
      '    - name: "Ledger"',
      '    + contact: "x@example.com"',
      '~ partner billing',
      '    ~ claims.region: "eu" -> "us"',
      expect.stringMatching(/^ {4}- credential [\w-]{43} ES256 until 2036-11-20T03:52:50Z$/),
      `    ~ credential ${kid}: label: "first" -> "second"`,
      `~ grant billing -> ${LEDGER}`,
      '    - scope: read',
      '    + scope: write',
      '3 changes to make.',
      'Done: 3 changes.',
      '',
    ]);
    const put = server.requests.filter(({ method }) => method === 'PUT').map(({ body }) => JSON.parse(body));
    expect(put.map(({ version }) => version)).toEqual([1, 1]);
    expect((await apply(changed, ['--check'])).exitCode).toBe(0);
  });

  it('gives a scope before the grants need it, and takes one after they have let go', async () => {
    await apply(FILE);
    const changed = FILE.replace('[read, write]', '[write, admin]').replace('scopes: [read]', 'scopes: [admin]');
    const { stdout, exitCode } = await apply(changed);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').filter((line) => !line.startsWith(' '))).toEqual([
      `~ audience ${LEDGER}`,
      `~ grant billing -> ${LEDGER}`,
      `~ audience ${LEDGER}`,
      '3 changes to make.',
      'Done: 3 changes.',
      '',
    ]);
    expect(server.registry().audiences.get(LEDGER)).toMatchObject({ scopes: ['write', 'admin'], version: 3 });
    expect((await apply(changed, ['--check'])).exitCode).toBe(0);
  });

  it('only looks with --dry-run, and --check makes a difference a failure', async () => {
    const dry = await apply(FILE, ['--dry-run']);
    expect(dry).toMatchObject({ exitCode: 0, stderr: '' });
    expect(dry.stdout).toMatch(/\n4 changes to make; nothing was done \(--dry-run\)\.\n$/);
    const check = await apply(FILE, ['--check']);
    expect(check).toMatchObject({ exitCode: 1, stderr: 'countersign: realm default differs: 4 changes\n' });
    expect(check.stdout).toBe(dry.stdout);
    expect(writes()).toEqual([]);
  });

  it('asks on a terminal, and elsewhere wants --yes before anything is read', async () => {
    const refusal = await apply(FILE, [], { typed: 'n\n' });
    expect(refusal).toMatchObject({ exitCode: 1 });
    expect(refusal.stderr).toBe('Make 4 changes to realm default? [y/N] countersign: nothing was done\n');
    expect(writes()).toEqual([]);
    expect((await apply(FILE, [], { typed: 'yes\n' })).exitCode).toBe(0);
    const before = server.requests.length;
    const nobody = await apply(FILE, [], { stdin: '' });
    expect(nobody).toMatchObject({ exitCode: 2, stdout: '' });
    expect(nobody.stderr).toContain('pass --yes, or --dry-run to look only');
    expect(server.requests).toHaveLength(before);
  });

  it('colours the difference on a terminal, unless NO_COLOR says no', async () => {
    const coloured = (await apply(FILE, ['--dry-run'], { isTTY: true })).stdout;
    expect(coloured).toContain('\u001b[32m+ partner ledger\u001b[39m');
    const plain = await apply(FILE, ['--dry-run'], { isTTY: true, env: { ...AWS_ENV, NO_COLOR: '1' } });
    expect(plain.stdout).toBe(stripVTControlCharacters(coloured));
  });

  describe('what the file does not name', () => {
    beforeEach(async () => {
      await apply(FILE);
      await call(['partner', 'add', 'old']);
      await call(['audience', 'add', 'https://old.example.com', '--owner', 'old', '--scope', 'a']);
      await call(['grant', 'add', '--client', 'billing', '--audience', 'https://old.example.com', '--scope', 'a']);
      await call(['grant', 'add', '--client', 'old', '--audience', LEDGER, '--scope', 'read']);
    });

    it('stays, and is told', async () => {
      const outcome = await apply(FILE);
      expect(outcome.stdout).toBe('Nothing to do: realm default is as declared.\n');
      expect(outcome.stderr).toBe(
        'countersign: not in the file and left alone (--prune would remove them): partner old, ' +
          'audience https://old.example.com, grant billing -> https://old.example.com\n',
      );
      expect(server.registry().partners.has('old')).toBe(true);
    });

    it('goes with --prune, grants first', async () => {
      const outcome = await apply(FILE, ['--prune', '--yes']);
      expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
      expect(outcome.stdout.split('\n')).toEqual([
        '- grant billing -> https://old.example.com',
        `- grant old -> ${LEDGER}`,
        '- audience https://old.example.com',
        '- partner old',
        '4 changes to make.',
        'Done: 4 changes.',
        '',
      ]);
      expect([...server.registry().partners.keys()]).toEqual(['ledger', 'billing']);
      expect(server.registry().grants.size).toBe(1);
    });
  });

  it('stops at the first failure and tells what was done and what was not', async () => {
    const outcome = await apply(FILE.replace('scopes: [read]', 'scopes: [strange]'), ['--yes', '--json']);
    const reason = `Invalid request: ${LEDGER} declares no scope strange`;
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toBe(
      `countersign: grant billing -> ${LEDGER}: ${reason}; 3 of 4 changes were made before that\n`,
    );
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      realm: 'default',
      changes: [
        { action: 'add', kind: 'partner', name: 'ledger', details: ['+ name: "Ledger"'], state: 'done' },
        { name: 'billing', state: 'done' },
        { kind: 'audience', state: 'done' },
        { kind: 'grant', state: 'failed', reason },
      ],
      leftAlone: [],
    });
  });

  it('loses no race: a partner that somebody else has changed stays as they left it', async () => {
    await apply(FILE);
    server.meddlers.push((registry) => registry.touch('ledger', { name: 'theirs' }));
    const changed = FILE.replace('name: Ledger', 'name: mine').replace('region: eu', 'region: us');
    const outcome = await apply(changed);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toMatch(/partner ledger was changed by somebody else since it was read.*; 0 of 2 changes/);
    expect(outcome.stdout).toMatch(/\nfailed: {3}~ partner ledger\nnot done: ~ partner billing\n$/);
    expect(server.registry().partners.get('ledger')).toMatchObject({ name: 'theirs' });
    expect(server.registry().partners.get('billing')).toMatchObject({ claims: { region: 'eu' } });
  });

  it('does not replace a partner that was made a moment ago', async () => {
    server.interruptions.push({ status: 200, body: { items: [] } }, { status: 200, body: { items: [] } });
    await server.registry().addPartner({ id: 'ledger', name: 'theirs' });
    server.interruptions.push({ status: 404, body: {} }, { status: 404, body: {} });
    const outcome = await apply(FILE);
    expect(outcome.stderr).toContain('partner ledger: Conflict: partner ledger exists with other content; 0 of 4');
    expect(server.registry().partners.get('ledger')).toMatchObject({ name: 'theirs' });
  });

  it('follows addresses: read at once when new, not compared afterwards', async () => {
    const content = (url: string) => `partners: [{ id: crm, jwksUri: "${url}" }]`;
    const refused = await apply(content(JWKS_URI));
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('nobody answers [unreachable]; partner crm was not added; 0 of 1 changes');
    server.documents.set(`${JWKS_URI}/2`, { keys: [jwk] });
    await call(['partner', 'add', 'crm']);
    const outcome = await apply(content(`${JWKS_URI}/2`));
    expect(outcome.stdout).toMatch(/^~ partner crm\n {4}\+ jwksUri: "https:\S+\/2"\n/);
    expect(outcome.stderr).toContain('is not read again before');
    expect((await apply(content(`${JWKS_URI}/2`))).stdout).toMatch(/^Nothing to do/);
  });

  it.each(['keyvalue', 'keyValue'])('compares a pasted document by its issuer and keys (%s)', async (member) => {
    const value = CERTIFICATE.replace(/-----.*-----|\n/g, '');
    const keys = [{ usage: 'signing', [member]: { type: 'x509Certificate', value } }];
    await write('metadata.json', JSON.stringify({ issuer: 'a@b', keys }));
    const file = 'partners: [{ id: sp, metadataFile: metadata.json }]';
    const added = await apply(file);
    expect(added.stdout).toMatch(/ {4}\+ issuer: "a@b"\n {4}\+ credential of the document [\w-]{43}\n/);
    expect((await apply(file)).stdout).toMatch(/^Nothing to do/);
    await write('metadata.json', JSON.stringify({ issuer: 'a@b', keys: [jwk] }));
    const { stdout } = await apply(file);
    expect(stdout).toMatch(
      new RegExp(`^~ partner sp\\n {4}- credential [\\w-]{43} .*\\n {4}\\+ credential of the document ${kid}\\n`),
    );
  });

  it('works in the realm that the file names, and refuses two minds', async () => {
    const file = 'realm: staging\npartners: []';
    expect((await apply(file)).stdout).toBe('Nothing to do: realm staging is as declared.\n');
    const outcome = await apply(file, ['--realm', 'default', '--yes']);
    expect(outcome).toMatchObject({ exitCode: 2, stderr: 'countersign: the file is for realm staging, not default\n' });
    const two = await call([
      'apply',
      '--yes',
      '-f',
      await write('a', file),
      '-f',
      await write('b', 'realm: b\npartners: []'),
    ]);
    expect(two.stderr).toBe('countersign: the files are for several realms: staging, b\n');
  });

  it('puts several files together, one of them from standard input', async () => {
    const path = await write('a.yaml', 'partners: [{ id: a }]');
    const stdin = '{\n\t"partners": [{"id": "b"}]\n}';
    const outcome = await call(['apply', '-f', path, '-f', '-', '--yes'], { stdin });
    expect(outcome.exitCode).toBe(0);
    expect([...server.registry().partners.keys()]).toEqual(['a', 'b']);
  });

  it.each([
    ['a partner', 'partners: [{ id: a }, { id: a }]', 'partner a is declared twice'],
    [
      'an audience',
      `partners: [{ id: a, audiences: [{ audience: "${LEDGER}", scopes: [x] }] }, { id: b, audiences: [{ audience: "${LEDGER}", scopes: [x] }] }]`,
      `audience ${LEDGER} is declared twice`,
    ],
    [
      'a grant',
      'partners: [{ id: a, grants: [{ audience: x, scopes: [y] }, { audience: x, scopes: [z] }] }]',
      'grant a -> x is declared twice',
    ],
  ])('refuses %s that is declared twice', async (_, content, message) => {
    expect(await apply(content)).toEqual({ exitCode: 2, stdout: '', stderr: `countersign: ${message}\n` });
    expect(server.requests).toEqual([]);
  });

  it('gives no audience to another owner', async () => {
    await apply(FILE);
    const outcome = await apply(`partners: [{ id: b, audiences: [{ audience: "${LEDGER}", scopes: [x] }] }]`);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toContain(`audience ${LEDGER} is owned by ledger; to give it to b, remove it there first`);
  });
});
