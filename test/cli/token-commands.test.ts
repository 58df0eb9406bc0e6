import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countersign, oneLine } from './terminal.ts';
import { CLIENT, startTokenServer, type TokenServer } from './token-server.ts';

const LEDGER = 'https://ledger.example.com';
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = (key: KeyObject) => key.export({ format: 'jwk' });
const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const kid = await calculateJwkThumbprint(jwk(ec.publicKey));

let server: TokenServer;
let directory: string;
beforeEach(async () => {
  server = await startTokenServer();
  server.registered = { ...jwk(ec.publicKey), kid, alg: 'ES256' };
  directory = await mkdtemp(join(tmpdir(), 'countersign-token-'));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

describe('token get', () => {
  async function get(key: string, ...argv: readonly string[]) {
    const file = join(directory, 'key');
    await writeFile(file, key);
    return countersign(['token', 'get', '--client', CLIENT, '--key', file, '--endpoint', server.url, ...argv], {
      env: {},
    });
  }

  it('prints the token alone, so that $(...) can take it', async () => {
    const outcome = await get(JSON.stringify(jwk(ec.privateKey)));
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  });

  it('asks for a resource and scopes, and prints the whole answer as JSON', async () => {
    const outcome = await get(pkcs8(ec.privateKey), '--resource', LEDGER, '--scope', 'a b', '--json');
    expect(JSON.parse(outcome.stdout)).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'a b',
    });
    const form = Object.fromEntries(new URLSearchParams(server.requests.at(-1)?.body));
    expect(form).toMatchObject({ resource: LEDGER, scope: 'a b' });
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  it.each([
    ['RS256', rsa.publicKey, pkcs8(rsa.privateKey), []],
    ['PS256', rsa.publicKey, pkcs8(rsa.privateKey), ['--alg', 'PS256']],
    ['PS256', rsa.publicKey, rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(), ['--alg', 'PS256']],
    ['PS256', rsa.publicKey, JSON.stringify({ ...jwk(rsa.privateKey), alg: 'PS256' }), []],
    ['ES256', ec.publicKey, ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString(), []],
  ])('signs with %s', async (alg, publicKey, privateKey, argv) => {
    server.registered = { ...jwk(publicKey), alg, kid: await calculateJwkThumbprint(jwk(publicKey)) };
    expect(await get(privateKey, ...argv)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('names the key by --kid, else by the name in the JWK', async () => {
    server.registered = { ...jwk(ec.publicKey), alg: 'ES256', kid: '2026-11' };
    expect((await get(pkcs8(ec.privateKey), '--kid', '2026-11')).exitCode).toBe(0);
    expect((await get(JSON.stringify({ ...jwk(ec.privateKey), kid: '2026-11' }))).exitCode).toBe(0);
    expect((await get(JSON.stringify(jwk(ec.privateKey)))).exitCode).toBe(1);
  });

  it('tells the OAuth error in one line and exit code 1', async () => {
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    expect(await get(pkcs8(stranger))).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'countersign: invalid_client: client authentication failed\n',
    });
  });

  it('tries again after 503 with a new assertion', async () => {
    server.interruptions.push({ status: 503, body: {}, headers: { 'retry-after': '0' } });
    expect((await get(pkcs8(ec.privateKey))).exitCode).toBe(0);
    expect(new Set(server.assertionIds).size).toBe(2);
  });

  it('makes no assertion for a service that calls itself by another name', async () => {
    server.metadata = { issuer: 'https://victim.example.com' };
    const outcome = await get(pkcs8(ec.privateKey));
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toContain(`calls itself https://victim.example.com, not ${server.url}`);
    expect(server.requests.map(({ target }) => target)).toEqual(['/.well-known/oauth-authorization-server']);
    expect((await get(pkcs8(ec.privateKey), '--issuer', 'https://victim.example.com')).exitCode).toBe(0);
  });

  it('sends no assertion in the clear', async () => {
    server.metadata = { token_endpoint: 'http://tokens.example.com/token' };
    const outcome = await get(pkcs8(ec.privateKey));
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/metadata at \S+ is not usable \(token_endpoint\)/);
  });

  it('finds the metadata of another realm', async () => {
    server.metadata = { issuer: `${server.url}/realms/staging` };
    expect((await get(pkcs8(ec.privateKey), '--realm', 'staging')).exitCode).toBe(0);
    expect(server.requests[0]?.target).toBe('/.well-known/oauth-authorization-server/realms/staging');
  });

  it('needs no endpoint where it has the issuer', async () => {
    const argv = ['token', 'get', '--client', CLIENT, '--key', '-', '--issuer', server.url];
    const outcome = await countersign(argv, { env: {}, stdin: pkcs8(ec.privateKey) });
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  });

  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
  it.each([
    ['a public key', JSON.stringify(jwk(ec.publicKey)), 'is not a private key'],
    ['a passphrase', ec.privateKey.export(encrypted).toString(), 'is protected by a passphrase'],
    ['a symmetric key', '{"kty":"oct","k":"c2VjcmV0"}', 'is not a private key'],
    ['broken JSON with a secret', '{"kty":"EC","d":"c2VjcmV0"', 'is not a private key'],
    ['an algorithm of another kind', JSON.stringify({ ...jwk(ec.privateKey), alg: 'RS256' }), 'RS256 does not fit'],
    ['a key that is too short', pkcs8(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey), 'cannot sign'],
  ])('refuses a key file with %s', async (_, key, message) => {
    const outcome = await get(key);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).not.toContain('c2VjcmV0');
    expect(oneLine(outcome.stderr)).toBe(true);
  });
});

describe('token verify', () => {
  const verify = (token: string, ...argv: readonly string[]) =>
    countersign(['token', 'verify', token, '--endpoint', server.url, ...argv], { env: {} });

  it('shows the claims of a token that holds', async () => {
    const outcome = await verify(await server.issue({ scope: 'entries.read' }), '--audience', LEDGER);
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^Verified\.\nheader\n {2}alg +ES256\n/);
    expect(outcome.stdout).toMatch(/\n {2}scope +entries\.read\n/);
  });

  it('says when it did not look at the audience', async () => {
    const outcome = await verify(await server.issue());
    expect(outcome.stdout).toMatch(/^Verified, for any audience \(no --audience given\)\.\n/);
  });

  it('takes a token from standard input', async () => {
    const argv = ['token', 'verify', '-', '--json', '--endpoint', server.url];
    const outcome = await countersign(argv, { stdin: `${await server.issue()}\n` });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ verified: true, claims: { sub: CLIENT } });
  });

  const past = Math.floor(Date.now() / 1000) - 10;
  it.each([
    ['expired', { exp: past }, 'at+jwt', '"exp" claim timestamp check failed'],
    ['another issuer', { iss: 'https://other.example.com' }, 'at+jwt', 'unexpected "iss" claim value'],
    ['another audience', { aud: 'https://other.example.com' }, 'at+jwt', 'unexpected "aud" claim value'],
    ['no client', { client_id: undefined }, 'at+jwt', 'missing required "client_id" claim'],
    ['an id token', {}, 'JWT', 'unexpected "typ" JWT header value'],
  ])('refuses a token of this kind: %s', async (_, claims, typ, reason) => {
    const outcome = await verify(await server.issue(claims, typ), '--audience', LEDGER);
    expect(outcome).toEqual({ exitCode: 1, stdout: '', stderr: `countersign: the token does not hold: ${reason}\n` });
  });

  it('refuses a token whose signature was changed', async () => {
    const [header, payload, signature = ''] = (await server.issue()).split('.');
    const changed = [header, payload, signature.slice(0, 9) + (signature[9] === 'A' ? 'B' : 'A') + signature.slice(10)];
    const outcome = await verify(changed.join('.'));
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toContain('signature verification failed');
  });

  it('tells an unreachable key set from a bad token', async () => {
    const gone = await startTokenServer();
    await gone[Symbol.asyncDispose]();
    server.metadata = { jwks_uri: `${gone.url}/jwks` };
    const outcome = await verify(await server.issue());
    expect(outcome).toMatchObject({ exitCode: 3, stdout: '' });
    expect(outcome.stderr).toContain(`cannot reach ${gone.url}`);
  });
});

