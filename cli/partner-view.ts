/**
 * A partner on the terminal: what is known of it, its keys and how good they are, what it may call.
 */
import type { Credential, Partner, QuotaView, Secret, Source } from './admin-records.ts';
import type { Io } from './io.ts';
import { describeMicrosoftPartner } from './microsoft-view.ts';
import { describeTimestamp, record, table, withoutEmptyColumns } from './output.ts';
import { describeTokenPolicy } from './token-policy-options.ts';

export const state = (enabled: boolean): string => (enabled ? 'enabled' : 'disabled');

/** `env=prod team=payments` */
export const describeTags = (tags: Readonly<Record<string, string>>): string | undefined =>
  Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ') || undefined;

export function describePartner(io: Io, found: Partner): string {
  const head = record(io, [
    ['id', found.id],
    ['name', found.name],
    ['contact', found.contact],
    ['tags', describeTags(found.tags)],
    ['state', state(found.enabled)],
    ['trust level', found.trustLevel],
    ['security identifiers', found.acceptsSecurityIdentifiers ? 'accepted' : undefined],
    ['issuer', found.issuer],
    ['compatibility', found.compatibility === 'strict' ? undefined : found.compatibility],
    ...describeSource(found.source),
    ...describeWaysIn(found),
    ...describeMicrosoftPartner(found),
    ['tokens', describeTokenPolicy(found.tokenPolicy)],
    ['quota', describeQuota(found.quota)],
    ['tokens revoked', beforeMark(found.tokensNotBefore)],
    ...Object.entries(found.claims).map(([name, value]) => [`claim ${name}`, JSON.stringify(value)] as const),
    ['version', found.version],
    ['created', found.createdAt],
    ['updated', found.updatedAt],
    ['audiences', found.audiences.join(' ')],
    ['may introspect', found.introspects.join(' ') || undefined],
  ]);
  const grants = found.grants.map((grant) => [
    grant.audience,
    grant.scopes.join(' '),
    grant.authorizationDetailsTypes.join(' ') || undefined,
    moment(grant.tokensNotBefore),
  ]);
  const calls = withoutEmptyColumns(['MAY CALL', 'SCOPES', 'AUTHORIZATION DETAILS', 'REVOKED BEFORE'], grants);
  const secrets = found.secrets.length === 0 ? [] : [describeSecrets(io, found.secrets)];
  const parts = [head, describeCredentials(io, found.credentials, withoutKeys(found)), ...secrets];
  return [...parts, table(io, ...calls, 'May call nothing yet.')].join('\n\n');
}

const beforeMark = (mark: string | undefined): string | undefined =>
  mark === undefined ? undefined : `those from before ${moment(mark)}`;

const COLUMNS = ['KEY', 'ALG', 'TYPE', 'SOURCE', 'LABEL', 'NOT BEFORE', 'EXPIRES', 'LAST USED', 'ADDED'];

/** @param none what to say where there are none. */
export function describeCredentials(io: Io, credentials: readonly Credential[], none = NO_KEYS): string {
  const rows = credentials.map((key) => [
    key.kid,
    key.alg,
    key.kty,
    key.source,
    key.label,
    moment(key.notBefore),
    moment(key.expiresAt),
    moment(key.lastUsedAt),
    key.addedAt,
  ]);
  return table(io, ...withoutEmptyColumns(COLUMNS, rows), none);
}

const NO_KEYS = 'No keys: it can accept tokens, but not ask for any.';

/** A partner can prove itself by other means, too. */
const withoutKeys = ({ tlsSubject, federation, secrets }: Partner): string =>
  tlsSubject === undefined && federation.length === 0 && secrets.length === 0 ? NO_KEYS : 'No keys.';

/** Nothing of a secret itself: the service keeps no more than its hash. */
export function describeSecrets(io: Io, secrets: readonly Secret[]): string {
  const rows = secrets.map(({ id, label, expiresAt, lastUsedAt, addedAt }) => [
    id,
    label,
    moment(expiresAt),
    moment(lastUsedAt),
    addedAt,
  ]);
  const columns = ['SECRET', 'LABEL', 'EXPIRES', 'LAST USED', 'ADDED'];
  return table(io, ...withoutEmptyColumns(columns, rows), 'No secrets.');
}

type Identity = Partner['federation'][number];
type Pair = readonly [label: string, value: string | undefined];

function describeSource(source: Source | undefined): readonly Pair[] {
  if (source === undefined) return [];
  const { type, url, lastSuccessAt, failure, nextAttemptAt } = source;
  return [
    [type === 'jwks_uri' ? 'keys from' : 'metadata from', url],
    ['last read', moment(lastSuccessAt) ?? 'never'],
    ['last failure', failure && `${failure.code}: ${failure.detail}`],
    ['next attempt', moment(nextAttemptAt)],
  ];
}

const TLS_LABELS: Readonly<Record<string, string>> = {
  subjectDn: 'subject',
  sanDns: 'DNS name',
  sanUri: 'URI',
  sanIp: 'IP address',
  sanEmail: 'mail address',
};

function describeWaysIn({
  tlsSubject = {},
  federation,
  trustedIssuer,
  onboarding,
  registered,
}: Partner): readonly Pair[] {
  return [
    ...Object.entries(tlsSubject).map(
      ([name, value]): Pair => ['TLS certificate', `${TLS_LABELS[name] ?? name} ${value}`],
    ),
    ...federation.map((identity): Pair => ['federated', describeFederated(identity)]),
    ['trusted issuer', trustedIssuer ? 'its tokens may prove others, and be exchanged' : undefined],
    ['onboarding', onboarding && `${onboarding.methods.join(', ')} until ${moment(onboarding.expiresAt)}`],
    ['registration', registered ? 'its own people may change its keys' : undefined],
  ];
}

/** `https://issuer where sub is "a" and ref is like "b*"; on trial: actor is one of "c", "d"` */
function describeFederated({ issuer, audience, claims, audited = {}, maxSeconds, reusable }: Identity): string {
  const trial = describePredicates(audited);
  const terms = [
    audience === undefined ? '' : `for ${audience}`,
    `where ${describePredicates(claims)}`,
    trial === '' ? '' : `(on trial: ${trial})`,
    maxSeconds === undefined ? '' : `at most ${maxSeconds} s long`,
    reusable === true ? 'again and again' : '',
  ];
  return [issuer, ...terms.filter((term) => term !== '')].join(' ');
}

const describePredicates = (predicates: Identity['claims']): string =>
  Object.entries(predicates)
    .map(([name, predicate]) => `${name} ${describePredicate(predicate)}`)
    .join(' and ');

function describePredicate({ exact, glob, oneOf }: Identity['claims'][string]): string {
  if (exact !== undefined) return `is ${JSON.stringify(exact)}`;
  if (glob !== undefined) return `is like ${JSON.stringify(glob)}`;
  return `is one of ${JSON.stringify(oneOf)}`;
}

function describeQuota(quota: QuotaView | undefined): string | undefined {
  if (quota === undefined) return undefined;
  const { perMinute, perDay, mode } = quota;
  const limits = [
    perMinute === undefined ? undefined : `${perMinute} a minute`,
    perDay === undefined ? undefined : `${perDay} a day`,
  ];
  return `${limits.filter((limit) => limit !== undefined).join(', ')} (${mode})`;
}

const moment = (time: string | undefined): string | undefined =>
  time === undefined ? undefined : describeTimestamp(time, Date.now());
