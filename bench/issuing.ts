/**
 * CPU time of one token: the deployed token function, what of it the AWS calls take, the bare cryptography, and oidc-provider.
 */

import { randomUUID } from 'node:crypto';
import { tokenEvent, tokenForm } from './events.ts';
import { number, spread, table, times } from './report.ts';
import {
  combine,
  compareInRounds,
  type Plan,
  ratio,
  type Sample,
  type Series,
  type Subject,
  seriesOf,
  summarize,
} from './rounds.ts';
import { WorkerProcess, type WorkerSettings } from './worker-process.ts';
import type { Assignment } from './worker-protocol.ts';
import type { World } from './world.ts';

const OURS = 'Countersign, token function';
const SIGN = 'KMS Sign alone';
const CLAIM = 'DynamoDB PutItem alone';
const CALLS = 'both AWS calls, side by side';
const VERIFY = 'verify ES256, build the token';
const VERIFY_AND_SIGN = 'verify ES256, build the token, sign RS256';
const PEER = 'oidc-provider, one request at a time';
const PEER_BUSY = 'oidc-provider, 16 requests at a time';

const PEER_ISSUER = 'http://localhost';
const BUSY_REQUESTS = 16;

/** Microseconds of CPU per token, by subject. */
export type IssuingResults = ReadonlyMap<string, Series>;

export interface IssuingPlan extends Plan {
  /** Tokens in one turn; the bare cryptography, which is faster, gets more. */
  readonly tokens: number;
}

/** @param token one that the function issued, for the size of what is signed. */
export async function measureIssuing(world: World, token: string, plan: IssuingPlan): Promise<IssuingResults> {
  await using workers = new AsyncDisposableStack();
  const start = async (assignment: Assignment, settings?: WorkerSettings): Promise<WorkerProcess> =>
    workers.use(await WorkerProcess.start(assignment, settings));
  const subjects = [
    ...(await functionSubjects(world, token, plan.tokens, start)),
    ...(await bareSubjects(world, plan.tokens, start)),
    ...(await peerSubjects(world, plan.tokens, start)),
  ];
  // Awaited here: the workers end with this function.
  return await compareInRounds(subjects, plan);
}

type Start = (assignment: Assignment, settings?: WorkerSettings) => Promise<WorkerProcess>;

const subject = (
  name: string,
  operations: number,
  worker: WorkerProcess,
  makeInputs: (count: number) => string[],
): Subject => ({ name, operations, run: (count) => worker.run(makeInputs(count)) });

/** The deployed function, and its AWS calls alone with its own environment and permissions. */
async function functionSubjects(world: World, token: string, tokens: number, start: Start): Promise<Subject[]> {
  const { audience, client, issuer } = world;
  const { directory, environment, memoryMegabytes } = world.function('Token');
  const signingInput = token.slice(0, token.lastIndexOf('.'));
  const begin = (assignment: Assignment): Promise<WorkerProcess> => start(assignment, { environment, directory });
  const awsCalls = (...calls: readonly ('sign' | 'claim')[]): Promise<WorkerProcess> =>
    begin({ workload: 'aws-calls', calls, audience, signingInput });
  const events = (count: number): string[] =>
    client.assertions(count, issuer).map((assertion) => tokenEvent(assertion, audience));
  const ids = (count: number): string[] => Array.from({ length: count }, () => randomUUID());
  return [
    subject(OURS, tokens, await begin({ workload: 'function', directory, memoryMegabytes }), events),
    subject(CALLS, tokens, await awsCalls('sign', 'claim'), ids),
    subject(SIGN, tokens, await awsCalls('sign'), ids),
    subject(CLAIM, tokens, await awsCalls('claim'), ids),
  ];
}

/** Faster than the rest, so each turn has more of it. */
async function bareSubjects({ client, issuer, audience }: World, tokens: number, start: Start): Promise<Subject[]> {
  const bare = (signs: boolean): Promise<WorkerProcess> =>
    start({ workload: 'bare-issue', clientKey: client.publicKey, audience, signs });
  const assertions = (count: number): string[] => client.assertions(count, issuer);
  return [
    subject(VERIFY, 4 * tokens, await bare(false), assertions),
    subject(VERIFY_AND_SIGN, 2 * tokens, await bare(true), assertions),
  ];
}

async function peerSubjects({ client, audience }: World, tokens: number, start: Start): Promise<Subject[]> {
  const { id, publicKey } = client;
  const peer = await start({
    workload: 'oidc-provider',
    issuer: PEER_ISSUER,
    client: id,
    clientKey: publicKey,
    audience,
  });
  const run = (atOnce: number) => (count: number) =>
    askPeer(peer, client.assertions(count, PEER_ISSUER), audience, atOnce);
  return [
    { name: PEER, operations: tokens, run: run(1) },
    { name: PEER_BUSY, operations: tokens, run: run(BUSY_REQUESTS) },
  ];
}

/** The peer is a server: its requests are sent from here, and only its own process is counted. */
async function askPeer(
  peer: WorkerProcess,
  assertions: readonly string[],
  audience: string,
  atOnce: number,
): Promise<Sample> {
  const forms = assertions.map((assertion) => tokenForm(assertion, audience));
  const before = await peer.cpuMicroseconds();
  const waiting = forms.values();
  const ask = async (): Promise<void> => {
    for (const form of waiting) await postForm(`${peer.origin}/token`, form);
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  return { operations: forms.length, microseconds: (await peer.cpuMicroseconds()) - before };
}

async function postForm(url: string, form: string): Promise<void> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await fetch(url, { method: 'POST', headers, body: form });
  const body = await answer.text();
  const { access_token: token } = JSON.parse(body) as { access_token?: string };
  if (token?.split('.').length !== 3) throw new Error(`oidc-provider answered ${answer.status} ${body}`);
}

/** Microseconds of CPU that the deployed function takes for a token, round by round. */
export const tokenCpu = (results: IssuingResults): Series => seriesOf(results, OURS);

export function reportIssuing(results: IssuingResults): string {
  const ours = tokenCpu(results);
  const row = (name: string): string[] => {
    const series = seriesOf(results, name);
    const summary = summarize(series);
    return [name, spread(summary), number(1e6 / summary.median), times(ratio(ours, series))];
  };
  const peers = table(
    ['issuing', 'CPU per token, µs', 'tokens/s per core', 'Countersign takes'],
    [OURS, PEER, PEER_BUSY, VERIFY_AND_SIGN, VERIFY].map(row),
  );
  return `${peers}\n\n${shares(results, ours)}`;
}

function shares(results: IssuingResults, ours: Series): string {
  const share = (name: string, series: Series): string[] => {
    const part = summarize(combine(series, ours, (a, b) => (100 * a) / b));
    return [name, spread(summarize(series)), `${number(part.median)} %`];
  };
  const calls = seriesOf(results, CALLS);
  const rest = combine(ours, calls, (a, b) => a - b);
  const floor = seriesOf(results, VERIFY);
  return table(
    ['where the token function spends it', 'CPU per token, µs', 'share'],
    [
      share(CALLS, calls),
      share(`- ${SIGN}`, seriesOf(results, SIGN)),
      share(`- ${CLAIM}`, seriesOf(results, CLAIM)),
      share('everything else', rest),
      share(`- of which the bare cryptography needs: ${VERIFY}`, floor),
    ],
  );
}
