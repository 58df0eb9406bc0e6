/**
 * Metadata of a partner that is an authorization server or OpenID provider: who it is, and where its keys are. Nothing else of it
 * matters here. (RFC 8414 2, OpenID Connect Discovery 1.0 section 3)
 */

import { accept, type Result, refuse } from './errors.ts';
import type { JsonObject } from './json-object.ts';
import type { InputProblem } from './public-key.ts';

interface ServerMetadata {
  /** Exactly as it stands there. */
  readonly issuer: string;
  readonly jwksUri: string;
}

/** RFC 8414 2. Whether the issuer belongs to the URL that the document came from (3.3) is for whoever knows that to say. */
export const readServerMetadata = ({
  issuer,
  jwks_uri: jwksUri,
}: JsonObject): Result<ServerMetadata, readonly InputProblem[]> => {
  const rule = 'an https URL without user name, password';
  const problems: InputProblem[] = [];
  if (!isHttpsUrl(issuer) || issuer.includes('?')) {
    problems.push({ pointer: '/issuer', detail: `${rule}, query and fragment`, code: 'document_malformed' });
  }
  if (!isHttpsUrl(jwksUri)) {
    problems.push({ pointer: '/jwks_uri', detail: `${rule} and fragment`, code: 'document_malformed' });
  }
  return problems.length > 0 || !isHttpsUrl(issuer) || !isHttpsUrl(jwksUri)
    ? refuse(problems)
    : accept({ issuer, jwksUri });
};

const MAX_URL_LENGTH = 512;
/** RFC 3986 2: no character that parsers mend or drop, so that all of them see one URL. */
const HTTPS_URL = /^https:\/\/[A-Za-z0-9._~:/?[\]@!$&'()*+,;=%-]+$/;

const isHttpsUrl = (text: unknown): text is string => {
  if (typeof text !== 'string' || text.length > MAX_URL_LENGTH || !HTTPS_URL.test(text)) return false;
  const url = URL.parse(text);
  return url !== null && url.username === '' && url.password === '';
};

const WELL_KNOWN = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'] as const;

/**
 * Whether a document at this URL may speak for this issuer: at a well-known path of it, put between host and path (RFC 8414 3)
 * or behind them (OpenID Connect Discovery 4). Otherwise whoever can publish a file on some host could be any issuer.
 */
export const isMetadataUrlOf = (issuer: string, url: string): boolean => {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return WELL_KNOWN.some((known) => url === `${origin}${known}${path}` || url === `${origin}${path}${known}`);
};
