import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { AWS_ENV, countersign, oneLine } from './terminal.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const inAWhile = (milliseconds: number): string => new Date(Date.now() + milliseconds).toISOString();

const key = (kid: string, state: string, more: object = {}) => ({
  kid,
  state,
  hold: false,
  keyArn: `arn:aws:kms:eu-west-1:111122223333:key/${kid}`,
  createdAt: '2026-09-01T00:00:00.000Z',
  ageSeconds: 3 * 86_400,
  ...more,
});

const ring = (...keys: readonly object[]) => ({ algorithm: 'RS256', version: 7, keys });

describe('countersign key', () => {
  let server: AdminServer;
  const call = (...argv: string[]) => countersign(['key', ...argv, '--endpoint', server.url], { env: AWS_ENV });
  const answerWith = (body: unknown, status = 200) => server.interruptions.push({ status, body });
  const asked = () => {
    const { method, target, body } = server.requests.at(-1) ?? { method: '', target: '', body: '' };
    return [method, target, body === '' ? undefined : JSON.parse(body)];
  };

  beforeEach(async () => {
    server = await startAdminServer();
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('lists the keys of every ring with what happens next, and not before when', async () => {
    const standby = key('bbb', 'standby', { next: { state: 'active', notBefore: inAWhile(2 * DAY + HOUR) } });
    const held = key('ccc', 'retired', { hold: true, ageSeconds: 61 });
    answerWith({ items: [ring(key('aaa', 'active'), standby, held), { ...ring(), algorithm: 'ES256' }] });
    const { exitCode, stdout, stderr } = await call('list');
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(asked()).toEqual(['GET', '/admin/realms/default/keys', undefined]);
    const [heading, ...rows] = stdout.trimEnd().split('\n');
    expect(heading).toMatch(/^RING +KID +STATE +AGE +HOLD +NEXT +NOT BEFORE$/);
    expect(rows).toEqual([
      expect.stringMatching(/^RS256 +aaa +active +3 days +- +- +-$/),
      expect.stringMatching(/^RS256 +bbb +standby +3 days +- +active +\S+Z \(in 2 days\)$/),
      expect.stringMatching(/^RS256 +ccc +retired +1 minute +held +- +-$/),
    ]);
  });

  it('prints the rings as the service tells them where JSON was asked for', async () => {
    const items = [{ ...ring(key('aaa', 'active', { certificate: { notAfter: 'later' } })), more: true }];
    answerWith({ items });
    expect(JSON.parse((await call('list', '--json')).stdout)).toEqual(items);
  });

  it('says that there are no keys where there are none', async () => {
    answerWith({ items: [] });
    expect((await call('list')).stdout).toBe('No keys yet.\n');
  });

  it('rotates a ring and tells which key signs', async () => {
    answerWith(ring(key('aaa', 'retiring'), key('bbb', 'active'), key('ccc', 'standby')));
    const { stdout } = await call('rotate', '--algorithm', 'RS256');
    expect(asked()).toEqual(['POST', '/admin/realms/default/keys/rotate', { algorithm: 'RS256' }]);
    expect(stdout).toMatch(/^Key bbb signs for RS256\.\nRING /);
  });

  it('rotates a ring at a time that is agreed on, and tells which key takes over then', async () => {
    const due = inAWhile(2 * DAY + HOUR);
    answerWith(ring(key('aaa', 'active'), key('bbb', 'standby', { next: { state: 'active', notBefore: due } })));
    const { stdout } = await call('rotate', '--algorithm', 'RS256', '--at', '2027-01-31T06:00:00Z');
    expect(asked()[2]).toEqual({ algorithm: 'RS256', at: '2027-01-31T06:00:00Z' });
    expect(stdout).toMatch(
      /^Key aaa signs for RS256\.\nKey bbb takes over by the first run of the rotation after \S+Z \(in 2 days\)\.\nRING /,
    );
  });

  it.each([
    '01/31/2027 06:00',
    '2027-01-31',
    '2027-01-31T06:00:00',
    '2027-01-31T06:00:00+01:00',
    '2027-02-30T06:00:00Z',
  ])('does not guess what time %s is', async (at) => {
    const { exitCode, stderr } = await call('rotate', '--algorithm', 'RS256', '--at', at);
    expect([exitCode, server.requests]).toEqual([2, []]);
    expect(stderr).toContain('Not a time in UTC such as 2027-01-31T06:00:00Z.');
  });

  it('tells why it is refused, and until when', async () => {
    const until = inAWhile(23 * HOUR + 60_000);
    answerWith({ title: 'Conflict', status: 409, detail: 'the standby key is too young', until }, 409);
    const { exitCode, stdout, stderr } = await call('rotate', '--algorithm', 'RS256');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^countersign: Conflict: the standby key is too young; until \d\S+Z \(in 23 hours\)\n$/);
    expect(oneLine(stderr)).toBe(true);
  });

  it('shows an end that is no time as it is, without what could drive a terminal', async () => {
    answerWith({ title: 'Conflict', detail: 'no', until: 'to\u001b[2Jmorrow' }, 409);
    expect((await call('revoke', 'aaa')).stderr).toBe('countersign: Conflict: no; until to [2Jmorrow\n');
  });

  it('revokes a key, quietly where no verifier is affected', async () => {
    answerWith({ ...ring(key('aaa', 'revoked'), key('bbb', 'active')), unverifiableSeconds: 0 });
    const { stdout } = await call('revoke', 'aaa');
    expect(asked()).toEqual(['POST', '/admin/realms/default/keys/aaa/revoke', { breakGlass: false }]);
    expect(stdout).toMatch(/^Key aaa is revoked: it left \/jwks and signs no more\.\nKey bbb signs for RS256\.\nRING /);
    expect(stdout).not.toContain('may refuse');
  });

  it('warns for how long verifiers may refuse new tokens where the glass was broken', async () => {
    answerWith({ ...ring(key('aaa', 'revoked'), key('bbb', 'active')), unverifiableSeconds: 7_260 });
    const { stdout } = await call('revoke', 'aaa', '--break-glass');
    expect(asked()[2]).toEqual({ breakGlass: true });
    expect(stdout).toMatch(
      /\nUntil \d{4}-\S+Z \(in 2 hours\) verifiers with an older key set may refuse new tokens, unless /,
    );
  });

  it.each([
    ['hold', /^Key aaa is on hold: it is neither retired nor deleted\.\nRING /],
    ['release', /^Key aaa is released: it goes its way again\.\nRING /],
  ])('can %s a key', async (verb, text) => {
    answerWith(ring(key('aaa', 'active')));
    const { stdout } = await call(verb, 'aaa');
    expect(asked()).toEqual(['POST', `/admin/realms/default/keys/aaa/${verb}`, undefined]);
    expect(stdout).toMatch(text);
  });

  it('adds a ring, and tells from when on it signs', async () => {
    const next = { state: 'active', notBefore: inAWhile(DAY + HOUR) };
    answerWith({ ...ring(key('aaa', 'standby', { next })), algorithm: 'ML-DSA-65' });
    const { stdout } = await call('add', '--algorithm', 'ML-DSA-65');
    expect(asked()).toEqual(['POST', '/admin/realms/default/keys', { algorithm: 'ML-DSA-65' }]);
    expect(stdout).toMatch(/^No key signs for ML-DSA-65 before \S+Z \(in 1 day\)\.\nRING /);
  });

  it('says so where no day is set for the first signature', async () => {
    answerWith(ring(key('aaa', 'created', { next: { state: 'standby' } })));
    const { stdout } = await call('add', '--algorithm', 'RS256');
    expect(stdout).toMatch(/^No key signs for RS256 yet\.\nRING.*\nRS256 +aaa +created +3 days +- +standby +-\n$/s);
  });

  it.each([
    ['before an option', [`-${'a'.repeat(42)}`, '--break-glass']],
    ['behind an option', ['--break-glass', `-${'a'.repeat(42)}`]],
    ['behind a double hyphen', ['--break-glass', '--endpoint', 'URL', '--', `-${'a'.repeat(42)}`]],
    ['that could be a request for help', [`-h${'-'.repeat(41)}`, '--break-glass']],
  ])('takes a kid that begins with a hyphen, %s', async (_case, argv) => {
    answerWith({ ...ring(key('bbb', 'active')), unverifiableSeconds: 0 });
    const hasEndpoint = argv.includes('URL');
    const words = ['key', 'revoke', ...argv.map((word) => (word === 'URL' ? server.url : word))];
    const { exitCode, stderr } = await countersign(hasEndpoint ? words : [...words, '--endpoint', server.url], {
      env: AWS_ENV,
    });
    expect([exitCode, stderr]).toEqual([0, '']);
    const kid = argv.find((word) => /^-[^-]/.test(word));
    expect(asked()).toEqual(['POST', `/admin/realms/default/keys/${kid}/revoke`, { breakGlass: true }]);
  });

  it.each([
    ['rotate without a ring', ['rotate'], "required option '--algorithm <alg>'"],
    ['add without an algorithm', ['add'], "required option '--algorithm <alg>'"],
    ['revoke without a key', ['revoke'], "missing required argument 'kid'"],
    ['a kid that climbs', ['hold', '..'], 'not a usable name: ".."'],
  ])('refuses %s before anything is sent', async (_case, argv, message) => {
    const { exitCode, stderr } = await call(...argv);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(server.requests).toEqual([]);
  });
});
