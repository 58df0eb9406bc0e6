/**
 * Realms: security containers, each with its own issuer, keys, policy and partner applications. Every deployment has the
 * default realm, whether or not a row of the registry says anything about it.
 */

import { isJwsAlgorithm, type JwsAlgorithm, parseAlgorithmName } from './algorithms.ts';
import { DETAIL_TYPES_RULE, isDetailTypeList } from './authorization-details.ts';
import { accept, type Result, refuse } from './errors.ts';
import { GRANT_TYPES, type GrantType } from './grant-type.ts';
import { type MicrosoftRealmInput, parseMicrosoftRealm } from './microsoft-definition.ts';
import type { MicrosoftRealm } from './microsoft-profile.ts';
import type { EpochSeconds } from './partner.ts';
import type { InputProblem } from './public-key.ts';
import { isTokenLifetime, MAX_TOKEN_SECONDS, MIN_TOKEN_SECONDS } from './token-policy.ts';

export interface RealmPolicy {
  /** The rings it has at least; the first signs where nobody chose another. */
  readonly algorithms?: readonly JwsAlgorithm[];
  /** Longest lifetime of its tokens; the deployment's setting bounds it. */
  readonly accessTokenSeconds?: number;
  /** Longest lifetime of client assertions; the deployment's setting bounds it. */
  readonly assertionSeconds?: number;
  /** Whether its partners may have client secrets. Not unless said. */
  readonly clientSecrets?: boolean;
  /** The grants that it answers; all unless said. */
  readonly grantTypes?: readonly GrantType[];
  /** Whether DPoP proofs at its token endpoint have to hold a nonce of ours (RFC 9449 8); `required` unless said. */
  readonly dpopNonces?: DpopNonces;
  /** Types of authorization details that its audiences may declare (RFC 9396); none unless said. */
  readonly authorizationDetailsTypes?: readonly string[];
  /** There if it takes part in the Microsoft server-to-server profile. */
  readonly microsoft?: MicrosoftRealm;
}

export interface Realm {
  readonly name: string;
  readonly description?: string;
  /** Further names that its endpoints are reached under. Its issuer stays its own. */
  readonly aliases: readonly string[];
  readonly enabled: boolean;
  readonly policy: RealmPolicy;
  /** 0: the default realm as every deployment has it, never written. */
  readonly version: number;
  readonly createdAt?: EpochSeconds;
  readonly updatedAt?: EpochSeconds;
}

/** The default realm before anybody has changed it. */
export const untouchedRealm = (name: string): Realm => ({ name, aliases: [], enabled: true, policy: {}, version: 0 });

/** Lower case, so that no two names differ by case alone; domain names fit, since realms of Exchange and Skype are named so. */
const REALM_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;

export const isRealmName = (value: string): boolean => REALM_NAME.test(value);

export const DPOP_NONCES = ['required', 'optional'] as const;
type DpopNonces = (typeof DPOP_NONCES)[number];

/** What the deployment says about all realms. */
export interface RealmDefaults {
  /** Name of the default realm. */
  readonly defaultRealm: string;
  /** Issuer of the default realm, without a trailing slash. */
  readonly baseUrl: string;
  /** Rings of the default realm. */
  readonly algorithms: readonly [JwsAlgorithm, ...JwsAlgorithm[]];
  readonly accessTokenSeconds: number;
  readonly assertionSeconds: number;
  /** Base URL of the door that asks for TLS client certificates, if there is one. */
  readonly mutualTlsUrl?: string;
}

/** A realm with everything settled. */
export interface RealmTerms {
  readonly name: string;
  readonly issuer: string;
  readonly algorithms: readonly [JwsAlgorithm, ...JwsAlgorithm[]];
  readonly accessTokenSeconds: number;
  readonly assertionSeconds: number;
  readonly clientSecrets: boolean;
  readonly grantTypes: readonly GrantType[];
  readonly dpopNonces: DpopNonces;
  readonly authorizationDetailsTypes: readonly string[];
  readonly microsoft?: MicrosoftRealm;
  /** Its endpoints at the door that asks for TLS client certificates begin with this. */
  readonly mutualTlsUrl?: string;
}

