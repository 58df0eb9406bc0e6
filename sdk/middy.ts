/**
 * The verifier as middy middleware of a Lambda function behind API Gateway: HTTP API (payload 2.0), REST API and payload 1.0, and
 * function URLs. Structural types: middy is no dependency.
 */

import { certificateThumbprint } from './certificate.ts';
import type { RequestLike } from './presented-request.ts';
import { refusalAnswer } from './refusal-answer.ts';
import type { Verified, Verifier, VerifyOptions } from './verifier.ts';

/** What the payload formats 1.0 and 2.0 have of it; the path is percent-decoded. */
export interface GatewayEvent {
  readonly headers?: Readonly<Record<string, string | undefined>> | null;
  /** Payload 1.0: each value of a header on its own. */
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>> | null;
  readonly httpMethod?: string;
  readonly rawPath?: string;
  readonly requestContext: {
    readonly domainName?: string | undefined;
    readonly path?: string;
    readonly http?: { readonly method: string };
    readonly authentication?: { readonly clientCert?: ClientCertificate | null } | null;
    readonly identity?: { readonly clientCert?: ClientCertificate | null } | null;
  };
}

interface ClientCertificate {
  readonly clientCertPem: string;
}

export interface GatewayAnswer {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

interface MiddyRequest {
  readonly event: GatewayEvent;
  readonly internal: Record<string, unknown>;
  readonly context: object;
}

/** Puts what the token says into `context.token`, and answers by itself where the request is not let in. */
export const protect = (verifier: Verifier, options: Pick<VerifyOptions, 'scopes'> = {}) => ({
  name: 'countersign-protect',
  before: async ({ event, context }: MiddyRequest): Promise<GatewayAnswer | undefined> => {
    try {
      const certificate = await thumbprintOf(event);
      const token = await verifier.verify(asRequest(event), { ...options, ...certificate });
      Object.assign(context, { token });
      return undefined;
    } catch (error) {
      const answer = refusalAnswer(error);
      if (answer === undefined) throw error;
      return { statusCode: answer.status, headers: { ...answer.headers }, body: answer.body };
    }
  },
});

/** What the middleware has left of the token. @throws Error for a handler that it does not stand before. */
export const tokenOf = (context: object): Verified => {
  if (!('token' in context)) throw new Error('protect() does not stand before this handler');
  return context.token as Verified;
};

/** The certificate that the handshake proved to API Gateway, which no header can say. */
const thumbprintOf = async ({
  requestContext,
}: GatewayEvent): Promise<Pick<VerifyOptions, 'certificateThumbprint'>> => {
  const certificate = (requestContext.authentication ?? requestContext.identity)?.clientCert;
  return certificate ? { certificateThumbprint: await certificateThumbprint(certificate.clientCertPem) } : {};
};

const asRequest = ({ headers, multiValueHeaders, httpMethod, rawPath, requestContext }: GatewayEvent): RequestLike => ({
  method: requestContext.http?.method ?? httpMethod ?? '',
  // API Gateway serves https alone, under the name that it knows by itself.
  url: `https://${requestContext.domainName}${encodePath(rawPath ?? requestContext.path ?? '')}`,
  headers: multiValueHeaders ?? headers ?? {},
});

const encodePath = (path: string): string =>
  path.toWellFormed().replaceAll(/[^A-Za-z0-9._~!$&'()*+,;=:@/-]/gu, (character) => encodeURIComponent(character));
