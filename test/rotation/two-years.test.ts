/**
 * Two years of a realm with two rings: the real flows and adapters, over the embedded KMS and DynamoDB, by a clock that jumps.
 *
 * A scheduled run comes every 15 minutes. Of these, those are left out at which nothing can be due: between two runs only time
 * passes, and a step becomes due at a stored time. So a run takes place at the first quarter of an hour after each stored time,
 * at every one for as long as the run before took a step or failed, and every eight hours in any case. At each of them tokens are
 * issued, so that the first after each change is among them.
 */

import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { DescribeKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dynamoRingReader } from '../../functions/adapters/dynamo-readers.ts';
import { dynamoRingStore } from '../../functions/adapters/dynamo-ring-store.ts';
import { httpKeySets } from '../../functions/adapters/http-key-sets.ts';
import { kmsKeyVault } from '../../functions/adapters/kms-key-vault.ts';
import { kmsSigner } from '../../functions/adapters/kms-signer.ts';
import { randomIds, randomSerials } from '../../functions/adapters/system.ts';
import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import { CERTIFICATE_MAX_DAYS } from '../../functions/core/certificate-terms.ts';
import { type KeyRing, publishedKeys, type RotationPolicy } from '../../functions/core/key-ring.ts';
import { microsoftDocument } from '../../functions/core/microsoft-document.ts';
import { itself } from '../../functions/core/subject.ts';
import { publishKeys } from '../../functions/flows/publish-keys.ts';
import { rotateKeys } from '../../functions/flows/rotate-keys.ts';
import { selfSign } from '../../functions/flows/self-sign.ts';
import { signToken } from '../../functions/flows/sign-token.ts';
import { Outage } from '../../functions/ports.ts';
import { AUDIENCE, CLIENT, ISSUER, NOW, REALM, rotationPolicy } from '../support/builders.ts';
import { type EmbeddedAws, KEY_POLICY, openAws, TABLE } from '../support/embedded-aws.ts';

const [QUARTER, HOUR, DAY] = [900, 3_600, 86_400];
const ALGORITHMS: readonly JwsAlgorithm[] = ['RS256', 'ES256'];
const VERIFIER_CACHE_SECONDS = 7_200;
/** The shortest lead that a deployment takes for these verifiers. */
const POLICY: RotationPolicy = rotationPolicy({
  ...{ leadSeconds: VERIFIER_CACHE_SECONDS + 420, periodSeconds: 30 * DAY, graceSeconds: 7 * DAY },
  ...{ ringCacheSeconds: 30, propagationSeconds: 300, clockSkewSeconds: 60, creationSeconds: 180 },
  certificates: { commonName: 'a server', days: 365 },
});
const PROFILE = { applicationId: '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34', realms: ['contoso.example'] } as const;
const END = NOW + 730 * DAY;

/** What the public key set was from then on. */
interface PublicSet {
  readonly from: number;
  readonly text: string;
  readonly keys: JWTVerifyGetKey;
}

/** What servers that go by certificates were told from then on. */
interface Document {
  readonly from: number;
  readonly keys: readonly {
    readonly keyinfo: { readonly x5t: string };
    readonly keyvalue: { readonly value: string };
  }[];
}

interface IssuedToken {
  readonly jws: string;
  readonly exp: number;
}

let now = NOW;
let calls = 0;
let isRunning = false;
let aws: EmbeddedAws;
const server = createServer();

const reader = () => dynamoRingReader({ client: aws.documents, table: TABLE, cacheSeconds: 0 });

