/** Tokens of the Microsoft profile at the command line: shown in both parts, never verified here, and asked for with delegation. */

import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLOCK, fixtureText } from '../microsoft/fixtures.ts';
import { encode, GOOD, tokenOf } from '../microsoft/tokens.ts';
import { serve, type TestServer } from './http-server.ts';
import { countersign, oneLine } from './terminal.ts';

const APPLICATION = tokenOf(GOOD.application.draft);
const USER = tokenOf(GOOD.user.draft);

let server: TestServer;
let directory: string;
beforeAll(async () => {
  server = await serve(({ target }) => ({
    status: 200,
    body:
      target === '/token'
        ? { access_token: APPLICATION, token_type: 'Bearer' }
        : { issuer: server.url, token_endpoint: `${server.url}/token`, jwks_uri: `${server.url}/jwks`, keys: [] },
  }));
  directory = await mkdtemp(join(tmpdir(), 'countersign-actor-'));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const inspect = (token: string, ...argv: string[]) =>
  countersign(['token', 'inspect', '-', ...argv], { env: {}, stdin: token });

describe('token inspect', () => {
  it('shows an actor token, with its times in words although they are text', async () => {
    const { exitCode, stdout } = await inspect(APPLICATION);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(new Date(CLOCK * 1_000).toISOString().slice(0, 19));
    expect(stdout).not.toContain('\nactor token\n');
  });

  it('shows both parts of one about a user, and neither as a token', async () => {
    const { exitCode, stdout } = await inspect(USER);
    expect([exitCode, stdout.includes('\nactor token\n')]).toEqual([0, true]);
    expect(stdout).toContain('trustedfordelegation');
    expect(stdout).not.toMatch(/eyJ/);
    const { claims, actor } = JSON.parse((await inspect(USER, '--json')).stdout);
    expect(claims).toMatchObject({ upn: 'kim@contoso.example' });
    expect([claims.actortoken, actor.header.alg]).toEqual([undefined, 'RS256']);
  });

  it.each([
    ['a number', 7],
    ['text that is no token', 'x.y.z'],
    ['an unsigned token', `${encode({ alg: 'none' })}.${encode({ sub: 'a' })}.`],
  ])('shows what it can where the actor token is %s', async (_case, actortoken) => {
    const { exitCode } = await inspect(`${encode({ alg: 'none' })}.${encode({ iss: 'a', actortoken })}.`);
    expect(exitCode).toBe(0);
  });

  it('never crashes, whatever it is given', async () => {
    const part = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    await fc.assert(
      fc.asyncProperty(fc.tuple(part, part, part), async (parts) => {
        const { exitCode, stderr } = await inspect(parts.join('.'));
        expect(exitCode === 0 || (exitCode === 2 && oneLine(stderr))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});

describe('token verify', () => {
  it.each([
    ['an actor token', APPLICATION],
    ['one about a user', USER],
    ['one of the fixtures', fixtureText('token-sts-to-exchange-user.jwt')],
  ])('says of %s who verifies it', async (_case, token) => {
    const outcome = await countersign(['token', 'verify', token, '--endpoint', server.url], { env: {} });
    expect(outcome).toMatchObject({ exitCode: 1, stdout: '' });
    expect(outcome.stderr).toContain('is verified by the server that it is for');
  });
});

describe('token get', () => {
  it('asks for delegation when told to, and prints the actor token alone', async () => {
    const key = join(directory, 'key.json');
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeFile(key, JSON.stringify(pair.privateKey.export({ format: 'jwk' })));
    const get = ['token', 'get', '--client', 'crm', '--key', key, '--endpoint', server.url];
    const form = () => new URLSearchParams(server.requests.at(-1)?.body);
    expect(await countersign([...get, '--trusted-for-delegation'], { env: {} })).toMatchObject({
      exitCode: 0,
      stdout: `${APPLICATION}\n`,
    });
    expect(form().get('trusted_for_delegation')).toBe('true');
    await countersign(get, { env: {} });
    expect(form().has('trusted_for_delegation')).toBe(false);
  });
});
