/** Introspection and revocation over HTTP: which form of answer was asked for, and the answers (RFC 7662 2.2, RFC 9701 4, RFC 7009 2.2). */

import type { Result } from '../core/errors.ts';
import type { IntrospectionAnswer } from '../core/introspection.ts';
import type { Answered } from '../core/token-form.ts';
import type { HttpAnswer } from './endpoint.ts';
import { JSON_TYPE, NO_STORE, nonceHeader, oauthError } from './response.ts';

const INTROSPECTION_JWT_MEDIA_TYPE = 'application/token-introspection+jwt';
const JSON_MEDIA_TYPE = 'application/json';

/** RFC 9701 4: signed where that is named, and not liked less than plain JSON (RFC 9110 12.5.1). A wildcard names nothing. */
export const introspectionForm = (accept: string | undefined): IntrospectionAnswer['type'] => {
  const signed = weightOf(accept, INTROSPECTION_JWT_MEDIA_TYPE);
  return signed > 0 && signed >= weightOf(accept, JSON_MEDIA_TYPE) ? 'jwt' : 'json';
};

/** @returns from 0 to 1; 0: not named, or not wanted. */
const weightOf = (accept = '', mediaType: string): number => {
  for (const range of accept.split(',')) {
    const [name, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (name !== mediaType) continue;
    const weight = parameters.find((each) => each.startsWith('q='))?.slice(2) ?? '1';
    return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(weight) ? Number(weight) : 0;
  }
  return 0;
};

export const introspectionAnswer = (
  result: Result<Answered<IntrospectionAnswer>>,
  usedAuthorization: boolean,
): HttpAnswer => {
  if (!result.ok) return oauthError(result.refusal, usedAuthorization);
  const { answer, dpopNonce } = result.value;
  const headers = { ...NO_STORE, ...nonceHeader(dpopNonce) };
  return answer.type === 'json'
    ? { statusCode: 200, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(answer.introspection) }
    : { statusCode: 200, headers: { 'content-type': INTROSPECTION_JWT_MEDIA_TYPE, ...headers }, body: answer.jwt };
};

/** RFC 7009 2.2: the status says everything. */
export const revocationAnswer = (result: Result<Answered<void>>, usedAuthorization: boolean): HttpAnswer =>
  result.ok
    ? { statusCode: 200, headers: { ...NO_STORE, ...nonceHeader(result.value.dpopNonce) } }
    : oauthError(result.refusal, usedAuthorization);
