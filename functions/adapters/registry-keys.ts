/**
 * The registry table's keys: which row stands where. docs/data-model.md shows them.
 */

import { KEY_ATTRIBUTES } from '../config.ts';
import type { JwsAlgorithm } from '../core/algorithms.ts';

export type Row = Readonly<Record<string, unknown>>;

const { partition, sort, listingPartition, listingSort } = KEY_ATTRIBUTES;

/**
 * First in its partition: a Query is no snapshot, and what it reads after the partner is at least as new, so that a write
 * on the partner's version never rests on a list that is older than it.
 */
export const PARTNER_SORT = '0#partner';
export const GRANT_PREFIX = 'grant#';
export const OWNS_PREFIX = 'owns#';
export const INTROSPECTS_PREFIX = 'introspects#';
export const REFRESH_SORT = 'refresh';
const AUDIENCE_SORT = 'audience';
export const TALLY_SORT = 'grants';

const key = (partitionValue: string, sortValue: string): Row => ({ [partition]: partitionValue, [sort]: sortValue });

/** A realm, or one of its aliases. */
export const realmKey = (nameOrAlias: string): Row => key(`realm#${nameOrAlias}`, 'realm');

export const partnerPartition = (realm: string, id: string): string => `partner#${realm}#${id}`;
export const partnerKey = (realm: string, id: string): Row => key(partnerPartition(realm, id), PARTNER_SORT);
export const refreshKey = (realm: string, id: string): Row => key(partnerPartition(realm, id), REFRESH_SORT);
export const grantKey = (realm: string, client: string, audience: string): Row =>
  key(partnerPartition(realm, client), `${GRANT_PREFIX}${audience}`);
export const ownsKey = (realm: string, owner: string, audience: string): Row =>
  key(partnerPartition(realm, owner), `${OWNS_PREFIX}${audience}`);
/** Stands with the partner that may ask, whom every introspection reads anyway. */
export const introspectsKey = (realm: string, introspector: string, audience: string): Row =>
  key(partnerPartition(realm, introspector), `${INTROSPECTS_PREFIX}${audience}`);
/** Counts the grants that a partner holds and the audiences that it may introspect, and outlives it. */
export const heldTallyKey = (realm: string, client: string): Row => key(partnerPartition(realm, client), TALLY_SORT);

export const issuerKey = (realm: string, issuer: string): Row => key(`issuer#${realm}#${issuer}`, 'issuer');

/** Which partner takes part in the Microsoft profile with a certificate. */
export const certificateKey = (realm: string, x5t: string): Row => key(`certificate#${realm}#${x5t}`, 'certificate');

export const userKey = (realm: string, id: string): Row => key(`user#${realm}#${id}`, 'user');
/** Which user an identifier means: as much of the user as whoever looks for it wants to know. */
export const userNameKey = (realm: string, kind: string, identifier: string): Row =>
  key(`user-name#${realm}#${kind}#${identifier}`, 'user-name');

const audiencePartition = (realm: string, audience: string): string => `audience#${realm}#${audience}`;
export const audienceKey = (realm: string, audience: string): Row =>
  key(audiencePartition(realm, audience), AUDIENCE_SORT);
/** Counts the grants on an audience, and those of each scope; outlives it. */
export const grantedTallyKey = (realm: string, audience: string): Row =>
  key(audiencePartition(realm, audience), TALLY_SORT);

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

export const realmsListing: Listing = { name: 'realms', rowKey: realmKey };
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

export const usersListing = (realm: string): Listing => ({
  name: `users#${realm}`,
  rowKey: (id) => userKey(realm, id),
});

/** Partners of all realms whose documents are followed, by when that is due next. */
export const REFRESH_LISTING = 'refresh';
export const dueSort = (dueAt: number, realm: string, id: string): string => `${dueMark(dueAt)}#${realm}#${id}`;
/** Of one length, so that text sorts as the numbers do. */
export const dueMark = (dueAt: number): string => String(dueAt).padStart(12, '0');

export const listed = ({ name }: Pick<Listing, 'name'>, sortValue: string): Row => ({
  [listingPartition]: name,
  [listingSort]: sortValue,
});