describe('token inspect', () => {
  it('shows header and claims with times in words, and says that nothing is verified', async () => {
    const now = Math.floor(Date.now() / 1000);
    const token = await server.issue({ iat: now - 90, exp: now + 7230, cnf: { jkt: 'x' } });
    const outcome = await countersign(['token', 'inspect', token], { env: {} });
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^NOT VERIFIED: /);
    expect(outcome.stdout).toMatch(/\n {2}iat +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(1 minute ago\)\n/);
    expect(outcome.stdout).toMatch(/\n {2}exp +\S+Z \(in 2 hours\)\n/);
    expect(outcome.stdout).toMatch(/\n {2}cnf +\{"jkt":"x"\}\n/);
    expect(server.requests).toEqual([]);
  });

  it('lets no claim of a stranger drive the terminal', async () => {
    const token = await server.issue({ 'na\u001b[2Jme': 'va\u009b2Jlue\n  forged  yes' });
    const people = await countersign(['token', 'inspect', token]);
    expect(people.stdout).toMatch(/\n {2}na \[2Jme +va 2Jlue {3}forged {2}yes\n/);
    const scripts = await countersign(['token', 'inspect', token, '--json']);
    expect(scripts.stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(scripts.stdout).claims).toMatchObject({ 'na\u001b[2Jme': 'va\u009b2Jlue\n  forged  yes' });
  });

  it('prints JSON for scripts, unverified as well', async () => {
    const outcome = await countersign(['token', 'inspect', '-', '--json'], { stdin: await server.issue() });
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      verified: false,
      header: { typ: 'at+jwt' },
      claims: { sub: CLIENT },
    });
  });
});
