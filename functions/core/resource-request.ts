/** A request for a resource, as far as its access token is concerned: what the edge reads out of it and nobody believes yet. */

import type { TokenScheme } from './proof-of-possession.ts';

export interface PresentedToken {
  readonly scheme: TokenScheme;
  readonly jws: string;
}

export interface ResourceRequest {
  readonly token?: PresentedToken;
  /** Value of the `DPoP` header. */
  readonly proof?: string;
  /** PEM of the client certificate that the TLS handshake proved: never out of a header. */
  readonly clientCertificate?: string;
  readonly method: string;
  /** Domain name under which the request came in. */
  readonly host: string;
  /** Percent-decoded. */
  readonly path: string;
  readonly requestId: string;
}
