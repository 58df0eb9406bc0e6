/**
 * The options that describe a realm, for `realm add` and `realm set`, and what they mean in the words of the admin API.
 */
import type { Command } from 'commander';
import type { Realm } from './admin-records.ts';
import { misuse } from './failure.ts';
import { parseAlgorithm } from './key-material.ts';
import { collectWords, defined, parseCount } from './option-values.ts';

export interface RealmOptions {
  readonly description?: string;
  readonly alias?: readonly string[];
  readonly algorithm?: readonly string[];
  readonly tokenSeconds?: number;
  readonly assertionSeconds?: number;
}

export interface RealmChange extends RealmOptions {
  readonly unset?: readonly string[];
}

export const addRealmOptions = (command: Command, aliasHelp: string): Command =>
  command
    .option('--description <text>', 'what it is for')
    .option('--alias <name>', aliasHelp, collectWords)
    .option('--algorithm <alg>', 'ring of signing keys; the first is the default; repeat for more', collectAlgorithms)
    .option('--token-seconds <number>', 'longest lifetime of its tokens', parseCount)
    .option('--assertion-seconds <number>', 'longest lifetime of a client assertion', parseCount);

const collectAlgorithms = (value: string, previous: readonly string[] | undefined): readonly string[] =>
  collectWords(parseAlgorithm(value), previous);

const readPolicy = ({ algorithm, tokenSeconds, assertionSeconds }: RealmOptions): Readonly<Record<string, unknown>> =>
  defined({ algorithms: algorithm, accessTokenSeconds: tokenSeconds, assertionSeconds });

/** The body of a new realm, without its name. */
export function readRealmMembers(options: RealmOptions): Readonly<Record<string, unknown>> {
  const policy = readPolicy(options);
  const members = defined({ description: options.description, aliases: options.alias });
  return { ...members, ...(Object.keys(policy).length === 0 ? {} : { policy }) };
}

const OPTIONAL_POLICY = {
  algorithms: 'algorithms',
  'token-seconds': 'accessTokenSeconds',
  'assertion-seconds': 'assertionSeconds',
} as const;
/** What `--unset` can take away. */
export const REALM_MEMBERS: readonly string[] = ['description', 'aliases', ...Object.keys(OPTIONAL_POLICY)];

/**
 * The members to send so that `current` becomes what the options say.
 * @throws Failure (2) for a name that nothing goes by.
 */
export function readRealmChange(options: RealmChange, current: Realm): Readonly<Record<string, unknown>> {
  const { description, alias, unset = [] } = options;
  const policy: Record<string, unknown> = { ...current.policy, ...readPolicy(options) };
  const body: Record<string, unknown> = { ...defined({ description, aliases: alias }) };
  for (const name of unset) {
    const member = Object.entries(OPTIONAL_POLICY).find(([option]) => option === name)?.[1];
    if (member !== undefined) delete policy[member];
    else if (name === 'description') body.description = null;
    else if (name === 'aliases') body.aliases = [];
    else throw misuse(`nothing is called "${name}"; one of ${REALM_MEMBERS.join(', ')}`);
  }
  const isPolicyGiven = Object.keys(readPolicy(options)).length > 0 || unset.some((name) => name in OPTIONAL_POLICY);
  return isPolicyGiven ? { ...body, policy } : body;
}
