/**
 * A token service and a resource in one `fetch`, on a clock of the test's, as strict as they come: no tolerance for clocks, each
 * assertion once, tokens with the key that is current. It can be away, out of order, or rotate its keys.
 */

import {
  type CryptoKey,
  calculateJwkThumbprint,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type JWK,
  jwtVerify,
  SignJWT,
} from 'jose';

export const ISSUER = 'https://auth.example.com';
export const RESOURCE = 'https://billing.example.com';
export const CLIENT = 'crm';

/** What the server does before it answers; an answer is given in its place. */
export type Trouble = (url: URL) => Response | undefined;

export interface TokenServer {
  readonly fetch: typeof globalThis.fetch;
  /** Private key of the client. */
  readonly clientKey: CryptoKey;
  /** Every token request that was answered, in order: what came of it. */
  readonly answers: string[];
  trouble: Trouble | undefined;
  /** No token of the keys until now is good any more. */
  revokeKeys(): Promise<void>;
  /** New tokens by another key; the former one stays published. */
  rotateKeys(): Promise<void>;
}

const json = (status: number, body: object, headers: Record<string, string>): Response =>
  Response.json(body, { status, headers });

const makeKey = async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwk: JWK = { ...(await exportJWK(publicKey)), alg: 'ES256' };
  return { privateKey, jwk: { ...jwk, kid: await calculateJwkThumbprint(jwk) } };
};

/** @param seconds the server's clock. */
export const startTokenServer = async (seconds: () => number, lifetimeSeconds = 300): Promise<TokenServer> => {
  const client = await generateKeyPair('ES256');
  const used = new Set<string>();
  let keys = [await makeKey()];
  const answers: string[] = [];
  const date = () => ({ date: new Date(seconds() * 1_000).toUTCString() });
  const currentDate = () => new Date(seconds() * 1_000);

  const grantToken = async (form: URLSearchParams): Promise<Response> => {
    try {
      const { payload } = await jwtVerify(form.get('client_assertion') ?? '', client.publicKey, {
        ...{ issuer: CLIENT, subject: CLIENT, audience: ISSUER, currentDate: currentDate(), clockTolerance: 0 },
        ...{ maxTokenAge: 300, typ: 'client-authentication+jwt', requiredClaims: ['jti', 'exp'] },
      });
      if (used.has(String(payload.jti))) throw new Error('used');
      used.add(String(payload.jti));
    } catch {
      return json(401, { error: 'invalid_client', error_description: 'Client authentication failed.' }, date());
    }
    const [key] = keys;
    if (key === undefined) throw new Error('no key');
    const token = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256', kid: key.jwk.kid, typ: 'at+jwt' })
      .setIssuedAt(seconds())
      .setExpirationTime(seconds() + lifetimeSeconds)
      .setAudience(form.get('resource') ?? '')
      .sign(key.privateKey);
    return json(200, { access_token: token, token_type: 'Bearer', expires_in: lifetimeSeconds }, date());
  };

  const serveResource = async (headers: Headers): Promise<Response> => {
    const token = headers.get('authorization')?.replace(/^Bearer /, '') ?? '';
    const set = createLocalJWKSet({ keys: keys.map(({ jwk }) => jwk) });
    try {
      await jwtVerify(token, set, { audience: RESOURCE, currentDate: currentDate(), clockTolerance: 0 });
      return json(200, { served: true }, date());
    } catch {
      return json(401, {}, { 'www-authenticate': 'Bearer error="invalid_token"', ...date() });
    }
  };

  const server: TokenServer = {
    clientKey: client.privateKey,
    answers,
    trouble: undefined,
    revokeKeys: async () => {
      keys = [await makeKey()];
    },
    rotateKeys: async () => {
      keys = [await makeKey(), ...keys];
    },
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const url = new URL(request.url);
      if (url.origin === RESOURCE) return serveResource(request.headers);
      const troubled = server.trouble?.(url);
      if (url.pathname !== '/token')
        return troubled ?? json(200, { issuer: ISSUER, token_endpoint: `${ISSUER}/token` }, date());
      const answer = troubled ?? (await grantToken(new URLSearchParams(await request.text())));
      answers.push(String(answer.status));
      return answer;
    },
  };
  return server;
};
