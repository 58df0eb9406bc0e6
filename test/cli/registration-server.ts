/**
 * Dynamic registration in memory (RFC 7591, RFC 7592): one onboarding token, one client, a registration access token that can be
 * made to change with every answer.
 */
import { type Reply, serve, type TestServer } from './http-server.ts';
import type { SignedRequest } from './sigv4.ts';

export const ONBOARDING_TOKEN = `cobt_YmlsbGluZw.${'o'.repeat(43)}`;

export interface RegistrationServer extends TestServer {
  /** What is registered; undefined: nothing. */
  client: Readonly<Record<string, unknown>> | undefined;
  /** The registration access token of now. */
  token: string;
  /** Whether each answer brings a new one. */
  isRotating: boolean;
  metadata: Readonly<Record<string, unknown>>;
}

export async function startRegistrationServer(): Promise<RegistrationServer> {
  const state = { client: undefined, token: 'crat_0', isRotating: false, metadata: {} };
  const server: RegistrationServer = Object.assign(await serve((request) => answer(request)), state);
  let isUsed = false;
  let count = 0;

  function answer(request: SignedRequest): Reply {
    const { target, method, headers, body } = request;
    if (target.startsWith('/.well-known/')) {
      const urls = { token_endpoint: `${server.url}/token`, jwks_uri: `${server.url}/jwks` };
      const registration = { registration_endpoint: `${server.url}/register` };
      return { status: 200, body: { issuer: server.url, ...urls, ...registration, ...server.metadata } };
    }
    const said = body === '' ? {} : JSON.parse(body);
    if (target === '/register' && method === 'POST') {
      if (isUsed || headers.authorization !== `Bearer ${ONBOARDING_TOKEN}`) return refused;
      isUsed = true;
      server.client = { client_id: 'billing', grant_types: ['client_credentials'], ...said };
      return tell(201);
    }
    const isKnown = target === '/register/billing' && headers.authorization === `Bearer ${server.token}`;
    return isKnown && server.client !== undefined ? manage(method, said) : refused;
  }

  function manage(method: string, said: Record<string, unknown>): Reply {
    if (method === 'DELETE') {
      server.client = undefined;
      return { status: 204, body: '' };
    }
    if (method === 'PUT') {
      const surplus = ['registration_access_token', 'registration_client_uri', 'client_id_issued_at'].find(
        (name) => name in said,
      );
      if (surplus !== undefined || said.client_id !== 'billing')
        return { status: 400, body: { error: 'invalid_client_metadata' } };
      server.client = said;
    }
    if (server.isRotating) server.token = `crat_${++count}`;
    return tell(200);
  }

  const tell = (status: number): Reply => ({
    status,
    body: {
      ...server.client,
      client_id_issued_at: 1,
      registration_access_token: server.token,
      registration_client_uri: `${server.url}/register/billing`,
    },
  });
  return server;
}

const refused: Reply = { status: 401, body: { error: 'invalid_token', error_description: 'the token is not good' } };
