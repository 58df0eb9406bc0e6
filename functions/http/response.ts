/** Results -> API Gateway answers. */

import { createHash } from 'node:crypto';
import type { Refusal, Result } from '../core/errors.ts';
import type { RateLimit } from '../core/quota.ts';
import { refusalToWire } from '../core/wire-error.ts';
import type { IssuedToken } from '../flows/issue-token.ts';
import type { Failure, HttpAnswer } from './endpoint.ts';

/** RFC 6749 5.1: neither tokens nor what is said about them may be kept by anyone on the way. */
export const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' } as const;
export const JSON_TYPE = { 'content-type': 'application/json' } as const;

export const tokenAnswer = (result: Result<IssuedToken>, usedAuthorizationHeader: boolean): HttpAnswer =>
  result.ok
    ? {
        statusCode: 200,
        headers: {
          ...JSON_TYPE,
          ...NO_STORE,
          ...nonceHeader(result.value.dpopNonce),
          ...rateLimitHeaders(result.value.limits),
        },
        body: JSON.stringify(result.value.answer),
      }
    : oauthError(result.refusal, usedAuthorizationHeader);

/** RFC 6749 5.2. A client that tried the `Authorization` header is told the scheme, as that section demands. */
export const oauthError = (refusal: Refusal, usedAuthorizationHeader: boolean): HttpAnswer => {
  const { status, error, description, retryAfterSeconds, dpopNonce } = refusalToWire(refusal);
  const challenge =
    status === 401 && usedAuthorizationHeader ? { 'www-authenticate': 'Basic realm="countersign"' } : {};
  const wait = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  const limits = refusal.reason === 'quota_exceeded' ? rateLimitHeaders(refusal.limits) : {};
  return {
    statusCode: status,
    headers: { ...JSON_TYPE, ...NO_STORE, ...challenge, ...wait, ...nonceHeader(dpopNonce), ...limits },
    body: JSON.stringify({ error, error_description: description }),
  };
};

/** RFC 9449 8 */
export const nonceHeader = (nonce: string | undefined): Readonly<Record<string, string>> =>
  nonce === undefined ? {} : { 'dpop-nonce': nonce };

/** draft-ietf-httpapi-ratelimit-headers: a policy and what is left of it, for each window. */
const rateLimitHeaders = (limits: readonly RateLimit[]): Readonly<Record<string, string>> =>
  limits.length === 0
    ? {}
    : {
        'ratelimit-policy': limits
          .map(({ name, limit, windowSeconds }) => `"${name}";q=${limit};w=${windowSeconds}`)
          .join(', '),
        ratelimit: limits
          .map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${resetSeconds}`)
          .join(', '),
      };

/**
 * What an authorization endpoint says to every request when it authorizes nobody. Not sent to a redirect URI: no client has
 * registered one, and whatever stands in the request is the caller's word (RFC 6749 4.1.2.1).
 */
export const noAuthorization = (): HttpAnswer => ({
  statusCode: 400,
  headers: { ...JSON_TYPE, ...NO_STORE },
  body: JSON.stringify({
    error: 'unsupported_response_type',
    error_description: 'This server issues tokens to servers, at its token endpoint. Nobody can be authorized here.',
  }),
});

export const oauthFailure = ({ status, error, description }: Failure): HttpAnswer => ({
  statusCode: status,
  headers: { ...JSON_TYPE, ...NO_STORE },
  body: JSON.stringify({ error, error_description: description }),
});

/** JSON is UTF-8 and its type has no such parameter (RFC 8259 11); servers of old want to be told. */
export const JSON_UTF8 = { 'content-type': 'application/json; charset=utf-8' } as const;

/**
 * A public document with a strong ETag: a hash of its bytes, which are a function of what it describes.
 * @param ifNoneMatch the request's `If-None-Match` (RFC 9110 13.1.2)
 */
export const publicDocument = (
  document: object,
  maxAgeSeconds: number,
  ifNoneMatch: string | undefined,
  type: typeof JSON_TYPE | typeof JSON_UTF8 = JSON_TYPE,
): HttpAnswer => publicText(JSON.stringify(document), type, maxAgeSeconds, ifNoneMatch);

/** A public JWT (RFC 7519 10.3.1), likewise. */
export const publicJwt = (jwt: string, maxAgeSeconds: number, ifNoneMatch: string | undefined): HttpAnswer =>
  publicText(jwt, { 'content-type': 'application/jwt' }, maxAgeSeconds, ifNoneMatch);

const publicText = (
  body: string,
  type: { readonly 'content-type': string },
  maxAgeSeconds: number,
  ifNoneMatch: string | undefined,
): HttpAnswer => {
  const etag = `"${createHash('sha256').update(body).digest('base64url')}"`;
  const headers = { 'cache-control': `public, max-age=${maxAgeSeconds}, stale-if-error=${STALE_IF_ERROR}`, etag };
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (tags.includes(etag) || tags.includes('*')) return { statusCode: 304, headers };
  return { statusCode: 200, headers: { ...type, ...headers }, body };
};

/** Keys live for weeks; an hour-old set is better than none while we are down (RFC 5861 4). */
const STALE_IF_ERROR = 3_600;

/** Problem details (RFC 9457). */
export const problem = (status: number, title: string, more: object = {}): HttpAnswer => ({
  statusCode: status,
  headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  body: JSON.stringify({ type: 'about:blank', title, status, ...more }),
});

export const json = (status: number, value: object): HttpAnswer => ({
  statusCode: status,
  headers: { ...JSON_TYPE, 'cache-control': 'no-store' },
  body: JSON.stringify(value),
});
