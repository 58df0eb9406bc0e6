/** Metadata of a protected resource (RFC 9728): how clients find the token service of a resource server that they meet. */

import { PROOF_ALGORITHMS } from './dpop-proof.ts';
import { isTrustworthyUrl } from './remote-document.ts';

export interface ProtectedResource {
  /** The name of the resource server: the audience of its tokens. An https URL (RFC 9728 1.2). */
  readonly resource: string;
  /** Issuers whose tokens are taken. */
  readonly authorizationServers: readonly string[];
  readonly scopes?: readonly string[];
  /** For people. */
  readonly name?: string;
  readonly documentation?: string;
  /** Whether only tokens bound to a DPoP key are taken. @default false */
  readonly dpopRequired?: boolean;
  /** Whether tokens may be bound to TLS client certificates here. @default false */
  readonly certificateBound?: boolean;
}

/** The document of RFC 9728 2, to be served as JSON at `protectedResourceMetadataUrl(resource)`. @throws TypeError for a name that is no URL. */
export const protectedResourceMetadata = (about: ProtectedResource) => {
  const { resource, authorizationServers, scopes, name, documentation } = about;
  requireResource(resource);
  return {
    resource,
    authorization_servers: authorizationServers,
    ...(scopes === undefined ? {} : { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
    ...(name === undefined ? {} : { resource_name: name }),
    ...(documentation === undefined ? {} : { resource_documentation: documentation }),
    ...(about.certificateBound === true ? { tls_client_certificate_bound_access_tokens: true } : {}),
    dpop_signing_alg_values_supported: PROOF_ALGORITHMS,
    ...(about.dpopRequired === true ? { dpop_bound_access_tokens_required: true } : {}),
  };
};

/** RFC 9728 3: the well-known path stands between host and path (and query). @throws TypeError for a name that is no URL. */
export const protectedResourceMetadataUrl = (resource: string): string => {
  const { origin, pathname, search } = requireResource(resource);
  return `${origin}/.well-known/oauth-protected-resource${pathname === '/' ? '' : pathname}${search}`;
};

const requireResource = (resource: string): URL => {
  if (!isTrustworthyUrl(resource)) throw new TypeError('resource: not an https URL');
  return new URL(resource);
};
