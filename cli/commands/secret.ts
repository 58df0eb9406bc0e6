/**
 * `countersign secret`: client secrets of a partner, in realms that have opted in. The service makes them and shows each once.
 */
import type { Command } from 'commander';
import { createAdminClient } from '../admin-client.ts';
import { newSecret, partner } from '../admin-records.ts';
import { confirm } from '../confirmation.ts';
import { refused } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { parseMoment } from '../option-values.ts';
import { describeTimestamp, printable, record, show } from '../output.ts';
import { describeSecrets } from '../partner-view.ts';
import { keepOnce } from '../secret-file.ts';
import { readSettings } from '../settings.ts';

interface AddOptions {
  readonly label?: string;
  readonly expires?: string;
  readonly out?: string;
}

export function addSecretCommands(program: Command, io: Io): void {
  const group = program
    .command('secret')
    .description('client secrets of a partner, where the realm allows them; a key is better')
    .addHelpText('after', examples('secret add billing --out billing.secret', 'secret list billing'));
  addAdd(group, io);
  addList(group, io);
  addRemove(group, io);
}

function addAdd(group: Command, io: Io): void {
  group
    .command('add')
    .description('make one more secret; it is shown now and never again')
    .argument('<partner>', 'client id of the partner')
    .option('--label <text>', 'what people call it')
    .option('--expires <time>', 'it counts until then (RFC 3339, or a day)', parseMoment)
    .option('-o, --out <file>', 'write it there, for you alone (mode 0600), instead of printing it')
    .addHelpText(
      'after',
      examples(
        'secret add billing --label 2027 --expires 2027-12-31 --out billing.secret',
        'secret add billing --json | jq -r .secret | vault-put billing -',
      ),
    )
    .action(async (id: string, { label, expires, out }: AddOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const body = {
        ...(label === undefined ? {} : { label }),
        ...(expires === undefined ? {} : { expiresAt: expires }),
      };
      const ask = async () => (await client.post(['partners', id, 'secrets'], body, newSecret)).record;
      const made = out === undefined ? await ask() : await keepOnce(out, ask, ({ secret }) => `${secret}\n`);
      const { secret, partner: _, ...rest } = made;
      const place = out === undefined ? { secret } : { file: out };
      show(io, settings.json, { ...place, ...rest }, () =>
        record(io, [
          ['secret', out === undefined ? secret : `in ${out}`],
          ['id', made.id],
          ['expires', made.expiresAt && describeTimestamp(made.expiresAt, Date.now())],
          ['to be seen', out === undefined ? 'now and never again' : undefined],
        ]),
      );
    });
}

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list the secrets of a partner: label, end, last used; never a secret itself')
    .argument('<partner>', 'client id of the partner')
    .addHelpText('after', examples('secret list billing', "secret list billing --json | jq -r '.[].id'"))
    .action(async (id: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const { secrets } = await createAdminClient(settings, io).get(['partners', id], partner);
      show(io, settings.json, secrets, () => describeSecrets(io, secrets));
    });
}

function addRemove(group: Command, io: Io): void {
  group
    .command('remove')
    .description('take a secret from a partner: it gets no more tokens with it')
    .argument('<partner>', 'client id of the partner')
    .argument('<id>', 'id of the secret, as secret list shows it')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('secret remove billing 4f7c...', 'secret remove billing 4f7c... --yes'))
    .action(async (id: string, secretId: string, { yes = false }: { readonly yes?: boolean }, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const { secrets } = await client.get(['partners', id], partner);
      const found = secrets.find((each) => each.id === secretId);
      if (found === undefined) throw refused(`partner ${id} has no secret ${secretId}`);
      const label = found.label === undefined ? '' : ` (${found.label})`;
      await confirm(io, `Remove secret ${secretId}${label} of partner ${id}?`, yes);
      await client.delete(['partners', id, 'secrets'], { id: secretId });
      show(io, settings.json, { partner: id, removed: secretId }, () =>
        printable(`Secret ${secretId} of partner ${id} is removed: no new tokens with it after at most 30 seconds.`),
      );
    });
}
