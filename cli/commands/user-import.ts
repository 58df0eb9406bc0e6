/**
 * `countersign user import`: many users at once, from what a directory exports. Nobody is removed.
 */
import type { Command } from 'commander';
import { type AdminClient, createAdminClient, LONG_PAGES } from '../admin-client.ts';
import { user } from '../admin-records.ts';
import { refused } from '../failure.ts';
import { examples } from '../help.ts';
import { type Io, inputName, readInput } from '../io.ts';
import { colour, printable, show } from '../output.ts';
import { ServiceRefusal } from '../service-refusal.ts';
import { readSettings } from '../settings.ts';
import { parseUsers } from '../user-file.ts';
import { describeUser } from '../user-identifiers.ts';
import { type PlannedUser, planUsers } from '../user-plan.ts';

interface ImportOptions {
  readonly file: string;
  readonly dryRun?: boolean;
}

export function addUserImport(group: Command, io: Io): void {
  group
    .command('import')
    .description('add and change the users of a file; those that it does not name stay')
    .requiredOption(
      '-f, --file <file>',
      'JSON as user list --json writes it, or CSV with a heading (- for standard input)',
    )
    .option('--dry-run', 'only say what would be done')
    .addHelpText('after', examples('user import -f users.csv --dry-run', 'user import -f users.json --json'))
    .action(async ({ file, dryRun = false }: ImportOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const filed = parseUsers(await readInput(io, file), inputName(file));
      const client = createAdminClient(settings, io);
      const plan = planUsers(filed, await client.list(['users'], LONG_PAGES, user));
      const outcome = dryRun ? plan : await carryOut(client, plan);
      show(io, settings.json, { dryRun, users: outcome.map(resultOf) }, () => describeOutcome(io, outcome, dryRun));
      const failures = outcome.filter(({ action }) => action === 'refuse').length;
      if (failures > 0) throw refused(`${failures} of ${outcome.length} users ${dryRun ? 'would be' : 'were'} refused`);
    });
}

/** Side by side: a directory has thousands, and each takes a round trip. */
const BATCH = 8;

async function carryOut(client: AdminClient, plan: readonly PlannedUser[]): Promise<readonly PlannedUser[]> {
  const done: PlannedUser[] = [];
  for (let start = 0; start < plan.length; start += BATCH) {
    done.push(...(await Promise.all(plan.slice(start, start + BATCH).map((planned) => save(client, planned)))));
  }
  // Whoever had to wait until somebody else gave an identifier up.
  for (const [index, planned] of plan.entries()) {
    const isWaiting = planned.action !== 'refuse' && done[index]?.action === 'refuse';
    if (isWaiting) done[index] = await save(client, planned);
  }
  return done;
}

/** A refusal is about this user; anything else ends the import, which can be run again. */
async function save(client: AdminClient, planned: PlannedUser): Promise<PlannedUser> {
  if (planned.action === 'keep' || planned.action === 'refuse') return planned;
  try {
    await client.put(['users', planned.id], { version: planned.version, ...planned.identifiers }, user);
    return planned;
  } catch (error) {
    if (!(error instanceof ServiceRefusal) || ![400, 409].includes(error.status)) throw error;
    return { ...planned, action: 'refuse', reason: error.message };
  }
}

const resultOf = ({ place, id, identifiers, action, reason }: PlannedUser): object => ({
  ...{ place, id, ...identifiers, action },
  ...(reason === undefined ? {} : { reason }),
});

function describeOutcome(io: Io, outcome: readonly PlannedUser[], dryRun: boolean): string {
  const count = (action: PlannedUser['action']) => outcome.filter((each) => each.action === action).length;
  const [added, changed] = dryRun ? ['to add', 'to change'] : ['added', 'changed'];
  const sum = `${count('add')} ${added}, ${count('change')} ${changed}, ${count('keep')} as they were, ${count('refuse')} refused`;
  const lines = outcome.filter(({ action }) => action !== 'keep').map((planned) => describeLine(io, planned));
  return [...lines, `${sum}${dryRun ? '; nothing was done (--dry-run).' : '.'}`].join('\n');
}

function describeLine(io: Io, planned: PlannedUser): string {
  const { place, id, identifiers, action, reason = '' } = planned;
  if (action === 'refuse') return colour(io, 'red', printable(`! ${place}: ${reason}`));
  const text = describeUser({ id, ...identifiers });
  return action === 'add' ? colour(io, 'green', `+ ${text}`) : colour(io, 'yellow', `~ ${text}`);
}