/** Path of a realm's own endpoints below the base URL. */
export const realmPath = (name: string, defaultRealm: string): string =>
  name === defaultRealm ? '' : `/realms/${name}`;

/** A realm without rings of its own choice has the default realm's if it is that, and else the first of them only: each ring costs. */
export const realmTerms = ({ name, policy }: Realm, defaults: RealmDefaults): RealmTerms => {
  const [first, ...rest] = policy.algorithms ?? [];
  const [standard] = defaults.algorithms;
  const inherited = name === defaults.defaultRealm ? defaults.algorithms : ([standard] as const);
  return {
    name,
    issuer: `${defaults.baseUrl}${realmPath(name, defaults.defaultRealm)}`,
    algorithms: first === undefined ? inherited : [first, ...rest],
    accessTokenSeconds: Math.min(defaults.accessTokenSeconds, policy.accessTokenSeconds ?? defaults.accessTokenSeconds),
    assertionSeconds: Math.min(defaults.assertionSeconds, policy.assertionSeconds ?? defaults.assertionSeconds),
    clientSecrets: policy.clientSecrets ?? false,
    grantTypes: policy.grantTypes ?? GRANT_TYPES,
    dpopNonces: policy.dpopNonces ?? 'required',
    authorizationDetailsTypes: policy.authorizationDetailsTypes ?? [],
    ...(policy.microsoft === undefined ? {} : { microsoft: policy.microsoft }),
    ...(defaults.mutualTlsUrl === undefined
      ? {}
      : { mutualTlsUrl: `${defaults.mutualTlsUrl}${realmPath(name, defaults.defaultRealm)}` }),
  };
};

export interface RealmInput {
  readonly description?: string | null | undefined;
  readonly aliases?: readonly string[] | undefined;
  readonly enabled?: boolean | undefined;
  readonly policy?:
    | {
        readonly algorithms?: readonly string[] | undefined;
        readonly accessTokenSeconds?: number | undefined;
        readonly assertionSeconds?: number | undefined;
        readonly clientSecrets?: boolean | undefined;
        readonly grantTypes?: readonly string[] | undefined;
        readonly dpopNonces?: string | undefined;
        readonly authorizationDetailsTypes?: readonly string[] | undefined;
        readonly microsoft?: MicrosoftRealmInput | undefined;
      }
    | undefined;
}

const MAX_ALIASES = 20;
const MAX_DESCRIPTION_LENGTH = 256;
const MIN_ASSERTION_SECONDS = 30;
const MAX_ASSERTION_SECONDS = 3_600;

/** The realm with these members in place of its own; members that are not named stay. */
export const changeRealm = (
  realm: Realm,
  { description, aliases = realm.aliases, enabled = realm.enabled, policy }: RealmInput,
  now: EpochSeconds,
): Result<Realm, readonly InputProblem[]> => {
  const { description: before, ...rest } = realm;
  const text = description === undefined ? before : (description ?? undefined);
  const settled = policy === undefined ? accept(realm.policy) : parsePolicy(policy);
  const problems = [
    ...(isRealmName(realm.name) ? [] : [{ pointer: '/name', detail: NAME_RULE }]),
    ...aliasProblems(realm.name, aliases),
    ...(text === undefined || isLine(text, MAX_DESCRIPTION_LENGTH)
      ? []
      : [{ pointer: '/description', detail: `1 to ${MAX_DESCRIPTION_LENGTH} printable characters` }]),
    ...(settled.ok ? [] : settled.refusal),
  ];
  if (problems.length > 0 || !settled.ok) return refuse(problems);
  return accept({
    ...rest,
    ...(text === undefined ? {} : { description: text }),
    aliases: [...aliases],
    enabled,
    policy: settled.value,
    version: realm.version + 1,
    createdAt: realm.createdAt ?? now,
    updatedAt: now,
  });
};

const NAME_RULE = 'a realm is named with 1 to 63 lower-case letters, digits, dots and dashes';

