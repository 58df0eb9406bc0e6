/**
 * Two partner services that were written with the sdk, one calling the other once a second, while the token service has trouble: the
 * synthesized assembly over HTTP. docs/calling-services.md and docs/verifying-tokens.md tell the bounds; no call fails within them.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AwsError } from '../../local/service.ts';
import { countersign } from '../cli/terminal.ts';
import { ageRings } from '../rotation/aged-service.ts';
import { synthesizeApp } from '../support/assembly.ts';
import { createPacedTime, type PacedTime } from '../support/paced-time.ts';
import {
  type PartnerServices,
  type PartnerServicesOptions,
  startPartnerServices,
} from '../support/partner-services.ts';
import { mustCreate, populate, type Service, startService, type TestPartner } from '../support/service.ts';

/** Of tokens: renewed after 48 s, not given out after 54 s. */
const LIFETIME = 60;
const BRIEF = 'https://brief.example';
const LASTING = 'https://lasting.example';
/** Half of the key age, and so what an outage may last, is 30 s. */
const VERIFIER = { checkRevokedKeys: true, maxKeyAgeSeconds: 60 };
const TWO_DAYS = 2 * 86_400;

let directory: string;
let time: PacedTime;
let isDown = false;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-survival-'));
  // Without caches an outage reaches every answer, and a command is seen at once.
  await synthesizeApp(join(directory, 'cdk.out'), { registryCacheSeconds: '0' });
});
afterAll(() => rm(directory, { recursive: true, force: true }));
beforeEach(() => {
  isDown = false;
  time = createPacedTime();
});

const outage = new AwsError('InternalServerError', 'test failure', { status: 500 });

const start = (data?: string, port = 0): Promise<Service> =>
  startService({
    ...{ assembly: join(directory, 'cdk.out'), port, interceptCall: () => (isDown ? outage : 'pass') },
    ...(data === undefined ? {} : { dataDirectory: join(directory, data) }),
  });

const portOf = ({ deployment }: Service): number => Number(deployment.url.port);

/** A client, and two audiences that it may call: one with tokens for a minute, one with tokens for an hour. */
const arrange = async (service: Service): Promise<TestPartner> => {
  const { client, owner } = await populate(service);
  for (const audience of [BRIEF, LASTING]) {
    const tokenPolicy = audience === BRIEF ? { accessTokenSeconds: LIFETIME } : {};
    await mustCreate(service, '/audiences', { audience, owner: owner.id, scopes: ['read'], tokenPolicy });
    await mustCreate(service, '/grants', { client: client.id, audience, scopes: ['read'] });
  }
  return client;
};

/** A minute and a half passes for them; their clocks are never more than the tolerated minute off. */
const BEHIND = { callerAhead: -30, calledAhead: -30 };

const partners = (
  { issuer }: Service,
  client: TestPartner,
  more: Partial<PartnerServicesOptions> = {},
): Promise<PartnerServices> =>
  startPartnerServices({ issuer, client, audience: BRIEF, time, verifier: VERIFIER, ...BEHIND, ...more });

/** `countersign key ...` as an operator types it. */
const key = async ({ deployment: { url, operator } }: Service, ...argv: string[]): Promise<void> => {
  const { accessKeyId, secretAccessKey, sessionToken = '', region } = operator;
  const env = {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  };
  const outcome = await countersign(['key', ...argv, '--endpoint', url.origin, '--region', region], { env });
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
};

const kidsOf = ({ shown }: PartnerServices): string[] => [...new Set(shown.map(({ kid }) => kid))];

describe('a token service that answers 503 for 30 s', () => {
  let service: Service;
  let client: TestPartner;
  beforeAll(async () => {
    service = await start();
    client = await arrange(service);
  });
  afterAll(() => service[Symbol.asyncDispose]());

  it.each([
    { moment: 0, when: 'before the first token', noticed: [true, false] },
    { moment: 10, when: 'with a token in hand', noticed: [false, true] },
    { moment: 29, when: 'before key set and token are renewed', noticed: [true, true] },
    // Calls wait for the token then, and nobody asks for keys.
    { moment: 40, when: 'before the token is renewed, until after its end', noticed: [true, false] },
    { moment: 53, when: 'when the renewed token is young', noticed: [false, true] },
  ])('fails no call: $when, from second $moment', async ({ moment, noticed }) => {
    await using services = await partners(service, client);
    time.at(moment, () => {
      isDown = true;
    });
    time.at(moment + 30, () => {
      isDown = false;
    });
    await time.pass(0);
    expect(await services.callFor(moment + 40)).toEqual([]);
    const { callerAnswers, calledAnswers } = services;
    expect([callerAnswers.includes(503), calledAnswers.includes(503)]).toEqual(noticed);
    expect(callerAnswers.at(-1)).toBe(200);
  });

  it('and for longer than is promised: calls fail then, and go on when it is back', async () => {
    await using services = await partners(service, client);
    isDown = true;
    expect(await services.call()).toContain('TokenError');
    expect(time.elapsed()).toBeLessThanOrEqual(40);
    isDown = false;
    expect(await services.callFor(5)).toEqual([]);
  });
});

