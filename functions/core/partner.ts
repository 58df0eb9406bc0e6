/**
 * Partner applications and what belongs to them: their credentials, the audiences they own, the grants they hold.
 * Plain data as the registry stores it; who may do what with it is decided elsewhere.
 */

import type { JWK } from 'jose';
import type { JwsAlgorithm } from './algorithms.ts';
import type { DetailTypes } from './authorization-details.ts';
import type { Onboarding, Registration } from './client-registration.ts';
import type { ClientSecret } from './client-secret.ts';
import type { CompatibilityProfile } from './compatibility.ts';
import type { CustomClaims } from './custom-claims.ts';
import type { FederatedIdentity } from './federated-identity.ts';
import type { MicrosoftPartner } from './microsoft-profile.ts';
import type { PartnerSource, RefreshStatus } from './partner-source.ts';
import type { Quota } from './quota.ts';
import type { TlsSubject } from './tls-subject.ts';
import type { TokenPolicy } from './token-policy.ts';

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

/**
 * Who vouches for a key: an operator has registered it, the partner's people have by dynamic registration (RFC 7591), or it was read
 * from the partner's own document and is kept as that says.
 */
export const CREDENTIAL_SOURCES = ['registered', 'self-registered', 'document'] as const;
type CredentialSource = (typeof CREDENTIAL_SOURCES)[number];

/** A key and the terms on which it proves its partner. */
export interface PartnerCredential extends PartnerKey {
  readonly source: CredentialSource;
  readonly label?: string;
  /** Thumbprints of the certificate that the key came in (RFC 7515 4.1.7, 4.1.8), base64url. */
  readonly x5t?: string;
  readonly x5tS256?: string;
  /** Good from this second on. */
  readonly notBefore?: EpochSeconds;
  /** Good until the second before this one. */
  readonly expiresAt?: EpochSeconds;
}

/**
 * What a partner may assert: `application` itself only, `user` users only, `full` both. (`ApplicationTrustLevel` of
 * New-CsPartnerApplication, with another default: theirs is full.)
 */
export const TRUST_LEVELS = ['application', 'user', 'full'] as const;
export type TrustLevel = (typeof TRUST_LEVELS)[number];

export interface Partner {
  readonly realm: string;
  /** The OAuth `client_id`. */
  readonly id: string;
  readonly name?: string;
  /** How to reach the people who own it. */
  readonly contact?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly enabled: boolean;
  readonly trustLevel: TrustLevel;
  /** Whether a Windows security identifier in a token of its making may name a user. */
  readonly acceptsSecurityIdentifiers: boolean;
  /** What it calls itself in tokens of its own making: an issuer URL, or `<application>@<realm>`. One partner of a realm has it. */
  readonly issuer?: string;
  readonly credentials: readonly PartnerCredential[];
  readonly secrets: readonly ClientSecret[];
  /** Whom its TLS client certificate, issued by an authority that the door trusts, has to speak of. */
  readonly tlsSubject?: TlsSubject;
  /** Which JWTs of other issuers prove it. */
  readonly federation: readonly FederatedIdentity[];
  /** Whether tokens of its `issuer` may prove other partners and be exchanged for ours. */
  readonly trustedIssuer: boolean;
  /** There if it takes part in the Microsoft server-to-server profile. */
  readonly microsoft?: MicrosoftPartner;
  /** Open until somebody registers a key with it, or it expires. */
  readonly onboarding?: Onboarding;
  /** There once the partner has registered by itself. */
  readonly registration?: Registration;
  /** What its client library cannot do. */
  readonly compatibility: CompatibilityProfile;
  /** Where its keys are published, if we follow them. */
  readonly source?: PartnerSource;
  readonly tokenPolicy: TokenPolicy;
  /** Put into every token issued to it. */
  readonly claims: CustomClaims;
  readonly quota?: Quota;
  /** Its tokens of before this second are refused, whoever has them: they were revoked all at once. */
  readonly tokensNotBefore?: EpochSeconds;
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
  /** Types of authorization details that the client may ask for (RFC 9396). */
  readonly authorizationDetailsTypes: readonly string[];
  /** Tokens by this grant of before this second are refused. */
  readonly tokensNotBefore?: EpochSeconds;
  readonly version: number;
}

/** A partner with everything that it may call and everything it owns: one item collection, one Query. */
export interface PartnerWithGrants {
  readonly partner: Partner;
  readonly grants: readonly Grant[];
  /** The audiences it owns. */
  readonly audiences: readonly string[];
  /** Audiences of others of whose tokens it may ask; there exactly when there are any. */
  readonly introspects?: readonly string[];
  /** When it last lost a grant, if it ever did. */
  readonly lostGrantAt?: EpochSeconds;
  /** How following its document goes; there exactly when the partner has a source. */
  readonly refresh?: RefreshStatus;
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
  /** What can be asked for beyond scopes. */
  readonly authorizationDetails: DetailTypes;
  /** What the resource asks of every token for it. */
  readonly tokenPolicy: TokenPolicy;
  /** Ids of partners that may introspect its tokens as the owner may: sorted, none twice, the owner not among them. */
  readonly introspectors: readonly string[];
  readonly version: number;
}

/**
 * Client ids are made of unreserved URL characters, so that they can stand in a path, a log line and a table key as they are. None begins
 * as our secrets do: a client that mixes up its parameters must not have its secret taken for a name, and logged.
 */
const PARTNER_ID = /^(?!c(?:sec|obt|rat)_)[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/;

export const isPartnerId = (value: string): boolean => PARTNER_ID.test(value);

const MAX_AUDIENCE_LENGTH = 512;
const URI_CHARACTERS = /^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?@!$&'()*+,;=%[\]-]+$/;

/** An absolute URI without fragment (RFC 8707 2, RFC 3986 4.3) that fits a table key. */
export const isAudienceUri = (value: string): boolean =>
  value.length <= MAX_AUDIENCE_LENGTH && URI_CHARACTERS.test(value) && URL.canParse(value);

/** For a log line: what cannot be an id may be a secret that stands in the wrong place. */
export const loggableId = (value: string | undefined): string =>
  value !== undefined && isPartnerId(value) ? value : 'other';