beforeAll(async () => {
  // Every so often a run does not learn what became of its call.
  aws = await openAws(() => now * 1_000, { losesAnswer: () => isRunning && ++calls % 401 === 0 });
  server.on('request', async (_request, response) => {
    try {
      response.end(JSON.stringify(await publishKeys(reader(), REALM)()));
    } catch {
      response.writeHead(503).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  server.close();
  await aws[Symbol.asyncDispose]();
});

const runOnce = async (): Promise<'moved' | 'failed' | 'still'> => {
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const [clock, signer] = [{ now: () => now }, kmsSigner(aws.kms)];
  const ports = {
    rings: dynamoRingStore(aws.documents, TABLE),
    vault: kmsKeyVault({ client: aws.kms, deployment: 'test', keyPolicy: KEY_POLICY, patienceMs: 0 }),
    signer,
    selfSign: selfSign({ signer, clock, serials: randomSerials }, CERTIFICATE_MAX_DAYS),
    published: httpKeySets([`http://127.0.0.1:${port}/jwks`]),
    clock,
    ids: randomIds,
  };
  isRunning = true;
  try {
    const reports = await rotateKeys(ports, { realm: REALM, algorithms: ALGORITHMS, policy: POLICY })(1);
    return reports.some(({ steps }) => steps.length > 0) ? 'moved' : 'still';
  } catch (error) {
    if (!(error instanceof Outage)) throw error;
    return 'failed';
  } finally {
    isRunning = false;
  }
};

const storedTimes = ({ keys, creation, sweptAt = 0 }: KeyRing): readonly number[] => [
  ...keys.flatMap((key) => [
    ...[key.activateNotBefore ?? 0, key.rotateNotBefore ?? 0, key.retireNotBefore ?? 0],
    ...[key.deleteNotBefore ?? 0, key.deletionAt ?? 0],
  ]),
  (creation?.startedAt ?? 0) + POLICY.creationSeconds,
  sweptAt + POLICY.sweepSeconds,
];

/** The next run at which something can be due. */
const nextRun = (rings: readonly KeyRing[]): number => {
  const due = Math.min(now + 8 * HOUR, ...rings.flatMap(storedTimes).filter((time) => time > now));
  return NOW + Math.ceil((due - NOW) / QUARTER) * QUARTER;
};

const issue = async (algorithm: JwsAlgorithm, rings: readonly KeyRing[]): Promise<IssuedToken> => {
  const grant = {
    issuer: ISSUER,
    client: CLIENT,
    subject: itself(CLIENT),
    audience: AUDIENCE,
    scopes: [],
    seconds: POLICY.maxTokenSeconds,
    claims: {},
  };
  const order = { grant, algorithm, jti: `token-${now}`, now };
  const { token, claims } = await signToken(kmsSigner(aws.kms), order, rings, async () => rings);
  return { jws: token, exp: claims.exp };
};

/** The set that somebody has who fetched it then, from a function that had read the rings as long ago as it may. */
const fetchedAt = (sets: readonly PublicSet[], time: number): JWTVerifyGetKey | undefined =>
  (sets.findLast(({ from }) => from <= time - POLICY.ringCacheSeconds) ?? sets[0])?.keys;

const isVerified = async ({ jws }: IssuedToken, keys: JWTVerifyGetKey | undefined, time: number): Promise<boolean> => {
  if (keys === undefined) return false;
  try {
    const options = { issuer: ISSUER, audience: AUDIENCE, currentDate: new Date(time * 1_000) };
    await jwtVerify(jws, keys, { ...options, clockTolerance: POLICY.leewaySeconds });
    return true;
  } catch {
    return false;
  }
};

describe('two years of rotation', () => {
  const sets: PublicSet[] = [];
  const seen = {
    ...{ tokens: 0, unverified: 0, mostPublished: 0, failedRuns: 0, badCertificates: 0 },
    ...{ activations: new Set<string>(), certificates: new Set<string>() },
  };
  const latest: IssuedToken[] = [];
  const documents: Document[] = [];

  /** The certificate of the key that signs is good, and in the hands of a server that fetched the document as long ago as it may have. */
  const verifyCertificate = (rings: readonly KeyRing[]): void => {
    const document = microsoftDocument(ISSUER, PROFILE, rings) as Pick<Document, 'keys'> | undefined;
    const [signs] = document?.keys ?? [];
    if (document === undefined || signs === undefined) return;
    const fetched = now - VERIFIER_CACHE_SECONDS - POLICY.ringCacheSeconds;
    const held = documents.findLast(({ from }) => from <= fetched) ?? documents[0];
    const isKnown = held === undefined || held.keys.some(({ keyinfo }) => keyinfo.x5t === signs.keyinfo.x5t);
    const { validToDate } = new X509Certificate(Buffer.from(signs.keyvalue.value, 'base64'));
    if (!isKnown || validToDate.getTime() < (now + POLICY.maxTokenSeconds) * 1_000) seen.badCertificates += 1;
    seen.certificates.add(signs.keyinfo.x5t);
    documents.push({ from: now, keys: document.keys });
  };

  /** Tokens that are as old as they may get, for a verifier that fetches its set only now. */
  const verifyTheOld = async (until: number): Promise<void> => {
    while (latest[0] !== undefined && latest[0].exp + POLICY.leewaySeconds <= until) {
      const token = latest.shift();
      if (token === undefined) return;
      const last = token.exp + POLICY.leewaySeconds - 1;
      const keys = sets.findLast(({ from }) => from <= last)?.keys;
      if (!(await isVerified(token, keys, last))) seen.unverified += 1;
    }
  };

  const watch = (rings: readonly KeyRing[]): void => {
    for (const ring of rings) {
      seen.mostPublished = Math.max(seen.mostPublished, publishedKeys(ring).length);
      for (const key of ring.keys) if (key.activatedAt !== undefined) seen.activations.add(key.kid);
    }
  };

  it('leave no token that a verifier with the declared cache could not verify', { timeout: 120_000 }, async () => {
    while (now < END) {
      const outcome = await runOnce();
      if (outcome === 'failed') seen.failedRuns += 1;
      const rings = await reader().list(REALM);
      watch(rings);
      verifyCertificate(rings);
      if (rings.some((ring) => ring.keys.some((key) => key.activatedAt !== undefined))) {
        const keys = (await publishKeys({ list: async () => rings }, REALM)()) as JSONWebKeySet;
        const text = JSON.stringify(keys);
        if (text !== sets.at(-1)?.text) sets.push({ from: now, text, keys: createLocalJWKSet(keys) });
      }
      for (const ring of rings.filter(({ keys }) => keys.some((key) => key.state === 'active'))) {
        const token = await issue(ring.algorithm, rings);
        seen.tokens += 1;
        latest.push(token);
        if (!(await isVerified(token, fetchedAt(sets, now - VERIFIER_CACHE_SECONDS), now))) seen.unverified += 1;
      }
      const next = outcome === 'still' ? nextRun(rings) : now + QUARTER;
      await verifyTheOld(next);
      now = next;
    }
    expect(seen).toMatchObject({ unverified: 0, mostPublished: 3, badCertificates: 0 });
    expect(seen.tokens).toBeGreaterThan(5_000);
    expect(seen.failedRuns).toBeGreaterThan(20);
    // A new key every month, in each of two rings.
    expect(seen.activations.size).toBeGreaterThanOrEqual(44);
    expect(seen.certificates.size).toBeGreaterThanOrEqual(22);
  });

  it('leave no key behind in KMS', async () => {
    const known = new Set((await reader().list(REALM)).flatMap(({ keys }) => keys.map((key) => key.keyArn)));
    const { Keys: all = [] } = await aws.kms.send(new ListKeysCommand({ Limit: 1_000 }));
    const lost: string[] = [];
    for (const { KeyArn: arn = '' } of all) {
      const { KeyMetadata: { KeyState: state } = {} } = await aws.kms.send(new DescribeKeyCommand({ KeyId: arn }));
      if (!known.has(arn) && state !== 'PendingDeletion') lost.push(arn);
    }
    expect(lost).toEqual([]);
    // Of all keys, those of the last two months at most are still there.
    expect(all.length).toBeLessThan(16);
  });
});
