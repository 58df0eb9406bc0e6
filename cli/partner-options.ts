/**
 * The options that describe a partner, for `partner add` and `partner set`, and what they mean in the words of the admin API.
 */
import { type Command, Option } from 'commander';
import type { Partner } from './admin-records.ts';
import {
  COMPATIBILITY_PROFILES,
  type CompatibilityProfile,
  QUOTA_MODES,
  type Quota,
  TRUST_LEVELS,
} from './declaration.ts';
import { misuse } from './failure.ts';
import { collectJsonPairs, collectPairs, defined, parseCount } from './option-values.ts';
import type { PartnerAttributes } from './partner-definition.ts';
import { addTokenPolicyOptions, readTokenPolicy, type TokenPolicyOptions } from './token-policy-options.ts';

export interface AttributeOptions extends TokenPolicyOptions {
  readonly name?: string;
  readonly contact?: string;
  readonly tag?: Readonly<Record<string, string>>;
  readonly trustLevel?: string;
  readonly acceptsSecurityIdentifiers?: boolean;
  readonly compatibility?: string;
  readonly issuer?: string;
  readonly applicationIdentifier?: string;
  readonly applicationRealm?: string;
  readonly claim?: Readonly<Record<string, unknown>>;
  readonly quotaPerMinute?: number;
  readonly quotaPerDay?: number;
  readonly quotaMode?: Quota['mode'];
}

/** They say themselves whose they are; what is said twice can contradict itself. */
const DOCUMENTS = ['metadataUrl', 'metadataFile', 'metadata'];

export function addAttributeOptions(command: Command): Command {
  command
    .option('--name <name>', 'name for people')
    .option('--contact <text>', 'who answers for it: an address, a team, a telephone number')
    .option('--tag <name=value>', 'tag to find it by; repeat for more', collectPairs)
    .addOption(
      new Option('--trust-level <level>', 'what it may assert: itself, only users, or both').choices(TRUST_LEVELS),
    )
    .addOption(
      new Option('--compatibility <profile>', 'what its client library cannot do (docs/compatibility.md)').choices(
        COMPATIBILITY_PROFILES,
      ),
    )
    .option('--accepts-security-identifiers', 'a Windows security identifier in its tokens may name a user')
    .addOption(
      new Option('--issuer <name>', 'what it calls itself in tokens of its own making').conflicts([
        'applicationIdentifier',
        'applicationRealm',
      ]),
    )
    .addOption(
      new Option(
        '--application-identifier <guid>',
        'with --application-realm: its issuer is <guid>@<realm> (Skype, Exchange, SharePoint)',
      ).conflicts(DOCUMENTS),
    )
    .addOption(
      new Option('--application-realm <name>', 'realm that its product gives it, such as contoso.com').conflicts(
        DOCUMENTS,
      ),
    );
  addTokenPolicyOptions(command);
  return command
    .option('--claim <name=json>', 'claim in every token that it gets; repeat for more', collectJsonPairs)
    .option('--quota-per-minute <number>', 'tokens that it may get in a minute', parseCount)
    .option('--quota-per-day <number>', 'tokens that it may get in a day', parseCount)
    .addOption(
      new Option('--quota-mode <mode>', 'refuse what is above the quota (enforce, the default), or only tell').choices(
        QUOTA_MODES,
      ),
    );
}

/** Only what was given; a new partner gets the service's defaults for the rest. */
export function readAttributes(options: AttributeOptions): PartnerAttributes {
  return readChange(options, undefined);
}

/**
 * The members to send so that `current` becomes what the options say: tags, claims, policy and quota keep what is not named.
 * @throws Failure (2) for options that say half of something.
 */
export function readChange(options: AttributeOptions, current: Partner | undefined): PartnerAttributes {
  const { name, contact, tag, trustLevel, acceptsSecurityIdentifiers, claim } = options;
  const policy = readTokenPolicy(options);
  return defined({
    name,
    contact,
    tags: tag && { ...current?.tags, ...tag },
    trustLevel,
    acceptsSecurityIdentifiers,
    compatibility: options.compatibility as CompatibilityProfile | undefined,
    issuer: readIssuer(options),
    tokenPolicy: Object.keys(policy).length === 0 ? undefined : { ...current?.tokenPolicy, ...policy },
    claims: claim && { ...current?.claims, ...claim },
    quota: readQuota(options, current?.quota as Quota | undefined),
  });
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function readIssuer({
  issuer,
  applicationIdentifier: id,
  applicationRealm: realm,
}: AttributeOptions): string | undefined {
  if (id === undefined && realm === undefined) return issuer;
  if (id === undefined || realm === undefined) {
    throw misuse('--application-identifier and --application-realm go together: the issuer is <guid>@<realm>');
  }
  if (!GUID.test(id)) throw misuse(`not a GUID: ${id}`);
  return `${id}@${realm}`;
}

function readQuota(options: AttributeOptions, current: Quota | undefined): Quota | undefined {
  const { quotaPerMinute: perMinute, quotaPerDay: perDay, quotaMode } = options;
  if (perMinute === undefined && perDay === undefined && quotaMode === undefined) return undefined;
  const limits = { ...current, ...defined({ perMinute, perDay }) };
  if (limits.perMinute === undefined && limits.perDay === undefined) {
    throw misuse('no quota: pass --quota-per-minute or --quota-per-day');
  }
  // Whoever sets a limit wants it to hold.
  return { ...limits, mode: quotaMode ?? current?.mode ?? 'enforce' };
}
