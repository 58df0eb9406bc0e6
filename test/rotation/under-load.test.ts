/**
 * Rotation while partners work: token requests over HTTP without pause, each token verified by two libraries that have fetched
 * the key set before anything happened and never fetch it again, and by the authorizer of the service itself.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JwtVerifier } from 'aws-jwt-verify';
import { createLocalJWKSet, decodeProtectedHeader, type JWK, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeApp } from '../support/assembly.ts';
import {
  administer,
  assertionOf,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';
import { ageRings } from './aged-service.ts';

const TWO_DAYS = 2 * 86_400;
/** Long enough for issuers to use a ring that is out of date, short enough for a test. */
const RING_CACHE_SECONDS = 1;
const PARTNERS_AT_WORK = 4;
/** Of each kind: before the command, and by the key that takes over. */
const TOKENS = 60;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-load-'));
  await synthesizeApp(join(directory, 'cdk.out'), { registryCacheSeconds: String(RING_CACHE_SECONDS) });
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const start = (data: string): Promise<Service> =>
  startService({ assembly: join(directory, 'cdk.out'), dataDirectory: join(directory, data) });

/** A service that was deployed two days ago: its standbys have served their lead. */
const startAged = async (data: string): Promise<Service> => {
  const first = await start(data);
  await first[Symbol.asyncDispose]();
  expect(await ageRings(join(directory, data), TWO_DAYS)).toBe(2);
  return start(data);
};

interface ListedRing {
  readonly algorithm: string;
  readonly keys: readonly { readonly kid: string; readonly state: string }[];
}

const kidIn = async (service: Service, algorithm: string, state: string): Promise<string | undefined> => {
  const { body } = await administer(service, 'GET', '/keys');
  const rings = body.items as readonly ListedRing[];
  return rings.find((ring) => ring.algorithm === algorithm)?.keys.find((key) => key.state === state)?.kid;
};

/** Verifiers with the key set of this moment, for ever. */
const verifiersOf = async (service: Service, { audience }: World) => {
  const answer = await fetch(`${service.issuer}/jwks`);
  const keys = (await answer.json()) as { keys: (JWK & { kty: string; kid: string })[] };
  const known = createLocalJWKSet(keys);
  const aws = JwtVerifier.create({ issuer: service.issuer, audience, jwksUri: 'https://unused.example/jwks' });
  aws.cacheJwks(keys);
  return {
    jose: (token: string): Promise<unknown> => jwtVerify(token, known, { issuer: service.issuer, audience }),
    aws: (token: string): Promise<unknown> => aws.verify(token),
    authorizer: async (token: string): Promise<void> => {
      const { status } = await fetch(audience, { headers: { authorization: `Bearer ${token}` } });
      if (status !== 200) throw new Error(`the authorizer answered ${status}`);
    },
  };
};

interface Seen {
  /** Every token that was issued: the key, and when it was asked for. */
  readonly tokens: { readonly kid: string; readonly askedAt: number }[];
  readonly failedRequests: string[];
  /** By kid of the token. */
  readonly failedVerifications: { readonly kid: string; readonly askedAt: number; readonly why: string }[];
}

/** Requests and verifications side by side, until enough has been seen. */
const work = async (service: Service, world: World, isEnough: (seen: Seen) => boolean, seen: Seen): Promise<void> => {
  const verifiers = await verifiersOf(service, world);
  const partner = async (): Promise<void> => {
    while (!isEnough(seen)) {
      if (seen.tokens.length + seen.failedRequests.length > 5_000) throw new Error('the load has no end');
      const askedAt = performance.now();
      const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
      const { status, body } = await postToken(service, form);
      if (status !== 200) {
        seen.failedRequests.push(`${status} ${JSON.stringify(body)}`);
        continue;
      }
      const token = String(body.access_token);
      const { kid = '' } = decodeProtectedHeader(token);
      seen.tokens.push({ kid, askedAt });
      for (const [name, verify] of Object.entries(verifiers)) {
        await verify(token).catch((error: unknown) => {
          seen.failedVerifications.push({ kid, askedAt, why: `${name}: ${String(error)}` });
        });
      }
    }
  };
  await Promise.all(Array.from({ length: PARTNERS_AT_WORK }, partner));
};

/** Lets partners work, gives the command in the midst of it, and goes on until the key that took over has proved itself. */
const commandUnderLoad = async (service: Service, world: World, successor: string, command: () => Promise<void>) => {
  const seen: Seen = { tokens: [], failedRequests: [], failedVerifications: [] };
  let given: Promise<void> | undefined;
  let doneAt = Number.POSITIVE_INFINITY;
  const isEnough = ({ tokens }: Seen): boolean => {
    if (tokens.length >= TOKENS)
      given ??= command().finally(() => {
        doneAt = performance.now();
      });
    return tokens.filter(({ kid, askedAt }) => kid === successor && askedAt > doneAt).length >= TOKENS;
  };
  await work(service, world, isEnough, seen);
  await given;
  return { seen, doneAt };
};

const mustSucceed = async (service: Service, path: string, body: object): Promise<void> => {
  const answer = await administer(service, 'POST', path, body);
  expect([answer.status, answer.body.detail]).toEqual([200, undefined]);
};

describe.each(['RS256', 'ES256'])('while partners get tokens of %s without pause', (algorithm) => {
  it('a planned rotation fails no request and no verification', { timeout: 120_000 }, async () => {
    await using service = await startAged(`planned-${algorithm}`);
    const world = await populate(service, algorithm);
    const [active, standby = ''] = [
      await kidIn(service, algorithm, 'active'),
      await kidIn(service, algorithm, 'standby'),
    ];
    const { seen } = await commandUnderLoad(service, world, standby, () =>
      mustSucceed(service, '/keys/rotate', { algorithm }),
    );
    expect([seen.failedRequests, seen.failedVerifications]).toEqual([[], []]);
    expect(new Set(seen.tokens.map(({ kid }) => kid))).toEqual(new Set([active, standby]));
    expect(await kidIn(service, algorithm, 'retiring')).toBe(active);
  });

  it('a revocation fails no request, and every token of the key that takes over is verified', {
    timeout: 120_000,
  }, async () => {
    await using service = await startAged(`emergency-${algorithm}`);
    const world = await populate(service, algorithm);
    const [active = '', standby = ''] = [
      await kidIn(service, algorithm, 'active'),
      await kidIn(service, algorithm, 'standby'),
    ];
    const { seen, doneAt } = await commandUnderLoad(service, world, standby, () =>
      mustSucceed(service, `/keys/${active}/revoke`, {}),
    );
    expect(seen.failedRequests).toEqual([]);
    expect(seen.failedVerifications.filter(({ kid }) => kid !== active)).toEqual([]);
    // KMS has disabled it by then: a function that still holds the old ring gets no signature, and looks again.
    expect(seen.tokens.filter(({ kid, askedAt }) => kid === active && askedAt > doneAt)).toEqual([]);
    expect(await kidIn(service, algorithm, 'revoked')).toBe(active);
  });
});
