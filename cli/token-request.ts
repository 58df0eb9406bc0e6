/**
 * A token request as a partner makes it (RFC 6749 section 4.4, RFC 7523 section 2.1, RFC 8693 section 2.1), by any way of
 * proving who the client is, with a DPoP proof or over mutual TLS where wanted.
 */
import { z } from 'zod';
import { type ClientProof, proveClient } from './client-proof.ts';
import { type DpopKey, signProof } from './dpop.ts';
import { refused } from './failure.ts';
import { type Answer, type Outgoing, send } from './http.ts';
import type { Issuer } from './issuer.ts';
import { describeOAuthRefusal } from './oauth-refusal.ts';
import type { TlsIdentity } from './tls-exchange.ts';

/** RFC 6749 appendix A.12; nothing else gets to the terminal. */
const VSCHARS = /^[\x20-\x7e]+$/;

const tokenAnswer = z.looseObject({ access_token: z.string().regex(VSCHARS), token_type: z.string() });
export type TokenAnswer = z.infer<typeof tokenAnswer>;

export interface TokenRequest {
  readonly client: string;
  readonly proof: ClientProof;
  /** What is asked for: `grant_type` and all that goes with it. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The token is to be bound to it. */
  readonly dpop?: DpopKey | undefined;
  readonly tls?: TlsIdentity | undefined;
}

/** @throws Failure: 1 with the OAuth error, 2 when a key cannot sign, 3 when the endpoint cannot be reached. */
export async function requestToken(issuer: Issuer, request: TokenRequest): Promise<TokenAnswer> {
  const url = endpointFor(issuer, request.tls);
  // Built for each attempt: an assertion that met a 503 may have been used up.
  const ask = (nonce?: string) => send(() => buildRequest(issuer, url, request, nonce));
  const first = await ask();
  const nonce = request.dpop === undefined ? undefined : demandedNonce(first);
  const answer = nonce === undefined ? first : await ask(nonce);
  const parsed = tokenAnswer.safeParse(answer.json);
  if (answer.status !== 200 || !parsed.success) throw describeOAuthRefusal(answer, 'the token endpoint', 'a token');
  // RFC 9449 section 5: a client to which the binding matters takes no other token.
  if (request.dpop !== undefined && parsed.data.token_type.toLowerCase() !== 'dpop') {
    throw refused('the token is not bound to the DPoP key: the service took no notice of the proof');
  }
  return parsed.data;
}

/** RFC 8705 section 5: the alias where there is one. */
function endpointFor(issuer: Issuer, tls: TlsIdentity | undefined): URL {
  if (tls?.certificate === undefined) return new URL(issuer.token_endpoint);
  const url = new URL(issuer.mtls_endpoint_aliases?.token_endpoint ?? issuer.token_endpoint);
  if (url.protocol === 'https:') return url;
  throw refused(`${url.origin} is no TLS endpoint, so no certificate can be presented there`);
}

async function buildRequest(
  issuer: Issuer,
  url: URL,
  { client, proof, parameters, dpop, tls }: TokenRequest,
  nonce: string | undefined,
): Promise<Outgoing> {
  const { headers, form } = await proveClient(proof, client, issuer.issuer);
  const bound = dpop === undefined ? {} : { dpop: await signProof(dpop, { method: 'POST', url, nonce }) };
  return {
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      ...headers,
      ...bound,
    },
    body: new URLSearchParams({ ...parameters, ...form }).toString(),
    ...(tls === undefined ? {} : { tls }),
  };
}

const nonceDemand = z.looseObject({ error: z.literal('use_dpop_nonce') });

/** RFC 9449 section 8. */
function demandedNonce({ json, headers }: Answer): string | undefined {
  return nonceDemand.safeParse(json).success ? (headers.get('dpop-nonce') ?? undefined) : undefined;
}
