/** Signing keys as an operator handles them: the command line against the synthesized assembly, over HTTP. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Ring } from '../../cli/admin-records.ts';
import type { AwsCall, Interception } from '../../local/aws-endpoint.ts';
import { AwsError } from '../../local/service.ts';
import { countersign, type Outcome } from '../cli/terminal.ts';
import { synthesizeApp } from '../support/assembly.ts';
import {
  administer,
  assertionOf,
  getToken,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
} from '../support/service.ts';

const DAY = 86_400;

let directory: string;
let service: Service;
/** Calls that IAM has allowed, with what they asked for. */
let calls: AwsCall[];
let outage: ((call: AwsCall) => boolean) | undefined;

const intercept = (call: AwsCall): Interception => {
  if (outage?.(call) === true) return new AwsError('KMSInternalException', 'test failure', { status: 500 });
  calls.push(call);
  return 'pass';
};

/** So that a time that is told in words is the same words a moment later. */
const LEAD = 30 * 3_600;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-keys-'));
  // Without caches, what a command does is seen at once, and not after the half minute that functions keep what they read.
  const context = { registryCacheSeconds: '0', keyLeadSeconds: String(LEAD) };
  await synthesizeApp(join(directory, 'cdk.out'), context);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const start = async (): Promise<void> => {
  calls = [];
  outage = undefined;
  service = await startService({ assembly: join(directory, 'cdk.out'), interceptCall: intercept });
};
const stop = async (): Promise<void> => service[Symbol.asyncDispose]();

const key = (...argv: string[]): Promise<Outcome> => {
  const { url, operator } = service.deployment;
  const { accessKeyId, secretAccessKey, sessionToken = '', region } = operator;
  const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
  return countersign(['key', ...argv, '--endpoint', url.origin, '--region', region], {
    env: { ...env, ...(sessionToken === '' ? {} : { AWS_SESSION_TOKEN: sessionToken }) },
  });
};

const keyJson = async <Answer>(...argv: string[]): Promise<Answer> => {
  const { exitCode, stdout, stderr } = await key(...argv, '--json');
  expect([exitCode, stderr], argv.join(' ')).toEqual([0, '']);
  return JSON.parse(stdout);
};

const listRings = (): Promise<Ring[]> => keyJson('list');

const ringOf = async (algorithm: string): Promise<Ring> => {
  const found = (await listRings()).find((ring) => ring.algorithm === algorithm);
  if (found === undefined) throw new Error(`no ${algorithm} ring`);
  return found;
};

const keyIn = (ring: Ring, state: string) => {
  const found = ring.keys.find((each) => each.state === state);
  if (found === undefined) throw new Error(`no ${state} key in the ${ring.algorithm} ring`);
  return found;
};

const statesOf = (ring: Ring): string[] => ring.keys.map(({ state }) => state).toSorted();

const publishedKids = async (): Promise<string[]> => {
  const { keys } = (await (await fetch(`${service.issuer}/jwks`)).json()) as { keys: { kid: string }[] };
  return keys.map(({ kid }) => kid);
};

/** From the signed list, as a verifier reads it. */
const revokedKids = async (): Promise<string[]> => {
  const list = await (await fetch(`${service.issuer}/revoked-keys`)).text();
  const keys = createRemoteJWKSet(new URL(`${service.issuer}/jwks`));
  const { payload } = await jwtVerify<{ revoked_keys: { kid: string }[] }>(list, keys, { issuer: service.issuer });
  return payload.revoked_keys.map(({ kid }) => kid);
};

const disabledKeys = () => calls.filter(({ operation }) => operation === 'DisableKey').map(({ input }) => input.KeyId);

/** Seconds from now to a time that the service told; a request takes a moment. */
const secondsUntil = (time: string | undefined): number => (Date.parse(time ?? '') - Date.now()) / 1_000;

