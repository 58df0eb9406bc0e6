/**
 * A realm in memory as OAuth clients see it: metadata, keys, and a token endpoint that really verifies assertions with jose.
 */
import { randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, errors, exportJWK, generateKeyPair, type JWK, jwtVerify, SignJWT } from 'jose';
import { type Reply, serve, type TestServer } from './http-server.ts';

const METADATA = '/.well-known/oauth-authorization-server';
export const CLIENT = 'billing';

export interface TokenServer extends TestServer {
  /** The client's public key, as registered. */
  registered: JWK | undefined;
  /** Members that replace those of the metadata document. */
  metadata: Readonly<Record<string, string>>;
  readonly interruptions: Reply[];
  /** Ids of the assertions that came in, each good for one use. */
  readonly assertionIds: string[];
  issue(claims?: Readonly<Record<string, unknown>>, typ?: string): Promise<string>;
}

export async function startTokenServer(): Promise<TokenServer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const jwks = { keys: [{ ...publicJwk, kid, alg: 'ES256', use: 'sig' }] };

  const server: TokenServer = Object.assign(await serve(async (request) => answer(request.target, request.body)), {
    registered: undefined,
    metadata: {},
    interruptions: [],
    assertionIds: [],
    issue: (claims = {}, typ = 'at+jwt') => {
      const now = Math.floor(Date.now() / 1000);
      const standard = { iss: server.url, sub: CLIENT, client_id: CLIENT, aud: 'https://ledger.example.com' };
      return new SignJWT({ ...standard, jti: randomUUID(), iat: now, exp: now + 3600, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid, typ })
        .sign(privateKey);
    },
  });

  async function answer(target: string, body: string): Promise<Reply> {
    if (target.startsWith(METADATA)) {
      const issuer = server.url + target.slice(METADATA.length);
      const urls = { token_endpoint: `${server.url}/token`, jwks_uri: `${server.url}/jwks` };
      return { status: 200, body: { issuer, ...urls, ...server.metadata } };
    }
    if (target === '/jwks') return { status: 200, body: jwks };
    if (target !== '/token') return { status: 404, body: { message: 'Not Found' } };
    return answerToken(server, new URLSearchParams(body));
  }
  return server;
}

async function answerToken(server: TokenServer, form: URLSearchParams): Promise<Reply> {
  const refusal = { error: 'invalid_client', error_description: 'client authentication failed' };
  try {
    await verifyAssertion(server, form.get('client_assertion') ?? '');
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof RangeError) return { status: 401, body: refusal };
    throw error;
  }
  const interruption = server.interruptions.shift();
  if (interruption !== undefined) return interruption;
  const isComplete =
    form.get('grant_type') === 'client_credentials' &&
    form.get('client_assertion_type') === 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
  if (!isComplete) return { status: 400, body: { error: 'invalid_request' } };
  const scope = form.get('scope');
  const resource = form.get('resource');
  const claims = { ...(scope === null ? {} : { scope }), ...(resource === null ? {} : { aud: resource }) };
  const token = { access_token: await server.issue(claims), token_type: 'Bearer', expires_in: 3600 };
  return { status: 200, body: { ...token, ...(scope === null ? {} : { scope }) } };
}

/** The rules that the real endpoint has: one issuer as audience, explicit type, short life, one use. */
async function verifyAssertion(server: TokenServer, assertion: string): Promise<void> {
  if (server.registered === undefined) throw new RangeError('no such client');
  const { payload, protectedHeader } = await jwtVerify(assertion, server.registered, {
    algorithms: [server.registered.alg ?? ''],
    issuer: CLIENT,
    subject: CLIENT,
    audience: server.metadata.issuer ?? server.url,
    typ: 'client-authentication+jwt',
    requiredClaims: ['jti', 'iat', 'exp'],
    maxTokenAge: '1m',
  });
  const { jti = '', iat = 0, exp = 0, aud } = payload;
  if (exp - iat !== 60 || typeof aud !== 'string') throw new RangeError('lifetime or audience');
  if (protectedHeader.kid !== server.registered.kid) throw new RangeError('kid');
  if (server.assertionIds.includes(jti)) throw new RangeError('replay');
  server.assertionIds.push(jti);
}
