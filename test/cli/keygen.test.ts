import { createPrivateKey, createPublicKey } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startAdminServer } from './admin-server.ts';
import { countersign, oneLine } from './terminal.ts';
import { startTokenServer } from './token-server.ts';

const PRIVATE = 'billing.private.jwk.json';
const PUBLIC = 'billing.jwks.json';

describe('keygen', () => {
  let directory: string;
  const keygen = (...argv: readonly string[]) =>
    countersign(['keygen', '--client', 'billing', '--out', directory, ...argv]);
  const readJson = async (file: string) => JSON.parse(await readFile(join(directory, file), 'utf8'));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'countersign-keygen-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it.each(['ES256', 'RS256', 'PS256', 'ES384', 'ES512', 'EdDSA', 'ML-DSA-44'])('makes a pair for %s', async (alg) => {
    expect(await keygen('--alg', alg)).toMatchObject({ exitCode: 0, stderr: '' });
    const [privateJwk, { keys }] = [await readJson(PRIVATE), await readJson(PUBLIC)];
    const kid = await calculateJwkThumbprint(keys[0]);
    const derived = createPublicKey(createPrivateKey({ key: privateJwk, format: 'jwk' })).export({ format: 'jwk' });
    expect(keys).toEqual([{ ...derived, kid, alg, use: 'sig' }]);
    expect(privateJwk).toMatchObject({ kid, alg, use: 'sig' });
  });

  it('keeps the private half from everybody else, in files and in output', async () => {
    const outcome = await keygen('--json');
    const { d } = await readJson(PRIVATE);
    expect(d).toMatch(/^[\w-]{43}$/);
    expect(outcome.stdout).not.toContain(d);
    expect(await readFile(join(directory, PUBLIC), 'utf8')).not.toContain(d);
    expect((await stat(join(directory, PRIVATE))).mode & 0o777).toBe(0o600);
    expect(JSON.parse(outcome.stdout)).toEqual({
      client: 'billing',
      kid: (await readJson(PRIVATE)).kid,
      alg: 'ES256',
      privateKey: join(directory, PRIVATE),
      jwks: join(directory, PUBLIC),
    });
  });

  it('makes a missing directory for its owner alone', async () => {
    const nested = join(directory, 'a', 'b');
    expect((await countersign(['keygen', '--client', 'billing', '--out', nested])).exitCode).toBe(0);
    expect((await stat(nested)).mode & 0o777).toBe(0o700);
  });

  it.each([PRIVATE, PUBLIC])('overwrites nothing when %s is there, and leaves no half pair', async (file) => {
    await writeFile(join(directory, file), 'precious');
    const outcome = await keygen();
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toBe(`countersign: ${join(directory, file)} is already there and is not overwritten\n`);
    expect(await readdir(directory)).toEqual([file]);
    expect(await readFile(join(directory, file), 'utf8')).toBe('precious');
  });

  it('writes through no symbolic link', async () => {
    await symlink(join(directory, 'elsewhere'), join(directory, PUBLIC));
    expect((await keygen()).exitCode).toBe(2);
    expect(await readdir(directory)).toEqual([PUBLIC]);
  });

  it.each([
    ['an id that leaves the directory', ['--client', '../billing', '--out', '.'], 'not a client id'],
    ['an unknown algorithm', ['--client', 'a', '--out', '.', '--alg', 'HS256'], 'unknown algorithm "HS256"'],
    [
      'a directory that is a file',
      ['--client', 'a', '--out', '/dev/null'],
      'cannot make the directory /dev/null: EEXIST',
    ],
  ])('refuses %s', async (_, argv, message) => {
    const outcome = await countersign(['keygen', ...argv]);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(oneLine(outcome.stderr)).toBe(true);
  });

  it('makes what partner add registers and token get signs with', async () => {
    await keygen();
    await using admin = await startAdminServer();
    const add = ['partner', 'add', 'billing', '--jwks', join(directory, PUBLIC), '--endpoint', admin.url];
    expect((await countersign(add)).exitCode).toBe(0);
    await using realm = await startTokenServer();
    realm.registered = JSON.parse(admin.requests[0]?.body ?? '').credentials[0].jwk;
    const get = ['token', 'get', '--client', 'billing', '--key', join(directory, PRIVATE), '--endpoint', realm.url];
    expect(await countersign(get)).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
