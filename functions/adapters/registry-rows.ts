/**
 * The registry table's rows: key patterns, and row -> value with every member checked. docs/data-model.md shows them.
 * A row that cannot be read is a fault of ours and is thrown, never skipped.
 */

import type { JWK } from 'jose';
import { KEY_ATTRIBUTES } from '../config.ts';
import { isJwsAlgorithm, type JwsAlgorithm } from '../core/algorithms.ts';
import type { KeyCreation, KeyRing, KeyState, SigningKey } from '../core/key-ring.ts';
import type { Audience, Grant, Partner, PartnerKey, PartnerWithGrants } from '../core/partner.ts';

export type Row = Readonly<Record<string, unknown>>;

const { partition, sort, listingPartition, listingSort } = KEY_ATTRIBUTES;

const PARTNER_SORT = 'partner';
const GRANT_PREFIX = 'grant#';
const OWNS_PREFIX = 'owns#';
const AUDIENCE_SORT = 'audience';

export const partnerPartition = (realm: string, id: string): string => `partner#${realm}#${id}`;
export const partnerKey = (realm: string, id: string): Row => key(partnerPartition(realm, id), PARTNER_SORT);
const grantKey = (realm: string, client: string, audience: string): Row =>
  key(partnerPartition(realm, client), `${GRANT_PREFIX}${audience}`);
export const audienceKey = (realm: string, audience: string): Row =>
  key(`audience#${realm}#${audience}`, AUDIENCE_SORT);
export const ownsKey = (realm: string, owner: string, audience: string): Row =>
  key(partnerPartition(realm, owner), `${OWNS_PREFIX}${audience}`);
export const ringPartition = (realm: string): string => `ring#${realm}`;
export const ringKey = (realm: string, algorithm: JwsAlgorithm): Row => key(ringPartition(realm), algorithm);

/** A partition of its own, so that reading the rings does not read it. Its name begins as theirs do, and so do their permissions. */
export const revocationListPartition = (realm: string): string => `ring#${realm}#revoked-keys`;
export const revocationListKey = (realm: string): Row => key(revocationListPartition(realm), 'list');

/** One listing of the GSI: its partition, and the table key of the row that stands in it under a sort value. */
export interface Listing {
  readonly name: string;
  readonly rowKey: (sortValue: string) => Row;
}

export const partnersListing = (realm: string): Listing => ({
  name: `partners#${realm}`,
  rowKey: (id) => partnerKey(realm, id),
});
export const audiencesListing = (realm: string): Listing => ({
  name: `audiences#${realm}`,
  rowKey: (audience) => audienceKey(realm, audience),
});
export const grantsListing = (realm: string, audience: string): Listing => ({
  name: `grants#${realm}#${audience}`,
  rowKey: (client) => grantKey(realm, client, audience),
});

const key = (partitionValue: string, sortValue: string): Row => ({ [partition]: partitionValue, [sort]: sortValue });
const listed = ({ name }: Listing, sortValue: string): Row => ({ [listingPartition]: name, [listingSort]: sortValue });

export const partnerRow = (partner: Partner): Row => ({
  ...partnerKey(partner.realm, partner.id),
  ...listed(partnersListing(partner.realm), partner.id),
  ...partner,
});

export const grantRow = (grant: Grant): Row => ({
  ...grantKey(grant.realm, grant.client, grant.audience),
  ...listed(grantsListing(grant.realm, grant.audience), grant.client),
  ...grant,
});

export const audienceRow = (audience: Audience): Row => ({
  ...audienceKey(audience.realm, audience.audience),
  ...listed(audiencesListing(audience.realm), audience.audience),
  ...audience,
});

export const ringRow = (ring: KeyRing): Row => ({ ...ringKey(ring.realm, ring.algorithm), ...ring });

/** A row of the registry is not what this version of the code writes. */
export class MalformedRowError extends Error {
  override readonly name = 'MalformedRowError';
}

/** All rows of one partner's partition. `undefined`: no such partner. */
export const parsePartnerCollection = (rows: readonly Row[]): PartnerWithGrants | undefined => {
  const partner = rows.find((row) => row[sort] === PARTNER_SORT);
  if (partner === undefined) return undefined;
  return {
    partner: parsePartnerRow(partner),
    grants: rows.filter((row) => text(row, sort).startsWith(GRANT_PREFIX)).map(parseGrantRow),
    audiences: rows
      .map((row) => text(row, sort))
      .filter((value) => value.startsWith(OWNS_PREFIX))
      .map((value) => value.slice(OWNS_PREFIX.length)),
  };
};

export const parsePartnerRow = (row: Row): Partner => ({
  realm: text(row, 'realm'),
  id: text(row, 'id'),
  ...(row.name === undefined ? {} : { name: text(row, 'name') }),
  enabled: flag(row, 'enabled'),
  keys: list(row, 'keys').map(parsePartnerKey),
  version: whole(row, 'version'),
  createdAt: whole(row, 'createdAt'),
  updatedAt: whole(row, 'updatedAt'),
});

