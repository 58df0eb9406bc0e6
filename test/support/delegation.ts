/** Token requests about somebody: by an assertion (RFC 7523 2.1), or by a token that is handed in for another (RFC 8693 2.1). */

import { JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import type { TestKeyPair } from './builders.ts';
import { freshProof } from './dpop.ts';
import { assertionOf, postToken, type Service, type TestPartner, type TokenResponse, tokenForm } from './service.ts';

export const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
export const JWT = 'urn:ietf:params:oauth:token-type:jwt';

type Parameters = Readonly<Record<string, string>>;

/** The assertion and nothing beside it: where the client has made it, it proves the client as well (RFC 7521 4.1). */
export const grantForm = (assertion: string, more: Parameters = {}): URLSearchParams =>
  new URLSearchParams({ grant_type: JWT_BEARER, assertion, ...more });

/** What the partner says of a user, or of itself where it names nobody. */
export const statementOf = (
  partner: TestPartner,
  issuer: string,
  sub: string = partner.id,
  claims: object = {},
): Promise<string> => assertionOf(partner, issuer, { claims: { sub, ...claims } });

/** A token handed in for another, by a client that proves itself with its key. */
export const exchangeForm = async (
  client: TestPartner,
  issuer: string,
  subject: string,
  more: Parameters = {},
): Promise<URLSearchParams> =>
  tokenForm(await assertionOf(client, issuer), {
    grant_type: TOKEN_EXCHANGE,
    subject_token: subject,
    subject_token_type: ACCESS_TOKEN,
    ...more,
  });

/** @throws when there is none. */
export const tokenOf = ({ status, body }: TokenResponse): string => {
  if (status !== 200) throw new Error(`the token endpoint answered ${status} ${JSON.stringify(body)}`);
  return String(body.access_token);
};

export const requireToken = async (service: Service, form: URLSearchParams | Promise<URLSearchParams>) =>
  tokenOf(await postToken(service, await form));

/** With a DPoP proof of that key, and with the nonce in it that the first try is answered with (RFC 9449 8). */
export const postWithProof = async (
  { issuer }: Service,
  form: URLSearchParams,
  key: TestKeyPair,
): Promise<TokenResponse> => {
  const url = `${issuer}/token`;
  const send = async (claims: object): Promise<TokenResponse> => {
    const dpop = freshProof(key, { htm: 'POST', htu: url, ...claims });
    const answer = await fetch(url, { method: 'POST', headers: { dpop }, body: form });
    const body = (await answer.json()) as Record<string, unknown>;
    return { status: answer.status, headers: answer.headers, body };
  };
  const nonce = (await send({})).headers.get('dpop-nonce');
  if (nonce === null) throw new Error('the first try was answered without a nonce');
  return send({ nonce });
};
