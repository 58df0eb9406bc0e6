/**
 * Nonces for DPoP proofs (RFC 9449 8): what a client cannot know before we have told it, so that it cannot make proofs in advance.
 * None is stored. Each is the number of its time window and a MAC of it, under a key that changes every day.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { EpochSeconds } from './partner.ts';

/** A nonce is given out for one window, and accepted in the next one as well. */
const WINDOW_SECONDS = 300;
const DAY_SECONDS = 86_400;
const MAC_BYTES = 16;

/** Nonces that DPoP proofs have to hold. */
export interface AcceptedNonces {
  /** To be given to clients. */
  readonly current: string;
  /** The current one and the one before. */
  readonly accepted: readonly string[];
}

/** A secret of all realms, for the windows that begin on its day. */
export interface NonceKey {
  /** Days since the epoch. */
  readonly day: number;
  /** 32 random octets. */
  readonly octets: Uint8Array;
}

const windowOf = (now: EpochSeconds): number => Math.floor(now / WINDOW_SECONDS);
const dayOf = (window: number): number => Math.floor((window * WINDOW_SECONDS) / DAY_SECONDS);

/** The windows whose nonces are accepted, the current one first, each with the day that it began on. */
const windows = (now: EpochSeconds) =>
  [windowOf(now), windowOf(now) - 1].map((window) => ({ window, day: dayOf(window) }));

/** The days whose keys are needed: today, and shortly after midnight yesterday too. */
export const nonceDays = (now: EpochSeconds): readonly number[] => [...new Set(windows(now).map(({ day }) => day))];

/** The last second at which somebody may need the key of a day, and a day more for clocks that differ. */
export const nonceKeyExpiry = (day: number): EpochSeconds => (day + 2) * DAY_SECONDS;

/**
 * @param keys those of `nonceDays`.
 * @throws Error when one is missing: there is no nonce without its key.
 */
export const acceptedNonces = (realm: string, now: EpochSeconds, keys: readonly NonceKey[]): AcceptedNonces => {
  const [current = '', before = ''] = windows(now).map(({ window, day }) => {
    const key = keys.find((each) => each.day === day);
    if (key === undefined) throw new Error(`no nonce key of day ${day}`);
    return nonceOf(key.octets, realm, window);
  });
  return { current, accepted: [current, before] };
};

/** `BASE64URL(window || MAC)`, of the characters that RFC 9449 8.1 allows. */
const nonceOf = (key: Uint8Array, realm: string, window: number): string => {
  const index = Buffer.alloc(4);
  index.writeUInt32BE(window);
  const mac = createHmac('sha256', key).update(index).update(realm).digest().subarray(0, MAC_BYTES);
  return Buffer.concat([index, mac]).toString('base64url');
};

/** In the same time for every nonce of the right length. */
export const isAcceptedNonce = (nonce: string | undefined, accepted: readonly string[]): boolean => {
  if (nonce === undefined) return false;
  const presented = Buffer.from(nonce);
  const found = accepted.map((each) => {
    const known = Buffer.from(each);
    return known.length === presented.length && timingSafeEqual(known, presented);
  });
  return found.includes(true);
};
