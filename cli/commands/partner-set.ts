/**
 * `countersign partner set`: change what is said of a partner, one attribute or several, and nothing that is not named.
 */
import { type Command, Option } from 'commander';
import { createAdminClient } from '../admin-client.ts';
import { type Partner, partner } from '../admin-records.ts';
import { misuse } from '../failure.ts';
import { readNextDocument } from '../following.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { type DocumentOptions, readDocument } from '../key-options.ts';
import { changeKnown } from '../lost-update.ts';
import {
  addMicrosoftOptions,
  addMicrosoftRemovals,
  type MicrosoftOptions,
  readMicrosoft,
} from '../microsoft-options.ts';
import { collectWords, defined } from '../option-values.ts';
import { printable, show } from '../output.ts';
import type { PartnerAttributes } from '../partner-definition.ts';
import { type AttributeOptions, addAttributeOptions, readChange } from '../partner-options.ts';
import { describePartner } from '../partner-view.ts';
import { readSettings } from '../settings.ts';
import { TOKEN_POLICY_NAMES } from '../token-policy-options.ts';
import { addWayInOptions, addWayInRemovals, readWaysIn, type WayInOptions } from '../way-in-options.ts';

type FollowedOptions = Pick<DocumentOptions, 'jwksUri' | 'metadataUrl'>;

interface SetOptions extends AttributeOptions, WayInOptions, MicrosoftOptions, FollowedOptions {
  readonly unset?: readonly string[];
}

export function addPartnerSet(group: Command, io: Io): void {
  const command = group
    .command('set')
    .description('change a partner; refused when somebody else has changed it in the meantime')
    .argument('<id>', 'client id of the partner');
  addWayInRemovals(addWayInOptions(addAttributeOptions(command)));
  addMicrosoftRemovals(addMicrosoftOptions(command))
    .option('--no-accepts-security-identifiers', 'they no longer name a user')
    .addOption(new Option('--jwks-uri <url>', 'follow the keys that it publishes there').conflicts('metadataUrl'))
    .option('--metadata-url <url>', 'follow this metadata document')
    .option('--unset <name>', `take away ${NAMES.join(', ')}, tag:NAME or claim:NAME; repeat for more`, collectWords)
    .addHelpText(
      'after',
      examples(
        'partner set billing --name "Billing" --contact billing@example.com --tag env=prod',
        'partner set billing --token-seconds 600 --algorithm ES256 --binding dpop',
        'partner set billing --claim \'region="eu"\' --quota-per-minute 100 --quota-mode observe',
        'partner set billing --tls-subject-dn "CN=billing,O=Example" --no-federation',
        'partner set lync --accept-user-tokens --no-allow-delegation',
        'partner set billing --unset contact --unset tag:env --unset quota',
      ),
    )
    .action(async (id: string, options: SetOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const read = () => client.get(['partners', id], partner);
      const own = { ...(await readDocument(io, options)), ...(await readWaysIn(io, options)) };
      if (!isAnyGiven(command)) throw misuse('nothing to change: see countersign partner set --help');
      const current = await read();
      const microsoft = defined({ microsoft: readMicrosoft(options, current) });
      const members = { ...readChange(options, current), ...own, ...microsoft };
      const body = { version: current.version, ...withoutUnset(members, current, options.unset ?? []) };
      const change = () => client.patch(['partners', id], body, partner);
      const changed = await changeKnown(current, change, read, `partner ${id}`);
      const isMoved = changed.source?.url !== current.source?.url;
      const followed = isMoved ? await readNextDocument(client, changed) : { partner: changed };
      if (followed.note !== undefined) io.stderr.write(`countersign: ${printable(followed.note)}\n`);
      show(io, settings.json, followed.partner, () => {
        return `Partner ${printable(id)} is changed.\n${describePartner(io, followed.partner)}`;
      });
    });
}

/** An option that only says no stands at yes when nobody has said anything. */
const isAnyGiven = (command: Command): boolean =>
  Object.keys(command.opts()).some((name) => command.getOptionValueSource(name) !== 'default');

/** Members that `null` takes away. */
const OPTIONAL = {
  name: 'name',
  contact: 'contact',
  issuer: 'issuer',
  quota: 'quota',
  'jwks-uri': 'jwksUri',
  'metadata-url': 'metadataUrl',
} as const;
/** Members that are emptied: a partner always has them. */
const COLLECTIONS = { tags: 'tags', claims: 'claims', 'token-policy': 'tokenPolicy' } as const;
const QUOTA_LIMITS = { 'quota-per-minute': 'perMinute', 'quota-per-day': 'perDay' } as const;
const NAMES = [OPTIONAL, COLLECTIONS, TOKEN_POLICY_NAMES, QUOTA_LIMITS].flatMap((names) => Object.keys(names));

type Members = Readonly<Record<string, unknown>>;

const memberNamed = (names: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(names, name) ? names[name] : undefined;

/** @throws Failure (2) for a name that nothing goes by. */
function withoutUnset(given: PartnerAttributes & Members, current: Partner, unset: readonly string[]): Members {
  let body: Members = given;
  for (const name of unset) body = { ...body, ...takeAway(name, body, current) };
  return body;
}

function takeAway(name: string, body: Members, current: Partner): Members {
  const optional = memberNamed(OPTIONAL, name);
  if (optional !== undefined) return { [optional]: null };
  const collection = memberNamed(COLLECTIONS, name);
  if (collection !== undefined) return { [collection]: {} };
  const policy = memberNamed(TOKEN_POLICY_NAMES, name);
  if (policy !== undefined) return { tokenPolicy: without(body.tokenPolicy ?? current.tokenPolicy, policy) };
  const limit = memberNamed(QUOTA_LIMITS, name);
  if (limit !== undefined) return { quota: withoutLimit(body.quota ?? current.quota, limit) };
  const [, kind, key = ''] = /^(tag|claim):(.+)$/s.exec(name) ?? [];
  if (kind === 'tag') return { tags: without(body.tags ?? current.tags, key) };
  if (kind === 'claim') return { claims: without(body.claims ?? current.claims, key) };
  throw misuse(`nothing is called "${name}"; one of ${NAMES.join(', ')}, tag:NAME, claim:NAME`);
}

const without = (record: unknown, name: string): Members =>
  Object.fromEntries(Object.entries(record ?? {}).filter(([each]) => each !== name));

/** A quota without any limit is none. */
function withoutLimit(quota: unknown, name: string): Members | null {
  const left = without(quota, name);
  return 'perMinute' in left || 'perDay' in left ? left : null;
}
