/** The verifier in front of fetch-style handlers (Request -> Response): Workers, Deno, Bun, Hono, Next. */

import { refusalAnswer } from './refusal-answer.ts';
import type { Verified, Verifier, VerifyOptions } from './verifier.ts';

export interface ProtectOptions<Rest extends readonly unknown[]> extends Omit<VerifyOptions, 'certificateThumbprint'> {
  /** Thumbprint of the client certificate of a request's TLS connection, where the platform tells it. */
  readonly certificateThumbprint?: (
    request: Request,
    ...rest: Rest
  ) => string | undefined | Promise<string | undefined>;
}

/**
 * @param handler gets the request, what its token says, and whatever else the platform hands to handlers.
 * @returns a handler that answers 401, 400, 403 or 503 by itself where the request is not let in.
 */
export const protect =
  <Rest extends readonly unknown[]>(
    verifier: Verifier,
    handler: (request: Request, token: Verified, ...rest: Rest) => Response | Promise<Response>,
    { scopes = [], certificateThumbprint: thumbprintOf }: ProtectOptions<Rest> = {},
  ) =>
  async (request: Request, ...rest: Rest): Promise<Response> => {
    let token: Verified;
    try {
      const certificateThumbprint = await thumbprintOf?.(request, ...rest);
      token = await verifier.verify(request, {
        scopes,
        ...(certificateThumbprint === undefined ? {} : { certificateThumbprint }),
      });
    } catch (error) {
      const answer = refusalAnswer(error);
      if (answer === undefined) throw error;
      return new Response(answer.body, { status: answer.status, headers: { ...answer.headers } });
    }
    return handler(request, token, ...rest);
  };
