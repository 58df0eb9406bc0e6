/**
 * Partner applications and what belongs to them: their public keys, the audiences they own, the grants they hold.
 * Plain data as the registry stores it; who may do what with it is decided elsewhere.
 */

import type { JWK } from 'jose';
import type { JwsAlgorithm } from './algorithms.ts';

/** Seconds since the epoch, the only form of time inside. */
export type EpochSeconds = number;

/** A public key that a partner proves itself with, bound to exactly one algorithm (RFC 8725 3.1). */
export interface PartnerKey {
  /** `kid` as the partner sends it; unique within the partner. */
  readonly kid: string;
  readonly algorithm: JwsAlgorithm;
  /** Key material only: `alg`, `use` and `kid` are said by the members beside it. */
  readonly jwk: JWK;
  /** RFC 7638 SHA-256 thumbprint, base64url. */
  readonly thumbprint: string;
  readonly addedAt: EpochSeconds;
}

export interface Partner {
  readonly realm: string;
  /** The OAuth `client_id`. */
  readonly id: string;
  readonly name?: string;
  readonly enabled: boolean;
  readonly keys: readonly PartnerKey[];
  /** Goes up by one with every write; a write against another version is refused. */
  readonly version: number;
  readonly createdAt: EpochSeconds;
  readonly updatedAt: EpochSeconds;
}

/** "Client may call audience with these scopes": the only source of authority. */
export interface Grant {
  readonly realm: string;
  readonly client: string;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly version: number;
}

/** A partner with everything that it may call and everything it owns: one item collection, one Query. */
export interface PartnerWithGrants {
  readonly partner: Partner;
  readonly grants: readonly Grant[];
  /** The audiences it owns. */
  readonly audiences: readonly string[];
}

/** A resource that tokens can be issued for. It has exactly one owner. */
export interface Audience {
  readonly realm: string;
  /** Absolute URI without fragment (RFC 8707 2); compared character by character. */
  readonly audience: string;
  readonly owner: string;
  /** Mirrors the owner's `enabled`, written in the same transaction, so that issuing need not read the owner. */
  readonly ownerEnabled: boolean;
  readonly scopes: readonly string[];
  /** The ring that signs tokens for this audience; absent: the realm's default. */
  readonly algorithm?: JwsAlgorithm;
  readonly version: number;
}

/** Client ids are made of unreserved URL characters, so that they can stand in a path, a log line and a table key as they are. */
const PARTNER_ID = /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

export const isPartnerId = (value: string): boolean => PARTNER_ID.test(value);

const MAX_AUDIENCE_LENGTH = 512;
const URI_CHARACTERS = /^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?@!$&'()*+,;=%[\]-]+$/;

/** An absolute URI without fragment (RFC 8707 2, RFC 3986 4.3) that fits a table key. */
export const isAudienceUri = (value: string): boolean =>
  value.length <= MAX_AUDIENCE_LENGTH && URI_CHARACTERS.test(value) && URL.canParse(value);
