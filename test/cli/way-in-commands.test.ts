import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { AWS_ENV, countersign, oneLine } from './terminal.ts';

const GITHUB = {
  issuer: 'https://token.actions.githubusercontent.com',
  claims: { sub: { exact: 'repo:example/deploy:ref:refs/heads/main' }, '/job/env': { oneOf: ['prod', 'test'] } },
  audited: { ref: { glob: 'refs/heads/*' } },
  maxSeconds: 600,
};
const PAY = 'https://pay.example.com';

let server: AdminServer;
let directory: string;
beforeEach(async () => {
  server = await startAdminServer();
  directory = await mkdtemp(join(tmpdir(), 'countersign-ways-'));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const call = (...argv: readonly string[]) => countersign([...argv, '--endpoint', server.url], { env: AWS_ENV });
const lastBody = () => JSON.parse(server.requests.at(-1)?.body ?? '');
const write = async (content: unknown, name = 'input.json'): Promise<string> => {
  const file = join(directory, name);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};

describe('ways in of a partner', () => {
  it.each([
    ['--tls-subject-dn', 'CN=edge,O=Example', { subjectDn: 'CN=edge,O=Example' }, 'subject'],
    ['--tls-san-dns', 'edge.example.com', { sanDns: 'edge.example.com' }, 'DNS name'],
    ['--tls-san-uri', 'spiffe://example.com/edge', { sanUri: 'spiffe://example.com/edge' }, 'URI'],
    ['--tls-san-ip', '192.0.2.7', { sanIp: '192.0.2.7' }, 'IP address'],
    ['--tls-san-email', 'edge@example.com', { sanEmail: 'edge@example.com' }, 'mail address'],
  ])('are a TLS certificate with %s', async (option, value, tlsSubject, label) => {
    const added = await call('partner', 'add', 'edge', option, value, '--binding', 'mtls-optional');
    expect(added).toMatchObject({ exitCode: 0, stderr: '' });
    expect(added.stdout).toMatch(new RegExp(`\\nTLS certificate +${label} ${value}\\n`));
    // It has no key, and can ask for tokens all the same.
    expect(added.stdout).toContain('No keys.\n');
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
      id: 'edge',
      tokenPolicy: { binding: 'mtls-optional' },
      tlsSubject,
    });
    await call('partner', 'set', 'edge', '--no-tls-subject');
    expect(lastBody()).toEqual({ version: 1, tlsSubject: null });
    expect((await call('partner', 'show', 'edge')).stdout).not.toContain('TLS certificate');
    await call('partner', 'set', 'edge', option, value);
    expect(lastBody()).toEqual({ version: 2, tlsSubject });
  });

  it('are tokens of other issuers, told in words', async () => {
    const added = await call('partner', 'add', 'deploy', '--federation-file', await write([GITHUB]));
    expect(lastBody()).toEqual({ id: 'deploy', federation: [GITHUB] });
    expect(added.stdout).toMatch(
      /\nfederated +https:\S+ where sub is "repo:example\/deploy:ref:refs\/heads\/main" and \/job\/env is one of \["prod","test"\] \(on trial: ref is like "refs\/heads\/\*"\) at most 600 s long\n/,
    );
    const again = {
      issuer: 'spiffe://example.com',
      audience: 'x',
      claims: { sub: { glob: 'spiffe://**' } },
      reusable: true,
    };
    const changed = await call('partner', 'set', 'deploy', '--federation-file', await write([again]));
    expect(lastBody()).toEqual({ version: 1, federation: [again] });
    expect(changed.stdout).toMatch(
      /\nfederated +spiffe:\S+ for x where sub is like "spiffe:\/\/\*\*" again and again\n/,
    );
    await call('partner', 'set', 'deploy', '--no-federation');
    expect(lastBody()).toEqual({ version: 2, federation: [] });
  });

  it('open for others where its own tokens are trusted', async () => {
    const added = await call('partner', 'add', 'hub', '--issuer', 'https://hub.example.com', '--trusted-issuer');
    expect(lastBody()).toEqual({ id: 'hub', issuer: 'https://hub.example.com', trustedIssuer: true });
    expect(added.stdout).toMatch(/\ntrusted issuer +its tokens may prove others, and be exchanged\n/);
    await call('partner', 'set', 'hub', '--no-trusted-issuer');
    expect(lastBody()).toEqual({ version: 1, trustedIssuer: false });
  });

  it('tell keys that the people of the partner have registered', async () => {
    await call('partner', 'add', 'own');
    const own = {
      kid: 'k',
      alg: 'ES256',
      kty: 'EC',
      thumbprint: 't',
      source: 'self-registered',
      addedAt: '2026-01-01T00:00:00Z',
    };
    server.registry().touch('own', { credentials: [own], registered: true });
    const { stdout } = await call('partner', 'show', 'own');
    expect(stdout).toMatch(/\nregistration +its own people may change its keys\n/);
    expect(stdout).toMatch(/\nk +ES256 +EC +self-registered +2026-01-01T00:00:00Z\n/);
  });

  it.each([
    ['two names', ['--tls-san-dns', 'a', '--tls-san-ip', '192.0.2.1'], 'cannot be used with'],
    ['a name that comes and goes', ['--tls-san-dns', 'a', '--no-tls-subject'], 'cannot be used with'],
    ['identities that come and go', ['--federation-file', 'x', '--no-federation'], 'cannot be used with'],
  ])('cannot be %s', async (_, options, message) => {
    const outcome = await call('partner', 'set', 'edge', ...options);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(server.requests).toEqual([]);
  });

  it.each([
    ['no JSON', '- issuer', 'is not JSON'],
    ['no list', '{}', 'is not a JSON list of federated identities: expected array'],
    ['a misspelt member', [{ ...GITHUB, audiance: 'x' }], 'identities at /0: Unrecognized key: "audiance"'],
    ['an identity without claims', [{ issuer: 'https://i' }], 'at /0/claims: expected record'],
    [
      'two predicates in one',
      [{ issuer: 'https://i', claims: { sub: { exact: 'a', glob: 'b' } } }],
      'must have exactly one',
    ],
  ])('refuse a federation file with %s', async (_, content, message) => {
    const outcome = await call('partner', 'add', 'deploy', '--federation-file', await write(content));
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(oneLine(outcome.stderr)).toBe(true);
    expect(server.requests).toEqual([]);
  });
});

