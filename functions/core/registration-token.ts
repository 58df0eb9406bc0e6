/**
 * The tokens of dynamic registration: the one that an operator hands to a partner's people (RFC 7591 1.2), and the one that they
 * keep their registration with (RFC 7592 3). Each names its partner, so that one read finds it; the rest is chance.
 */

import { timingSafeEqual } from 'node:crypto';
import { base64url } from 'jose';
import { hashSecret } from './client-secret.ts';
import { isPartnerId } from './partner.ts';

/** So that scanners of repositories and logs can tell what they have found. */
const PREFIXES = { onboarding: 'cobt_', registration: 'crat_' } as const;
export type RegistrationTokenKind = keyof typeof PREFIXES;

/** 256 bits in base64url: the last character holds four of them, so that two of its own are zero. */
const FORM = /^([A-Za-z0-9_-]{2,171})\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

/** @param secret 256 random bits, base64url. */
export const buildRegistrationToken = (kind: RegistrationTokenKind, partner: string, secret: string): string =>
  `${PREFIXES[kind]}${base64url.encode(partner)}.${secret}`;

/** The partner that a token is about, if it is one of this kind. It proves nothing yet: see `isTokenOf`. */
export const partnerOfToken = (kind: RegistrationTokenKind, token: string): string | undefined => {
  const prefix = PREFIXES[kind];
  const [, encoded] = (token.startsWith(prefix) ? FORM.exec(token.slice(prefix.length)) : null) ?? [];
  if (encoded === undefined) return undefined;
  const partner = Buffer.from(encoded, 'base64url').toString('latin1');
  // Equal partners have equal tokens: no second spelling of the id.
  return isPartnerId(partner) && base64url.encode(partner) === encoded ? partner : undefined;
};

/** Stands in where there is no hash, so that a token of nobody costs as much as a wrong one. No token has it. */
const NO_HASH = Buffer.alloc(32).toString('base64url');

/** Whether the token is the one that the hash is of; `undefined` is the hash of none. */
export const isTokenOf = (hash: string | undefined, token: string): boolean => {
  const presented = Buffer.from(hashSecret(token), 'base64url');
  const stored = Buffer.from(hash ?? NO_HASH, 'base64url');
  return stored.length === presented.length && timingSafeEqual(stored, presented) && hash !== undefined;
};
