/**
 * Who may use a token: anybody who has it, or only the owner of the key that it is bound to (RFC 7800 3.1, RFC 9449 6 and 7.1,
 * RFC 8705 3). One decision for everybody who is shown a token.
 */

import type { DpopProof } from './dpop-proof.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { Confirmation } from './token.ts';
import type { Binding } from './token-policy.ts';

/** Authentication schemes of `Authorization` under which tokens are presented. */
export type TokenScheme = 'bearer' | 'dpop';

/** What the request shows beside the token. */
export interface Presented {
  readonly scheme: TokenScheme;
  /** Verified: core/dpop-proof.ts. */
  readonly proof?: DpopProof;
  /** SHA-256 of the client certificate of the TLS connection, base64url. */
  readonly certificateThumbprint?: string;
}

/** By the member of the claim that names the key. */
const BINDINGS: Readonly<Record<string, Binding>> = { jkt: 'dpop', 'x5t#S256': 'mtls' };

/** To what the `cnf` claim binds a token. `undefined`: not to be understood, so that nobody can prove anything (RFC 7800 3.1). */
export const bindingsOf = (cnf: Confirmation | undefined): readonly Binding[] | undefined => {
  if (cnf === undefined) return [];
  const bindings = Object.entries(cnf).flatMap(([name, value]) => {
    const binding = Object.hasOwn(BINDINGS, name) ? BINDINGS[name] : undefined;
    return binding === undefined || typeof value !== 'string' || value === '' ? [] : [binding];
  });
  return bindings.length === 0 || bindings.length < Object.keys(cnf).length ? undefined : bindings;
};

/** @param cnf the claim of a verified token. */
export const checkPossession = (cnf: Confirmation | undefined, presented: Presented): Result<undefined> => {
  const bindings = bindingsOf(cnf);
  if (bindings === undefined) return refuse({ reason: 'token_binding', binding: 'unknown' });
  // RFC 9449 7.1: with the DPoP scheme a token that is bound to no DPoP key is not valid.
  if (presented.scheme === 'dpop' && !bindings.includes('dpop')) {
    return refuse({ reason: 'token_unbound', binding: 'dpop' });
  }
  const unproven = bindings.find((binding) => !isProven[binding](cnf ?? {}, presented));
  return unproven === undefined ? accept(undefined) : refuse({ reason: 'token_binding', binding: unproven });
};

const isProven: Readonly<Record<Binding, (cnf: Confirmation, presented: Presented) => boolean>> = {
  // RFC 9449 7.1: the Bearer scheme does for no bound token, whatever comes with it.
  dpop: ({ jkt }, { scheme, proof }) => scheme === 'dpop' && proof !== undefined && proof.jkt === jkt,
  mtls: ({ 'x5t#S256': x5tS256 }, { certificateThumbprint }) =>
    certificateThumbprint !== undefined && certificateThumbprint === x5tS256,
};
