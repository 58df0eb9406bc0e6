/**
 * `countersign audience`: the resources that tokens can be issued for, each owned by one partner.
 */
import type { Command } from 'commander';
import { createAdminClient } from '../admin-client.ts';
import { audience } from '../admin-records.ts';
import { collectWords, examples } from '../help.ts';
import type { Io } from '../io.ts';
import { printable, show, table } from '../output.ts';
import { readSettings } from '../settings.ts';

interface AddOptions {
  readonly owner: string;
  readonly scope: readonly string[];
  readonly algorithm?: string;
}

export function addAudienceCommands(program: Command, io: Io): void {
  const group = program
    .command('audience')
    .description('resources that tokens can be issued for')
    .addHelpText('after', examples('audience add https://ledger.example.com --owner ledger --scope entries.read'));
  addAdd(group, io);
  addList(group, io);
}

function addAdd(group: Command, io: Io): void {
  group
    .command('add')
    .description('declare an audience with the scopes that it knows')
    .argument('<uri>', 'absolute URI of the resource (RFC 8707)')
    .requiredOption('--owner <partner>', 'partner that accepts these tokens')
    .requiredOption('--scope <scope>', 'scope of the resource; repeat for more', collectWords)
    .option('--algorithm <alg>', "signing algorithm of its tokens (default: the realm's)")
    .addHelpText(
      'after',
      examples(
        'audience add https://ledger.example.com --owner ledger --scope entries.read --scope entries.write',
        'audience add https://ledger.example.com --owner ledger --scope entries.read --algorithm ES256',
      ),
    )
    .action(async (uri: string, { owner, scope, algorithm }: AddOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const body = { audience: uri, owner, scopes: scope, ...(algorithm === undefined ? {} : { algorithm }) };
      const { record, created } = await createAdminClient(settings, io).post(['audiences'], body, audience);
      const outcome = created ? 'added' : 'was already there with the same content';
      show(io, settings.json, record, () =>
        printable(`Audience ${record.audience} of ${record.owner} ${outcome}: ${record.scopes.join(' ')}`),
      );
    });
}

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list all audiences of the realm')
    .addHelpText('after', examples('audience list', "audience list --json | jq -r '.[].audience'"))
    .action(async (_options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const items = await createAdminClient(settings, io).list(['audiences'], {}, audience);
      const rows = items.map((item) => [
        item.audience,
        item.owner,
        item.scopes.join(' '),
        item.algorithm,
        item.version,
      ]);
      show(io, settings.json, items, () =>
        table(io, ['AUDIENCE', 'OWNER', 'SCOPES', 'ALGORITHM', 'VERSION'], rows, 'No audiences yet.'),
      );
    });
}
