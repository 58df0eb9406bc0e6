/**
 * Client secrets (RFC 6749 2.3.1): passwords of our making, with as much chance in them as a key. Kept as their hash only: a hash that
 * is slow to compute protects passwords that people choose, and would only be a way to tie us up here.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import { accept, type Result, refuse } from './errors.ts';
import type { EpochSeconds } from './partner.ts';

export interface ClientSecret {
  /** By which it is told from others of the same partner; not secret. */
  readonly id: string;
  /** SHA-256 of the secret's text, base64url. */
  readonly hash: string;
  readonly label?: string;
  readonly addedAt: EpochSeconds;
  /** Good until the second before this one. */
  readonly expiresAt?: EpochSeconds;
}

export const MAX_SECRETS = 5;

/** So that scanners of repositories and logs can tell what they have found. */
export const CLIENT_SECRET_PREFIX = 'csec_';

export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

/** Looks at all of them, whichever it is: time tells nobody how many there are. */
export const findSecret = (
  secrets: readonly ClientSecret[],
  presented: string,
  now: EpochSeconds,
): Result<ClientSecret> => {
  const hash = Buffer.from(hashSecret(presented), 'base64url');
  const found = secrets.filter((each) => timingSafeEqual(Buffer.from(each.hash, 'base64url'), hash))[0];
  if (found === undefined) return refuse({ reason: 'secret_unknown' });
  const { id, expiresAt } = found;
  return expiresAt !== undefined && now >= expiresAt
    ? refuse({ reason: 'secret_expired', id, expiresAt })
    : accept(found);
};

/** Under which the last use of a secret is remembered. */
export const secretCredential = (id: string): string => `secret:${id}`;
