/** How a partner can set itself up to prove who it is, by the names of RFC 7591 and RFC 8705. */
export const REGISTRABLE_METHODS = ['private_key_jwt', 'self_signed_tls_client_auth'] as const;
