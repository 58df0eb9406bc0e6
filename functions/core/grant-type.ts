/** The grants of the token endpoint, by the names that requests and metadata know them by. */

export const CLIENT_CREDENTIALS = 'client_credentials';
/** RFC 7523 2.1 */
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** The name by which Exchange, SharePoint and Skype for Business ask for the same (MS-XOAUTH 3.2.5.2). */
export const LEGACY_JWT_BEARER = 'http://oauth.net/grant_type/jwt/1.0/bearer';
/** RFC 8693 2.1 */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

export const GRANT_TYPES = [CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE] as const;
export type GrantType = (typeof GRANT_TYPES)[number];
