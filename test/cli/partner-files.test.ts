import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { CERTIFICATE } from './certificate.ts';
import { AWS_ENV, countersign, oneLine, type Surroundings } from './terminal.ts';

const jwk = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const LEDGER = 'https://ledger.example.com';
const JWKS_URI = 'https://crm.example.com/jwks';

let server: AdminServer;
let directory: string;
beforeEach(async () => {
  server = await startAdminServer();
  directory = await mkdtemp(join(tmpdir(), 'countersign-files-'));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const callAt = (url: string, argv: readonly string[], more: Surroundings = {}) =>
  countersign([...argv, '--endpoint', url], { env: AWS_ENV, ...more });
const call = (argv: readonly string[], more: Surroundings = {}) => callAt(server.url, argv, more);

describe('partner export', () => {
  beforeEach(async () => {
    server.documents.set(JWKS_URI, { keys: [jwk] });
    await call([
      'partner',
      'add',
      'ledger',
      '--name',
      'Buch\u202eung',
      '--trust-level',
      'full',
      '--issuer',
      'https://l.example.com',
    ]);
    const words = ['--tag', 'version=1.10', '--claim', 'x={"b":1,"a":[null]}', '--quota-per-day', '5', '--disabled'];
    const key = ['--jwks', '-', '--label', 'on: key', '--expires-at', '2027-01-01'];
    await call(['partner', 'add', 'billing', ...words, ...key], { stdin: JSON.stringify({ ...jwk, kid: 'k1' }) });
    await call(['partner', 'add', 'crm', '--jwks-uri', JWKS_URI]);
    await call(['audience', 'add', LEDGER, '--owner', 'ledger', '--scope', 'read write', '--algorithm', 'ES256']);
    await call(['grant', 'add', '--client', 'billing', '--audience', LEDGER, '--scope', 'read']);
  });

  it('says what was decided, by id, and leaves out what would be so anyway', async () => {
    const { stdout, stderr, exitCode } = await call(['partner', 'export']);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(parse(stdout)).toEqual({
      realm: 'default',
      partners: [
        {
          id: 'billing',
          tags: { version: '1.10' },
          enabled: false,
          credentials: [
            { jwk: { ...jwk, kid: 'k1', alg: 'ES256' }, label: 'on: key', expiresAt: '2027-01-01T00:00:00Z' },
          ],
          claims: { x: { b: 1, a: [null] } },
          quota: { perDay: 5, mode: 'enforce' },
          grants: [{ audience: LEDGER, scopes: ['read'] }],
        },
        { id: 'crm', jwksUri: JWKS_URI },
        {
          id: 'ledger',
          name: 'Buch\u202eung',
          trustLevel: 'full',
          issuer: 'https://l.example.com',
          audiences: [{ audience: LEDGER, scopes: ['read', 'write'], tokenPolicy: { algorithm: 'ES256' } }],
        },
      ],
    });
    expect(stdout).not.toContain('\u202e');
  });

  it('gives the same partners when it is applied elsewhere', async () => {
    const { stdout } = await call(['partner', 'export']);
    await using elsewhere = await startAdminServer();
    elsewhere.documents.set(JWKS_URI, { keys: [jwk] });
    const applied = await callAt(elsewhere.url, ['apply', '-f', '-', '--yes'], { stdin: stdout });
    expect(applied).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await callAt(elsewhere.url, ['partner', 'export'])).stdout).toBe(stdout);
    expect((await call(['apply', '-f', '-', '--check'], { stdin: stdout })).stdout).toMatch(/^Nothing to do/);
  });

  it('takes those that are named, and misses those that are not there', async () => {
    const { stdout } = await call(['partner', 'export', 'ledger', 'crm', '--json']);
    expect(JSON.parse(stdout).partners.map(({ id }: { id: string }) => id)).toEqual(['crm', 'ledger']);
    const outcome = await call(['partner', 'export', 'nobody', 'crm']);
    expect(outcome).toEqual({ exitCode: 1, stdout: '', stderr: 'countersign: no partner nobody\n' });
  });

  it('keeps the names of a certificate with the key that came in it', async () => {
    await call(['partner', 'add', 'lync', '--certificate', '-'], { stdin: CERTIFICATE });
    const { stdout, stderr } = await call(['partner', 'export', 'lync', '--json']);
    expect(stderr).toBe('');
    const [lync] = JSON.parse(stdout).partners;
    expect(lync.credentials[0].jwk).toMatchObject({ x5t: expect.any(String), 'x5t#S256': expect.any(String) });
  });

  it('writes no file without a key that the service has', async () => {
    const stored = server.registry().partners.get('billing')?.credentials ?? [];
    server.registry().touch('billing', { credentials: stored.map(({ jwk: _, ...rest }) => rest) });
    const outcome = await call(['partner', 'export']);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toContain('the service does not show the public key k1 of partner billing');
  });
});

