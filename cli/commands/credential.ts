/**
 * `countersign credential`: the keys of a partner one by one, so that a new one can stand beside the old until everybody has moved.
 */
import type { Command } from 'commander';
import { createAdminClient } from '../admin-client.ts';
import { partner } from '../admin-records.ts';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { addKeyOptions, type KeyOptions, readCredentials } from '../key-options.ts';
import { changeKnown } from '../lost-update.ts';
import { collectWords, parseMoment } from '../option-values.ts';
import { printable, show } from '../output.ts';
import { identifyBody } from '../partner-definition.ts';
import { describeCredentials } from '../partner-view.ts';
import { readSettings } from '../settings.ts';

interface AddOptions extends Omit<KeyOptions, 'jwks'> {
  readonly jwk?: string;
}

export function addCredentialCommands(program: Command, io: Io): void {
  const group = program
    .command('credential')
    .description('public keys of a partner: add the next one, then remove the last one')
    .addHelpText(
      'after',
      examples('credential add billing --jwk 2027.jwks.json --label 2027', 'credential remove billing 0r9X...'),
    );
  addAdd(group, io);
  addSet(group, io);
  addList(group, io);
  addRemove(group, io);
}

function addAdd(group: Command, io: Io): void {
  const command = group
    .command('add')
    .description('give a partner one more key; private keys are refused')
    .argument('<partner>', 'client id of the partner');
  addKeyOptions(command, '--jwk <file>')
    .addHelpText(
      'after',
      examples(
        'credential add billing --jwk next.jwks.json --label "from 2027" --not-before 2027-01-01',
        'credential add ledger --certificate ledger.crt --label 2027',
        'credential add ledger --public-key ledger.pem --alg PS256 --expires-at 2027-12-31',
      ),
    )
    .action(async (id: string, { jwk, ...options }: AddOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const bodies = await readCredentials(io, { ...options, ...(jwk === undefined ? {} : { jwks: jwk }) });
      const [body] = bodies;
      if (body === undefined) throw misuse('no key: pass --jwk, --public-key or --certificate FILE');
      if (bodies.length > 1) throw misuse(`one key at a time, not ${bodies.length}`);
      const { kid } = await identifyBody(body);
      const { record } = await client.post(['partners', id, 'credentials'], body, partner);
      show(io, settings.json, record, () => {
        return `${printable(`Partner ${id} has the key ${kid}.`)}\n${describeCredentials(io, record.credentials)}`;
      });
    });
}

interface SetOptions {
  readonly label?: string;
  readonly notBefore?: string;
  readonly expiresAt?: string;
  readonly unset?: readonly string[];
}

const TERMS = { label: 'label', 'not-before': 'notBefore', 'expires-at': 'expiresAt' } as const;

function addSet(group: Command, io: Io): void {
  group
    .command('set')
    .description('change the label or the times of a key, such as giving the old one an end')
    .argument('<partner>', 'client id of the partner')
    .argument('<kid>', 'key id, as credential list shows it')
    .option('--label <text>', 'what people call the key')
    .option('--not-before <time>', 'the key counts from then on (RFC 3339, or a day)', parseMoment)
    .option('--expires-at <time>', 'the key counts until then (RFC 3339, or a day)', parseMoment)
    .option('--unset <name>', `take away ${Object.keys(TERMS).join(', ')}; repeat for more`, collectWords)
    .addHelpText(
      'after',
      examples(
        'credential set billing 0r9X... --expires-at 2027-03-31',
        'credential set billing 0r9X... --unset expires-at',
      ),
    )
    .action(async (id: string, kid: string, { unset = [], ...terms }: SetOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const change = { ...terms, ...Object.fromEntries(unset.map((name) => [termOf(name), null])) };
      if (Object.keys(change).length === 0)
        throw misuse('nothing to change: pass --label, --not-before or --expires-at');
      const client = createAdminClient(settings, io);
      const read = () => client.get(['partners', id], partner);
      const current = await read();
      const body = { version: current.version, kid, ...change };
      const changed = await changeKnown(
        current,
        () => client.patch(['partners', id, 'credentials'], body, partner),
        read,
        `partner ${id}`,
      );
      show(io, settings.json, changed, () => describeCredentials(io, changed.credentials));
    });
}

function termOf(name: string): string {
  if (name in TERMS) return TERMS[name as keyof typeof TERMS];
  throw misuse(`cannot take away ${printable(name)}; only ${Object.keys(TERMS).join(', ')}`);
}

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list the keys of a partner: label, from when until when, last used')
    .argument('<partner>', 'client id of the partner')
    .addHelpText(
      'after',
      examples('credential list billing', "credential list billing --json | jq -r '.[] | .expiresAt'"),
    )
    .action(async (id: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const { credentials } = await createAdminClient(settings, io).get(['partners', id], partner);
      show(io, settings.json, credentials, () => describeCredentials(io, credentials));
    });
}

function addRemove(group: Command, io: Io): void {
  group
    .command('remove')
    .description('take a key from a partner: it gets no more tokens with it')
    .argument('<partner>', 'client id of the partner')
    .argument('<kid>', 'key id, as credential list shows it')
    .addHelpText('after', examples('credential remove billing 0r9X...'))
    .action(async (id: string, kid: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      await createAdminClient(settings, io).delete(['partners', id, 'credentials'], { kid });
      show(io, settings.json, { partner: id, removed: kid }, () =>
        printable(`The key ${kid} of partner ${id} is removed: no new tokens with it after at most 30 seconds.`),
      );
    });
}
