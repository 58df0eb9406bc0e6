/**
 * `countersign registration`: what the partner's own people do with their registration afterwards (RFC 7592).
 */
import { rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { confirm } from '../confirmation.ts';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { addMetadataOptions, type MetadataOptions, readMetadata } from '../metadata-options.ts';
import { printable, show } from '../output.ts';
import {
  type ClientMetadata,
  type Registered,
  type RegistrationFile,
  readClient,
  readRegistration,
  registrationText,
  removeClient,
  updateClient,
} from '../registration.ts';
import { describeClient } from '../registration-view.ts';
import { replaceFile } from '../secret-file.ts';
import { readSettings } from '../settings.ts';
import { requireOneInput } from '../token-input.ts';

interface FileOptions {
  readonly file: string;
}

interface UpdateOptions extends MetadataOptions, FileOptions {}

export function addRegistrationCommands(program: Command, io: Io): void {
  const group = program
    .command('registration')
    .description('look at, change or remove what you have registered')
    .addHelpText('after', examples('registration show --file registration.json'));
  addShow(group, io);
  addUpdate(group, io);
  addRemove(group, io);
}

const FILE = ['-f, --file <file>', 'what countersign register has written', 'registration.json'] as const;

function addShow(group: Command, io: Io): void {
  group
    .command('show')
    .description('show what the service knows of your application')
    .option(...FILE)
    .addHelpText('after', examples('registration show', 'registration show --file billing.json --json'))
    .action(async ({ file: path }: FileOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const before = await readRegistration(io, path);
      const found = await readClient(before);
      await keepRenewed(path, before, found);
      show(io, settings.json, found.metadata, () => describeClient(io, found, path));
    });
}

function addUpdate(group: Command, io: Io): void {
  const command = group
    .command('update')
    .description('register another key, name or contact; what is not named stays')
    .option(...FILE);
  addMetadataOptions(command)
    .addHelpText(
      'after',
      examples(
        'registration update --file billing.json --jwks keys/both.jwks.json',
        'registration update --file billing.json --contact billing@example.com',
      ),
    )
    .action(async ({ file: path, ...options }: UpdateOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      requireOneInput(path, options.jwks, options.certificate);
      const change = await readMetadata(io, options);
      if (Object.keys(change).length === 0) {
        throw misuse('nothing to change: see countersign registration update --help');
      }
      const before = await readRegistration(io, path);
      const current = await readClient(before);
      await keepRenewed(path, before, current);
      const updated = await updateClient(current.file, changed(current.metadata, change));
      await keepRenewed(path, current.file, updated);
      show(io, settings.json, updated.metadata, () => describeClient(io, updated, path));
    });
}

/** Keys take the place of an address and the other way round, and of the algorithm that the last ones were of. */
function changed(current: ClientMetadata, change: ClientMetadata): ClientMetadata {
  const { jwks, jwks_uri, token_endpoint_auth_signing_alg, ...rest } = current;
  const isAboutKeys = 'jwks' in change || 'jwks_uri' in change;
  return { ...(isAboutKeys ? rest : current), ...change };
}

/** A new token ends the one before it (RFC 7592 section 2.1). */
async function keepRenewed(path: string, before: RegistrationFile, now: Registered): Promise<void> {
  const isSame =
    before.registration_access_token === now.file.registration_access_token &&
    before.registration_client_uri === now.file.registration_client_uri;
  if (isSame) return;
  if (path === '-') throw misuse('the service has made a new registration token, and there is no file to keep it in');
  await replaceFile(path, registrationText(now));
}

function addRemove(group: Command, io: Io): void {
  group
    .command('remove')
    .description('take back what you have registered, and the file with it')
    .option(...FILE)
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('registration remove --file billing.json', 'registration remove --yes'))
    .action(async ({ file: path, yes = false }: FileOptions & { readonly yes?: boolean }, command: Command) => {
      const settings = readSettings(command, io.env);
      const registration = await readRegistration(io, path);
      const { client_id: id } = registration;
      await confirm(io, `Remove the keys that you have registered for ${id}?`, yes);
      await removeClient(registration);
      if (path !== '-') await rm(path, { force: true });
      show(io, settings.json, { removed: id }, () =>
        printable(`What you have registered for ${id} is removed: no new tokens with it after at most 30 seconds.`),
      );
    });
}
