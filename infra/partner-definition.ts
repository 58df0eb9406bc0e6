/**
 * What an app says of a partner application: the words of the admin API (`PUT /admin/realms/{realm}/partners/{id}`), checked by
 * the same functions when it is deployed.
 */
import type { IDependable } from 'constructs';

/** What tokens have to be. Each demand makes a token narrower: the shortest lifetime of all that are said counts. */
interface PartnerTokenPolicy {
  /** Longest lifetime in seconds. */
  readonly accessTokenSeconds?: number;
  /** JWA name of the ring that signs. */
  readonly algorithm?: string;
  /**
   * Tokens must be bound to a key (RFC 9449) or to a TLS certificate (RFC 8705); `mtls-optional`: to the certificate if the client
   * presents one.
   */
  readonly binding?: 'dpop' | 'mtls' | 'mtls-optional';
  readonly profile?: 'jwt' | 'microsoft-s2s';
}

/** A public key that a partner proves itself with; either `jwk` or `certificate`. */
interface PartnerCredentialDefinition {
  readonly jwk?: Readonly<Record<string, unknown>>;
  /** X.509, as PEM or base64 of DER. */
  readonly certificate?: string;
  /**
   * What the key of the certificate signs with.
   * @default - RS256 for an RSA key, what its curve implies for another
   */
  readonly alg?: string;
  readonly label?: string;
  /** Good from then on, RFC 3339. */
  readonly notBefore?: string;
  /** Good until then, RFC 3339. */
  readonly expiresAt?: string;
}

/** Whom a TLS client certificate has to speak of (RFC 8705 2.1.2): exactly one of them. */
interface PartnerTlsSubject {
  /** Distinguished name as RFC 4514 writes it. */
  readonly subjectDn?: string;
  readonly sanDns?: string;
  readonly sanUri?: string;
  readonly sanIp?: string;
  readonly sanEmail?: string;
}

/** What a claim has to be like. In a glob `*` stands for any text without `/` and `:`, `**` for any text. */
type ClaimPredicate = { readonly exact: string } | { readonly glob: string } | { readonly oneOf: readonly string[] };

/** Which tokens of another issuer prove a partner. */
interface PartnerFederatedIdentity {
  /** `iss` of the tokens. A partner of the realm goes by it and is a `trustedIssuer`, or nothing of it is accepted. */
  readonly issuer: string;
  /**
   * What `aud` has to be.
   * @default - the realm's issuer
   */
  readonly audience?: string;
  /** By the name of a claim, or by a JSON pointer (RFC 6901). All of them have to hold; one is about `sub`. */
  readonly claims: Readonly<Record<string, ClaimPredicate>>;
  /**
   * On trial: those that do not hold are recorded, and refuse nothing.
   * @default - none
   */
  readonly audited?: Readonly<Record<string, ClaimPredicate>>;
  /**
   * Longest lifetime that is accepted, in seconds.
   * @default 3600
   */
  readonly maxSeconds?: number;
  /**
   * Whether a token is good again and again until it expires.
   * @default false
   */
  readonly reusable?: boolean;
}

/** What a partner may do in the Microsoft server-to-server profile (docs/microsoft.md). Its `issuer` is `<application id>@<realm>`. */
interface PartnerMicrosoft {
  /**
   * Who signs its tokens: itself, or an authorization server that is a `trustedIssuer` of the realm.
   * @default itself
   */
  readonly issuedBy?: 'itself' | 'authorization-server';
  /**
   * Applications that it may name besides itself, as `<application id>@<realm>`.
   * @default - none
   */
  readonly actors?: readonly string[];
  /**
   * Whether its tokens may be about users; its `trustLevel` has to be `full` as well.
   * @default false
   */
  readonly userTokens?: boolean;
  /**
   * Whether it may have actor tokens that are trusted for delegation: with one of them it can be every user at the resource.
   * @default false
   */
  readonly delegation?: boolean;
}

/** What authorization details of one type may say (RFC 9396); a list that is not there allows no value. */
interface AuthorizationDetailType {
  readonly actions?: readonly string[];
  readonly datatypes?: readonly string[];
  readonly privileges?: readonly string[];
  /** Names of members of the type's own making. */
  readonly fields?: readonly string[];
}

