/**
 * How the parts of the verifier say no, and what is neither yes nor no. The verifier turns a refusal into a `VerificationError`, which
 * knows how to answer.
 */

/** RFC 6750 3.1, RFC 9449 7.1 and 9. `missing_token` is ours: the request had none, and a challenge then names no error. */
export type VerificationCode =
  | 'missing_token'
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce';

export interface RefusalDetails {
  /** The nonce that the next DPoP proof has to hold. */
  readonly dpopNonce?: string;
  /** The scopes that the request needs. */
  readonly scopes?: readonly string[];
}

/** Internal: what is refused, and a stable word for why. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: VerificationCode;
  readonly reason: string;
  readonly details: RefusalDetails;

  constructor(code: VerificationCode, reason: string, details: RefusalDetails = {}) {
    super(`${code}: ${reason}`);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }
}

/** The most usual refusal. */
export const invalidToken = (reason: string): Refusal => new Refusal('invalid_token', reason);

/**
 * Nobody can say now whether the token is good, since keys, list or introspection could not be had: answer 503, not 401, or the
 * client throws away a good token. It never holds a token.
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
  readonly status = 503;
  /** For the header `Retry-After`, in seconds. */
  readonly retryAfterSeconds: number;
  /** What could not be had, e.g. `jwks`. */
  readonly what: string;

  constructor(what: string, cause?: unknown, retryAfterSeconds = 1) {
    super(`${what} cannot be had`, { cause });
    this.what = what;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
