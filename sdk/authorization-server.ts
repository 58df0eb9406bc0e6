/** The issuer as its clients see it: the endpoints in its metadata (RFC 8414), which name the issuer that was asked for. */

import { readJsonObject } from './json-answer.ts';
import { isTrustworthyUrl } from './remote-document.ts';
import { retryAfterSeconds } from './retry-after.ts';
import { metadataUrl } from './server-metadata.ts';
import { fault, nameOfFailure, TokenError } from './token-error.ts';

export interface AuthorizationServer {
  readonly tokenEndpoint: URL;
  /** The one where TLS client certificates are asked for; the ordinary one where there is no other (RFC 8705 5). */
  readonly mutualTlsTokenEndpoint: URL;
}

/** How requests go out. @throws TokenError `server_unreachable` */
export type Send = (url: URL, init: RequestInit) => Promise<Response>;

/**
 * Reads the metadata of the issuer.
 * @param now milliseconds since the epoch.
 * @throws TokenError: `metadata_unusable` when it is not there or of another issuer, `server_unreachable`.
 */
export const discover = async (issuer: string, send: Send, now: number): Promise<AuthorizationServer> => {
  const url = new URL(metadataUrl(issuer));
  const response = await send(url, { headers: { accept: 'application/json' } });
  const metadata = await readBody(response);
  if (response.status !== 200 || metadata === undefined) {
    const wait = retryAfterSeconds(response.headers, now);
    throw new TokenError('metadata_unusable', `no metadata at ${url.href}`, response.status, wait);
  }
  // RFC 8414 3.3: else a false server could have assertions made out to the one that it impersonates.
  if (metadata.issuer !== issuer) throw fault('metadata_unusable', `${url.href} is not of this issuer`);
  const tokenEndpoint = endpoint(metadata.token_endpoint);
  const aliases = metadata.mtls_endpoint_aliases;
  const alias =
    typeof aliases === 'object' && aliases !== null && 'token_endpoint' in aliases && aliases.token_endpoint;
  return { tokenEndpoint, mutualTlsTokenEndpoint: alias ? endpoint(alias) : tokenEndpoint };
};

/** A connection may break while the body is on its way. */
export const readBody = async (response: Response): ReturnType<typeof readJsonObject> => {
  try {
    return await readJsonObject(response);
  } catch (failure) {
    throw fault('server_unreachable', nameOfFailure(failure));
  }
};

const endpoint = (text: unknown): URL => {
  if (!isTrustworthyUrl(text)) {
    throw fault('metadata_unusable', 'the token endpoint is no https URL');
  }
  return new URL(text);
};
