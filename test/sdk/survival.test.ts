/**
 * A service that calls another once a second, for as long as its token service has trouble. docs/calling-services.md tells the
 * bounds; here no call may fail within them. Time is the test's, and passes while the source waits.
 */

import { beforeEach, describe, expect, it } from 'vitest';
import { privateKeyJwt } from '../../sdk/client-authentication.ts';
import { createTokenSource, type TokenSource } from '../../sdk/token-source.ts';
import { CLIENT, ISSUER, RESOURCE, startTokenServer, type TokenServer, type Trouble } from './token-server.ts';

const START = 2_000_000_000;
const LIFETIME = 300;

let elapsed: number;
let clockError: number;
let server: TokenServer;

const makeSource = (random = 0.999): TokenSource =>
  createTokenSource({
    issuer: ISSUER,
    clientId: CLIENT,
    authentication: privateKeyJwt({ key: server.clientKey, kid: 'crm-key', alg: 'ES256' }),
    resource: RESOURCE,
    fetch: server.fetch,
    now: () => START + elapsed + clockError,
    random: () => random,
    // Of what runs in the background nobody waits for more than a turn of the loop.
    wait: async (seconds) => {
      const until = elapsed + seconds;
      while (elapsed < until) await (isCalling ? turn() : pass(0.25));
    },
  });

let isCalling: boolean;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pass = async (seconds: number): Promise<void> => {
  elapsed += seconds;
  await turn();
};

/** One business call a second. @returns the statuses that were not 200, and what was thrown. */
const callFor = async (source: TokenSource, seconds: number): Promise<unknown[]> => {
  const failures: unknown[] = [];
  const end = elapsed + seconds;
  isCalling = true;
  while (elapsed < end) {
    const calling = call(source, failures);
    // A call that has to wait for a token does so while time passes.
    const settled = await Promise.race([calling.then(() => true), turns(20).then(() => false)]);
    if (!settled) {
      isCalling = false;
      await calling;
      isCalling = true;
    }
    await pass(1);
  }
  isCalling = false;
  return failures;
};

const turns = async (count: number): Promise<void> => {
  for (let each = 0; each < count; each += 1) await turn();
};

const call = async (source: TokenSource, failures: unknown[]): Promise<void> => {
  try {
    const { status } = await source.fetch(`${RESOURCE}/invoices`);
    if (status !== 200) failures.push(status);
  } catch (failure) {
    failures.push(failure);
  }
};

/** From now on, for so long. */
const troubleFor = (seconds: number, answer: () => Response): Trouble => {
  const end = elapsed + seconds;
  return () => (elapsed < end ? answer() : undefined);
};
const unavailable = () =>
  Response.json({ error: 'temporarily_unavailable' }, { status: 503, headers: { 'retry-after': '1' } });
const refusedConnection = (): never => {
  throw new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) });
};

beforeEach(async () => {
  elapsed = 0;
  clockError = 0;
  isCalling = false;
  server = await startTokenServer(() => Math.floor(START + elapsed), LIFETIME);
});

describe('a service that calls with a token source', () => {
  it('renews its token before the end, once for each lifetime', async () => {
    expect(await callFor(makeSource(), 1_000)).toEqual([]);
    expect(server.answers.length).toBeGreaterThanOrEqual(4);
    expect(server.answers.length).toBeLessThanOrEqual(6);
  });

  const troubles = [
    { name: 'is away for 30 s', answer: refusedConnection },
    { name: 'answers 503 for 30 s', answer: unavailable },
  ];
  /** With a token in hand, when it is due for renewal, and with none. */
  const moments = [0, 100, 235, 245, 290];
  it.each(troubles.flatMap((trouble) => moments.map((moment) => ({ ...trouble, moment }))))(
    'has no failed call when the token service $name, $moment s after the start',
    async ({ answer, moment }) => {
      const source = makeSource();
      expect(await callFor(source, moment)).toEqual([]);
      server.trouble = troubleFor(30, answer);
      expect(await callFor(source, 400)).toEqual([]);
    },
  );

  it('has no failed call in the bound that is documented, 15 % of the lifetime without any token service', async () => {
    const source = makeSource();
    expect(await callFor(source, 239)).toEqual([]);
    server.trouble = troubleFor(0.15 * LIFETIME, unavailable);
    expect(await callFor(source, 300)).toEqual([]);
  });

  it('tells its caller at last when the outage does not end', async () => {
    const source = makeSource();
    server.trouble = unavailable;
    await expect(source.token()).rejects.toMatchObject({ name: 'TokenError', error: 'metadata_unusable', status: 503 });
    expect(elapsed).toBeGreaterThan(30);
    expect(elapsed).toBeLessThanOrEqual(40);
  });

  it('does not notice the rotation of the signing keys', async () => {
    const source = makeSource();
    expect(await callFor(source, 100)).toEqual([]);
    await server.rotateKeys();
    expect(await callFor(source, 400)).toEqual([]);
  });

  it('has no failed call when the signing key is revoked at once', async () => {
    const source = makeSource();
    expect(await callFor(source, 100)).toEqual([]);
    const before = server.answers.length;
    await server.revokeKeys();
    expect(await callFor(source, 20)).toEqual([]);
    expect(server.answers.length).toBe(before + 1);
  });

  it.each([-30, 30])('has no failed call and no refused request with a clock that is %i s off', async (error) => {
    clockError = error;
    expect(await callFor(makeSource(), 700)).toEqual([]);
    expect(new Set(server.answers)).toEqual(new Set(['200']));
  });

  it.each([-600, 600])('learns the time of the server from a refusal when its clock is %i s off', async (error) => {
    clockError = error;
    expect(await callFor(makeSource(), 700)).toEqual([]);
    expect(server.answers.filter((status) => status !== '200')).toEqual(['401']);
  });

  it('notices it when its clock begins to be wrong', async () => {
    const source = makeSource();
    expect(await callFor(source, 100)).toEqual([]);
    clockError = -120;
    expect(await callFor(source, 100)).toEqual([]);
  });

  it('does not believe a server whose clock is a day off', async () => {
    clockError = -86_400;
    await expect(makeSource().token()).rejects.toMatchObject({ error: 'invalid_client', status: 401 });
    expect(server.answers).toEqual(['401']);
  });
});
