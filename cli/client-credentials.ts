/**
 * The client credentials grant with `private_key_jwt` (RFC 6749 section 4.4, RFC 7523 section 2.2).
 * Assertions live for one minute and one use, and are never printed.
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { misuse, refused } from './failure.ts';
import { type Answer, send } from './http.ts';
import type { Issuer } from './issuer.ts';
import type { SigningKey } from './private-key.ts';

const ASSERTION_SECONDS = 60;
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** RFC 6749 appendix A.12; nothing else gets to the terminal. */
const VSCHARS = /^[\x20-\x7e]+$/;

const tokenAnswer = z.looseObject({ access_token: z.string().regex(VSCHARS), token_type: z.string() });
export type TokenAnswer = z.infer<typeof tokenAnswer>;

/** RFC 6749 section 5.2. */
const oauthError = z.looseObject({ error: z.string(), error_description: z.string().optional() });

export interface TokenRequest {
  readonly client: string;
  readonly key: SigningKey;
  readonly resource?: string | undefined;
  readonly scope?: string | undefined;
}

/** @throws Failure: 1 with the OAuth error, 2 when the key cannot sign, 3 when the endpoint cannot be reached. */
export async function requestToken(issuer: Issuer, request: TokenRequest): Promise<TokenAnswer> {
  const answer = await send(async () => ({
    method: 'POST',
    url: new URL(issuer.token_endpoint),
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    // Built for each attempt: an assertion that met a 503 may have been used up.
    body: await buildForm(issuer, request),
  }));
  const parsed = tokenAnswer.safeParse(answer.json);
  if (answer.status === 200 && parsed.success) return parsed.data;
  throw describeRefusal(answer);
}

async function buildForm(issuer: Issuer, { client, key, resource, scope }: TokenRequest): Promise<string> {
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await signAssertion(issuer.issuer, client, key),
  });
  if (resource !== undefined) form.set('resource', resource);
  if (scope !== undefined) form.set('scope', scope);
  return form.toString();
}

async function signAssertion(audience: string, client: string, { key, kid, alg }: SigningKey): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  try {
    return await new SignJWT({ jti: randomUUID() })
      .setProtectedHeader({ alg, kid, typ: 'client-authentication+jwt' })
      .setIssuer(client)
      .setSubject(client)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + ASSERTION_SECONDS)
      .sign(key);
  } catch (error) {
    throw misuse(`the key cannot sign with ${alg}: ${error instanceof Error ? error.message : 'unknown reason'}`);
  }
}

function describeRefusal(answer: Answer): Error {
  const parsed = oauthError.safeParse(answer.json);
  if (!parsed.success) return refused(`the token endpoint answered HTTP ${answer.status} without a token`);
  const { error, error_description: description } = parsed.data;
  return refused(description === undefined ? error : `${error}: ${description}`);
}