describe('a token service that is stopped', () => {
  it.each([
    { name: 'with a token in hand', stopAt: 5 },
    { name: 'when a token is due', stopAt: 40 },
  ])('and started again 20 s later fails no call: $name', async ({ stopAt }) => {
    const data = `restart-${stopAt}`;
    let service = await start(data);
    const client = await arrange(service);
    await using services = await partners(service, client);
    const port = portOf(service);
    time.at(stopAt, async () => {
      await service[Symbol.asyncDispose]();
    });
    time.at(stopAt + 20, async () => {
      service = await start(data, port);
    });
    try {
      expect(await services.callFor(stopAt + 30)).toEqual([]);
      expect(services.callerAnswers.includes(0)).toBe(stopAt === 40);
      services.source.invalidate();
      expect(await services.callFor(1)).toEqual([]);
      expect(services.callerAnswers.at(-1)).toBe(200);
    } finally {
      await service[Symbol.asyncDispose]();
    }
  });
});

describe('signing keys', () => {
  it('that rotate, twice, with a restart and two days in between, fail no call', async () => {
    const data = 'rotation';
    /** Two days later, on the same port. */
    const aged = async (running: Service): Promise<Service> => {
      await running[Symbol.asyncDispose]();
      expect(await ageRings(join(directory, data), TWO_DAYS)).toBe(2);
      return start(data, portOf(running));
    };
    const first = await start(data);
    const client = await arrange(first);
    let service = await aged(first);
    try {
      await using services = await partners(service, client);
      expect(await services.callFor(5)).toEqual([]);
      await key(service, 'rotate', '--algorithm', 'RS256');
      expect(await services.callFor(50)).toEqual([]);
      expect(kidsOf(services)).toHaveLength(2);
      service = await aged(service);
      await service.deployment.runSchedule();
      await key(service, 'rotate', '--algorithm', 'RS256');
      expect(await services.callFor(50)).toEqual([]);
      expect(kidsOf(services)).toHaveLength(3);
      const { keys } = (await (await fetch(`${service.issuer}/jwks`)).json()) as { keys: { kid: string }[] };
      const published = keys.map(({ kid }) => kid);
      expect(kidsOf(services).map((kid) => published.includes(kid))).toEqual([false, true, true]);
      expect(services.shown.filter(({ status }) => status !== 200)).toEqual([]);
    } finally {
      await service[Symbol.asyncDispose]();
    }
  });

  it.each([
    { name: 'that reads the list of revoked keys', verifier: VERIFIER, bound: 60 },
    { name: 'that knows the key set alone', verifier: { maxKeyAgeSeconds: 60 }, bound: 30 },
  ])(
    'of which the one that signs is revoked fail no call; its tokens are refused within $bound s by a verifier $name',
    async ({ verifier, bound }) => {
      await using service = await start();
      const client = await arrange(service);
      await using services = await partners(service, client, { audience: LASTING, verifier });
      expect(await services.callFor(10)).toEqual([]);
      const [revoked = ''] = kidsOf(services);
      await key(service, 'revoke', revoked, '--break-glass');
      expect(await services.callFor(70)).toEqual([]);
      const ofRevoked = services.shown.filter(({ kid }) => kid === revoked);
      expect(ofRevoked.filter(({ status }) => status !== 200)).toEqual([
        { at: expect.toSatisfy((at: number) => at > 10 && at <= 10 + bound), kid: revoked, status: 401 },
      ]);
      expect(kidsOf(services)).toHaveLength(2);
      // The metadata, and two tokens.
      expect(services.callerAnswers).toEqual([200, 200, 200]);
    },
  );

  it('of which one is revoked just after it signed fail calls for the first 5 s of that token and no longer', async () => {
    await using service = await start();
    const client = await arrange(service);
    await using services = await partners(service, client, { audience: LASTING });
    expect(await services.callFor(1)).toEqual([]);
    await time.pass(58);
    services.source.invalidate();
    expect(await services.call()).toBeUndefined();
    await key(service, 'revoke', kidsOf(services)[0] ?? '', '--break-glass');
    // The verifier's list is a minute old now: it learns of the revocation before the token is 5 s old.
    await time.pass(1);
    const failures = await services.callFor(10);
    expect(failures.length).toBeGreaterThan(0);
    expect(failures.length).toBeLessThanOrEqual(5);
    expect(await services.callFor(10)).toEqual([]);
  });
});

describe('clocks that are 30 s off', () => {
  let service: Service;
  let client: TestPartner;
  beforeAll(async () => {
    service = await start();
    client = await arrange(service);
  });
  afterAll(() => service[Symbol.asyncDispose]());

  const clocks = [
    { callerAhead: 30, calledAhead: 0 },
    { callerAhead: -30, calledAhead: 0 },
    { callerAhead: 0, calledAhead: 30 },
    { callerAhead: 0, calledAhead: -30 },
    { callerAhead: 30, calledAhead: -30 },
    { callerAhead: -30, calledAhead: 30 },
  ];
  const kinds = [{ kind: 'bearer' }, { kind: 'bound', dpop: true as const }];
  it.each(clocks.flatMap((clock) => kinds.map((kind) => ({ ...clock, ...kind }))))(
    'fail no call and no token request: $callerAhead s where calls are made, $calledAhead s where they arrive, $kind tokens',
    async ({ kind, ...settings }) => {
      await using services = await partners(service, client, settings);
      for (let tokens = 0; tokens < 4; tokens += 1) {
        expect(await services.callFor(3)).toEqual([]);
        services.source.invalidate();
      }
      const refused = services.callerAnswers.filter((status) => status !== 200);
      // The first proof has no nonce yet, which has nothing to do with clocks.
      expect(refused).toEqual(kind === 'bound' ? [400] : []);
    },
  );
});
