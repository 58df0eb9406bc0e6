/** The grants by the names that requests and metadata know them by. */

export const CLIENT_CREDENTIALS = 'client_credentials';
/** RFC 7523 section 2.1 */
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
/** RFC 8693 section 2.1 */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
