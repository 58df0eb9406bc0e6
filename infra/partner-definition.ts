/**
 * What an app says of a partner application: the words of the admin API (`PUT /admin/realms/{realm}/partners/{id}`), checked by
 * the same functions when it is deployed.
 */

/** What tokens have to be. Each demand makes a token narrower: the shortest lifetime of all that are said counts. */
interface PartnerTokenPolicy {
  /** Longest lifetime in seconds. */
  readonly accessTokenSeconds?: number;
  /** JWA name of the ring that signs. */
  readonly algorithm?: string;
  /** Tokens must be bound to a key (RFC 9449) or to a TLS certificate (RFC 8705). */
  readonly binding?: 'dpop' | 'mtls';
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

/** A resource that a partner owns. */
export interface PartnerAudience {
  /** Absolute URI without fragment: the `aud` of the tokens. */
  readonly audience: string;
  /** Every scope that callers can be granted. */
  readonly scopes: readonly string[];
  readonly tokenPolicy?: PartnerTokenPolicy;
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
