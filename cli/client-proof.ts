/**
 * How a client proves who it is at the token endpoint: one of the methods of RFC 6749 section 2.3.1, RFC 7523 section 2.2 and
 * RFC 8705 section 2. Assertions of our making live for one minute and one use; nothing of all this is ever printed.
 */
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { misuse } from './failure.ts';
import type { SigningKey } from './private-key.ts';

export type ClientProof =
  | { readonly method: 'private_key_jwt'; readonly key: SigningKey }
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
  /** A JWT of another issuer, taken as it is. */
  | { readonly method: 'federated'; readonly assertion: string }
  /** The TLS certificate, which the connection presents. */
  | { readonly method: 'tls_client_auth' };

/** What goes into the request. */
interface Proven {
  readonly headers: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
}

const ASSERTION_SECONDS = 60;
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/**
 * @param issuer the audience of assertions.
 * @throws Failure (2) when the key cannot sign.
 */
export async function proveClient(proof: ClientProof, client: string, issuer: string): Promise<Proven> {
  switch (proof.method) {
    case 'private_key_jwt':
      return proven(assertionForm(await signAssertion(issuer, client, proof.key)));
    case 'federated':
      return proven({ client_id: client, ...assertionForm(proof.assertion) });
    case 'client_secret_post':
      return proven({ client_id: client, client_secret: proof.secret });
    case 'client_secret_basic':
      return { headers: { authorization: basic(client, proof.secret) }, form: {} };
    case 'tls_client_auth':
      return proven({ client_id: client });
  }
}

const proven = (form: Proven['form']): Proven => ({ headers: {}, form });

const assertionForm = (assertion: string): Proven['form'] => ({
  client_assertion_type: ASSERTION_TYPE,
  client_assertion: assertion,
});

/** RFC 6749 section 2.3.1: both are form-encoded before they are put together. */
function basic(client: string, secret: string): string {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(client)}:${encode(secret)}`).toString('base64')}`;
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
