/** The verifier as middleware of Express and of what looks like it. Structural types: Express is no dependency. */

import { refusalAnswer } from './refusal-answer.ts';
import type { Verified, Verifier, VerifyOptions } from './verifier.ts';

export interface ExpressRequest {
  readonly method: string;
  /** `https` where Express is told to trust the proxy that ends TLS; or set `dpop.origin` of the verifier. */
  readonly protocol: string;
  readonly originalUrl: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface ExpressResponse {
  /** Where the middleware leaves what the token says: `locals.token`. */
  readonly locals: Record<string, unknown>;
  status(code: number): unknown;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

export interface ExpressOptions<Incoming> extends Omit<VerifyOptions, 'certificateThumbprint'> {
  /** Thumbprint of the client certificate of a request's TLS connection. */
  readonly certificateThumbprint?: (request: Incoming) => string | undefined | Promise<string | undefined>;
}

/** Answers by itself where the request is not let in; hands any other error to `next`. */
export const protect =
  <Incoming extends ExpressRequest>(
    verifier: Verifier,
    { scopes = [], certificateThumbprint: thumbprintOf }: ExpressOptions<Incoming> = {},
  ) =>
  async (request: Incoming, response: ExpressResponse, next: (error?: unknown) => void): Promise<void> => {
    try {
      const certificateThumbprint = await thumbprintOf?.(request);
      response.locals.token = await verifier.verify(asRequest(request), {
        scopes,
        ...(certificateThumbprint === undefined ? {} : { certificateThumbprint }),
      });
    } catch (error) {
      const answer = refusalAnswer(error);
      if (answer === undefined) return next(error);
      response.status(answer.status);
      for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
      response.end(answer.body);
      return;
    }
    next();
  };

const asRequest = ({ method, protocol, originalUrl, headers }: ExpressRequest) => ({
  method,
  url: `${protocol}://${String(headers.host)}${originalUrl}`,
  headers,
});

/** What the middleware has left of the token. @throws Error on a route that it does not stand before. */
export const tokenOf = ({ locals }: Pick<ExpressResponse, 'locals'>): Verified => {
  if (locals.token === undefined) throw new Error('protect() does not stand before this route');
  return locals.token as Verified;
};
