import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { access, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CERTIFICATE } from './certificate.ts';
import { ONBOARDING_TOKEN, type RegistrationServer, startRegistrationServer } from './registration-server.ts';
import { countersign, oneLine, type Surroundings } from './terminal.ts';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = pair.publicKey.export({ format: 'jwk' });
const kid = await calculateJwkThumbprint(jwk);

let server: RegistrationServer;
let directory: string;
let out: string;
beforeEach(async () => {
  server = await startRegistrationServer();
  directory = await mkdtemp(join(tmpdir(), 'countersign-registration-'));
  out = join(directory, 'billing.json');
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const write = async (name: string, content: unknown): Promise<string> => {
  const file = join(directory, name);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
};
const run = (argv: readonly string[], more: Surroundings = {}) => countersign(argv, { env: {}, stdin: '', ...more });
const register = async (...more: readonly string[]) => {
  const token = await write('token', `${ONBOARDING_TOKEN}\n`);
  return run(['register', '--issuer', server.url, '--onboarding-token-file', token, '--out', out, ...more]);
};
const bodyOf = (method: string) => JSON.parse(server.requests.findLast((each) => each.method === method)?.body ?? '');
const kept = async () => JSON.parse(await readFile(out, 'utf8'));
const remaining = async () => (await readdir(directory)).filter((name) => name !== 'token' && name !== 'keys.json');

describe('countersign register', () => {
  it('registers a public key, and keeps what it may be changed with for its owner alone', async () => {
    const keys = await write('keys.json', { keys: [jwk] });
    const outcome = await register('--jwks', keys, '--name', 'Billing', '--contact', 'a@example.com');
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(bodyOf('POST')).toEqual({
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...jwk, alg: 'ES256', use: 'sig', kid }] },
      client_name: 'Billing',
      contacts: ['a@example.com'],
    });
    expect(outcome.stdout).toMatch(/^client id +billing\nissuer +http:\S+\nname +Billing\ncontact +a@example\.com\n/);
    expect(outcome.stdout).toContain(`in ${out}: keep it to yourself`);
    expect(outcome.stdout).toContain(kid);
    expect(outcome.stdout).not.toMatch(/crat_|cobt_/);
    expect(await kept()).toEqual({
      issuer: server.url,
      client_id: 'billing',
      registration_client_uri: `${server.url}/register/billing`,
      registration_access_token: 'crat_0',
    });
    expect(((await stat(out)).mode & 0o777).toString(8)).toBe('600');
  });

  it('tells scripts what was registered and where the rest is, and takes the token from standard input', async () => {
    const argv = [
      'register',
      '--endpoint',
      server.url,
      '--onboarding-token-file',
      '-',
      '--jwks-uri',
      'https://b.example/jwks',
    ];
    const outcome = await run([...argv, '--out', out, '--json'], { stdin: `${ONBOARDING_TOKEN}\n` });
    expect(JSON.parse(outcome.stdout)).toEqual({
      client_id: 'billing',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: 'https://b.example/jwks',
      file: out,
    });
  });

  it('registers a TLS certificate with the key that is in it', async () => {
    await register('--certificate', await write('c.pem', CERTIFICATE));
    const x5c = [new X509Certificate(CERTIFICATE).raw.toString('base64')];
    expect(bodyOf('POST')).toMatchObject({
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [{ x5c, kty: 'EC' }] },
    });
  });

  it('keeps the certificates of a JWKS', async () => {
    const file = await write('keys.json', { keys: [{ ...jwk, x5c: ['AA=='] }] });
    await register('--jwks', file, '--method', 'self_signed_tls_client_auth');
    expect(bodyOf('POST')).toMatchObject({ jwks: { keys: [{ x5c: ['AA=='] }] } });
  });

  it.each([
    ['a private JWK', JSON.stringify(pair.privateKey.export({ format: 'jwk' })), '--jwks'],
    ['a set with one', JSON.stringify({ keys: [jwk, pair.privateKey.export({ format: 'jwk' })] }), '--jwks'],
    ['a PEM key', pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), '--certificate'],
  ])('refuses %s before anything is sent', async (_, content, option) => {
    const outcome = await register(option, await write('keys.json', content));
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain('holds private key material; nothing was sent');
    expect(oneLine(outcome.stderr)).toBe(true);
    expect(server.requests).toEqual([]);
    expect(await remaining()).toEqual([]);
  });

  it.each([
    ['no key', [], 'no key: pass --jwks FILE, --jwks-uri URL or --certificate FILE'],
    ['two keys', ['--jwks', 'a', '--jwks-uri', 'https://a'], 'cannot be used with'],
    ['an address over http', ['--jwks-uri', 'http://b.example'], 'not an https URL'],
    [
      'a method that needs an operator',
      ['--jwks-uri', 'https://a', '--method', 'client_secret_basic'],
      'Allowed choices',
    ],
  ])('refuses %s', async (_, options, message) => {
    const outcome = await register(...options);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(server.requests).toEqual([]);
  });

  it('does not use up the token where the answer could not be kept', async () => {
    await writeFile(out, 'mine');
    const keys = await write('keys.json', jwk);
    expect(await register('--jwks', keys)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('is not overwritten'),
    });
    expect(server.requests.map(({ method }) => method)).not.toContain('POST');
    await rm(out);
    expect(await register('--jwks', keys)).toMatchObject({ exitCode: 0 });
    await rm(out);
    const second = await register('--jwks', keys);
    expect(second).toMatchObject({ exitCode: 1, stderr: 'countersign: invalid_token: the token is not good\n' });
    expect(await remaining()).toEqual([]);
  });

  it.each([
    ['takes no registrations', { registration_endpoint: undefined }, 'takes no registrations'],
    [
      'would have the token in the clear',
      { registration_endpoint: 'http://tokens.example.com/register' },
      'not usable',
    ],
    ['calls itself by another name', { issuer: 'https://other.example.com' }, 'calls itself https://other.example.com'],
  ])('gives the token to no service that %s', async (_, metadata, message) => {
    server.metadata = metadata;
    const outcome = await register('--jwks', await write('keys.json', jwk));
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(server.requests.map(({ method }) => method)).toEqual(['GET']);
    expect(await remaining()).toEqual([]);
  });
});

