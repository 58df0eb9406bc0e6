/**
 * `countersign grant`: which partner may call which audience, with which scopes. No grant, no token.
 */
import { type Command, Option } from 'commander';
import { createAdminClient, LONG_PAGES } from '../admin-client.ts';
import { type Grant, grant } from '../admin-records.ts';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { collectWords } from '../option-values.ts';
import { describeTimestamp, printable, show, table, withoutEmptyColumns } from '../output.ts';
import { readSettings } from '../settings.ts';
import { addGrantRevokeTokens } from './revoke-tokens.ts';

interface AddOptions {
  readonly client: string;
  readonly audience: string;
  readonly scope: readonly string[];
  readonly detailsType?: readonly string[];
}

type RemoveOptions = Pick<AddOptions, 'client' | 'audience'>;

interface ListOptions {
  readonly client?: string;
  readonly audience?: string;
}

export function addGrantCommands(program: Command, io: Io): void {
  const group = program
    .command('grant')
    .description('who may call whom, with which scopes')
    .addHelpText(
      'after',
      examples('grant add --client billing --audience https://ledger.example.com --scope entries.read'),
    );
  addAdd(group, io);
  addList(group, io);
  addRemove(group, io);
  addGrantRevokeTokens(group, io);
}

function addAdd(group: Command, io: Io): void {
  group
    .command('add')
    .description('let a partner call an audience with these scopes, and no others')
    .requiredOption('--client <partner>', 'partner that asks for tokens')
    .requiredOption('--audience <uri>', 'audience that it may call')
    .requiredOption('--scope <scope>', 'scope that it may use; repeat for more', collectWords)
    .option('--details-type <type>', 'authorization details that it may ask for; repeat for more', collectWords)
    .addHelpText(
      'after',
      examples(
        'grant add --client billing --audience https://ledger.example.com --scope entries.read',
        'grant add --client billing --audience https://ledger.example.com --scope "entries.read entries.write"',
        'grant add --client crm --audience https://pay.example.com --scope access --details-type payment_initiation',
      ),
    )
    .action(async ({ client, audience, scope, detailsType: types }: AddOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const details = types === undefined ? {} : { authorizationDetailsTypes: types };
      const body = { client, audience, scopes: scope, ...details };
      const { record } = await createAdminClient(settings, io).post(['grants'], body, grant);
      show(io, settings.json, record, () =>
        printable(
          [
            `Partner ${record.client} may call ${record.audience}: ${record.scopes.join(' ')}`,
            ...describeTypes(record),
          ].join(', '),
        ),
      );
    });
}

const describeTypes = ({ authorizationDetailsTypes: types }: Grant): readonly string[] =>
  types.length === 0 ? [] : [`authorization details ${types.join(' ')}`];

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list what a partner may call, or who may call an audience')
    .addOption(new Option('--client <partner>', 'grants that this partner has').conflicts('audience'))
    .option('--audience <uri>', 'grants on this audience')
    .addHelpText(
      'after',
      examples('grant list --client billing', 'grant list --audience https://ledger.example.com --json'),
    )
    .action(async (options: ListOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const items = await createAdminClient(settings, io).list(
        ['grants'],
        { ...selection(options), ...LONG_PAGES },
        grant,
      );
      const rows = items.map((item) => [
        item.client,
        item.audience,
        item.scopes.join(' '),
        item.authorizationDetailsTypes.join(' ') || undefined,
        item.tokensNotBefore && describeTimestamp(item.tokensNotBefore, Date.now()),
        item.version,
      ]);
      show(io, settings.json, items, () =>
        table(
          io,
          ...withoutEmptyColumns(['CLIENT', 'AUDIENCE', 'SCOPES', 'DETAILS', 'REVOKED BEFORE', 'VERSION'], rows),
          'No grants yet.',
        ),
      );
    });
}

function selection({ client, audience }: ListOptions): Readonly<Record<string, string>> {
  if (client !== undefined) return { client };
  if (audience !== undefined) return { audience };
  throw misuse('whose grants? pass --client PARTNER or --audience URI');
}

function addRemove(group: Command, io: Io): void {
  group
    .command('remove')
    .description('a partner may no longer call an audience')
    .requiredOption('--client <partner>', 'partner that has the grant')
    .requiredOption('--audience <uri>', 'audience that it may call')
    .addHelpText('after', examples('grant remove --client billing --audience https://ledger.example.com'))
    .action(async ({ client, audience }: RemoveOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      await createAdminClient(settings, io).delete(['grants'], { client, audience });
      show(io, settings.json, { removed: { client, audience } }, () =>
        printable(`Partner ${client} may no longer call ${audience}: no new tokens after at most 30 seconds.`),
      );
    });
}
