import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AdminWorld, openAdmin } from '../http/admin-world.ts';
import { type Reply, serve, type TestServer } from './http-server.ts';
import { checkSignature } from './sigv4.ts';
import { AWS_ENV, countersign, oneLine, type Surroundings } from './terminal.ts';

let server: TestServer;
let world: AdminWorld;
let directory: string;
/** Replies that go before the service's, one per write. */
let interruptions: Reply[];

/** The admin API itself, on a registry in memory. */
beforeEach(async () => {
  world = openAdmin();
  interruptions = [];
  directory = await mkdtemp(join(tmpdir(), 'countersign-users-'));
  server = await serve(async (request) => {
    const { isGenuine } = checkSignature(request, () => AWS_ENV.AWS_SECRET_ACCESS_KEY);
    if (!isGenuine) return { status: 403, body: { message: 'Forbidden' } };
    const interruption = request.method === 'GET' ? undefined : interruptions.shift();
    if (interruption !== undefined) return interruption;
    const { pathname, searchParams } = new URL(request.target, 'http://localhost');
    const path = decodeURIComponent(pathname).replace(/^\/admin/, '');
    const body = request.body === '' ? {} : { body: request.body };
    const answer = await world.call(request.method, path, { query: searchParams.toString(), ...body });
    return { status: answer.status ?? 500, body: answer.body };
  });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const call = (argv: readonly string[], more: Surroundings = {}) =>
  countersign([...argv, '--endpoint', server.url], { env: AWS_ENV, ...more });
const stored = async (): Promise<unknown> => (await world.inRealm('GET', '/users')).body.items;
const writes = () => server.requests.filter(({ method }) => method !== 'GET').length;
const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(directory, name), text);
  return join(directory, name);
};

describe('countersign user', () => {
  it('adds one, known by what is said of them', async () => {
    const added = await call(['user', 'add', 'adam', '--upn', 'Adam@contoso.com', '--sip', 'sip:adam@contoso.com']);
    expect(added).toEqual({
      ...{ exitCode: 0, stderr: '' },
      stdout: 'User adam is added.\nadam: upn adam@contoso.com, sip adam@contoso.com\n',
    });
    const again = await call([
      'user',
      'add',
      'adam',
      '--upn',
      'adam@contoso.com',
      '--sip',
      'adam@contoso.com',
      '--json',
    ]);
    expect(JSON.parse(again.stdout)).toEqual({
      ...{ id: 'adam', upn: 'adam@contoso.com', sip: 'adam@contoso.com', version: 1 },
    });
  });

  it('changes nobody who is there unless that is asked for', async () => {
    await call(['user', 'add', 'adam', '--upn', 'adam@contoso.com']);
    const refused = await call(['user', 'add', 'adam', '--upn', 'adam@fabrikam.example']);
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toContain('user adam is there and known by others (adam: upn adam@contoso.com); --replace');
    const replaced = await call(['user', 'add', 'adam', '--upn', 'adam@fabrikam.example', '--replace']);
    expect(replaced.stdout).toBe('User adam is changed.\nadam: upn adam@fabrikam.example\n');
    expect(await stored()).toEqual([{ id: 'adam', upn: 'adam@fabrikam.example', version: 2 }]);
  });

  it.each([
    [['--sid', 'S-1-x'], 1, '/sid: not a security identifier'],
    [['--upn', 'eve@contoso.com'], 1, 'upn eve@contoso.com means user eve'],
    [[], 2, 'known by what? pass --upn, --smtp, --sip, --sid, --puid'],
  ])('says why one with %j is not added', async (options, exitCode, text) => {
    await call(['user', 'add', 'eve', '--upn', 'eve@contoso.com']);
    const outcome = await call(['user', 'add', 'adam', ...options]);
    expect([outcome.exitCode, outcome.stdout, oneLine(outcome.stderr)]).toEqual([exitCode, '', true]);
    expect(outcome.stderr).toContain(text);
  });

  it('lists and shows them, with the columns that somebody has something in', async () => {
    expect((await call(['user', 'list'])).stdout).toBe('No users yet.\n');
    await call(['user', 'add', 'adam@contoso.com', '--smtp', 'adam@contoso.com']);
    await call(['user', 'add', 'eve', '--puid', '0123456789ABCDEF']);
    expect((await call(['user', 'list'])).stdout).toMatch(
      /^ID +SMTP +PUID +VERSION\nadam@contoso.com +adam@contoso.com +- +1\neve +- +0123456789abcdef +1\n$/,
    );
    expect((await call(['user', 'show', 'adam@contoso.com'])).stdout).toMatch(
      /^id +adam@contoso.com\nsmtp +adam@contoso.com\nversion +1\n$/,
    );
    expect(await call(['user', 'show', 'nobody'])).toMatchObject({ exitCode: 1, stdout: '' });
  });

  it('removes one after asking', async () => {
    await call(['user', 'add', 'adam', '--upn', 'adam@contoso.com']);
    const unasked = await call(['user', 'remove', 'adam'], { stdin: '' });
    expect(unasked).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unasked.stderr).toContain('Remove user adam: upn adam@contoso.com?');
    expect(await call(['user', 'remove', 'adam', '--yes'])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await stored()).toEqual([]);
  });
});

