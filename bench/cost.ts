/**
 * Cost of a million tokens: what was measured here, times AWS's list prices (us-east-1, without free tiers). Sources, each as of
 * September 2026: aws.amazon.com/lambda/pricing, /kms/pricing, /dynamodb/pricing/on-demand, /api-gateway/pricing,
 * /cloudwatch/pricing.
 */

import { JWS_ALGORITHMS } from '../functions/core/algorithms.ts';
import { tokenEvent } from './events.ts';
import { number, table } from './report.ts';
import type { World } from './world.ts';

const USD = {
  lambdaRequest: 0.2e-6,
  /** Per GB-second, arm64. */
  lambdaGigabyteSecond: 0.0000133334,
  httpApiRequest: 1.0e-6,
  /** Asymmetric requests, RSA 2048 and all others. */
  kmsRsaSign: 0.03 / 10_000,
  kmsOtherSign: 0.15 / 10_000,
  dynamoWriteUnit: 0.625e-6,
  dynamoReadUnit: 0.125e-6,
  logByte: 0.5 / 1e9,
} as const;

/** Memory at which a function has one whole vCPU (Lambda developer guide, "Configure Lambda function memory"). */
const MEGABYTES_PER_VCPU = 1_769;

/**
 * How long the function waits for AWS beside its own CPU time: assumed, since nothing here can measure it. The README of
 * hotsock/jwt-issuer reports 15 ms per invocation with KMS and less than 2 ms without; DynamoDB answers meanwhile.
 */
const AWS_WAIT_MS = 13;

/**
 * Strongly consistent read units of the calls that fill the caches: one small collection; a realm, each ring that it could have,
 * and an audience. What is not there is billed as well (DynamoDB developer guide, "Capacity unit consumption").
 */
const READ_UNITS: Readonly<Record<string, number>> = {
  'dynamodb:Query': 1,
  'dynamodb:BatchGetItem': JWS_ALGORITHMS.length + 2,
};

/** Write units: a claim; once an hour a claim and a note in one transaction, which counts twice. */
const WRITE_UNITS: Readonly<Record<string, number>> = { 'dynamodb:PutItem': 1, 'dynamodb:TransactWriteItems': 4 };

export interface Usage {
  readonly tokens: number;
  readonly signs: number;
  readonly writes: number;
  readonly readUnits: number;
  readonly logBytes: number;
  readonly memoryMegabytes: number;
}

/**
 * Lets one instance of the deployed function issue tokens, its cold start included, and counts what AWS would bill.
 * @returns one of the tokens too. Afterwards the world's functions are gone.
 */
export async function measureUsage(world: World, tokens: number): Promise<{ usage: Usage; token: string }> {
  const callsBefore = world.calls.length;
  let token = '';
  for (const assertion of world.client.assertions(tokens, world.issuer)) {
    const { statusCode, body } = await world.invoke('Token', JSON.parse(tokenEvent(assertion, world.audience)));
    if (statusCode !== 200) throw new Error(`the token function answered ${statusCode} ${body}`);
    token = (JSON.parse(String(body)) as { access_token: string }).access_token;
  }
  const calls = world.calls.slice(callsBefore);
  const count = (call: string): number => calls.filter((each) => each === call).length;
  const usage = {
    tokens,
    signs: count('kms:Sign'),
    writes: unitsOf(calls, WRITE_UNITS),
    readUnits: unitsOf(calls, READ_UNITS),
    logBytes: await world.finishLogs('Token'),
    memoryMegabytes: world.function('Token').memoryMegabytes,
  };
  return { usage, token };
}

const unitsOf = (calls: readonly string[], units: Readonly<Record<string, number>>): number =>
  calls.reduce((sum, call) => sum + (units[call] ?? 0), 0);

/** @param cpuMicroseconds of the token function, for one token. */
export function reportCost(usage: Usage, cpuMicroseconds: number): string {
  const { tokens, signs, writes, readUnits, logBytes, memoryMegabytes } = usage;
  const per = (count: number): number => count / tokens;
  const durationMs = cpuMicroseconds / 1_000 / Math.min(1, memoryMegabytes / MEGABYTES_PER_VCPU) + AWS_WAIT_MS;
  const gigabyteSeconds = (memoryMegabytes / 1_024) * (durationMs / 1_000);
  const memory = memoryMegabytes.toLocaleString('en-US');
  const shared: readonly CostLine[] = [
    { item: 'API Gateway, HTTP API requests', used: 1, usd: USD.httpApiRequest },
    { item: 'Lambda requests', used: 1, usd: USD.lambdaRequest },
    { item: `Lambda milliseconds at ${memory} MB`, used: durationMs, usd: gigabyteSeconds * USD.lambdaGigabyteSecond },
    { item: 'DynamoDB write units', used: per(writes), usd: per(writes) * USD.dynamoWriteUnit },
    { item: 'DynamoDB read units', used: per(readUnits), usd: per(readUnits) * USD.dynamoReadUnit },
    { item: 'CloudWatch Logs bytes', used: per(logBytes), usd: per(logBytes) * USD.logByte },
  ];
  const rsa = per(signs) * USD.kmsRsaSign;
  const other = per(signs) * USD.kmsOtherSign;
  const sum = shared.reduce((total, { usd }) => total + usd, 0);
  return table(
    ['cost', 'used per token', 'RS256, USD per million', 'other algorithms, USD per million'],
    [
      ['KMS Sign requests', number(per(signs)), perMillion(rsa), perMillion(other)],
      ...shared.map(({ item, used, usd }) => [item, number(used), perMillion(usd), perMillion(usd)]),
      ['**together**', '', perMillion(sum + rsa), perMillion(sum + other)],
    ],
  );
}

interface CostLine {
  readonly item: string;
  readonly used: number;
  /** For one token. */
  readonly usd: number;
}

const perMillion = (usdPerToken: number): string => (usdPerToken * 1e6).toFixed(2);
