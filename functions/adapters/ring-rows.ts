/** Rows of key rings. */

import type { KeyCreation, KeyRing, KeyState, SigningKey } from '../core/key-ring.ts';
import { type Row, ringKey } from './registry-keys.ts';
import {
  algorithm,
  held,
  jwk,
  list,
  nested,
  oneOf,
  optionalTime,
  optionalTimes,
  text,
  texts,
  whole,
} from './row-members.ts';

export const ringRow = (ring: KeyRing): Row => ({ ...ringKey(ring.realm, ring.algorithm), ...ring });

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
  'certifiedAt',
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
