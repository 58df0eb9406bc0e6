/**
 * CPU time of one check of the same access token: the deployed authorizer with warm caches, aws-jwt-verify, and the bare signature.
 */

import type { JsonWebKey } from 'node:crypto';
import { authorizerQuestion } from './events.ts';
import { number, spread, table, times } from './report.ts';
import { compareInRounds, type Plan, ratio, type Series, type Subject, seriesOf, summarize } from './rounds.ts';
import { WorkerProcess } from './worker-process.ts';
import type { World } from './world.ts';

const OURS = 'Countersign, authorizer function';
const PEER = 'aws-jwt-verify';
const BARE = 'crypto.verify';

export interface VerifyingPlan extends Plan {
  /** Checks in one turn of the authorizer; the others, which are faster, get more. */
  readonly checks: number;
}

/** @param key the public key that the token is signed with. */
export async function measureVerifying(
  world: World,
  token: string,
  key: JsonWebKey & { readonly kid: string },
  plan: VerifyingPlan,
): Promise<ReadonlyMap<string, Series>> {
  await using workers = new AsyncDisposableStack();
  const { directory, environment, memoryMegabytes } = world.function('Authorizer');
  const { issuer, audience } = world;
  const ours = await WorkerProcess.start(
    { workload: 'function', directory, memoryMegabytes },
    { environment, directory },
  );
  workers.use(ours);
  const peer = workers.use(await WorkerProcess.start({ workload: 'aws-jwt-verify', key, issuer, audience }));
  const bare = workers.use(await WorkerProcess.start({ workload: 'bare-verify', key }));

  const subject = (name: string, worker: WorkerProcess, input: () => string, share: number): Subject => ({
    name,
    operations: plan.checks * share,
    run: (operations) => worker.run(Array.from({ length: operations }, input)),
  });
  // Awaited here: the workers end with this function.
  return await compareInRounds(
    [
      subject(OURS, ours, () => authorizerQuestion(token), 1),
      subject(PEER, peer, () => token, 4),
      subject(BARE, bare, () => token, 8),
    ],
    plan,
  );
}

export function reportVerifying(results: ReadonlyMap<string, Series>): string {
  const ours = seriesOf(results, OURS);
  return table(
    ['verifying', 'CPU per token, µs', 'tokens/s per core', 'Countersign takes'],
    [OURS, PEER, BARE].map((name) => {
      const series = seriesOf(results, name);
      const summary = summarize(series);
      return [name, spread(summary), number(1e6 / summary.median), times(ratio(ours, series))];
    }),
  );
}