const aliasProblems = (name: string, aliases: readonly string[]): readonly InputProblem[] => {
  if (aliases.length > MAX_ALIASES) return [{ pointer: '/aliases', detail: `at most ${MAX_ALIASES} aliases` }];
  if (new Set([name, ...aliases]).size <= aliases.length) {
    return [{ pointer: '/aliases', detail: 'an alias repeats the name or another alias' }];
  }
  return aliases.flatMap((alias, index) =>
    isRealmName(alias) ? [] : [{ pointer: `/aliases/${index}`, detail: NAME_RULE }],
  );
};

const parsePolicy = ({
  algorithms,
  accessTokenSeconds,
  assertionSeconds,
  clientSecrets,
  grantTypes: grantNames,
  dpopNonces: noncesName,
  authorizationDetailsTypes,
  microsoft: microsoftInput,
}: NonNullable<RealmInput['policy']>): Result<RealmPolicy, readonly InputProblem[]> => {
  const problems: InputProblem[] = [];
  const names = algorithms?.map(parseAlgorithmName).filter(isJwsAlgorithm);
  if (names !== undefined && (names.length !== algorithms?.length || new Set(names).size !== names.length)) {
    problems.push({ pointer: '/policy/algorithms', detail: 'not a list of different signature algorithms' });
  }
  if (algorithms?.length === 0)
    problems.push({ pointer: '/policy/algorithms', detail: 'a realm signs with something' });
  if (accessTokenSeconds !== undefined && !isTokenLifetime(accessTokenSeconds)) {
    problems.push({
      pointer: '/policy/accessTokenSeconds',
      detail: `${MIN_TOKEN_SECONDS} to ${MAX_TOKEN_SECONDS} whole seconds`,
    });
  }
  if (assertionSeconds !== undefined && !isAssertionLifetime(assertionSeconds)) {
    problems.push({
      pointer: '/policy/assertionSeconds',
      detail: `${MIN_ASSERTION_SECONDS} to ${MAX_ASSERTION_SECONDS} whole seconds`,
    });
  }
  const grantTypes = GRANT_TYPES.filter((each) => grantNames?.includes(each));
  if (grantNames !== undefined && (grantTypes.length !== grantNames.length || grantTypes.length === 0)) {
    problems.push({ pointer: '/policy/grantTypes', detail: `some of ${GRANT_TYPES.join(', ')}` });
  }
  const dpopNonces = DPOP_NONCES.find((each) => each === noncesName);
  if (noncesName !== undefined && dpopNonces === undefined) {
    problems.push({ pointer: '/policy/dpopNonces', detail: `one of ${DPOP_NONCES.join(', ')}` });
  }
  if (authorizationDetailsTypes !== undefined && !isDetailTypeList(authorizationDetailsTypes)) {
    problems.push({ pointer: '/policy/authorizationDetailsTypes', detail: DETAIL_TYPES_RULE });
  }
  const microsoft =
    microsoftInput === undefined ? accept(undefined) : parseMicrosoftRealm(microsoftInput, '/policy/microsoft');
  if (problems.length > 0 || !microsoft.ok) return refuse([...problems, ...(microsoft.ok ? [] : microsoft.refusal)]);
  return accept({
    ...(names === undefined ? {} : { algorithms: names }),
    ...(accessTokenSeconds === undefined ? {} : { accessTokenSeconds }),
    ...(assertionSeconds === undefined ? {} : { assertionSeconds }),
    ...(clientSecrets === undefined ? {} : { clientSecrets }),
    ...(grantNames === undefined ? {} : { grantTypes }),
    ...(dpopNonces === undefined ? {} : { dpopNonces }),
    ...(authorizationDetailsTypes === undefined ? {} : { authorizationDetailsTypes: [...authorizationDetailsTypes] }),
    ...(microsoft.value === undefined ? {} : { microsoft: microsoft.value }),
  });
};

const isAssertionLifetime = (seconds: number): boolean =>
  Number.isInteger(seconds) && seconds >= MIN_ASSERTION_SECONDS && seconds <= MAX_ASSERTION_SECONDS;

/** One line of text for people: no control characters, no lone surrogates. */
export const isLine = (text: string, maxLength: number): boolean =>
  text.length > 0 && text.length <= maxLength && !/[\p{Cc}\p{Cs}]/u.test(text);
