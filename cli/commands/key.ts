/**
 * `countersign key`: look at the signing keys, rotate ahead of the calendar, revoke in an emergency, hold and release, add a ring.
 */
import type { Command } from 'commander';
import { createAdminClient } from '../admin-client.ts';
import { type Ring, revocation, ring, type SigningKey } from '../admin-records.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { defined, parseUtc } from '../option-values.ts';
import { describeDuration, describeTimestamp, printable, show, table } from '../output.ts';
import { readSettings } from '../settings.ts';

interface RingOptions {
  readonly algorithm: string;
}

interface RotateOptions extends RingOptions {
  readonly at?: string;
}

interface RevokeOptions {
  readonly breakGlass?: boolean;
}

/** @returns the group, for commands on keys that other files have. */
export function addKeyCommands(program: Command, io: Io): Command {
  const group = program
    .command('key')
    .description('signing keys of the realm: one ring for each algorithm, with a key that signs and one that stands by')
    .addHelpText('after', examples('key list', 'key rotate --algorithm RS256', 'key revoke KID --break-glass'));
  addList(group, io);
  addRotate(group, io);
  addRevoke(group, io);
  addHold(group, io, 'hold');
  addHold(group, io, 'release');
  addAdd(group, io);
  return group;
}

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list the keys of every ring: state, age, what happens next and not before when')
    .addHelpText(
      'after',
      examples('key list', `key list --json | jq -r '.[].keys[] | select(.state == "active") | .kid'`),
    )
    .action(async (_options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const rings = await createAdminClient(settings, io).list(['keys'], {}, ring);
      show(io, settings.json, rings, () => describeRings(io, rings));
    });
}

function addRotate(group: Command, io: Io): void {
  group
    .command('rotate')
    .description('let the standby key of a ring sign from now on; refused while some verifier may not know it yet')
    .requiredOption('--algorithm <alg>', 'ring to rotate')
    .option('--at <time>', 'not now but from this time on, in UTC: 2027-01-31T06:00:00Z', parseUtc)
    .addHelpText(
      'after',
      examples('key rotate --algorithm RS256', 'key rotate --algorithm RS256 --at 2027-01-31T06:00:00Z'),
    )
    .action(async ({ algorithm, at }: RotateOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const order = defined({ algorithm, at });
      const { record } = await createAdminClient(settings, io).post(['keys', 'rotate'], order, ring);
      const lines = [signerOf(record), ...(at === undefined ? [] : [successorOf(record)])];
      show(io, settings.json, record, () => `${lines.map(printable).join('\n')}\n${describeRings(io, [record])}`);
    });
}

function addRevoke(group: Command, io: Io): void {
  group
    .command('revoke')
    .description('take a key out of use at once: the standby signs, the key leaves /jwks and is disabled in KMS')
    .argument('<kid>', 'key to revoke')
    .option('--break-glass', 'even where the key that takes over is not in the cache of every verifier yet')
    .addHelpText(
      'after',
      examples('key revoke 0r9X...', 'key revoke 0r9X... --break-glass', 'key hold 0r9X...   # keep it as evidence'),
    )
    .action(async (kid: string, { breakGlass = false }: RevokeOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const { record } = await createAdminClient(settings, io).post(
        ['keys', kid, 'revoke'],
        { breakGlass },
        revocation,
      );
      show(io, settings.json, record, () => {
        const lines = [`Key ${kid} is revoked: it left /jwks and signs no more.`, signerOf(record)];
        if (record.unverifiableSeconds > 0) lines.push(warning(record.unverifiableSeconds));
        if (record.unfinished !== undefined) lines.push(remainder(record.unfinished));
        return `${lines.map(printable).join('\n')}\n${describeRings(io, [record])}`;
      });
    });
}

/** @param seconds until the last verifier has fetched the key set. */
function warning(seconds: number): string {
  const end = describeTimestamp(new Date(Date.now() + seconds * 1000).toISOString(), Date.now());
  return `Until ${end} verifiers with an older key set may refuse new tokens, unless they fetch it for a kid they do not know.`;
}

/** The command is done; what it leads to is not yet. */
function remainder(call: string): string {
  return `Not all that follows is done yet (${call} failed); the next run of the rotation, within 15 minutes, goes on with it.`;
}

const HOLDS = {
  hold: {
    help: 'keep a key from being retired and deleted until it is released',
    done: 'is on hold: it is neither retired nor deleted.',
  },
  release: { help: 'let a held key go its way again', done: 'is released: it goes its way again.' },
} as const;

function addHold(group: Command, io: Io, verb: keyof typeof HOLDS): void {
  const { help, done } = HOLDS[verb];
  group
    .command(verb)
    .description(help)
    .argument('<kid>', `key to ${verb}`)
    .addHelpText('after', examples(`key ${verb} 0r9X...`))
    .action(async (kid: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const { record } = await createAdminClient(settings, io).post(['keys', kid, verb], undefined, ring);
      show(io, settings.json, record, () => `Key ${printable(kid)} ${done}\n${describeRings(io, [record])}`);
    });
}

function addAdd(group: Command, io: Io): void {
  group
    .command('add')
    .description('add a ring of another algorithm; its first key signs once every verifier can know it')
    .requiredOption('--algorithm <alg>', 'algorithm of the ring')
    .addHelpText('after', examples('key add --algorithm PS256', 'key add --algorithm ML-DSA-65'))
    .action(async ({ algorithm }: RingOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const { record } = await createAdminClient(settings, io).post(['keys'], { algorithm }, ring);
      show(io, settings.json, record, () => `${printable(signerOf(record))}\n${describeRings(io, [record])}`);
    });
}

/** Which key signs now, or when one will. */
function signerOf({ algorithm, keys }: Ring): string {
  const active = keys.find(({ state }) => state === 'active');
  if (active !== undefined) return `Key ${active.kid} signs for ${algorithm}.`;
  const due = keys.find(({ state }) => state === 'standby')?.next?.notBefore;
  return due === undefined
    ? `No key signs for ${algorithm} yet.`
    : `No key signs for ${algorithm} before ${describeTimestamp(due, Date.now())}.`;
}

/** Which key signs next, and from when on. */
function successorOf({ keys }: Ring): string {
  const standby = keys.find(({ state }) => state === 'standby');
  const due = standby?.next?.notBefore;
  return due === undefined
    ? 'No key is ready to take over.'
    : `Key ${standby?.kid} takes over by the first run of the rotation after ${describeTimestamp(due, Date.now())}.`;
}

const COLUMNS = ['RING', 'KID', 'STATE', 'AGE', 'HOLD', 'NEXT', 'NOT BEFORE'];

function describeRings(io: Io, rings: readonly Ring[]): string {
  const rows = rings.flatMap(({ algorithm, keys }) => keys.map((key) => [algorithm, ...describeKey(key)]));
  return table(io, COLUMNS, rows, 'No keys yet.');
}

function describeKey({ kid, state, hold, ageSeconds, next }: SigningKey): (string | undefined)[] {
  const due = next?.notBefore === undefined ? undefined : describeTimestamp(next.notBefore, Date.now());
  return [kid, state, describeDuration(ageSeconds), hold ? 'held' : undefined, next?.state, due];
}
