/**
 * `countersign partner`: register partner applications with their public keys, look at them, enable and disable them.
 */
import { type Command, Option } from 'commander';
import type { JWK } from 'jose';
import { createAdminClient } from '../admin-client.ts';
import { type Partner, partner, partnerSummary } from '../admin-records.ts';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import { type Io, inputName, readInput } from '../io.ts';
import { printable, record, show, table } from '../output.ts';
import { parsePublicJwks, parsePublicPem } from '../public-keys.ts';
import { readSettings } from '../settings.ts';

interface KeyOptions {
  readonly jwks?: string;
  readonly publicKey?: string;
  readonly alg?: string;
  readonly kid?: string;
}

interface AddOptions extends KeyOptions {
  readonly name?: string;
}

export function addPartnerCommands(program: Command, io: Io): void {
  const group = program
    .command('partner')
    .description('partner applications: servers that ask for or accept tokens')
    .addHelpText('after', examples('partner add billing --jwks billing.jwks.json', 'partner list --json'));
  addAdd(group, io);
  addList(group, io);
  addShow(group, io);
  addSwitch(group, io, 'enable');
  addSwitch(group, io, 'disable');
}

function addAdd(group: Command, io: Io): void {
  group
    .command('add')
    .description('register a partner with its public keys; private keys are refused')
    .argument('<id>', 'client id of the partner')
    .option('--name <name>', 'name for people')
    .addOption(new Option('--jwks <file>', 'JWKS or public JWK (- for standard input)').conflicts('publicKey'))
    .option('--public-key <file>', 'PEM public key or certificate (- for standard input)')
    .addOption(new Option('--alg <alg>', 'algorithm of the PEM key (RSA: RS256 unless said here)').conflicts('jwks'))
    .addOption(new Option('--kid <kid>', 'key id of the PEM key (default: RFC 7638 thumbprint)').conflicts('jwks'))
    .addHelpText(
      'after',
      examples(
        'partner add billing --name "Billing service" --jwks billing.jwks.json',
        'partner add ledger --public-key ledger.pem --alg PS256',
        'partner add ledger --public-key ledger.crt --kid 2026-11',
        'partner add billing --jwks - < billing.jwks.json',
      ),
    )
    .action(async (id: string, options: AddOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const { name } = options;
      const body = { id, ...(name === undefined ? {} : { name }), jwks: { keys: await readKeys(io, options) } };
      const { record: added, created } = await client.post(['partners'], body, partner);
      show(io, settings.json, added, () => {
        const outcome = created ? 'added' : 'was already there with the same content';
        return `Partner ${printable(added.id)} ${outcome}.\n${describePartner(io, added)}`;
      });
    });
}

async function readKeys(io: Io, { jwks, publicKey, alg, kid }: KeyOptions): Promise<JWK[]> {
  if (jwks !== undefined) return parsePublicJwks(await readInput(io, jwks), inputName(jwks));
  if (publicKey === undefined) throw misuse('no key: pass --jwks FILE or --public-key FILE');
  return [await parsePublicPem(await readInput(io, publicKey), inputName(publicKey), { alg, kid })];
}

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list all partners of the realm')
    .addHelpText('after', examples('partner list', "partner list --json | jq -r '.[] | select(.enabled) | .id'"))
    .action(async (_options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const items = await createAdminClient(settings, io).list(['partners'], {}, partnerSummary);
      const rows = items.map((item) => [item.id, item.name, state(item.enabled), item.version, item.updatedAt]);
      show(io, settings.json, items, () =>
        table(io, ['ID', 'NAME', 'STATE', 'VERSION', 'UPDATED'], rows, 'No partners yet.'),
      );
    });
}

function addShow(group: Command, io: Io): void {
  group
    .command('show')
    .description('show one partner with its keys, audiences and grants')
    .argument('<id>', 'client id of the partner')
    .addHelpText('after', examples('partner show billing', 'partner show billing --json'))
    .action(async (id: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const found = await createAdminClient(settings, io).get(['partners', id], partner);
      show(io, settings.json, found, () => describePartner(io, found));
    });
}

const SWITCHES = {
  enable: { enabled: true, help: 'let a partner get tokens again', done: 'is enabled.' },
  disable: {
    enabled: false,
    help: 'refuse all tokens to and for a partner; tokens that it already has stay valid until they expire',
    done: 'is disabled: no new tokens after at most 30 seconds.',
  },
} as const;

function addSwitch(group: Command, io: Io, verb: keyof typeof SWITCHES): void {
  const { enabled, help, done } = SWITCHES[verb];
  group
    .command(verb)
    .description(help)
    .argument('<id>', 'client id of the partner')
    .addHelpText('after', examples(`partner ${verb} billing`))
    .action(async (id: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const changed = await createAdminClient(settings, io).patch(['partners', id], { enabled }, partner);
      show(io, settings.json, changed, () => `Partner ${printable(changed.id)} ${done}`);
    });
}

const state = (enabled: boolean): string => (enabled ? 'enabled' : 'disabled');

function describePartner(io: Io, found: Partner): string {
  const head = record(io, [
    ['id', found.id],
    ['name', found.name],
    ['state', state(found.enabled)],
    ['version', found.version],
    ['created', found.createdAt],
    ['updated', found.updatedAt],
    ['audiences', found.audiences.join(' ')],
  ]);
  const keys = found.credentials.map((key) => [key.kid, key.alg, key.kty, key.addedAt]);
  const grants = found.grants.map((grant) => [grant.audience, grant.scopes.join(' ')]);
  const parts = [head, table(io, ['KEY', 'ALG', 'TYPE', 'ADDED'], keys, 'No keys.')];
  return [...parts, table(io, ['MAY CALL', 'SCOPES'], grants, 'May call nothing yet.')].join('\n\n');
}
