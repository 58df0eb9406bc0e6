/**
 * The options that say how a realm goes by in the Microsoft server-to-server profile (`Set-CsOAuthConfiguration`, `Set-AuthConfig`).
 */
import { type Command, Option } from 'commander';
import type { Realm } from './admin-records.ts';
import { MICROSOFT_USERS } from './declaration.ts';
import { misuse } from './failure.ts';
import { collectWords, defined } from './option-values.ts';

export interface RealmMicrosoftOptions {
  readonly applicationIdentifier?: string;
  readonly microsoftRealm?: readonly string[];
  readonly host?: readonly string[];
  readonly tokenHost?: readonly string[];
  readonly users?: string;
}

type MicrosoftPolicy = Realm['policy']['microsoft'];

export const addRealmMicrosoftOptions = (command: Command): Command =>
  command
    .option(
      '--application-identifier <guid>',
      'with --microsoft-realm: it takes part in the profile of Exchange, SharePoint and Skype, as this application',
    )
    .option(
      '--microsoft-realm <name>',
      'realm that it is in there; the first is its own; repeat for more',
      collectWords,
    )
    .option(
      '--host <name>',
      'host of its resources, with port if not 443, in their tokens; repeat for more',
      collectWords,
    )
    .option('--token-host <name>', 'host of its token endpoint in their tokens; repeat for more', collectWords)
    .addOption(new Option('--users <rule>', 'which users their tokens may be about').choices(MICROSOFT_USERS));

/** What `--unset` can take away of it. */
export const MICROSOFT_REALM_MEMBERS = { hosts: 'hosts', 'token-hosts': 'tokenHosts', users: 'users' } as const;

/**
 * The member of the policy to send, whole: what is not named stays as `current` has it; each list that is named takes the place of the
 * one before.
 * @throws Failure (2) where it would not be known by what name the realm goes.
 */
export function readRealmMicrosoft(
  options: RealmMicrosoftOptions,
  current: MicrosoftPolicy,
): Readonly<Record<string, unknown>> | undefined {
  const given = defined({
    applicationId: options.applicationIdentifier,
    realms: options.microsoftRealm,
    hosts: options.host,
    tokenHosts: options.tokenHost,
    users: options.users,
  });
  if (Object.keys(given).length === 0) return undefined;
  const members = { ...current, ...given };
  if (members.applicationId === undefined || members.realms === undefined) {
    throw misuse('--application-identifier and --microsoft-realm go together: with both, the realm is <guid>@<realm>');
  }
  return members;
}
