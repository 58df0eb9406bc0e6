/**
 * `countersign realm`: security containers of one deployment, each with its own issuer, keys, policy and partners.
 */
import type { Command } from 'commander';
import { type AdminClient, createDeploymentClient, LONG_PAGES } from '../admin-client.ts';
import { type Realm, realm, ring } from '../admin-records.ts';
import { Failure, misuse } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { changeKnown, setEnabled } from '../lost-update.ts';
import { collectWords } from '../option-values.ts';
import { printable, show, table } from '../output.ts';
import { state } from '../partner-view.ts';
import {
  addRealmOptions,
  REALM_MEMBERS,
  type RealmChange,
  type RealmOptions,
  readRealmChange,
  readRealmMembers,
} from '../realm-options.ts';
import { describeRealm } from '../realm-view.ts';
import { readSettings } from '../settings.ts';

/** What API Gateway's JWT authorizer and load balancers understand. */
const USUAL_ALGORITHM = 'RS256';

export function addRealmCommands(program: Command, io: Io): void {
  const group = program
    .command('realm')
    .description('realms of the deployment: each has an issuer, keys, a policy and partners of its own')
    .addHelpText('after', examples('realm add staging', 'realm list', 'partner list --realm staging'));
  addAdd(group, io);
  addSet(group, io);
  addList(group, io);
  addShow(group, io);
  addSwitch(group, io, 'enable');
  addSwitch(group, io, 'disable');
}

function addAdd(group: Command, io: Io): void {
  const command = group
    .command('add')
    .description('make a realm with its signing keys, and print its issuer')
    .argument('<name>', 'lower-case letters, digits, dots and dashes');
  addRealmOptions(command, 'other name for the same realm in its URLs; repeat for more')
    .addHelpText(
      'after',
      examples(
        'realm add staging --description "For tests"',
        'realm add contoso --alias contoso.com --algorithm RS256 --algorithm ES256 --token-seconds 600',
        'realm add hybrid --application-identifier 3f2504e0-4f89-11d3-9a0c-0305e82c3301 --microsoft-realm contoso.com --host api.contoso.com',
      ),
    )
    .action(async (name: string, options: RealmOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createDeploymentClient(settings, io);
      const body = { name, ...readRealmMembers(options) };
      const { record: added, created } = await client.post(['realms'], body, realm);
      await makeRings(client, added);
      show(io, settings.json, added, () => {
        const outcome = created ? 'added' : 'was already there with the same content';
        return `Realm ${printable(added.name)} ${outcome}.\n${describeRealm(io, added)}`;
      });
    });
}

/** The keys that are missing, so that the realm signs before the next scheduled rotation. */
async function makeRings(client: AdminClient, { name, policy }: Realm): Promise<void> {
  const path = ['realms', name, 'keys'];
  for (const algorithm of policy.algorithms ?? [USUAL_ALGORITHM]) {
    try {
      const rings = await client.list(path, {}, ring);
      const isThere = rings.some((each) => each.algorithm === algorithm && each.keys.length > 0);
      if (!isThere) await client.post(path, { algorithm }, ring);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const advice = `realm ${name} is stored, but has no ${algorithm} key yet: countersign key add --realm ${name} --algorithm ${algorithm}`;
      throw new Failure(error.exitCode, `${error.message}; ${advice}`);
    }
  }
}

function addSet(group: Command, io: Io): void {
  const command = group
    .command('set')
    .description('change a realm; keys of further algorithms are made at once')
    .argument('<name>', 'the realm');
  addRealmOptions(command, 'exactly these other names from now on; repeat for more')
    .option('--unset <name>', `take away ${REALM_MEMBERS.join(', ')}; repeat for more`, collectWords)
    .addHelpText(
      'after',
      examples(
        'realm set staging --token-seconds 300',
        'realm set hybrid --host api.contoso.com --token-host tokens.contoso.com --users as-stated',
        'realm set staging --unset description --unset aliases',
      ),
    )
    .action(async (name: string, options: RealmChange, command: Command) => {
      const settings = readSettings(command, io.env);
      if (Object.keys(options).length === 0) throw misuse('nothing to change: see countersign realm set --help');
      const client = createDeploymentClient(settings, io);
      const read = () => client.get(['realms', name], realm);
      const current = await read();
      const body = { version: current.version, ...readRealmChange(options, current) };
      const change = () => client.patch(['realms', name], body, realm);
      const changed = await changeKnown(current, change, read, `realm ${name}`);
      if (options.algorithm !== undefined) await makeRings(client, changed);
      show(io, settings.json, changed, () => `Realm ${printable(name)} is changed.\n${describeRealm(io, changed)}`);
    });
}

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list the realms of the deployment')
    .addHelpText('after', examples('realm list', "realm list --json | jq -r '.[].issuer'"))
    .action(async (_options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const items = await createDeploymentClient(settings, io).list(['realms'], LONG_PAGES, realm);
      const rows = items.map(({ name, issuer, enabled, aliases, description }) => [
        name,
        issuer,
        state(enabled),
        aliases.join(' ') || undefined,
        description,
      ]);
      show(io, settings.json, items, () =>
        table(io, ['NAME', 'ISSUER', 'STATE', 'ALIASES', 'DESCRIPTION'], rows, 'No realms.'),
      );
    });
}

function addShow(group: Command, io: Io): void {
  group
    .command('show')
    .description('show one realm with its policy')
    .argument('<name>', 'the realm')
    .addHelpText('after', examples('realm show default', 'realm show staging --json'))
    .action(async (name: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const found = await createDeploymentClient(settings, io).get(['realms', name], realm);
      show(io, settings.json, found, () => describeRealm(io, found));
    });
}

const SWITCHES = {
  enable: { enabled: true, help: 'let the partners of a realm get tokens again', done: 'is enabled.' },
  disable: {
    enabled: false,
    help: 'give no more tokens in a realm; those that are out pass until they expire where nobody asks us',
    done: 'is disabled: no new tokens after at most 30 seconds.',
  },
} as const;

function addSwitch(group: Command, io: Io, verb: keyof typeof SWITCHES): void {
  const { enabled, help, done } = SWITCHES[verb];
  group
    .command(verb)
    .description(help)
    .argument('<name>', 'the realm')
    .addHelpText('after', examples(`realm ${verb} staging`))
    .action(async (name: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createDeploymentClient(settings, io);
      const path = ['realms', name];
      const changed = await setEnabled(
        enabled,
        () => client.get(path, realm),
        (body) => client.patch(path, body, realm),
        `realm ${name}`,
      );
      show(io, settings.json, changed, () => `Realm ${printable(changed.name)} ${done}`);
    });
}