describe('countersign registration', () => {
  beforeEach(async () => {
    await register('--jwks', await write('keys.json', jwk), '--name', 'Billing');
  });

  it('is shown', async () => {
    const { stdout } = await run(['registration', 'show', '--file', out]);
    expect(stdout).toMatch(
      /^client id +billing\nissuer .*\nname +Billing\nproves itself by +private_key_jwt\nkey +\S+\n/,
    );
    const json = JSON.parse((await run(['registration', 'show', '--file', out, '--json'])).stdout);
    expect(json).toMatchObject({ client_id: 'billing', client_name: 'Billing' });
    expect(json).not.toHaveProperty('registration_access_token');
  });

  it('gets another name and keeps its keys, or other keys and keeps its name', async () => {
    await run(['registration', 'update', '--file', out, '--name', 'Accounts']);
    expect(bodyOf('PUT')).toMatchObject({ client_id: 'billing', client_name: 'Accounts', jwks: { keys: [{ kid }] } });
    server.client = { ...server.client, token_endpoint_auth_signing_alg: 'ES256' };
    const uri = ['--jwks-uri', 'https://b.example/jwks'];
    const outcome = await run(['registration', 'update', '--file', out, ...uri]);
    expect(outcome.stdout).toMatch(/\nkeys from +https:\/\/b\.example\/jwks\n/);
    expect(bodyOf('PUT')).toEqual({
      client_id: 'billing',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      client_name: 'Accounts',
      jwks_uri: 'https://b.example/jwks',
    });
  });

  it('goes on with each new token that the service makes', async () => {
    server.isRotating = true;
    expect(await run(['registration', 'update', '--file', out, '--contact', 'x'])).toMatchObject({ exitCode: 0 });
    expect((await kept()).registration_access_token).toBe('crat_2');
    expect(((await stat(out)).mode & 0o777).toString(8)).toBe('600');
    expect(await run(['registration', 'show', '--file', out])).toMatchObject({ exitCode: 0 });
    expect((await kept()).registration_access_token).toBe('crat_3');
    expect(await remaining()).toEqual(['billing.json']);
  });

  it('is removed after asking, with the file that is good for nothing then', async () => {
    const remove = ['registration', 'remove', '--file', out];
    expect(await run(remove)).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await countersign(remove, { env: {}, typed: 'n\n' })).toMatchObject({ exitCode: 1 });
    expect(server.client).toBeDefined();
    const removed = await run([...remove, '--yes']);
    expect(removed).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^What you have registered for billing is removed/),
    });
    expect(server.client).toBeUndefined();
    await expect(access(out)).rejects.toThrow('ENOENT');
  });

  it('keeps its file where the service refuses', async () => {
    server.token = 'another';
    for (const argv of [['show'], ['update', '--name', 'x'], ['remove', '--yes']]) {
      const outcome = await run(['registration', ...argv, '--file', out]);
      expect(outcome).toEqual({
        exitCode: 1,
        stdout: '',
        stderr: 'countersign: invalid_token: the token is not good\n',
      });
    }
    expect((await kept()).client_id).toBe('billing');
  });

  it.each([
    ['no change', ['update'], 'nothing to change: see countersign registration update --help'],
    ['a private key', ['update', '--jwks', 'PRIVATE'], 'holds private key material; nothing was sent'],
    ['another file', ['show', '--file', 'PRIVATE'], 'is not what countersign register has written'],
    ['no file', ['show', '--file', '/nonexistent'], 'cannot read /nonexistent: ENOENT'],
    ['an address in the clear', ['show', '--file', 'CLEAR'], 'at /registration_client_uri'],
  ])('refuses %s', async (_, argv, message) => {
    const content = await kept();
    const files = {
      PRIVATE: await write('private.json', pair.privateKey.export({ format: 'jwk' })),
      CLEAR: await write('clear.json', { ...content, registration_client_uri: 'http://tokens.example.com/register/a' }),
    };
    const before = server.requests.length;
    const named = argv.map((word) => files[word as keyof typeof files] ?? word);
    const outcome = await run(['registration', ...named, ...(argv.includes('--file') ? [] : ['--file', out])]);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(server.requests).toHaveLength(before);
  });
});