/** Whom a resource lets ask about its tokens: any `IPartnerApplication` of the same deployment and realm. */
interface PartnerIntrospector extends IDependable {
  readonly service: object;
  readonly partnerId: string;
  readonly realm: string;
}

/** A resource that a partner owns. */
export interface PartnerAudience {
  /** Absolute URI without fragment: the `aud` of the tokens. */
  readonly audience: string;
  /** Every scope that callers can be granted. */
  readonly scopes: readonly string[];
  readonly tokenPolicy?: PartnerTokenPolicy;
  /**
   * What callers can be granted beyond scopes, by type; the policy of the realm says which types there may be.
   * @default - nothing
   */
  readonly authorizationDetails?: Readonly<Record<string, AuthorizationDetailType>>;
  /**
   * Partners that may introspect tokens for it as the owner may, such as a gateway in front of it; at most 10.
   * @default - the owner only
   */
  readonly introspectors?: readonly PartnerIntrospector[];
}

/** A partner without keys and without a document can own audiences, but not ask for tokens. */
export interface PartnerDefinition {
  /** @default - none */
  readonly name?: string;
  /**
   * How to reach the people who own it.
   * @default - none
   */
  readonly contact?: string;
  /** @default - none */
  readonly tags?: Readonly<Record<string, string>>;
  /**
   * A partner that is not gets no tokens, and none is issued for it.
   * @default true
   */
  readonly enabled?: boolean;
  /**
   * What it may assert: itself only, users only, or both.
   * @default application
   */
  readonly trustLevel?: 'application' | 'user' | 'full';
  /**
   * Whether a Windows security identifier in a token of its making may name a user.
   * @default false
   */
  readonly acceptsSecurityIdentifiers?: boolean;
  /**
   * What its client library cannot do, by name (docs/compatibility.md).
   * @default strict
   */
  readonly compatibility?: 'strict' | 'token-endpoint-audience' | 'authlib' | 'msal' | 'google';
  /**
   * What it calls itself in tokens of its own making.
   * @default - it makes none
   */
  readonly issuer?: string;
  /** @default - none */
  readonly credentials?: readonly PartnerCredentialDefinition[];
  /**
   * Public keys as a JWK set: the short form of `credentials`.
   * @default - none
   */
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
  /**
   * A metadata document (RFC 8414, OpenID Connect Discovery, or Microsoft `metadata/json/1`) that was handed over.
   * @default - none
   */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /**
   * Where it publishes its keys; fetched within five minutes after the deployment, and then on a schedule.
   * @default - none
   */
  readonly jwksUri?: string;
  /**
   * Where it publishes its metadata; fetched like `jwksUri`.
   * @default - none
   */
  readonly metadataUrl?: string;
  /**
   * By what a certificate of an authority that the door trusts proves it (`tls_client_auth`).
   * @default - by no such certificate
   */
  readonly tlsSubject?: PartnerTlsSubject;
  /**
   * Which tokens of other issuers prove it.
   * @default - none
   */
  readonly federation?: readonly PartnerFederatedIdentity[];
  /**
   * Whether tokens of its `issuer` may prove other partners, and be exchanged for tokens of this realm.
   * @default false
   */
  readonly trustedIssuer?: boolean;
  /**
   * Whether it is an Exchange, SharePoint or Skype for Business server, or speaks as they do, and what it may do then.
   * @default - it does not take part in that profile
   */
  readonly microsoft?: PartnerMicrosoft;
  /** @default - that of the realm */
  readonly tokenPolicy?: PartnerTokenPolicy;
  /**
   * Put into every token that is issued to it, as they stand: JSON values.
   * @default - none
   */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** @default - none */
  readonly quota?: {
    /** Tokens in a minute. */
    readonly perMinute?: number;
    /** Tokens in a day (UTC). */
    readonly perDay?: number;
    /** `observe` counts and refuses nothing. */
    readonly mode: 'observe' | 'enforce';
  };
}
