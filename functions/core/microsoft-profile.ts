/** What realms and partners say of the Microsoft server-to-server profile. Neither takes part unless an operator says so. */

import { vouchingKeys } from './federated-assertion.ts';
import type { Partner } from './partner.ts';

/** How a realm goes by in that profile, and what it is called by there. */
export interface MicrosoftRealm {
  /** Its own application id: what other servers name in `client_id` of a challenge, `serviceName`, and audiences. */
  readonly applicationId: string;
  /** The realms that audiences may name; the first is its own, which stands in its issuer. */
  readonly realms: readonly [string, ...string[]];
  /** Authorities of the resources that tokens of other servers may name. */
  readonly hosts: readonly string[];
  /** Names of the token endpoint's host, in assertions that are made for it and nobody else. */
  readonly tokenHosts: readonly string[];
  /** `registered`: only users that an operator has told us of, by identifiers that agree. `as-stated`: whatever a trusted server says. */
  readonly users: MicrosoftUsers;
}

export const MICROSOFT_USERS = ['registered', 'as-stated'] as const;
type MicrosoftUsers = (typeof MICROSOFT_USERS)[number];

/** What a partner may do in that profile. */
export interface MicrosoftPartner {
  /** Who signs its tokens: itself, or an authorization server that is a trusted issuer of the realm (`UseOAuthServer`). */
  readonly issuedBy: MicrosoftIssuer;
  /** Applications that it may name besides itself (`IsTrustBroker`), as `<application id>@<realm>`. */
  readonly actors: readonly string[];
  /** Whether its tokens may be about users: an unsigned part around the actor token, which its trust level has to allow as well. */
  readonly userTokens: boolean;
  /** Whether it may have actor tokens of ours that are trusted for delegation: with one of them it can be every user at the resource. */
  readonly delegation: boolean;
}

export const MICROSOFT_ISSUERS = ['itself', 'authorization-server'] as const;
type MicrosoftIssuer = (typeof MICROSOFT_ISSUERS)[number];

/**
 * By which thumbprints its tokens name the partner's certificates; none if it takes no part. Those that it has registered by itself are
 * none of them: nothing is believed by them here, and it could keep another partner's certificate to itself.
 */
export const certificateNames = (partner: Partner | undefined): readonly string[] =>
  partner?.microsoft === undefined
    ? []
    : [...new Set(vouchingKeys(partner).flatMap(({ x5t }) => (x5t === undefined ? [] : [x5t])))];