describe('ways in of a realm', () => {
  it('are switched on, listed and taken back to what they would be anyway', async () => {
    const options = [
      '--client-secrets',
      'on',
      '--grant-types',
      'client_credentials,jwt-bearer',
      '--dpop-nonces',
      'optional',
    ];
    const changed = await call('realm', 'set', 'staging', ...options, '--details-type', 'payment_initiation transfer');
    expect(changed).toMatchObject({ exitCode: 0, stderr: '' });
    const policy = {
      clientSecrets: true,
      grantTypes: ['client_credentials', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
      dpopNonces: 'optional',
      authorizationDetailsTypes: ['payment_initiation', 'transfer'],
    };
    expect(lastBody()).toEqual({ version: 1, policy });
    expect(changed.stdout).toMatch(
      /\nclient secrets +allowed\ngrant types +client_credentials urn:\S+\nDPoP nonces +optional\n/,
    );
    expect(changed.stdout).toMatch(/\nauthorization details +payment_initiation transfer\n/);
    await call(
      'realm',
      'set',
      'staging',
      '--unset',
      'client-secrets grant-types details-types',
      '--dpop-nonces',
      'required',
    );
    expect(lastBody()).toEqual({ version: 2, policy: { dpopNonces: 'required' } });
    await call('realm', 'set', 'staging', '--client-secrets', 'off', '--unset', 'dpop-nonces');
    expect(lastBody()).toEqual({ version: 3, policy: { clientSecrets: false } });
    expect((await call('realm', 'show', 'staging')).stdout).toMatch(/\nclient secrets +not allowed\n/);
  });

  it('can be said when it is made', async () => {
    await call('realm', 'add', 'pay', '--grant-types', 'token-exchange', '--client-secrets', 'on');
    const policy = { clientSecrets: true, grantTypes: ['urn:ietf:params:oauth:grant-type:token-exchange'] };
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({ name: 'pay', policy });
  });

  it.each([
    [['--client-secrets', 'yes'], 'Allowed choices are on, off.'],
    [['--grant-types', 'password'], 'No grant is called password'],
    [['--grant-types', ','], 'Some of client_credentials'],
    [['--dpop-nonces', 'never'], 'Allowed choices are required, optional.'],
  ])('are refused: %j', async (options, message) => {
    const outcome = await call('realm', 'set', 'staging', ...options);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
  });
});

describe('authorization details', () => {
  const DETAILS = { payment_initiation: { actions: ['initiate'], fields: ['amount'] }, account: {} };
  beforeEach(async () => {
    await call('partner', 'add', 'pay');
  });

  it('are declared by an audience, granted, and shown with both', async () => {
    const add = ['audience', 'add', PAY, '--owner', 'pay', '--scope', 'access'];
    await call(...add, '--details-file', await write(DETAILS));
    expect(lastBody()).toMatchObject({ audience: PAY, authorizationDetails: DETAILS });
    expect((await call('audience', 'list')).stdout).toMatch(
      /^AUDIENCE +OWNER +SCOPES +DETAILS +VERSION\nhttps:\S+ +pay +access +payment_initiation account +1\n/,
    );
    const grant = ['grant', 'add', '--client', 'pay', '--audience', PAY, '--scope', 'access'];
    const granted = await call(...grant, '--details-type', 'payment_initiation');
    expect(lastBody()).toMatchObject({ scopes: ['access'], authorizationDetailsTypes: ['payment_initiation'] });
    expect(granted.stdout).toBe(`Partner pay may call ${PAY}: access, authorization details payment_initiation\n`);
    expect((await call('grant', 'list', '--client', 'pay')).stdout).toMatch(
      /SCOPES +DETAILS .*\n.* payment_initiation +1\n/,
    );
    expect((await call('partner', 'show', 'pay')).stdout).toMatch(
      /\nMAY CALL +SCOPES +AUTHORIZATION DETAILS\nhttps:\S+ +access +payment_initiation\n/,
    );
  });

  it('are changed and taken away, each without the rest', async () => {
    await call('audience', 'add', PAY, '--owner', 'pay', '--scope', 'access', '--token-seconds', '60');
    await call('audience', 'set', PAY, '--details-file', await write(DETAILS));
    expect(lastBody()).toEqual({ audience: PAY, version: 1, authorizationDetails: DETAILS });
    await call('audience', 'set', PAY, '--unset', 'details');
    expect(lastBody()).toEqual({ audience: PAY, version: 2, authorizationDetails: {} });
    await call('audience', 'set', PAY, '--unset', 'token-seconds', '--unset', 'details');
    expect(lastBody()).toEqual({ audience: PAY, version: 3, tokenPolicy: {}, authorizationDetails: {} });
  });

  it.each([
    ['a list', [], 'authorization details by type: expected record'],
    ['values that are no lists', { a: { actions: 'x' } }, 'at /a/actions: expected array'],
    ['a member that is none', { a: { locations: [] } }, 'at /a: Unrecognized key: "locations"'],
  ])('are refused as %s', async (_, content, message) => {
    const file = await write(content);
    const outcome = await call('audience', 'add', PAY, '--owner', 'pay', '--scope', 'a', '--details-file', file);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
  });
});
