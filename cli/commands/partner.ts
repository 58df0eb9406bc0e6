/**
 * `countersign partner`: look at partner applications, enable, disable and remove them. What makes and changes them is in files beside.
 */
import type { Command } from 'commander';
import { createAdminClient, LONG_PAGES } from '../admin-client.ts';
import { type Partner, partner, partnerSummary } from '../admin-records.ts';
import { confirm } from '../confirmation.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { setEnabled } from '../lost-update.ts';
import { collectPairs } from '../option-values.ts';
import { printable, show, table } from '../output.ts';
import { describePartner, describeTags, state } from '../partner-view.ts';
import { readSettings } from '../settings.ts';
import { addPartnerAdd } from './partner-add.ts';
import { addPartnerExport } from './partner-export.ts';
import { addPartnerImport } from './partner-import.ts';
import { addPartnerOnboard } from './partner-onboard.ts';
import { addPartnerSet } from './partner-set.ts';
import { addPartnerRevokeTokens } from './revoke-tokens.ts';

interface ListOptions {
  readonly tag?: Readonly<Record<string, string>>;
  readonly disabled?: boolean;
}

export function addPartnerCommands(program: Command, io: Io): void {
  const group = program
    .command('partner')
    .description('partner applications: servers that ask for or accept tokens')
    .addHelpText('after', examples('partner add billing --jwks billing.jwks.json', 'partner list --json'));
  addPartnerAdd(group, io);
  addPartnerSet(group, io);
  addList(group, io);
  addShow(group, io);
  addSwitch(group, io, 'enable');
  addSwitch(group, io, 'disable');
  addRemove(group, io);
  addPartnerRevokeTokens(group, io);
  addRefresh(group, io);
  addPartnerOnboard(group, io);
  addPartnerImport(group, io);
  addPartnerExport(group, io);
}

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list the partners of the realm')
    .option('--tag <name=value>', 'only those with this tag; repeat for more', collectPairs)
    .option('--disabled', 'only those that are disabled')
    .addHelpText(
      'after',
      examples(
        'partner list',
        'partner list --tag team=payments --tag env=prod',
        "partner list --json | jq -r '.[] | select(.enabled) | .id'",
      ),
    )
    .action(async ({ tag = {}, disabled = false }: ListOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const all = await createAdminClient(settings, io).list(['partners'], LONG_PAGES, partnerSummary);
      const wanted = Object.entries(tag);
      const items = all.filter(
        ({ tags, enabled }) => wanted.every(([name, value]) => tags[name] === value) && !(disabled && enabled),
      );
      const rows = items.map((item) => [
        item.id,
        item.name,
        state(item.enabled),
        item.trustLevel,
        describeTags(item.tags),
        item.version,
        item.updatedAt,
      ]);
      const nothing = all.length === 0 ? 'No partners yet.' : 'No such partners.';
      show(io, settings.json, items, () =>
        table(io, ['ID', 'NAME', 'STATE', 'TRUST', 'TAGS', 'VERSION', 'UPDATED'], rows, nothing),
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
    help: 'refuse all tokens to and for a partner; those that are out pass until they expire where nobody asks us',
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
      const client = createAdminClient(settings, io);
      const path = ['partners', id];
      const changed = await setEnabled(
        enabled,
        () => client.get(path, partner),
        (body) => client.patch(path, body, partner),
        `partner ${id}`,
      );
      show(io, settings.json, changed, () => `Partner ${printable(changed.id)} ${done}`);
    });
}

function addRemove(group: Command, io: Io): void {
  group
    .command('remove')
    .description('delete a partner with its keys, its grants and its audiences; refused while others call these')
    .argument('<id>', 'client id of the partner')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('partner remove billing', 'partner remove billing --yes'))
    .action(async (id: string, { yes = false }: { readonly yes?: boolean }, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const found = await client.get(['partners', id], partner);
      await confirm(io, `Remove ${describeLoss(found)}?`, yes);
      await client.delete(['partners', id]);
      show(io, settings.json, { removed: found }, () => `Partner ${printable(id)} is removed.`);
    });
}

function describeLoss({ id, name, credentials, grants, audiences }: Partner): string {
  const named = name === undefined ? `partner ${id}` : `partner ${id} (${name})`;
  const owned = audiences.length === 0 ? 'no audience' : `the audiences ${audiences.join(' ')}`;
  return `${named} with ${count(credentials.length, 'key')}, ${count(grants.length, 'grant')} and ${owned}`;
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

function addRefresh(group: Command, io: Io): void {
  group
    .command('refresh')
    .description('read the keys of a partner from its address now; otherwise that is done every few minutes')
    .argument('<id>', 'client id of the partner')
    .addHelpText('after', examples('partner refresh billing', 'partner refresh billing --json'))
    .action(async (id: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const path = ['partners', id, 'refresh'];
      const { record } = await createAdminClient(settings, io).post(path, undefined, partner);
      show(io, settings.json, record, () => `Partner ${printable(id)} was read.\n${describePartner(io, record)}`);
    });
}
