/**
 * Federated workload identity: which JWTs of another issuer prove a partner (RFC 7523 2.2 with an issuer that is not the client).
 */

/** What a claim has to be like. In a glob `*` stands for any text without `/` and `:`, `**` for any text. */
export type ClaimPredicate =
  | { readonly exact: string }
  | { readonly glob: string }
  | { readonly oneOf: readonly string[] };

/** By the name of a claim, or by a JSON pointer (RFC 6901) into the claims. */
export type ClaimPredicates = Readonly<Record<string, ClaimPredicate>>;

export interface FederatedIdentity {
  /** `iss` of the tokens. A partner of the realm goes by it and is trusted as an issuer, or nothing of it is accepted. */
  readonly issuer: string;
  /** What `aud` has to be. Absent: the realm's issuer. */
  readonly audience?: string;
  /** All of them have to hold; one is about `sub`. */
  readonly claims: ClaimPredicates;
  /** On trial: those that do not hold are recorded, and refuse nothing. */
  readonly audited?: ClaimPredicates;
  /** Longest lifetime that is accepted. */
  readonly maxSeconds?: number;
  /** Good again and again until it expires, for issuers that hand out one token for a while. */
  readonly reusable: boolean;
}
