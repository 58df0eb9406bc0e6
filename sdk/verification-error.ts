/** What `verify` throws for a request that is refused: for the log a reason, for the caller a status and a challenge. */

import { challenge } from './challenge.ts';
import type { Refusal, VerificationCode } from './refusal.ts';

/** What all challenges of a resource server have in common. */
export interface ChallengeContext {
  readonly realm?: string;
  readonly resourceMetadata?: string;
  readonly dpopAlgorithms?: readonly string[];
}

/** RFC 6750 3.1, RFC 9449 7.1 */
const STATUS: Readonly<Record<VerificationCode, 400 | 401 | 403>> = {
  missing_token: 401,
  invalid_request: 400,
  invalid_token: 401,
  insufficient_scope: 403,
  invalid_dpop_proof: 401,
  use_dpop_nonce: 401,
};

/** The caller learns the kind and no more. */
const DESCRIPTION: Readonly<Record<VerificationCode, string | undefined>> = {
  missing_token: undefined,
  invalid_request: 'The request does not present its access token in one of the ways that are understood.',
  invalid_token: 'The access token is not valid here.',
  insufficient_scope: 'The access token does not have the scopes that this request needs.',
  invalid_dpop_proof: 'The DPoP proof is not valid for this request.',
  use_dpop_nonce: 'The DPoP proof needs the nonce of this answer.',
};

/** No message, cause or member of it holds a token, a proof or what stands in them. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError';
  readonly code: VerificationCode;
  /** Stable word for the log, e.g. `expired`; not for the caller. */
  readonly reason: string;
  /** Of the HTTP answer. */
  readonly status: 400 | 401 | 403;
  /** For the header `DPoP-Nonce` (RFC 9449 9). */
  readonly dpopNonce?: string;
  readonly #scheme: 'Bearer' | 'DPoP' | undefined;
  readonly #scopes: readonly string[] | undefined;
  readonly #context: ChallengeContext;

  /** @param scheme under which the token was presented. */
  constructor({ code, reason, details }: Refusal, scheme: 'Bearer' | 'DPoP' | undefined, context: ChallengeContext) {
    super(`${code}: ${reason}`);
    this.code = code;
    this.reason = reason;
    this.status = STATUS[code];
    if (details.dpopNonce !== undefined) this.dpopNonce = details.dpopNonce;
    this.#scheme = scheme;
    this.#scopes = details.scopes;
    this.#context = context;
  }

  /** Value of `WWW-Authenticate`, which belongs into every answer 401 and 403 (RFC 6750 3). */
  challenge(): string {
    const description = DESCRIPTION[this.code];
    return challenge({
      ...this.#context,
      ...(this.#scheme === undefined ? {} : { schemes: [this.#scheme] }),
      ...(this.code === 'missing_token' ? {} : { error: this.code }),
      ...(description === undefined ? {} : { errorDescription: description }),
      ...(this.#scopes === undefined ? {} : { scopes: this.#scopes }),
    });
  }

  /** All headers of the answer. */
  headers(): Record<string, string> {
    return {
      'www-authenticate': this.challenge(),
      'cache-control': 'no-store',
      ...(this.dpopNonce === undefined ? {} : { 'dpop-nonce': this.dpopNonce }),
    };
  }

  /** For a JSON body. */
  body(): { readonly error: string; readonly error_description?: string } {
    const description = DESCRIPTION[this.code];
    return { error: this.code, ...(description === undefined ? {} : { error_description: description }) };
  }
}