describe('partner import', () => {
  const POOL = {
    UserPoolClients: [
      {
        UserPoolClient: {
          UserPoolId: 'eu-west-1_abc',
          ClientName: 'crm',
          ClientId: '1example23456789crm',
          ClientSecret: 'do-not-show-this',
          AllowedOAuthFlows: ['client_credentials'],
          AllowedOAuthScopes: ['https://stock.example.com/read'],
          AllowedOAuthFlowsUserPoolClient: true,
        },
      },
    ],
    ResourceServers: [
      {
        UserPoolId: 'eu-west-1_abc',
        Identifier: 'https://stock.example.com',
        Name: 'Stock',
        Scopes: [{ ScopeName: 'read', ScopeDescription: 'r' }],
      },
    ],
  };
  const importPool = (...argv: string[]) =>
    call(['partner', 'import', '-', '--from', 'cognito', ...argv], { stdin: JSON.stringify(POOL) });

  it('prints a file that apply takes, and tells what was not carried over', async () => {
    const { stdout, stderr, exitCode } = await importPool();
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^note: .*client secret was not carried over/m);
    expect(stdout + stderr).not.toContain('do-not-show-this');
    const applied = await call(['apply', '-f', '-', '--yes'], { stdin: stdout });
    expect(applied).toMatchObject({ exitCode: 0, stderr: '' });
    expect(server.registry().partners.has('1example23456789crm')).toBe(true);
    expect(server.registry().grants.size).toBe(1);
  });

  it('gives other names where it is told to, and only then', async () => {
    const { stdout, stderr } = await importPool(
      ...['--map', '1example23456789crm=crm', '--map', 'https://stock.example.com=urn:stock'],
    );
    const { partners } = parse(stdout);
    const crm = partners.find(({ id }: { id: string }) => id === 'crm');
    expect(crm.grants).toMatchObject([{ audience: 'urn:stock' }]);
    expect(partners.flatMap(({ audiences = [] }) => audiences)).toMatchObject([{ audience: 'urn:stock' }]);
    expect(stderr).toMatch(/^note: crm: /m);
    const outcome = await importPool('--map', 'crn=crm');
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(oneLine(outcome.stderr)).toBe(true);
    expect(outcome.stderr).toContain('no partner and no audience of the export is called crn');
  });

  it('writes a file, but over no other', async () => {
    const out = join(directory, 'partners.yaml');
    expect((await importPool('-o', out)).stdout).toBe(`2 partners are in ${out} now.\n`);
    expect(parse(await readFile(out, 'utf8')).partners).toHaveLength(2);
    const again = await importPool('-o', out);
    expect(again.exitCode).toBe(2);
    expect(again.stderr).toContain(`${out} is already there and is not overwritten`);
  });

  it('registers the partners at once when told to', async () => {
    const dry = await importPool('--apply', '--dry-run');
    expect(dry.stdout).toMatch(/^\+ partner 1example23456789crm\n.*4 changes to make; nothing was done/s);
    expect(server.registry().partners.size).toBe(0);
    expect((await importPool('--apply', '--yes')).stdout).toMatch(/\nDone: 4 changes\.\n$/);
    expect(server.registry().partners.size).toBe(2);
  });

  it('tells notes as JSON too', async () => {
    const { notes, partners } = JSON.parse((await importPool('--json')).stdout);
    expect(partners).toHaveLength(2);
    expect(notes).toContainEqual({ partner: '1example23456789crm', text: expect.stringContaining('secret') });
  });

  it.each(['cognito', 'auth0', 'keycloak', 'hydra'])(
    'refuses what is no export of %s, in one line',
    async (product) => {
      const path = join(directory, 'x.json');
      await writeFile(path, '"do-not-show-this"');
      const outcome = await call(['partner', 'import', path, '--from', product]);
      expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
      expect(oneLine(outcome.stderr)).toBe(true);
      expect(outcome.stderr).not.toContain('do-not-show-this');
    },
  );

  it('takes every product that it offers', async () => {
    const fixtures = join(import.meta.dirname, 'import', 'fixtures');
    const files = {
      cognito: 'cognito-pool.json',
      auth0: 'auth0-tenant.yaml',
      keycloak: 'keycloak-realm.json',
      hydra: 'hydra-clients.json',
    };
    for (const [product, name] of Object.entries(files)) {
      await using fresh = await startAdminServer();
      const argv = ['partner', 'import', join(fixtures, name), '--from', product];
      const { stdout, exitCode } = await callAt(fresh.url, argv);
      expect(exitCode, product).toBe(0);
      const looked = await callAt(fresh.url, ['apply', '-f', '-', '--dry-run'], { stdin: stdout });
      expect(looked, product).toMatchObject({ exitCode: 0, stderr: '' });
      expect(looked.stdout).toMatch(/ changes to make; nothing was done/);
    }
  });
});
