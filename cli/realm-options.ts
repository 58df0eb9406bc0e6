/**
 * The options that describe a realm, for `realm add` and `realm set`, and what they mean in the words of the admin API.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Realm } from './admin-records.ts';
import { misuse } from './failure.ts';
import { JWT_BEARER, TOKEN_EXCHANGE } from './grant-type.ts';
import { parseAlgorithm } from './key-material.ts';
import { collectWords, defined, parseCount } from './option-values.ts';
import {
  addRealmMicrosoftOptions,
  MICROSOFT_REALM_MEMBERS,
  type RealmMicrosoftOptions,
  readRealmMicrosoft,
} from './realm-microsoft-options.ts';

export interface RealmOptions extends RealmMicrosoftOptions {
  readonly description?: string;
  readonly alias?: readonly string[];
  readonly algorithm?: readonly string[];
  readonly tokenSeconds?: number;
  readonly assertionSeconds?: number;
  readonly clientSecrets?: 'on' | 'off';
  readonly grantTypes?: readonly string[];
  readonly dpopNonces?: string;
  readonly detailsType?: readonly string[];
}

export interface RealmChange extends RealmOptions {
  readonly unset?: readonly string[];
}

export const addRealmOptions = (command: Command, aliasHelp: string): Command =>
  addRealmMicrosoftOptions(addPolicyOptions(command, aliasHelp));

const addPolicyOptions = (command: Command, aliasHelp: string): Command =>
  command
    .option('--description <text>', 'what it is for')
    .option('--alias <name>', aliasHelp, collectWords)
    .option('--algorithm <alg>', 'ring of signing keys; the first is the default; repeat for more', collectAlgorithms)
    .option('--token-seconds <number>', 'longest lifetime of its tokens', parseCount)
    .option('--assertion-seconds <number>', 'longest lifetime of a client assertion', parseCount)
    .addOption(new Option('--client-secrets <state>', 'whether partners may have secrets').choices(['on', 'off']))
    .option('--grant-types <names>', `the grants that it answers: ${GRANT_NAMES}`, collectGrantTypes)
    .addOption(
      new Option('--dpop-nonces <rule>', 'whether DPoP proofs need a nonce of ours').choices(['required', 'optional']),
    )
    .option('--details-type <type>', 'authorization details that audiences may declare; repeat for more', collectWords);

/** The short names are those that people say; the long ones go over the wire. */
const GRANT_TYPES: Readonly<Record<string, string>> = {
  client_credentials: 'client_credentials',
  'jwt-bearer': JWT_BEARER,
  'token-exchange': TOKEN_EXCHANGE,
};
const GRANT_NAMES = Object.keys(GRANT_TYPES).join(',');

function collectGrantTypes(value: string, previous: readonly string[] | undefined): readonly string[] {
  const known = Object.entries(GRANT_TYPES);
  const types = value
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => {
      const found = known.find(([name, type]) => name === word || type === word);
      if (found === undefined) throw new InvalidArgumentError(`No grant is called ${word}; some of ${GRANT_NAMES}.`);
      return found[1];
    });
  if (types.length === 0) throw new InvalidArgumentError(`Some of ${GRANT_NAMES}.`);
  return [...new Set([...(previous ?? []), ...types])];
}

const collectAlgorithms = (value: string, previous: readonly string[] | undefined): readonly string[] =>
  collectWords(parseAlgorithm(value), previous);

function readPolicy(options: RealmOptions, current?: Realm): Readonly<Record<string, unknown>> {
  const { algorithm, tokenSeconds, assertionSeconds, clientSecrets, grantTypes, dpopNonces, detailsType } = options;
  return defined({
    algorithms: algorithm,
    accessTokenSeconds: tokenSeconds,
    assertionSeconds,
    clientSecrets: clientSecrets === undefined ? undefined : clientSecrets === 'on',
    grantTypes,
    dpopNonces,
    authorizationDetailsTypes: detailsType,
    microsoft: readRealmMicrosoft(options, current?.policy.microsoft),
  });
}

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
  'client-secrets': 'clientSecrets',
  'grant-types': 'grantTypes',
  'dpop-nonces': 'dpopNonces',
  'details-types': 'authorizationDetailsTypes',
  microsoft: 'microsoft',
} as const;
/** What `--unset` can take away. */
export const REALM_MEMBERS: readonly string[] = [
  ...['description', 'aliases'],
  ...Object.keys(OPTIONAL_POLICY),
  ...Object.keys(MICROSOFT_REALM_MEMBERS),
];

/**
 * The members to send so that `current` becomes what the options say.
 * @throws Failure (2) for a name that nothing goes by.
 */
export function readRealmChange(options: RealmChange, current: Realm): Readonly<Record<string, unknown>> {
  const { description, alias, unset = [] } = options;
  const given = readPolicy(options, current);
  const policy: Record<string, unknown> = { ...current.policy, ...given };
  const body: Record<string, unknown> = { ...defined({ description, aliases: alias }) };
  for (const name of unset) {
    const member = Object.entries(OPTIONAL_POLICY).find(([option]) => option === name)?.[1];
    const inner = Object.entries(MICROSOFT_REALM_MEMBERS).find(([option]) => option === name)?.[1];
    if (member !== undefined) delete policy[member];
    else if (inner !== undefined) policy.microsoft = without(policy.microsoft, inner);
    else if (name === 'description') body.description = null;
    else if (name === 'aliases') body.aliases = [];
    else throw misuse(`nothing is called "${name}"; one of ${REALM_MEMBERS.join(', ')}`);
  }
  const isOfPolicy = (name: string): boolean => name in OPTIONAL_POLICY || name in MICROSOFT_REALM_MEMBERS;
  const isPolicyGiven = Object.keys(given).length > 0 || unset.some(isOfPolicy);
  return isPolicyGiven ? { ...body, policy } : body;
}

/** Of a profile that is off there is nothing to take away. */
const without = (microsoft: unknown, member: string): object | undefined =>
  microsoft === undefined
    ? undefined
    : Object.fromEntries(Object.entries(microsoft ?? {}).filter(([name]) => name !== member));
