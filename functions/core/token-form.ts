/** A request about one token, as RFC 7662 2.1 and RFC 7009 2.1 spell it: the proof of who asks, and the token; and what its answer holds. */

import { type ClientAuthentication, parseClientAuthentication } from './client-authentication.ts';
import { accept, type Result, refuse } from './errors.ts';
import { first, parseForm, type RawTokenRequest } from './request-form.ts';

export interface TokenForm {
  readonly client: ClientAuthentication;
  /** Of nothing in it anything is believed yet. */
  readonly token: string;
}

/** `token_type_hint` says where to look first; there is one kind of token here, whatever it says (RFC 7009 2.1). */
export const parseTokenForm = (raw: RawTokenRequest): Result<TokenForm> => {
  const form = parseForm(raw);
  if (!form.ok) return form;
  const client = parseClientAuthentication(form.value, raw, false);
  if (!client.ok) return client;
  const token = first(form.value, 'token');
  return token === undefined
    ? refuse({ reason: 'parameter_missing', parameter: 'token' })
    : accept({ client: client.value, token });
};

/** What the client is told. */
export interface Answered<Answer> {
  readonly answer: Answer;
  /** For its next DPoP proof, where it has sent one. */
  readonly dpopNonce?: string;
}
