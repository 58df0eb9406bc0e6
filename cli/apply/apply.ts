/**
 * Compares a realm with what is wanted, shows the difference, asks, and makes it so. For `apply` and `partner import --apply`.
 */
import { createAdminClient } from '../admin-client.ts';
import { confirm } from '../confirmation.ts';
import { misuse, refused } from '../failure.ts';
import type { Io } from '../io.ts';
import { colour, printable, show } from '../output.ts';
import type { Settings } from '../settings.ts';
import { readCurrent } from './current.ts';
import type { Detail } from './detail.ts';
import { type Outcome, perform, requireSuccess } from './perform.ts';
import { type Change, type Plan, planChanges } from './plan.ts';
import type { Wanted } from './wanted.ts';

export interface ApplyOptions {
  readonly dryRun?: boolean;
  /** With `dryRun`: a difference is a failure. */
  readonly check?: boolean;
  readonly prune?: boolean;
  readonly yes?: boolean;
}

/**
 * @throws Failure: 1 when a change is refused, the answer is no, or `check` finds a difference; 2 without anybody to ask; 3 when
 * the service cannot be reached.
 */
export async function apply(io: Io, settings: Settings, wanted: Wanted, options: ApplyOptions): Promise<void> {
  const { dryRun = false, check = false, prune = false, yes = false } = options;
  const isAsking = !dryRun && !yes;
  if (isAsking && io.stdin.isTTY !== true)
    throw misuse('nobody is there to be asked: pass --yes, or --dry-run to look only');
  const client = createAdminClient(settings, io);
  const current = await readCurrent(
    client,
    wanted.partners.map(({ id }) => id),
    prune,
  );
  const plan = await planChanges(wanted, current, prune, Date.now());
  const isSettled = dryRun || plan.changes.length === 0;
  tellLeftAlone(io, plan);
  if (isSettled || !settings.json) showPlan(io, settings, plan, dryRun);
  if (check && plan.changes.length > 0)
    throw refused(`realm ${settings.realm} differs: ${describeCount(plan.changes)}`);
  if (isSettled) return;
  await confirm(io, `Make ${describeCount(plan.changes)} to realm ${settings.realm}?`, yes);
  const versions = new Map([...current.audiences.values()].map(({ audience, version }) => [audience, version]));
  const outcome = await perform(client, plan.changes, versions);
  for (const note of outcome.notes) io.stderr.write(`countersign: ${printable(note)}\n`);
  show(io, settings.json, resultOf(settings, plan, outcome), () => describeOutcome(outcome));
  requireSuccess(outcome);
}

const MAX_LEFT_SHOWN = 20;

function tellLeftAlone(io: Io, { leftAlone }: Plan): void {
  if (leftAlone.length === 0) return;
  const more = leftAlone.length > MAX_LEFT_SHOWN ? ` and ${leftAlone.length - MAX_LEFT_SHOWN} more` : '';
  const names = leftAlone.slice(0, MAX_LEFT_SHOWN).join(', ') + more;
  io.stderr.write(`countersign: not in the file and left alone (--prune would remove them): ${printable(names)}\n`);
}

function showPlan(io: Io, settings: Settings, plan: Plan, dryRun: boolean): void {
  show(io, settings.json, resultOf(settings, plan, undefined), () => {
    if (plan.changes.length === 0) return `Nothing to do: realm ${printable(settings.realm)} is as declared.`;
    const summary = `${describeCount(plan.changes)}${dryRun ? ' to make; nothing was done (--dry-run).' : ' to make.'}`;
    return [...plan.changes.map((change) => describeChange(io, change)), summary].join('\n');
  });
}

const SIGNS = { add: '+', change: '~', remove: '-' } as const;
const COLOURS = { '+': 'green', '~': 'yellow', '-': 'red' } as const;

function describeChange(io: Io, { action, kind, name, details }: Change): string {
  const line = (sign: Detail['sign'], text: string) => colour(io, COLOURS[sign], `${sign} ${printable(text)}`);
  return [line(SIGNS[action], `${kind} ${name}`), ...details.map(({ sign, text }) => `    ${line(sign, text)}`)].join(
    '\n',
  );
}

const title = ({ action, kind, name }: Change): string => printable(`${SIGNS[action]} ${kind} ${name}`);

function describeOutcome({ done, failed, notDone }: Outcome): string {
  if (failed === undefined) return `Done: ${describeCount(done)}.`;
  const lines = [
    ...done.map((change) => `done:     ${title(change)}`),
    `failed:   ${title(failed.change)}`,
    ...notDone.map((change) => `not done: ${title(change)}`),
  ];
  return lines.join('\n');
}

const describeCount = ({ length }: readonly Change[]): string => `${length} change${length === 1 ? '' : 's'}`;

/** For scripts: what there was to do, and what became of it where something was tried. */
function resultOf({ realm }: Settings, { changes, leftAlone }: Plan, outcome: Outcome | undefined): object {
  const stateOf = (change: Change): object => {
    if (outcome === undefined) return {};
    if (outcome.failed?.change === change) return { state: 'failed', reason: outcome.failed.failure.message };
    return { state: outcome.done.includes(change) ? 'done' : 'not done' };
  };
  return {
    realm,
    changes: changes.map((change) => {
      const { action, kind, name, details } = change;
      return { action, kind, name, details: details.map(({ sign, text }) => `${sign} ${text}`), ...stateOf(change) };
    }),
    leftAlone,
  };
}