const parsePartnerKey = (row: Row): PartnerKey => ({
  kid: text(row, 'kid'),
  algorithm: algorithm(row, 'algorithm'),
  jwk: jwk(row, 'jwk'),
  thumbprint: text(row, 'thumbprint'),
  addedAt: whole(row, 'addedAt'),
});

export const parseGrantRow = (row: Row): Grant => ({
  realm: text(row, 'realm'),
  client: text(row, 'client'),
  audience: text(row, 'audience'),
  scopes: texts(row, 'scopes'),
  version: whole(row, 'version'),
});

export const parseAudienceRow = (row: Row): Audience => ({
  realm: text(row, 'realm'),
  audience: text(row, 'audience'),
  owner: text(row, 'owner'),
  ownerEnabled: flag(row, 'ownerEnabled'),
  scopes: texts(row, 'scopes'),
  ...(row.algorithm === undefined ? {} : { algorithm: algorithm(row, 'algorithm') }),
  version: whole(row, 'version'),
});

export const parseRingRow = (row: Row): KeyRing => ({
  realm: text(row, 'realm'),
  algorithm: algorithm(row, 'algorithm'),
  version: whole(row, 'version'),
  ...(row.creation === undefined ? {} : { creation: parseCreation(nested(row, 'creation')) }),
  ...optionalTime(row, 'sweptAt'),
  keys: list(row, 'keys').map(parseSigningKey),
});

const parseCreation = (row: Row): KeyCreation => ({ id: text(row, 'id'), startedAt: whole(row, 'startedAt') });

const KEY_STATES: readonly KeyState[] = [
  'created',
  'standby',
  'active',
  'retiring',
  'retired',
  'revoked',
  'pending-deletion',
];

/** Deadlines and other numbers of seconds that a key has or has not, by its state. */
const KEY_TIMES = [
  'publishedAt',
  'activateNotBefore',
  'maxTokenSeconds',
  'activatedAt',
  'rotateNotBefore',
  'deactivatedAt',
  'lastSignBefore',
  'retireNotBefore',
  'retiredAt',
  'revokedAt',
  'listedUntil',
  'disabledAt',
  'deleteNotBefore',
  'deletionAt',
] as const;

const parseSigningKey = (row: Row): SigningKey => ({
  kid: text(row, 'kid'),
  keyArn: text(row, 'keyArn'),
  state: oneOf(row, 'state', KEY_STATES),
  jwk: jwk(row, 'jwk'),
  createdAt: whole(row, 'createdAt'),
  ...optionalTimes(row, KEY_TIMES),
  ...(row.hold === undefined ? {} : { hold: held(row) }),
  ...(row.certificates === undefined ? {} : { certificates: texts(row, 'certificates') }),
});

const wrong = (row: Row, member: string): MalformedRowError =>
  new MalformedRowError(`row ${String(row[partition])} / ${String(row[sort])}: ${member} is missing or malformed`);

const text = (row: Row, member: string): string => {
  const value = row[member];
  if (typeof value !== 'string') throw wrong(row, member);
  return value;
};

const whole = (row: Row, member: string): number => {
  const value = row[member];
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrong(row, member);
  return value;
};

const flag = (row: Row, member: string): boolean => {
  const value = row[member];
  if (typeof value !== 'boolean') throw wrong(row, member);
  return value;
};

const texts = (row: Row, member: string): readonly string[] => {
  const value = row[member];
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) throw wrong(row, member);
  return value;
};

const isRow = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Rows within a row, each told where it stands, for what is said when it is malformed. */
const list = (row: Row, member: string): readonly Row[] => {
  const value = row[member];
  if (!Array.isArray(value) || !value.every(isRow)) throw wrong(row, member);
  return value.map((each, index) => ({ ...each, ...key(String(row[partition]), `${row[sort]} ${member}[${index}]`) }));
};

/** A row within a row, told where it stands. */
const nested = (row: Row, member: string): Row => {
  const value = row[member];
  if (!isRow(value)) throw wrong(row, member);
  return { ...value, ...key(String(row[partition]), `${row[sort]} ${member}`) };
};

/** A mark that is either there or not. */
const held = (row: Row): true => {
  if (row.hold !== true) throw wrong(row, 'hold');
  return true;
};

const jwk = (row: Row, member: string): JWK => {
  const value = row[member];
  if (!isRow(value) || typeof value.kty !== 'string') throw wrong(row, member);
  return { ...value, kty: value.kty };
};

const algorithm = (row: Row, member: string): JwsAlgorithm => {
  const value = row[member];
  if (!isJwsAlgorithm(value)) throw wrong(row, member);
  return value;
};

const oneOf = <Value extends string>(row: Row, member: string, values: readonly Value[]): Value => {
  const found = values.find((value) => value === row[member]);
  if (found === undefined) throw wrong(row, member);
  return found;
};

const optionalTime = <Member extends string>(row: Row, member: Member): { readonly [name in Member]?: number } =>
  row[member] === undefined ? {} : ({ [member]: whole(row, member) } as { readonly [name in Member]?: number });

const optionalTimes = <Member extends string>(
  row: Row,
  members: readonly Member[],
): { readonly [name in Member]?: number } => Object.assign({}, ...members.map((member) => optionalTime(row, member)));
