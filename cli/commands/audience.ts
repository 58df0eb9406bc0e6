/**
 * `countersign audience`: the resources that tokens can be issued for, each owned by one partner.
 */
import { type Command, Option } from 'commander';
import { type AdminClient, createAdminClient, LONG_PAGES } from '../admin-client.ts';
import { type Audience, audience } from '../admin-records.ts';
import { authorizationDetails, type DetailTypes } from '../declaration.ts';
import { misuse, refused } from '../failure.ts';
import { examples } from '../help.ts';
import { type Io, inputName, readInput } from '../io.ts';
import { parseShape } from '../json-file.ts';
import { changeKnown } from '../lost-update.ts';
import { collectWords } from '../option-values.ts';
import { printable, show, table, withoutEmptyColumns } from '../output.ts';
import { readSettings } from '../settings.ts';
import {
  addTokenPolicyOptions,
  describeTokenPolicy,
  readTokenPolicy,
  TOKEN_POLICY_NAMES,
  type TokenPolicyOptions,
} from '../token-policy-options.ts';

interface AddOptions extends TokenPolicyOptions {
  readonly owner: string;
  readonly scope: readonly string[];
  readonly introspector?: readonly string[];
  readonly detailsFile?: string;
}

interface SetOptions extends TokenPolicyOptions {
  readonly scope?: readonly string[];
  readonly addScope?: readonly string[];
  readonly removeScope?: readonly string[];
  readonly introspector?: readonly string[];
  readonly addIntrospector?: readonly string[];
  readonly removeIntrospector?: readonly string[];
  readonly detailsFile?: string;
  readonly unset?: readonly string[];
}

export function addAudienceCommands(program: Command, io: Io): void {
  const group = program
    .command('audience')
    .description('resources that tokens can be issued for')
    .addHelpText('after', examples('audience add https://ledger.example.com --owner ledger --scope entries.read'));
  addAdd(group, io);
  addSet(group, io);
  addList(group, io);
  addRemove(group, io);
}

/** Types that clients may ask for, as RFC 9396 has it. */
const DETAILS_FILE = [
  '--details-file <file>',
  'JSON object: what authorization details may say, by type (- for standard input)',
] as const;

/** @throws Failure (2) for a file that holds anything else. */
async function readDetails(io: Io, path: string | undefined): Promise<{ authorizationDetails?: DetailTypes }> {
  if (path === undefined) return {};
  const what = 'a JSON object of authorization details by type';
  return { authorizationDetails: parseShape(authorizationDetails, await readInput(io, path), inputName(path), what) };
}

function addAdd(group: Command, io: Io): void {
  const command = group
    .command('add')
    .description('declare an audience with the scopes that it knows')
    .argument('<uri>', 'absolute URI of the resource (RFC 8707)')
    .requiredOption('--owner <partner>', 'partner that accepts these tokens')
    .requiredOption('--scope <scope>', 'scope of the resource; repeat for more', collectWords)
    .option('--introspector <partner>', 'may introspect its tokens besides the owner; repeat for more', collectWords)
    .option(...DETAILS_FILE);
  addTokenPolicyOptions(command)
    .addHelpText(
      'after',
      examples(
        'audience add https://ledger.example.com --owner ledger --scope entries.read --scope entries.write',
        'audience add https://ledger.example.com --owner ledger --scope entries.read --algorithm ES256 --token-seconds 600',
        'audience add https://pay.example.com --owner pay --scope access --details-file details.json',
        'audience add https://ledger.example.com --owner ledger --scope entries.read --introspector gateway',
      ),
    )
    .action(async (uri: string, options: AddOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const tokenPolicy = readTokenPolicy(options);
      const policy = Object.keys(tokenPolicy).length === 0 ? {} : { tokenPolicy };
      const details = await readDetails(io, options.detailsFile);
      const named = options.introspector === undefined ? {} : { introspectors: options.introspector };
      const body = { audience: uri, owner: options.owner, scopes: options.scope, ...named, ...details, ...policy };
      const { record, created } = await createAdminClient(settings, io).post(['audiences'], body, audience);
      const outcome = created ? 'added' : 'was already there with the same content';
      show(io, settings.json, record, () => describe(record, outcome));
    });
}

const describe = ({ audience: uri, owner, scopes, introspectors }: Audience, outcome: string): string => {
  const others = introspectors.length === 0 ? '' : `; introspected by ${introspectors.join(' ')}`;
  return printable(`Audience ${uri} of ${owner} ${outcome}: ${scopes.join(' ')}${others}`);
};

