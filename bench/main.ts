/**
 * `npm run bench`: measures everything in one run, prints it as Markdown, and ends. Only loopback, only free ports.
 */

import type { JsonWebKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { synthesize } from '../local/synth.ts';
import { measureUsage, reportCost } from './cost.ts';
import { jwksEvent } from './events.ts';
import { type IssuingPlan, measureIssuing, reportIssuing, tokenCpu } from './issuing.ts';
import { machine, writeResults } from './report.ts';
import { type Plan, summarize } from './rounds.ts';
import { measureStarting, reportStarting } from './starting.ts';
import { measureVerifying, reportVerifying, type VerifyingPlan } from './verifying.ts';
import { createWorld, type World } from './world.ts';

const HELP = `Usage: npm run bench -- [--quick] [--write]

Measures CPU per token, verification, bundles and cost, as ratios in one run.

  --quick  fewer rounds, under a minute; to see that it works, not for figures
  --write  writes the results into bench/README.md
  --help   prints this`;

interface Plans {
  readonly issuing: IssuingPlan;
  readonly verifying: VerifyingPlan;
  readonly starting: Plan;
  /** Tokens over which usage is counted. */
  readonly usage: number;
}

const FULL: Plans = {
  issuing: { rounds: 15, warmUps: 3, tokens: 400 },
  verifying: { rounds: 15, warmUps: 3, checks: 1_000 },
  starting: { rounds: 11, warmUps: 1 },
  usage: 200,
};
const QUICK: Plans = {
  issuing: { rounds: 3, warmUps: 2, tokens: 200 },
  verifying: { rounds: 3, warmUps: 2, checks: 500 },
  starting: { rounds: 3, warmUps: 1 },
  usage: 50,
};

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
/** Progress goes to stderr, so that stdout is the report. */
const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({ options: { quick: flag, write: flag, help: flag } });
  if (values.help) {
    print(HELP);
    return;
  }
  const directory = await mkdtemp(join(tmpdir(), 'countersign-bench-'));
  try {
    const report = await measure(directory, values.quick ? QUICK : FULL, values.quick ? ' (quick)' : '');
    print(report);
    if (values.write) await writeResults(new URL('README.md', import.meta.url), report);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(directory: string, plans: Plans, mode: string): Promise<string> {
  const assembly = join(directory, 'cdk.out');
  say('Synthesizing the CDK app ...');
  await synthesize({
    project: dirname(import.meta.dirname),
    output: assembly,
    context: {},
    environment: process.env,
    logFile: join(tmpdir(), 'countersign-bench-synth.log'),
  });
  await using world = await createWorld(assembly);
  say('Counting what a token uses ...');
  const keys = await publishedKeys(world);
  const { usage, token } = await measureUsage(world, plans.usage);
  const key = keyOf(token, keys);
  say('Issuing ...');
  const issuing = await measureIssuing(world, token, plans.issuing);
  say('Verifying ...');
  const verifying = await measureVerifying(world, token, key, plans.verifying);
  say('Starting ...');
  const starting = await measureStarting(world.functions, plans.starting);
  return [
    machine(plans.issuing.rounds, mode),
    reportIssuing(issuing),
    reportVerifying(verifying),
    reportStarting(starting),
    reportCost(usage, summarize(tokenCpu(issuing)).median),
  ].join('\n\n');
}

type PublicKey = JsonWebKey & { readonly kid: string };

async function publishedKeys({ invoke }: World): Promise<readonly PublicKey[]> {
  const { body } = await invoke('Discovery', jwksEvent());
  return (JSON.parse(String(body)) as { keys: readonly PublicKey[] }).keys;
}

/** @throws Error when the key set does not hold it. */
function keyOf(token: string, keys: readonly PublicKey[]): PublicKey {
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
  const key = keys.find((each) => each.kid === kid);
  if (key === undefined) throw new Error('the key set does not hold the key of the token');
  return key;
}

try {
  await main();
} catch (error) {
  // What is wrong with the command line takes one line; anything else is a fault here, and its place is wanted.
  const isUsage = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  say(isUsage ? `${error.message}\n\n${HELP}` : String(error instanceof Error ? error.stack : error));
  process.exitCode = 1;
}
