import { describe, expect, it } from 'vitest';
import { protectedResourceMetadata, protectedResourceMetadataUrl } from '../../sdk/protected-resource.ts';

const RESOURCE = 'https://api.example.com/billing';
const ISSUER = 'https://sts.example.com';

describe('protected resource metadata', () => {
  it('names the resource, its token services and how tokens are presented (RFC 9728 2)', () => {
    expect(
      protectedResourceMetadata({
        resource: RESOURCE,
        authorizationServers: [ISSUER],
        scopes: ['invoices:read'],
        name: 'Billing',
        documentation: 'https://docs.example.com',
        dpopRequired: true,
        certificateBound: true,
      }),
    ).toEqual({
      resource: RESOURCE,
      authorization_servers: [ISSUER],
      scopes_supported: ['invoices:read'],
      bearer_methods_supported: ['header'],
      resource_name: 'Billing',
      resource_documentation: 'https://docs.example.com',
      tls_client_certificate_bound_access_tokens: true,
      dpop_signing_alg_values_supported: ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'RS256', 'PS256'],
      dpop_bound_access_tokens_required: true,
    });
  });

  it('leaves out what is not said', () => {
    const document = protectedResourceMetadata({ resource: RESOURCE, authorizationServers: [ISSUER] });
    expect(Object.keys(document)).toEqual([
      'resource',
      'authorization_servers',
      'bearer_methods_supported',
      'dpop_signing_alg_values_supported',
    ]);
  });

  it.each([
    ['https://api.example.com', 'https://api.example.com/.well-known/oauth-protected-resource'],
    ['https://api.example.com/', 'https://api.example.com/.well-known/oauth-protected-resource'],
    [RESOURCE, 'https://api.example.com/.well-known/oauth-protected-resource/billing'],
    ['https://api.example.com/a?b=c', 'https://api.example.com/.well-known/oauth-protected-resource/a?b=c'],
  ])('of %s is at %s', (resource, url) => {
    expect(protectedResourceMetadataUrl(resource)).toBe(url);
  });

  it.each(['urn:example:api', 'http://api.example.com', 'https://api.example.com/#a', ''])(
    'is of https URLs only, and not of "%s"',
    (resource) => {
      expect(() => protectedResourceMetadata({ resource, authorizationServers: [ISSUER] })).toThrow(TypeError);
      expect(() => protectedResourceMetadataUrl(resource)).toThrow(TypeError);
    },
  );
});