describe('where nothing changes', () => {
  beforeAll(start);
  afterAll(stop);

  it('key list shows a key that signs and one that stands by for each ring, all of them published', async () => {
    const rings = await listRings();
    expect(rings.map(({ algorithm }) => algorithm)).toEqual(['ES256', 'RS256']);
    for (const ring of rings) expect(statesOf(ring)).toEqual(['active', 'standby']);
    expect((await publishedKids()).toSorted()).toEqual(
      rings.flatMap(({ keys }) => keys.map(({ kid }) => kid)).toSorted(),
    );
    expect((await key('list')).stdout.match(/^(RS|ES)256 .*(active|standby) .* \(in \d+ days\)$/gm)).toHaveLength(4);
  });

  it('key list tells when the standby takes over: by the calendar of the key that signs', async () => {
    const ring = await ringOf('RS256');
    const { next } = keyIn(ring, 'active');
    expect(next?.state).toBe('retiring');
    expect(secondsUntil(next?.notBefore)).toBeGreaterThan(60 * DAY - 120);
    expect(keyIn(ring, 'standby').next).toEqual({ state: 'active', notBefore: next?.notBefore });
  });

  it('key rotate is refused until the standby is in every cache, and changes nothing', async () => {
    const before = await listRings();
    const { exitCode, stdout, stderr } = await key('rotate', '--algorithm', 'RS256');
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^countersign: Conflict: the standby key is not in every verifier's cache yet; until \S+Z \(in 1 day\)\n$/,
    );
    expect((await listRings()).map(({ version }) => version)).toEqual(before.map(({ version }) => version));
  });

  it('key rotate knows only rings that are there', async () => {
    const { exitCode, stderr } = await key('rotate', '--algorithm', 'PS256');
    expect([exitCode, stderr]).toEqual([1, 'countersign: Not Found: there is no PS256 ring\n']);
  });

  it('key revoke of the key that signs is refused while the standby is young, and the key goes on signing', async () => {
    const world = await populate(service);
    const { kid } = keyIn(await ringOf('RS256'), 'active');
    const { exitCode, stderr } = await key('revoke', kid);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/is not in every verifier's cache yet; until \S+Z \(in 1 day\)\n$/);
    expect(decodeProtectedHeader(await getToken(service, world)).kid).toBe(kid);
    expect(await publishedKids()).toContain(kid);
    expect(disabledKeys()).toEqual([]);
  });

  it('key revoke knows only keys that are there', async () => {
    expect((await key('revoke', 'nobody', '--break-glass')).stderr).toBe(
      'countersign: Not Found: there is no key nobody\n',
    );
  });

  it('key add does not know every algorithm', async () => {
    const { exitCode, stderr } = await key('add', '--algorithm', 'HS256');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^countersign: Bad Request: .*\/algorithm: .*RS256/);
  });

  it('the scheduled rotation changes nothing when it runs again and nothing is due', async () => {
    await service.deployment.runSchedule();
    const before = await listRings();
    const since = calls.length;
    const [result] = await service.deployment.runSchedule();
    expect(result).toMatchObject({ ok: true });
    const made = calls.slice(since).filter(({ principal }) => principal.includes('RotateKeys'));
    expect(new Set(made.map(({ operation }) => operation))).toEqual(new Set(['Query', 'GetItem']));
    expect((await listRings()).map(({ version }) => version)).toEqual(before.map(({ version }) => version));
  });
});

describe('key add', () => {
  beforeAll(async () => {
    await start();
    await populate(service);
  });
  afterAll(stop);

  it.each(['PS256', 'ES384', 'EdDSA', 'ML-DSA-44'])(
    'makes a ring for %s, whose first key is published and serves its whole lead, since the realm is live',
    async (algorithm) => {
      const { exitCode, stdout } = await key('add', '--algorithm', algorithm);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(new RegExp(`^No key signs for ${algorithm} before \\S+Z \\(in 1 day\\)\\.\n`));
      const ring = await ringOf(algorithm);
      expect(statesOf(ring)).toEqual(['standby']);
      const { kid, next } = keyIn(ring, 'standby');
      expect(secondsUntil(next?.notBefore)).toBeGreaterThan(LEAD - 120);
      expect(await publishedKids()).toContain(kid);
    },
  );

  it('is the same a second time', async () => {
    await key('add', '--algorithm', 'ES512');
    const before = await ringOf('ES512');
    expect((await key('add', '--algorithm', 'ES512')).exitCode).toBe(0);
    expect((await ringOf('ES512')).version).toBe(before.version);
  });

  it('lets an audience choose only a ring that signs already', async () => {
    await key('add', '--algorithm', 'ML-DSA-65');
    const chosen = {
      audience: 'https://pq.example/api',
      owner: 'billing',
      scopes: ['read'],
      tokenPolicy: { algorithm: 'ML-DSA-65' },
    };
    const { status, body } = await administer(service, 'POST', '/audiences', chosen);
    expect([status, JSON.stringify(body)]).toEqual([
      400,
      expect.stringContaining('this realm signs with ES256, RS256'),
    ]);
  });
});