describe('a user who comes between reading and adding', () => {
  it('is not replaced', async () => {
    interruptions.push({ status: 409, body: { title: 'Conflict', detail: 'version 1 now' } });
    const adding = call(['user', 'add', 'adam', '--upn', 'adam@contoso.com']);
    expect(await adding).toMatchObject({ exitCode: 1, stderr: 'countersign: Conflict: version 1 now\n' });
    const { body } = server.requests.find(({ method }) => method === 'PUT') ?? { body: '' };
    expect(JSON.parse(body)).toEqual({ version: 0, upn: 'adam@contoso.com' });
  });
});

describe('countersign user import', () => {
  const CSV = [
    '"UserPrincipalName","msRTCSIP-PrimaryUserAddress","SID"',
    '"Adam@contoso.com","sip:adam@contoso.com","S-1-5-21-1-2-3-1104"',
    '"eve@contoso.com","",""',
  ].join('\r\n');

  it('adds, changes and keeps the users of a file, and removes nobody', async () => {
    await call(['user', 'add', 'eve@contoso.com', '--upn', 'eve@contoso.com', '--smtp', 'eve@contoso.com']);
    await call(['user', 'add', 'bob', '--upn', 'bob@contoso.com']);
    const path = await file('users.csv', CSV);
    const first = await call(['user', 'import', '-f', path]);
    expect(first).toEqual({
      ...{ exitCode: 0, stderr: '' },
      stdout: [
        '+ adam@contoso.com: upn adam@contoso.com, sip adam@contoso.com, sid s-1-5-21-1-2-3-1104',
        '~ eve@contoso.com: upn eve@contoso.com',
        '1 added, 1 changed, 0 as they were, 0 refused.\n',
      ].join('\n'),
    });
    expect(await stored()).toMatchObject([{ id: 'adam@contoso.com' }, { id: 'bob' }, { version: 2 }]);
    const before = writes();
    expect((await call(['user', 'import', '-f', path])).stdout).toBe(
      '0 added, 0 changed, 2 as they were, 0 refused.\n',
    );
    expect(writes()).toBe(before);
  });

  it('does nothing with --dry-run but say what it would', async () => {
    const outcome = await call(['user', 'import', '-f', '-', '--dry-run'], { stdin: `\ufeff${CSV}` });
    expect(outcome.stdout).toContain('2 to add, 0 to change, 0 as they were, 0 refused; nothing was done (--dry-run).');
    expect([await stored(), writes()]).toEqual([[], 0]);
  });

  it('takes what user list has written', async () => {
    for (const id of ['a', 'b', 'c']) await call(['user', 'add', id, '--upn', `${id}@contoso.com`]);
    const path = await file('users.json', (await call(['user', 'list', '--json'])).stdout);
    await call(['user', 'remove', 'b', '--yes']);
    const outcome = JSON.parse((await call(['user', 'import', '-f', path, '--json'])).stdout);
    expect(outcome.dryRun).toBe(false);
    expect(outcome.users.map(({ id, action }: Record<string, string>) => [id, action])).toEqual([
      ['a', 'keep'],
      ['b', 'add'],
      ['c', 'keep'],
    ]);
  });

  it.each([[['--dry-run']], [[]]])('says line by line what cannot be, and does the rest %j', async (more) => {
    await call(['user', 'add', 'bob', '--upn', 'bob@contoso.com']);
    const rows = [
      ...['id,upn,sid', 'a,a@contoso.com,', 'b,bob@contoso.com,', 'c,,', 'a,d@contoso.com,'],
      ...['e,A@contoso.com,', 'f,f,', 'g,g@contoso.com,S-1-5-21-1-2-3-4', 'h,h@contoso.com,1104'],
    ];
    const path = await file('users.csv', rows.join('\n'));
    const outcome = await call(['user', 'import', '-f', path, ...more]);
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toMatch(/^countersign: 6 of 8 users w(?:ere|ould be) refused\n$/);
    expect(outcome.stdout.split('\n').slice(0, -2)).toEqual([
      '+ a: upn a@contoso.com',
      `! ${path}:3: upn bob@contoso.com means user bob`,
      `! ${path}:4: nothing that identifies a user`,
      `! ${path}:5: ${path}:2 is about user a as well`,
      `! ${path}:6: upn a@contoso.com means user a`,
      `! ${path}:7: f is no upn`,
      '+ g: upn g@contoso.com, sid s-1-5-21-1-2-3-4',
      `! ${path}:9: 1104 is no sid`,
    ]);
    expect(await stored()).toHaveLength(more.length === 0 ? 3 : 1);
  });

  it('tells what only the service knows to be wrong, and goes on', async () => {
    await world.inRealm('POST', '/partners', { body: { id: 'crm' } });
    const path = await file(
      'users.csv',
      'id,upn,sid\ncrm,crm@contoso.com,\na b,a@contoso.com,\nx,x@contoso.com,S-1-5\ng,g@b,',
    );
    const outcome = await call(['user', 'import', '-f', path]);
    expect(outcome).toMatchObject({ exitCode: 1, stderr: 'countersign: 3 of 4 users were refused\n' });
    expect(outcome.stdout).toContain(`! ${path}:2: Conflict: a partner of the realm has the id crm\n`);
    expect(outcome.stdout).toMatch(/:3: Bad Request: the input is not acceptable: \/id: an id is 1 to 256/);
    expect(outcome.stdout).toContain('\n+ g: upn g@b\n');
    expect(await stored()).toHaveLength(1);
  });

  it('lets an identifier go from one user of the file to another, in whatever order', async () => {
    await call(['user', 'add', 'z', '--upn', 'old@contoso.com']);
    const rows = ['id,upn', 'a,old@contoso.com', ...Array.from({ length: 9 }, (_, n) => `m${n},m${n}@contoso.com`)];
    const path = await file('users.csv', [...rows, 'z,new@contoso.com'].join('\n'));
    expect(await call(['user', 'import', '-f', path])).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await stored()).toHaveLength(11);
  });

  it('ends where the service answers nobody, and can be run again', async () => {
    interruptions.push({ status: 403, body: { message: 'Forbidden' } });
    const path = await file('users.csv', CSV);
    const outcome = await call(['user', 'import', '-f', path]);
    expect([outcome.exitCode, outcome.stdout, oneLine(outcome.stderr)]).toEqual([1, '', true]);
    expect(await call(['user', 'import', '-f', path])).toMatchObject({ exitCode: 0 });
    expect(await stored()).toHaveLength(2);
  });
});
