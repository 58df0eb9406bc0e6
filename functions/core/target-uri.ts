/**
 * The target URI of an HTTP request as two parties compare it, who may spell it differently (RFC 9449 4.3, RFC 9110 7.1):
 * scheme, host, port and path, after the normalization of RFC 3986 6.2.2 and 6.2.3.
 */

/** RFC 3986 2 and 3, no more: what is read leniently by one party and strictly by another names two places. */
const HTTP_URI = /^https?:\/\/(?![/?#])(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#[\]-]|%[0-9A-Fa-f]{2})+$/i;

const UNRESERVED = /^[A-Za-z0-9._~-]$/;

/** Equal for equivalent URIs; query and fragment are left out. `undefined`: no absolute http or https URI, or one with a user in it. */
export const normalizeTargetUri = (uri: string): string | undefined => {
  if (!HTTP_URI.test(uri) || !URL.canParse(uri)) return undefined;
  // Lower-case scheme and host, no default port, no dot segments, "/" for the empty path.
  const { origin, username, password, pathname } = new URL(uri);
  if (username !== '' || password !== '') return undefined;
  return `${origin}${pathname.replaceAll(/%[0-9A-Fa-f]{2}/g, normalizeOctet)}`;
};

const normalizeOctet = (encoded: string): string => {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return UNRESERVED.test(character) ? character : encoded.toUpperCase();
};

/**
 * The names of one resource, for `normalizeTargetUri`.
 * @param baseUrl where the resource may lie behind another door than API Gateway's own.
 * @param host domain name that API Gateway was called by. It serves https alone.
 * @param path percent-decoded, as API Gateway tells it, with whatever stage or base path stands before it.
 */
export const targetUris = (baseUrl: string | undefined, host: string, path: string): readonly string[] => {
  const encoded = encodePath(path);
  const own = `https://${host}${encoded}`;
  return baseUrl === undefined ? [own] : [`${baseUrl}${encoded}`, own];
};

const OUTSIDE_OF_PATHS = /[^A-Za-z0-9._~!$&'()*+,;=:@/-]/gu;

/** A slash that the client had encoded has become one like any other, so such a URI is not recognized again. */
const encodePath = (path: string): string =>
  path.toWellFormed().replaceAll(OUTSIDE_OF_PATHS, (character) => encodeURIComponent(character));
