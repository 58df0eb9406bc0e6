import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { AWS_ENV, countersign, oneLine } from './terminal.ts';

const publicJwk = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const LEDGER = 'https://ledger.example.com/v1?a=b&c=(d)*';

describe('admin commands', () => {
  let server: AdminServer;
  const call = (argv: readonly string[], stdin?: string, env: Record<string, string> = AWS_ENV) =>
    countersign([...argv, '--endpoint', server.url], { env, ...(stdin === undefined ? {} : { stdin }) });
  const callForJson = async (...argv: string[]) => {
    const outcome = await call([...argv, '--json']);
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
    return JSON.parse(outcome.stdout);
  };
  const addPartner = (id: string) => call(['partner', 'add', id, '--jwks', '-', '--json'], JSON.stringify(publicJwk()));

  beforeEach(async () => {
    server = await startAdminServer();
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('registers a partner, and says so when it was there already', async () => {
    const jwks = JSON.stringify({ keys: [publicJwk()] });
    const add = ['partner', 'add', 'billing', '--name', 'Billing service', '--jwks', '-'];
    const first = await call(add, jwks);
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toMatch(/^Partner billing added\.\nid +billing\nname +Billing service\nstate +enabled\n/);
    expect(first.stdout).toMatch(
      /\nKEY +ALG +TYPE +SOURCE +ADDED\n[\w-]{43} +ES256 +EC +registered +2026-11-23T10:00:00Z\n/,
    );
    expect(first.stdout.split('\n').filter((line) => line.endsWith(' '))).toEqual([]);
    const second = await call(add, jwks);
    expect(second.stdout).toMatch(/^Partner billing was already there with the same content\.\n/);
  });

  it('shows, disables and enables a partner', async () => {
    await addPartner('switched');
    const disabled = await call(['partner', 'disable', 'switched']);
    expect(disabled.stdout).toBe('Partner switched is disabled: no new tokens after at most 30 seconds.\n');
    expect(await callForJson('partner', 'show', 'switched')).toMatchObject({ enabled: false, version: 2 });
    expect((await call(['partner', 'enable', 'switched'])).stdout).toBe('Partner switched is enabled.\n');
    expect(await callForJson('partner', 'show', 'switched')).toMatchObject({ enabled: true, version: 3 });
  });

  it('follows the pages of a listing to the end', async () => {
    const ids = ['page-a', 'page-b', 'page-c', 'page-d', 'page-e'];
    for (const id of ids) await addPartner(id);
    const listed: { id: string }[] = await callForJson('partner', 'list');
    expect(listed.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
    const people = await call(['partner', 'list']);
    expect(people.stdout.split('\n')[0]).toMatch(/^ID +NAME +STATE +TRUST +TAGS +VERSION +UPDATED$/);
    expect(people.stdout).toMatch(/\npage-e +- +enabled +application +- +1 +2026-11-23T10:00:00Z\n/);
  });

  it('declares audiences and grants, and lists them from either side', async () => {
    await addPartner('ledger');
    await addPartner('caller');
    const scopes = ['--scope', 'entries.read', '--scope', 'entries.write entries.read'];
    const added = await call(['audience', 'add', LEDGER, '--owner', 'ledger', ...scopes, '--algorithm', 'ES256']);
    expect(added.stdout).toBe(`Audience ${LEDGER} of ledger added: entries.read entries.write\n`);
    expect(await callForJson('audience', 'list')).toEqual([
      {
        audience: LEDGER,
        owner: 'ledger',
        scopes: ['entries.read', 'entries.write'],
        authorizationDetails: {},
        tokenPolicy: { algorithm: 'ES256' },
        introspectors: [],
        version: 1,
      },
    ]);
    expect((await call(['audience', 'list'])).stdout).toMatch(
      /\nhttps:\S+ +ledger +entries\.read entries\.write +ES256 +1\n/,
    );

    const grant = ['grant', 'add', '--client', 'caller', '--audience', LEDGER, '--scope', 'entries.read'];
    expect((await call(grant)).stdout).toBe(`Partner caller may call ${LEDGER}: entries.read\n`);
    const stored = [
      { client: 'caller', audience: LEDGER, scopes: ['entries.read'], authorizationDetailsTypes: [], version: 1 },
    ];
    expect(await callForJson('grant', 'list', '--audience', LEDGER)).toEqual(stored);
    expect(await callForJson('grant', 'list', '--client', 'caller')).toEqual(stored);
    expect((await call(['grant', 'list', '--client', 'ledger'])).stdout).toBe('No grants yet.\n');
    const shown = await call(['partner', 'show', 'caller']);
    expect(shown.stdout).toContain(`MAY CALL`);
    expect(shown.stdout).toContain(`${LEDGER}  entries.read\n`);
  });

  it('works in the realm it is told', async () => {
    expect((await call(['partner', 'list', '--realm', 'staging'])).exitCode).toBe(0);
    expect(server.requests[0]?.target).toBe('/admin/realms/staging/partners?limit=100');
    const unknown = await call(['partner', 'list', '--realm', 'nowhere']);
    expect(unknown).toEqual({ exitCode: 1, stdout: '', stderr: 'countersign: Not found: no realm nowhere\n' });
  });

  it('signs names that need escaping as they go over the wire', async () => {
    const outcome = await call(['partner', 'show', "a b+c/d%('é)"]);
    expect(outcome.stderr).toBe("countersign: Not found: no partner a b+c/d%('é)\n");
  });

  it('tells the reason and the place of a refusal in one line', async () => {
    const refusal = await call(['partner', 'add', '.lives', '--jwks', '-'], JSON.stringify(publicJwk()));
    expect(refusal.exitCode).toBe(1);
    expect(refusal.stderr).toBe(
      'countersign: Invalid request: the partner is not acceptable: /id: must start with a letter or digit\n',
    );
    await addPartner('taken');
    const conflict = await addPartner('taken');
    expect(conflict).toMatchObject({ exitCode: 1, stdout: '' });
    expect(conflict.stderr).toBe('countersign: Conflict: partner taken exists with other content\n');
  });

  it('is refused with a wrong secret, and hints at the permission', async () => {
    const refusal = await call(['partner', 'list'], undefined, { ...AWS_ENV, AWS_SECRET_ACCESS_KEY: 'wrong' });
    expect(refusal).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refusal.stderr).toMatch(/^countersign: Forbidden \(do these AWS credentials allow execute-api:Invoke/);
  });

  it('signs for the region of the option, then of the environment', async () => {
    await call(['partner', 'list', '--region', 'eu-central-1'], undefined, { ...AWS_ENV, AWS_REGION: 'eu-west-1' });
    expect(server.regions.at(-1)).toBe('eu-central-1');
    await call(['partner', 'list'], undefined, { ...AWS_ENV, AWS_REGION: 'eu-west-1' });
    expect(server.regions.at(-1)).toBe('eu-west-1');
  });

  it('tries again after 503 and 429 as the service asks, signing anew', async () => {
    const busy = { status: 503, body: { title: 'Busy' }, headers: { 'retry-after': '0' } };
    server.interruptions.push(busy, { ...busy, status: 429 }, busy);
    expect((await call(['partner', 'list'])).exitCode).toBe(0);
    expect(server.interruptions).toEqual([]);
  });

  it('gives up after the third retry, or at once when asked to wait for long', async () => {
    const busy = { status: 503, body: { title: 'Busy' }, headers: { 'retry-after': '0' } };
    server.interruptions.push(busy, busy, busy, busy);
    const before = server.requests.length;
    const outcome = await call(['partner', 'list']);
    expect(outcome).toMatchObject({ exitCode: 3, stdout: '' });
    expect(outcome.stderr).toBe(
      `countersign: ${server.url} is not available at the moment (HTTP 503); try again later\n`,
    );
    expect(server.requests.length - before).toBe(4);
    server.interruptions.push({ ...busy, headers: { 'retry-after': '3600' } });
    expect((await call(['partner', 'list'])).exitCode).toBe(3);
    expect(server.requests.length - before).toBe(5);
  });

  it.each([
    ['is not JSON', '<html>'],
    ['lacks members', { items: [{ id: 'x' }] }],
  ])('refuses an answer that %s', async (_, body) => {
    server.interruptions.push({ status: 200, body });
    const outcome = await call(['partner', 'list']);
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/something this version does not understand/);
  });

  it('stops when the service repeats a page', async () => {
    const circle = { status: 200, body: { items: [], next: 'again' } };
    server.interruptions.push(circle, circle, circle);
    const outcome = await call(['partner', 'list']);
    expect(outcome).toMatchObject({ exitCode: 1, stderr: 'countersign: the service repeats a page of its listing\n' });
  });

  it('does not follow a redirect with a signed request', async () => {
    server.interruptions.push({ status: 307, body: '', headers: { location: `${server.url}/elsewhere` } });
    const outcome = await call(['partner', 'list']);
    expect(outcome.exitCode).toBe(3);
    expect(oneLine(outcome.stderr)).toBe(true);
    expect(server.requests.at(-1)?.target).not.toContain('elsewhere');
  });

  it('prints no control characters that came from the service', async () => {
    const hostile = { title: 'Bad\u001b[2Jname\r\nsecond line', detail: 'a\u202etxet' };
    server.interruptions.push({ status: 400, body: hostile });
    const outcome = await call(['partner', 'list']);
    expect(outcome.stderr).toBe('countersign: Bad [2Jname second line: a txet\n');
  });

  it('never prints AWS credentials', async () => {
    const outcomes = [
      await call(['partner', 'list']),
      await call(['partner', 'show', 'nobody']),
      await countersign(['partner', 'list', '--endpoint', 'http://127.0.0.1:1']),
    ];
    const printed = outcomes.map(({ stdout, stderr }) => stdout + stderr).join('');
    for (const secret of Object.values(AWS_ENV)) expect(printed).not.toContain(secret);
  });
});
