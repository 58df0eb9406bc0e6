import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { AWS_ENV, countersign, type Surroundings } from './terminal.ts';

const SECRET = `csec_${'s'.repeat(43)}`;
const TOKEN = `cobt_${'t'.repeat(43)}`;

let server: AdminServer;
let directory: string;
beforeEach(async () => {
  server = await startAdminServer();
  directory = await mkdtemp(join(tmpdir(), 'countersign-secret-'));
  await call(['partner', 'add', 'billing']);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const call = (argv: readonly string[], more: Surroundings = {}) =>
  countersign([...argv, '--endpoint', server.url], { env: AWS_ENV, ...more });
const lastCall = () => {
  const { method, target, body } = server.requests.at(-1) ?? { method: '', target: '', body: '' };
  return [method, target.replace('/admin/realms/default/partners', ''), body === '' ? undefined : JSON.parse(body)];
};
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe('countersign secret', () => {
  it('shows a new secret once, with its id and its end', async () => {
    const added = await call(['secret', 'add', 'billing', '--label', 'first', '--expires', '2099-12-31']);
    expect(added).toMatchObject({ exitCode: 0, stderr: '' });
    expect(lastCall()).toEqual(['POST', '/billing/secrets', { label: 'first', expiresAt: '2099-12-31T00:00:00Z' }]);
    expect(added.stdout).toMatch(
      new RegExp(
        `^secret +${SECRET}\\nid +secret-1\\nexpires +2099-12-31T00:00:00Z \\(in .*\\)\\nto be seen +now and never`,
      ),
    );
    const listed = await call(['secret', 'list', 'billing']);
    expect(listed.stdout).toMatch(/^SECRET +LABEL +EXPIRES +ADDED\nsecret-1 +first +2099-12-31T00:00:00Z \(/);
    const shown = await call(['partner', 'show', 'billing']);
    expect(shown.stdout).toContain('\nsecret-1  first');
    for (const { stdout } of [listed, shown]) expect(stdout).not.toContain(SECRET);
  });

  it('gives scripts the secret and what is said of it', async () => {
    const { stdout } = await call(['secret', 'add', 'billing', '--json']);
    expect(JSON.parse(stdout)).toEqual({ secret: SECRET, id: 'secret-1' });
    expect(lastCall()).toEqual(['POST', '/billing/secrets', {}]);
  });

  it.each([[[]], [['--json']]])('writes it into a file for its owner alone, and prints it nowhere %j', async (more) => {
    const file = join(directory, 'billing.secret');
    const outcome = await call(['secret', 'add', 'billing', '--out', file, ...more]);
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    expect(outcome.stdout).toContain(file);
    expect(outcome.stdout).not.toContain(SECRET);
    expect(await readFile(file, 'utf8')).toBe(`${SECRET}\n`);
    expect(await modeOf(file)).toBe('600');
  });

  it('makes no secret where it could not be kept, and leaves no empty file where none was made', async () => {
    const file = join(directory, 'taken');
    await writeFile(file, 'mine');
    const before = server.requests.length;
    const taken = await call(['secret', 'add', 'billing', '--out', file]);
    expect(taken).toMatchObject({ exitCode: 2, stdout: '' });
    expect(taken.stderr).toBe(`countersign: ${file} is already there and is not overwritten\n`);
    expect(server.requests).toHaveLength(before);
    expect(await readFile(file, 'utf8')).toBe('mine');
    const detail = 'the realm has not opted in';
    server.interruptions.push({ status: 409, body: { title: 'Conflict', detail } });
    const refused = await call(['secret', 'add', 'billing', '--out', join(directory, 'new')]);
    expect(refused).toMatchObject({ exitCode: 1, stdout: '', stderr: `countersign: Conflict: ${detail}\n` });
    expect(await readdir(directory)).toEqual(['taken']);
  });

  it('removes one of several after asking, and knows which there are', async () => {
    await call(['secret', 'add', 'billing', '--label', 'old']);
    await call(['secret', 'add', 'billing', '--label', 'new']);
    const unasked = await call(['secret', 'remove', 'billing', 'secret-1'], { stdin: '' });
    expect(unasked).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unasked.stderr).toContain('Remove secret secret-1 (old) of partner billing? Nobody is there');
    expect(await call(['secret', 'remove', 'billing', 'secret-1'], { typed: 'n\n' })).toMatchObject({ exitCode: 1 });
    const removed = await call(['secret', 'remove', 'billing', 'secret-1'], { typed: 'y\n' });
    expect(removed).toMatchObject({ exitCode: 0 });
    expect(removed.stdout).toMatch(/^Secret secret-1 of partner billing is removed: no new tokens with it/);
    expect(lastCall()).toEqual(['DELETE', '/billing/secrets?id=secret-1', undefined]);
    expect(JSON.parse((await call(['secret', 'list', 'billing', '--json'])).stdout)).toMatchObject([{ label: 'new' }]);
    const gone = await call(['secret', 'remove', 'billing', 'secret-1', '--yes']);
    expect(gone).toMatchObject({ exitCode: 1, stderr: 'countersign: partner billing has no secret secret-1\n' });
  });

  it('says when there is none', async () => {
    expect((await call(['secret', 'list', 'billing'])).stdout).toBe('No secrets.\n');
    expect(await call(['secret', 'list', 'nobody'])).toMatchObject({ exitCode: 1, stdout: '' });
  });
});

describe('countersign partner onboard', () => {
  it('shows a one-time token, where it is good and for how long', async () => {
    const opened = await call(['partner', 'onboard', 'billing']);
    expect(opened).toMatchObject({ exitCode: 0, stderr: '' });
    expect(lastCall()).toEqual(['POST', '/billing/onboarding', {}]);
    expect(opened.stdout).toMatch(
      new RegExp(`^token +${TOKEN}\\ngood until +2026-11-24T10:00:00Z \\(.*\\)\\nregister at +https:\\S+/register\\n`),
    );
    const shown = await call(['partner', 'show', 'billing']);
    expect(shown.stdout).toMatch(/\nonboarding +private_key_jwt until 2026-11-24T10:00:00Z/);
    expect(shown.stdout).not.toContain(TOKEN);
  });

  it.each([
    ['30m', 1800],
    ['2h', 7200],
    ['7d', 604_800],
    ['90s', 90],
  ])('is open for %s when told so', async (expires, seconds) => {
    const methods = ['--method', 'private_key_jwt', '--method', 'self_signed_tls_client_auth'];
    await call(['partner', 'onboard', 'billing', '--expires', expires, ...methods]);
    expect(lastCall()[2]).toEqual({
      expiresInSeconds: seconds,
      methods: ['private_key_jwt', 'self_signed_tls_client_auth'],
    });
  });

  it('is open until a time', async () => {
    const end = Math.floor(Date.now() / 1000) + 3600;
    await call(['partner', 'onboard', 'billing', '--expires', new Date(end * 1000).toISOString()]);
    const { expiresInSeconds } = lastCall()[2];
    expect(expiresInSeconds).toBeGreaterThan(3540);
    expect(expiresInSeconds).toBeLessThanOrEqual(3600);
  });

  it('writes the token into a file for its owner alone', async () => {
    const file = join(directory, 'billing.token');
    const outcome = await call(['partner', 'onboard', 'billing', '--out', file, '--json']);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ file, registrationEndpoint: expect.any(String) });
    expect(outcome.stdout).not.toContain(TOKEN);
    expect(await readFile(file, 'utf8')).toBe(`${TOKEN}\n`);
    expect(await modeOf(file)).toBe('600');
  });

  it('takes the token back', async () => {
    await call(['partner', 'onboard', 'billing']);
    const closed = await call(['partner', 'onboard', 'billing', '--close']);
    expect(closed).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^Nobody can register keys of partner/),
    });
    expect(lastCall()).toEqual(['DELETE', '/billing/onboarding', undefined]);
    expect((await call(['partner', 'show', 'billing'])).stdout).not.toContain('onboarding');
  });

  it('is for partners that exist', async () => {
    expect(await call(['partner', 'onboard', 'nobody'])).toMatchObject({
      exitCode: 1,
      stderr: 'countersign: Not found: no partner nobody\n',
    });
  });

  it.each([
    [['--expires', '2020-01-01'], '--expires lies in the past'],
    [['--expires', '3 days'], 'Not a time such as'],
    [['--method', 'client_secret_basic'], 'Allowed choices are private_key_jwt, self_signed_tls_client_auth.'],
    [['--close', '--expires', '1h'], 'cannot be used with'],
  ])('refuses %j', async (more, message) => {
    const before = server.requests.length;
    const outcome = await call(['partner', 'onboard', 'billing', ...more]);
    expect(outcome).toMatchObject({ exitCode: 2, stdout: '' });
    expect(outcome.stderr).toContain(message);
    expect(server.requests).toHaveLength(before);
  });
});
