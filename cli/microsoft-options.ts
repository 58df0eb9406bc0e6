/**
 * The options that say whether and how a partner takes part in the Microsoft server-to-server profile, in the words of
 * `New-CsPartnerApplication` and `New-SPTrustedSecurityTokenIssuer` where these have one.
 */
import type { Command } from 'commander';
import type { Partner } from './admin-records.ts';
import type { MicrosoftPartner } from './declaration.ts';
import { misuse } from './failure.ts';
import { defined } from './option-values.ts';

export interface MicrosoftOptions {
  /** False where the profile is to be turned off. */
  readonly microsoft?: boolean;
  readonly useOauthServer?: boolean;
  /** False where it is to speak for nobody but itself. */
  readonly trustBrokerFor?: readonly string[] | false;
  readonly acceptUserTokens?: boolean;
  readonly allowDelegation?: boolean;
}

/** What is looked at besides: where the partner's name and keys come from. */
interface OwnName {
  readonly issuer?: string;
  readonly applicationIdentifier?: string;
  readonly certificate?: readonly string[];
  readonly metadataUrl?: string;
  readonly metadataFile?: string;
  readonly metadata?: string;
  readonly trustedIssuer?: boolean;
}

export function addMicrosoftOptions(command: Command): Command {
  return command
    .option(
      '--microsoft',
      'it speaks the server-to-server profile of Exchange, SharePoint and Skype (docs/microsoft.md)',
    )
    .option(
      '--use-oauth-server',
      'likewise, and an authorization server that is a trusted issuer signs its tokens, not itself',
    )
    .option(
      '--trust-broker-for <guid@realm>',
      'likewise, and its tokens may name this application besides itself; repeat for more',
      collectPrincipals,
    )
    .option('--accept-user-tokens', 'likewise, and its tokens may be about users (with --trust-level full)')
    .option('--allow-delegation', 'likewise, and it may have tokens that are trusted for delegation, for any user');
}

/** For a change: the profile, or one thing of it, taken away. */
export function addMicrosoftRemovals(command: Command): Command {
  return command
    .option('--no-microsoft', 'no token of that profile is from it or for it any more')
    .option('--no-use-oauth-server', 'it signs its tokens itself')
    .option('--no-trust-broker-for', 'its tokens name itself only')
    .option('--no-accept-user-tokens', 'its tokens are about itself only')
    .option('--no-allow-delegation', 'it has no token that is trusted for delegation');
}

/** After `--no-trust-broker-for` it begins anew. */
const collectPrincipals = (value: string, previous: readonly string[] | false | undefined): readonly string[] => [
  ...(previous || []),
  value,
];

/**
 * The member to send, whole: what is not named stays as `current` has it. `null` turns the profile off.
 * @throws Failure (2) for options that contradict one another, or take something from a profile that is off.
 */
export function readMicrosoft(
  options: MicrosoftOptions & OwnName,
  current: Partner | undefined,
): MicrosoftPartner | null | undefined {
  const { microsoft, useOauthServer, trustBrokerFor, acceptUserTokens, allowDelegation } = options;
  const members = defined({
    issuedBy: useOauthServer === undefined ? undefined : issuedBy(useOauthServer),
    actors: trustBrokerFor === false ? [] : trustBrokerFor,
    userTokens: acceptUserTokens,
    delegation: allowDelegation,
  });
  const isAnyGiven = Object.keys(members).length > 0;
  if (microsoft === false) {
    if (isAnyGiven) throw misuse('--no-microsoft turns all of the profile off: leave its other options out');
    return null;
  }
  if (microsoft === undefined && !isAnyGiven) return undefined;
  const isOn = current?.microsoft !== undefined || microsoft === true || Object.values(members).some(isSomething);
  if (useOauthServer === true) requireNoKeys(options, current?.issuer);
  if (!isOn) throw misuse('this partner takes no part in the Microsoft profile: --microsoft turns it on');
  return { ...(current?.microsoft as MicrosoftPartner | undefined), ...members };
}

/** Each of those commands takes name and keys in one of several ways, and this is one of them. */
function requireNoKeys(options: MicrosoftOptions & OwnName, known: string | undefined): void {
  const { certificate, metadataUrl, metadataFile, metadata, trustBrokerFor, trustedIssuer } = options;
  const excluded = {
    '--certificate': certificate,
    '--metadata-url': metadataUrl,
    '--metadata-file': metadataFile,
    '--metadata': metadata,
    '--trust-broker-for': trustBrokerFor || undefined,
    '--trusted-issuer': trustedIssuer || undefined,
  };
  const other = Object.entries(excluded).find(([, value]) => value !== undefined)?.[0];
  if (other !== undefined) throw misuse(`--use-oauth-server excludes ${other}: the partner signs no tokens itself`);
  if ((options.issuer ?? options.applicationIdentifier ?? known) === undefined)
    throw misuse('--use-oauth-server needs --application-identifier and --application-realm: who the tokens are about');
}

const issuedBy = (isVouchedFor: boolean): 'itself' | 'authorization-server' =>
  isVouchedFor ? 'authorization-server' : 'itself';

/** Whether an option asks for something, and does not take it away. */
const isSomething = (value: string | boolean | readonly string[]): boolean =>
  typeof value === 'object' ? value.length > 0 : value !== false && value !== 'itself';