describe('a command that changes keys', () => {
  beforeEach(start);
  afterEach(stop);

  it('key revoke with --break-glass lets the standby sign, takes the key from /jwks and from use, and says what it costs', async () => {
    const world = await populate(service);
    const before = await ringOf('RS256');
    const revoked = keyIn(before, 'active');
    const successor = keyIn(before, 'standby');
    expect(decodeProtectedHeader(await getToken(service, world)).kid).toBe(revoked.kid);

    const { exitCode, stdout } = await key('revoke', revoked.kid, '--break-glass');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Key ${revoked.kid} is revoked: it left /jwks and signs no more.\n`);
    expect(stdout).toContain(`Key ${successor.kid} signs for RS256.\n`);
    expect(stdout).toMatch(/\nUntil \S+Z \(in 1 day\) verifiers with an older key set may refuse new tokens/);

    const after = await ringOf('RS256');
    expect(statesOf(after)).toEqual(['active', 'revoked', 'standby']);
    const standby = keyIn(after, 'standby');
    expect([revoked.kid, successor.kid]).not.toContain(standby.kid);
    expect(disabledKeys()).toEqual([revoked.keyArn]);
    const kids = await publishedKids();
    expect(kids).not.toContain(revoked.kid);
    expect(kids).toEqual(expect.arrayContaining([successor.kid, standby.kid]));

    const token = await getToken(service, world);
    const verified = await jwtVerify(token, createRemoteJWKSet(new URL(`${service.issuer}/jwks`)), {
      issuer: service.issuer,
      audience: world.audience,
    });
    expect(verified.protectedHeader.kid).toBe(successor.kid);
    expect(await revokedKids()).toEqual([revoked.kid]);
  });

  it('key revoke makes tokens of the key worthless at the authorizer', async () => {
    const world = await populate(service);
    const token = await getToken(service, world);
    const whoami = async () => (await fetch(world.audience, { headers: { authorization: `Bearer ${token}` } })).status;
    expect(await whoami()).toBe(200);
    await key('revoke', keyIn(await ringOf('RS256'), 'active').kid, '--break-glass');
    expect(await whoami()).toBe(403);
  });

  it('key revoke of a standby costs nobody anything, and another one takes its place', async () => {
    const before = await ringOf('ES256');
    const { stdout } = await key('revoke', keyIn(before, 'standby').kid);
    expect(stdout).not.toContain('may refuse');
    const after = await ringOf('ES256');
    expect(keyIn(after, 'active').kid).toBe(keyIn(before, 'active').kid);
    expect(keyIn(after, 'standby').kid).not.toBe(keyIn(before, 'standby').kid);
    expect(disabledKeys()).toEqual([keyIn(before, 'standby').keyArn]);
  });

  it('key revoke is finished by the next run of the rotation where KMS did not answer', async () => {
    const { kid, keyArn } = keyIn(await ringOf('RS256'), 'active');
    outage = ({ operation }) => operation === 'DisableKey';
    const { status, body } = await administer(service, 'POST', `/keys/${kid}/revoke`, { breakGlass: true });
    // The revocation itself is done; to say 503 would make callers repeat it.
    expect([status, body.unfinished]).toEqual([200, 'kms:DisableKey']);
    expect(await revokedKids()).toEqual([kid]);
    outage = undefined;
    await service.deployment.runSchedule();
    expect(disabledKeys()).toEqual([keyArn]);
    expect(keyIn(await ringOf('RS256'), 'revoked').kid).toBe(kid);
  });

  it('key hold and key release mark a key, and nothing else changes', async () => {
    const { kid } = keyIn(await ringOf('RS256'), 'active');
    const held = await key('hold', kid);
    expect(held.stdout).toMatch(/is on hold.*\n.*\n(?:.*\n)*RS256 +\S+ +active +.* held /);
    expect(keyIn(await ringOf('RS256'), 'active')).toMatchObject({ kid, hold: true });
    expect((await key('release', kid)).exitCode).toBe(0);
    expect(keyIn(await ringOf('RS256'), 'active')).toMatchObject({ kid, hold: false });
  });

  it('key revoke of the only key of a ring has the next one made and sign at once, with --break-glass only', async () => {
    const world = await populate(service);
    const ring = await ringOf('RS256');
    // The standby is revoked, and the run that should make the next one dies.
    outage = ({ operation, input }) => operation === 'PutItem' && JSON.stringify(input).includes('"creation":');
    await administer(service, 'POST', `/keys/${keyIn(ring, 'standby').kid}/revoke`, {});
    outage = undefined;
    const { kid } = keyIn(ring, 'active');
    expect((await key('revoke', kid)).stderr).toBe(
      'countersign: Conflict: there is no standby key to take over; the next run makes one\n',
    );
    expect((await key('revoke', kid, '--break-glass')).stdout).toContain('\nUntil ');
    const after = await ringOf('RS256');
    expect(statesOf(after)).toEqual(['active', 'revoked', 'revoked', 'standby']);
    expect(decodeProtectedHeader(await getToken(service, world)).kid).toBe(keyIn(after, 'active').kid);
  });

  it('key revoke of one ring leaves tokens of the other as they are, even where KMS makes no new key', async () => {
    const world = await populate(service);
    const audience = 'https://ledger.example/api';
    await mustCreate(service, '/audiences', {
      audience,
      owner: 'billing',
      scopes: ['post'],
      tokenPolicy: { algorithm: 'ES256' },
    });
    await mustCreate(service, '/grants', { client: 'crm', audience, scopes: ['post'] });
    const ring = await ringOf('RS256');
    outage = ({ operation }) => operation === 'CreateKey';
    for (const state of ['standby', 'active']) {
      await administer(service, 'POST', `/keys/${keyIn(ring, state).kid}/revoke`, { breakGlass: true });
    }
    const ask = async (resource: string) =>
      (await postToken(service, tokenForm(await assertionOf(world.client, service.issuer), { resource }))).status;
    expect([await ask(world.audience), await ask(audience)]).toEqual([503, 200]);
  });
});