function addSet(group: Command, io: Io): void {
  const names = [...Object.keys(TOKEN_POLICY_NAMES), ...UNSET_MEMBERS].join(', ');
  const command = group
    .command('set')
    .description('change scopes, tokens or introspectors of an audience; a scope that grants use cannot go')
    .argument('<uri>', 'the audience')
    .addOption(
      new Option('--scope <scope>', 'exactly these scopes from now on; repeat for more')
        .argParser(collectWords)
        .conflicts(['addScope', 'removeScope']),
    )
    .option('--add-scope <scope>', 'these scopes too; repeat for more', collectWords)
    .option('--remove-scope <scope>', 'these no longer; repeat for more', collectWords)
    .addOption(
      new Option('--introspector <partner>', 'exactly these besides the owner may introspect; repeat for more')
        .argParser(collectWords)
        .conflicts(['addIntrospector', 'removeIntrospector']),
    )
    .option('--add-introspector <partner>', 'these may too; repeat for more', collectWords)
    .option('--remove-introspector <partner>', 'these may no longer; repeat for more', collectWords)
    .option(...DETAILS_FILE);
  addTokenPolicyOptions(command)
    .option('--unset <name>', `take away ${names}; repeat for more`, collectWords)
    .addHelpText(
      'after',
      examples(
        'audience set https://ledger.example.com --add-scope entries.delete',
        'audience set https://ledger.example.com --algorithm ES256 --unset token-seconds',
        'audience set https://pay.example.com --details-file details.json',
        'audience set https://ledger.example.com --add-introspector gateway',
      ),
    )
    .action(async (uri: string, options: SetOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      if (Object.keys(options).length === 0) throw misuse('nothing to change: see countersign audience set --help');
      const details = await readDetails(io, options.detailsFile);
      const client = createAdminClient(settings, io);
      const current = await findAudience(client, uri);
      const body = { audience: uri, version: current.version, ...details, ...readChange(options, current) };
      const changed = await changeKnown(
        current,
        () => client.patch(['audiences'], body, audience),
        () => findAudience(client, uri),
        `audience ${uri}`,
      );
      show(io, settings.json, changed, () => describe(changed, 'is changed'));
    });
}

/** What `--unset` knows authorization details and introspectors by. */
const DETAILS = 'details';
const INTROSPECTORS = 'introspectors';
const UNSET_MEMBERS: readonly string[] = [DETAILS, INTROSPECTORS];

/** `undefined`: not a word of it. */
function changeList(
  stored: readonly string[],
  exactly: readonly string[] | undefined,
  add: readonly string[] = [],
  remove: readonly string[] = [],
): readonly string[] | undefined {
  if (exactly !== undefined || (add.length === 0 && remove.length === 0)) return exactly;
  return [...new Set([...stored, ...add])].filter((each) => !remove.includes(each));
}

function readChange(options: SetOptions, current: Audience): object {
  const { scope, addScope, removeScope, introspector, addIntrospector, removeIntrospector, unset = [] } = options;
  const scopes = changeList(current.scopes, scope, addScope, removeScope);
  const introspectors = changeList(current.introspectors, introspector, addIntrospector, removeIntrospector);
  const policy: Record<string, unknown> = { ...current.tokenPolicy, ...readTokenPolicy(options) };
  const unsetPolicy = unset.filter((name) => !UNSET_MEMBERS.includes(name));
  for (const name of unsetPolicy) delete policy[policyMember(name)];
  const isPolicyGiven = unsetPolicy.length > 0 || Object.keys(readTokenPolicy(options)).length > 0;
  return {
    ...(scopes === undefined ? {} : { scopes }),
    ...(introspectors === undefined ? {} : { introspectors }),
    ...(isPolicyGiven ? { tokenPolicy: policy } : {}),
    ...(unset.includes(DETAILS) ? { authorizationDetails: {} } : {}),
    ...(unset.includes(INTROSPECTORS) ? { introspectors: [] } : {}),
  };
}

function policyMember(name: string): string {
  const found = Object.entries(TOKEN_POLICY_NAMES).find(([option]) => option === name);
  if (found === undefined)
    throw misuse(
      `nothing is called "${name}"; one of ${[...Object.keys(TOKEN_POLICY_NAMES), ...UNSET_MEMBERS].join(', ')}`,
    );
  return found[1];
}

async function findAudience(client: AdminClient, uri: string): Promise<Audience> {
  const [found] = await client.list(['audiences'], { audience: uri }, audience);
  if (found === undefined) throw refused(`no audience ${uri}`);
  return found;
}

const COLUMNS = ['AUDIENCE', 'OWNER', 'SCOPES', 'DETAILS', 'TOKENS', 'INTROSPECTORS', 'VERSION'];

function addList(group: Command, io: Io): void {
  group
    .command('list')
    .description('list all audiences of the realm')
    .addHelpText('after', examples('audience list', "audience list --json | jq -r '.[].audience'"))
    .action(async (_options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const items = await createAdminClient(settings, io).list(['audiences'], LONG_PAGES, audience);
      const rows = items.map((item) => [
        item.audience,
        item.owner,
        item.scopes.join(' '),
        Object.keys(item.authorizationDetails).join(' ') || undefined,
        describeTokenPolicy(item.tokenPolicy),
        item.introspectors.join(' ') || undefined,
        item.version,
      ]);
      show(io, settings.json, items, () => table(io, ...withoutEmptyColumns(COLUMNS, rows), 'No audiences yet.'));
    });
}

function addRemove(group: Command, io: Io): void {
  group
    .command('remove')
    .description('take an audience away; refused while there are grants on it')
    .argument('<uri>', 'the audience')
    .addHelpText('after', examples('audience remove https://ledger.example.com'))
    .action(async (uri: string, _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      await createAdminClient(settings, io).delete(['audiences'], { audience: uri });
      show(io, settings.json, { removed: uri }, () => printable(`Audience ${uri} is removed.`));
    });
}
