/**
 * Dynamic client registration (RFC 7591, RFC 7592): a partner's own people register its public key, with a token that the operator has
 * issued once for this partner.
 */

import type { EpochSeconds } from './partner.ts';

/** How a partner can set itself up to prove who it is. Whatever needs a secret or the operator's word is not among them. */
export const REGISTRABLE_METHODS = ['private_key_jwt', 'self_signed_tls_client_auth'] as const;
export type RegistrableMethod = (typeof REGISTRABLE_METHODS)[number];

/** The initial access token (RFC 7591 1.2), good for one registration of this one partner. */
export interface Onboarding {
  /** SHA-256 of the token's text, base64url. */
  readonly hash: string;
  readonly expiresAt: EpochSeconds;
  readonly createdAt: EpochSeconds;
  readonly methods: readonly RegistrableMethod[];
}

/** The registration access token (RFC 7592 3). */
export interface Registration {
  /** SHA-256 of the token's text, base64url. */
  readonly hash: string;
  readonly createdAt: EpochSeconds;
  /** What the operator had preset. */
  readonly methods: readonly RegistrableMethod[];
  /** What the partner has chosen among them. */
  readonly method: RegistrableMethod;
}
