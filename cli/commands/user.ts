/**
 * `countersign user`: whom the identifiers mean by which Exchange, SharePoint and Skype servers speak of users.
 */
import type { Command } from 'commander';
import { createAdminClient, LONG_PAGES } from '../admin-client.ts';
import { user } from '../admin-records.ts';
import { confirm } from '../confirmation.ts';
import { misuse, refused } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { changeKnown } from '../lost-update.ts';
import { printable, record, show, table, withoutEmptyColumns } from '../output.ts';
import { readSettings } from '../settings.ts';
import {
  describeUser,
  IDENTIFIERS,
  type Identifiers,
  identifiersOf,
  isSameUser,
  normalIdentifier,
} from '../user-identifiers.ts';
import { addUserImport } from './user-import.ts';

interface AddOptions extends Identifiers {
  readonly replace?: boolean;
}

export function addUserCommands(program: Command, io: Io): void {
  const group = program
    .command('user')
    .description('users whom servers of the Microsoft profile speak of, and what they call them')
    .addHelpText(
      'after',
      examples('user add adam --upn adam@contoso.com --sip adam@contoso.com', 'user import -f users.csv --dry-run'),
    );
  addAdd(group, io);
  addList(group, io);
  addShow(group, io);
  addRemove(group, io);
  addUserImport(group, io);
}

function addAdd(group: Command, io: Io): void {
  group
    .command('add')
    .description('register a user, known by at least one identifier, each of which means nobody else')
    .argument('<id>', 'what tokens call the user (sub)')
    .option('--upn <address>', 'user principal name: what people log on with')
    .option('--smtp <address>', 'mail address')
    .option('--sip <address>', 'SIP address, with or without sip:')
    .option('--sid <identifier>', 'Windows security identifier, S-1-5-...')
    .option('--puid <hex>', "id of Microsoft's online services, 16 hexadecimal digits")
    .option('--replace', 'a user who is there is known by exactly these from now on')
    .addHelpText(
      'after',
      examples(
        'user add adam --upn adam@contoso.com --smtp adam@contoso.com --sip adam@contoso.com',
        'user add adam --upn adam@fabrikam.example --replace',
      ),
    )
    .action(async (id: string, { replace = false, ...options }: AddOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const wanted = identifiersOf(
        Object.fromEntries(
          IDENTIFIERS.map((kind) => [
            kind,
            options[kind] === undefined ? undefined : normalIdentifier(kind, options[kind]),
          ]),
        ),
      );
      if (Object.keys(wanted).length === 0) {
        throw misuse(`known by what? pass ${IDENTIFIERS.map((kind) => `--${kind}`).join(', ')}`);
      }
      const client = createAdminClient(settings, io);
      const path = ['users', id];
      const stored = await client.find(path, user);
      const isThere = stored !== undefined && isSameUser(stored, wanted);
      if (stored !== undefined && !isThere && !replace) {
        throw refused(`user ${id} is there and known by others (${describeUser(stored)}); --replace makes it so`);
      }
      // 0: nobody may be there.
      const version = stored?.version ?? 0;
      const again = async () => (await client.find(path, user)) ?? { version: 0 };
      const save = () => client.put(path, { version, ...wanted }, user);
      const saved = await changeKnown({ version }, save, again, `user ${id}`);
      const outcome = isThere ? 'was already known by these' : stored === undefined ? 'is added' : 'is changed';
      show(io, settings.json, saved, () => `User ${printable(id)} ${outcome}.\n${describeUser(saved)}`);
    });
}

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list the users of the realm')
    .addHelpText('after', examples('user list', 'user list --json > users.json'))
    .action(async (_options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const items = await createAdminClient(settings, io).list(['users'], LONG_PAGES, user);
      const heading = ['ID', ...IDENTIFIERS.map((kind) => kind.toUpperCase()), 'VERSION'];
      const rows = items.map((item) => [item.id, ...IDENTIFIERS.map((kind) => item[kind]), item.version]);
      show(io, settings.json, items, () => table(io, ...withoutEmptyColumns(heading, rows), 'No users yet.'));
    });
}

function addShow(group: Command, io: Io): void {
  group
    .command('show')
    .description('show by what one user is known')
    .argument('<id>', 'what tokens call the user')
    .addHelpText('after', examples('user show adam', 'user show adam@contoso.com --json'))
    .action(async (id: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const found = await createAdminClient(settings, io).get(['users', id], user);
      show(io, settings.json, found, () =>
        record(io, [
          ['id', found.id],
          ...IDENTIFIERS.map((kind) => [kind, found[kind]] as const),
          ['version', found.version],
        ]),
      );
    });
}

function addRemove(group: Command, io: Io): void {
  group
    .command('remove')
    .description('forget a user; tokens that are out pass until they expire')
    .argument('<id>', 'what tokens call the user')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('user remove adam', 'user remove adam --yes'))
    .action(async (id: string, { yes = false }: { readonly yes?: boolean }, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const found = await client.get(['users', id], user);
      await confirm(io, `Remove user ${describeUser(found)}?`, yes);
      await client.delete(['users', id]);
      show(
        io,
        settings.json,
        { removed: found },
        () => `User ${printable(id)} is removed: no new tokens after at most 30 seconds.`,
      );
    });
}
