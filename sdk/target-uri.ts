/** The URI of a request as client and server compare it, who may spell it differently (RFC 9449 4.3, item 9; RFC 3986 6.2.2, 6.2.3). */

/** RFC 3986 2 and 3, no more: what is read leniently by one party and strictly by another names two places. */
const HTTP_URI = /^https?:\/\/(?![/?#])(?:[A-Za-z0-9._~!$&'()*+,;=:@/?#[\]-]|%[0-9A-Fa-f]{2})+$/i;

/** Equal for equivalent URIs, without query and fragment. `undefined`: no http or https URI, or one with a user in it. */
export const normalizeTargetUri = (uri: string): string | undefined => {
  const url = HTTP_URI.test(uri) ? URL.parse(uri) : null;
  if (url === null || url.username !== '' || url.password !== '') return undefined;
  return `${url.origin}${url.pathname.replaceAll(/%[0-9A-Fa-f]{2}/g, normalizeOctet)}`;
};

const normalizeOctet = (encoded: string): string => {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return /^[A-Za-z0-9._~-]$/.test(character) ? character : encoded.toUpperCase();
};
