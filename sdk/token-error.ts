/**
 * What a token source throws when there is no token: the OAuth error of the server, or what kept us from asking it. Nothing
 * that was sent is in it, so that it can be logged as it is.
 */

/** Told by us: nothing came of the request. An answer with an OAuth error has the server's own code (RFC 6749 5.2). */
export type TokenFault =
  /** No answer: no connection, or none in time. */
  | 'server_unreachable'
  /** The issuer's metadata is not there, not usable, or of another issuer (RFC 8414 3.3). */
  | 'metadata_unusable'
  /** An answer that is no OAuth answer. */
  | 'answer_unusable'
  /** A token that is not bound as it was asked for (RFC 9449 5). */
  | 'token_not_bound'
  /** The authentication or the grant could not be made: a key that cannot sign, a callback that threw. */
  | 'request_not_made';

export class TokenError extends Error {
  /** OAuth error code of the server, or a `TokenFault`. */
  readonly error: string;
  /** For the log; may be empty. */
  readonly description: string;
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** As the server asked with `Retry-After`, from now on. */
  readonly retryAfterSeconds?: number;

  constructor(error: string, description: string, status: number, retryAfterSeconds?: number) {
    super(`no access token: ${error}${status === 0 ? '' : ` (HTTP ${status})`}${description && `: ${description}`}`);
    this.name = 'TokenError';
    this.error = error;
    this.description = description;
    this.status = status;
    if (retryAfterSeconds !== undefined) this.retryAfterSeconds = retryAfterSeconds;
  }
}

export const fault = (error: TokenFault, description: string, status = 0): TokenError =>
  new TokenError(error, description, status);

/** What failed, without its words: a message of somebody else's may hold what was to be sent. */
export const nameOfFailure = (failure: unknown): string => {
  if (!(failure instanceof Error)) return 'unknown failure';
  const { cause } = failure;
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? ` (${cause.code})` : '';
  return `${failure.name}${code}`;
};
