/**
 * An access token verified as a resource server does (RFC 9068 section 4), by the keys that the realm publishes.
 */
import { createRemoteJWKSet, customFetch, errors, type JWTVerifyOptions, jwtVerify } from 'jose';
import { refused } from './failure.ts';
import { send } from './http.ts';
import type { Issuer } from './issuer.ts';
import { isActorToken, type TokenParts } from './token-view.ts';

/** @throws Failure: 1 when the token does not hold, 3 when the keys cannot be had. */
export async function verifyToken(token: string, issuer: Issuer, audience: string | undefined): Promise<TokenParts> {
  if (isActorToken(token)) {
    throw refused(
      'an actor token of the Microsoft profile is verified by the server that it is for, by the certificate in /metadata/json/1; ' +
        '`countersign doctor` checks one as that server would',
    );
  }
  const keys = createRemoteJWKSet(new URL(issuer.jwks_uri), { [customFetch]: fetchKeys, timeoutDuration: 120_000 });
  const rules: JWTVerifyOptions = {
    issuer: issuer.issuer,
    typ: 'at+jwt',
    requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
    ...(audience === undefined ? {} : { audience }),
  };
  try {
    const { protectedHeader, payload } = await jwtVerify(token, keys, rules);
    return { header: protectedHeader, claims: payload };
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refused(`the token does not hold: ${error.message}`);
    throw error;
  }
}

/** The JWKS through our own exchange, so that an unreachable service is told from a bad token. */
async function fetchKeys(address: string): Promise<Response> {
  const url = new URL(address);
  const answer = await send(async () => ({ method: 'GET', url, headers: { accept: 'application/json' } }));
  return new Response(answer.text, { status: answer.status });
}
