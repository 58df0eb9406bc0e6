/**
 * panva's oidc-provider on the same work: client_credentials with private_key_jwt (ES256), a resource indicator, a JWT access
 * token signed with RS256, its own in-memory adapter; an HTTP server on loopback.
 */

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import type { Assignment, Workload } from '../worker-protocol.ts';

const RSA_BITS = 2_048;

export async function start(assignment: Assignment & { workload: 'oidc-provider' }): Promise<Workload> {
  const provider = new Provider(assignment.issuer, configuration(assignment));
  const server = createServer(provider.callback());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function configuration({ client, clientKey, audience }: Assignment & { workload: 'oidc-provider' }): object {
  const signingKey = generateKeyPairSync('rsa', { modulusLength: RSA_BITS }).privateKey.export({ format: 'jwk' });
  return {
    jwks: { keys: [{ ...signingKey, alg: 'RS256', use: 'sig' }] },
    enabledJWA: { clientAuthSigningAlgValues: ['ES256'] },
    clients: [
      {
        client_id: client,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [clientKey] },
      },
    ],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          audience,
          scope: 'read write',
          accessTokenTTL: 3_600,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  };
}
