/**
 * API Gateway event (HTTP API, payload 2.0) -> what the flows take. Bounds the input before anything else looks at it.
 */

import { Buffer } from 'node:buffer';
import type { APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda';
import { accept, type Result, refuse } from '../core/errors.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import type { PresentedToken, ResourceRequest } from '../core/resource-request.ts';
import type { HttpEvent } from './endpoint.ts';

/** Room for the longest assertion and every other parameter; a token request is 1 KB as a rule. */
export const MAX_FORM_BYTES = 16_384;

const FORM_TYPE = 'application/x-www-form-urlencoded';

export const parseFormRequest = (event: HttpEvent): Result<RawTokenRequest> => {
  const contentType = event.headers['content-type'] ?? '';
  if (contentType.split(';', 1)[0]?.trim().toLowerCase() !== FORM_TYPE) {
    return refuse({ reason: 'content_type_unsupported', contentType: contentType.slice(0, 64) });
  }
  const body = decodeBody(event, MAX_FORM_BYTES);
  if (!body.ok) return body;
  const parameters = parseForm(body.value);
  if (parameters === undefined) return refuse({ reason: 'body_malformed', detail: 'form encoding' });
  const { authorization, dpop } = event.headers;
  // From the handshake alone. A header would be whatever the caller writes into it.
  const clientCertificate = event.requestContext.authentication?.clientCert?.clientCertPem;
  return accept({
    parameters,
    ...(authorization === undefined ? {} : { authorization }),
    ...(dpop === undefined ? {} : { dpop }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    queryParameters: [...new URLSearchParams(event.rawQueryString).keys()],
  });
};

/** A byte order mark is content here, as it is for every other reader of a form. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const decodeBody = ({ body = '', isBase64Encoded }: HttpEvent, maxBytes: number): Result<string> => {
  const bytes = Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');
  if (bytes.length > maxBytes) return refuse({ reason: 'body_too_large', bytes: bytes.length, maxBytes });
  try {
    return accept(utf8.decode(bytes));
  } catch {
    return refuse({ reason: 'body_malformed', detail: 'not UTF-8' });
  }
};

/**
 * `application/x-www-form-urlencoded`, strictly. URLSearchParams lets broken percent signs and broken UTF-8 through as
 * something else, and two readers of one request must not see two things. `undefined`: malformed.
 */
const parseForm = (body: string): readonly (readonly [string, string])[] | undefined => {
  const pairs = body.split('&').filter((pair) => pair !== '');
  try {
    return pairs.map((pair) => {
      const at = pair.indexOf('=');
      return at === -1 ? [decode(pair), ''] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
    });
  } catch {
    return undefined;
  }
};

const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

/**
 * The token of an `Authorization` header with the scheme Bearer (RFC 6750 2.1) or DPoP (RFC 9449 7.1). `undefined`: none of them,
 * or several headers, which API Gateway joins by commas.
 */
export const accessToken = (authorization: string | undefined): PresentedToken | undefined => {
  const [, scheme, jws] = /^(Bearer|DPoP) +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization ?? '') ?? [];
  if (scheme === undefined || jws === undefined) return undefined;
  return { scheme: scheme.toLowerCase() === 'dpop' ? 'dpop' : 'bearer', jws };
};

/** What an authorizer is asked about. */
export const resourceRequest = ({
  headers = {},
  rawPath,
  requestContext,
}: APIGatewayRequestAuthorizerEventV2): ResourceRequest => {
  const token = accessToken(headers.authorization);
  const { authentication, domainName, http, requestId } = requestContext;
  const pem = authentication?.clientCert.clientCertPem;
  return {
    ...(token === undefined ? {} : { token }),
    ...(headers.dpop === undefined ? {} : { proof: headers.dpop }),
    ...(pem === undefined ? {} : { clientCertificate: pem }),
    ...{ method: http.method, host: domainName, path: rawPath, requestId },
  };
};
