/** Dynamic registration over HTTP: requests with a bearer token and JSON, answers of RFC 7591 3.2 and RFC 7592 3. */

import type { ClientInformation } from '../core/client-information.ts';
import { MAX_METADATA_BYTES } from '../core/client-metadata.ts';
import { type Refusal, type Result, refuse } from '../core/errors.ts';
import { refusalToWire } from '../core/wire-error.ts';
import type { MetadataRequest } from '../flows/register-client.ts';
import type { HttpAnswer, HttpEvent } from './endpoint.ts';
import { accessToken, decodeBody } from './request.ts';

const MEDIA_TYPE = 'application/json';

/** A path without a realm is one of the default realm. */
export const parseRegistrationRequest = (event: HttpEvent, defaultRealm: string): MetadataRequest => {
  const { realm = defaultRealm, id } = event.pathParameters ?? {};
  const token = accessToken(event.headers.authorization);
  return {
    realm,
    ...(id === undefined ? {} : { client: id }),
    token: token?.scheme === 'bearer' ? token.jws : undefined,
    body: parseBody(event),
  };
};

const parseBody = (event: HttpEvent): Result<string> => {
  const contentType = event.headers['content-type'] ?? '';
  if (contentType.split(';', 1)[0]?.trim().toLowerCase() === MEDIA_TYPE) return decodeBody(event, MAX_METADATA_BYTES);
  const detail = `the body must be ${MEDIA_TYPE}`;
  return refuse({ reason: 'client_metadata_refused', error: 'invalid_client_metadata', detail });
};

const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' } as const;

/** @param status of the answer when it was done. */
export const registrationAnswer = (status: 200 | 201, result: Result<ClientInformation>): HttpAnswer =>
  result.ok
    ? {
        statusCode: status,
        headers: { 'content-type': MEDIA_TYPE, ...NO_STORE },
        body: JSON.stringify(result.value),
      }
    : registrationError(result.refusal);

export const removalAnswer = (result: Result<void>): HttpAnswer =>
  result.ok ? { statusCode: 204, headers: NO_STORE } : registrationError(result.refusal);

/** RFC 6750 3: one challenge for every token that is not good, whatever is wrong with it. */
const registrationError = (refusal: Refusal): HttpAnswer => {
  const { status, error, description } = refusalToWire(refusal);
  return {
    statusCode: status,
    headers: {
      'content-type': MEDIA_TYPE,
      ...NO_STORE,
      ...(status === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {}),
    },
    body: JSON.stringify({ error, error_description: description }),
  };
};
