/**
 * Client libraries that cannot do what we ask of client assertions, and what is let pass for them: per partner, by name, and no
 * more than each needs. docs/compatibility.md has the table for people.
 */

/** `strict` is RFC 7523 with the audience rule of draft-ietf-oauth-rfc7523bis. */
export const COMPATIBILITY_PROFILES = ['strict', 'token-endpoint-audience', 'authlib', 'msal', 'google'] as const;
export type CompatibilityProfile = (typeof COMPATIBILITY_PROFILES)[number];

export interface AssertionAllowance {
  /** `aud` may be the token endpoint, as RFC 7523 3 still suggested, instead of the issuer. */
  readonly tokenEndpointAudience: boolean;
  /** Lifetime that is accepted even where realm and deployment ask for less. */
  readonly seconds: number;
  /** Without `jti` the assertion itself is what may be used once. */
  readonly jtiOptional: boolean;
  /** Without `sub` the issuer is meant, and its `scope` is what is asked for where the request asks for none. */
  readonly subjectOptional: boolean;
  /** Good again and again until it expires. */
  readonly reusable: boolean;
}

const STRICT: AssertionAllowance = {
  tokenEndpointAudience: false,
  seconds: 0,
  jtiOptional: false,
  subjectOptional: false,
  reusable: false,
};
const TOKEN_ENDPOINT: AssertionAllowance = { ...STRICT, tokenEndpointAudience: true };

/** Found by running the libraries: MSAL sends one assertion for its ten minutes, Authlib and Google's live for an hour. */
export const ASSERTION_ALLOWANCES: Readonly<Record<CompatibilityProfile, AssertionAllowance>> = {
  strict: STRICT,
  'token-endpoint-audience': TOKEN_ENDPOINT,
  authlib: { ...TOKEN_ENDPOINT, seconds: 3_600 },
  msal: { ...TOKEN_ENDPOINT, seconds: 600, reusable: true },
  google: { ...TOKEN_ENDPOINT, seconds: 3_600, jtiOptional: true, subjectOptional: true },
};
