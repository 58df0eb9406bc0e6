/**
 * A partner on the terminal: what is known of it, its keys and how good they are, what it may call.
 */
import type { Credential, Partner, QuotaView, Source } from './admin-records.ts';
import type { Io } from './io.ts';
import { describeTimestamp, type Row, record, table } from './output.ts';
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
    ['tokens', describeTokenPolicy(found.tokenPolicy)],
    ['quota', describeQuota(found.quota)],
    ...Object.entries(found.claims).map(([name, value]) => [`claim ${name}`, JSON.stringify(value)] as const),
    ['version', found.version],
    ['created', found.createdAt],
    ['updated', found.updatedAt],
    ['audiences', found.audiences.join(' ')],
  ]);
  const grants = found.grants.map((grant) => [grant.audience, grant.scopes.join(' ')]);
  const parts = [head, describeCredentials(io, found.credentials)];
  return [...parts, table(io, ['MAY CALL', 'SCOPES'], grants, 'May call nothing yet.')].join('\n\n');
}

const COLUMNS = ['KEY', 'ALG', 'TYPE', 'SOURCE', 'LABEL', 'NOT BEFORE', 'EXPIRES', 'LAST USED', 'ADDED'];

export function describeCredentials(io: Io, credentials: readonly Credential[]): string {
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
  return table(io, ...withoutEmptyColumns(COLUMNS, rows), 'No keys: it can accept tokens, but not ask for any.');
}

/** Columns that nobody has anything in would push the others off the screen. */
function withoutEmptyColumns(heading: readonly string[], rows: readonly Row[]): [readonly string[], readonly Row[]] {
  const isUsed = (_: unknown, column: number): boolean => rows.some((row) => row[column] !== undefined);
  return [heading.filter(isUsed), rows.map((row) => row.filter(isUsed))];
}

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
