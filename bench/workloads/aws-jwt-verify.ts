/**
 * AWS's own verifier library on the same token, with the key set in its cache: signature, issuer, audience, expiry.
 */

import { JwtVerifier } from 'aws-jwt-verify';
import type { Assignment, Workload } from '../worker-protocol.ts';

export function start({ key, issuer, audience }: Assignment & { workload: 'aws-jwt-verify' }): Workload {
  const verifier = JwtVerifier.create({ issuer, audience, jwksUri: `${issuer}/jwks` });
  verifier.cacheJwks({
    keys: [{ kty: 'RSA', alg: 'RS256', use: 'sig', kid: key.kid, n: key.n ?? '', e: key.e ?? '' }],
  });
  // It throws when the token is not good.
  return { operate: (token) => verifier.verify(token) };
}
