/**
 * What a token is bound to: what its client has shown that it holds, as far as client and resource ask for it.
 */

import { accept, type Result, refuse } from './errors.ts';
import type { Confirmation } from './token.ts';
import type { Binding, TokenTerms } from './token-policy.ts';

/** What the client holds, proved in this request. */
export interface Possessions {
  /** Thumbprint of the key of a DPoP proof. */
  readonly jkt?: string;
  /** Thumbprint of the certificate of the TLS handshake. */
  readonly x5tS256?: string;
}

/**
 * A DPoP proof is asked for by nobody and always binds: that is what it was sent for (RFC 9449 5). A certificate may be there for
 * client authentication alone, so it binds where that is asked for.
 * @param origins what the tokens are bound to that are traded in, by their own client or from another issuer: a binding is not shaken off
 * by an exchange.
 * @returns `undefined`: the token is bound to nothing.
 */
export const confirm = (
  { bindings, bindsCertificate }: Pick<TokenTerms, 'bindings' | 'bindsCertificate'>,
  { jkt, x5tS256 }: Possessions,
  ...origins: readonly (Confirmation | undefined)[]
): Result<Confirmation | undefined> => {
  const isKept = origins.every(
    (origin) =>
      (origin?.jkt === undefined || origin.jkt === jkt) &&
      (origin?.['x5t#S256'] === undefined || origin['x5t#S256'] === x5tS256),
  );
  const held: Readonly<Record<Binding, boolean>> = { dpop: jkt !== undefined, mtls: x5tS256 !== undefined };
  if (!isKept || !bindings.every((binding) => held[binding])) return refuse({ reason: 'binding_required', bindings });
  const bindsTo =
    x5tS256 !== undefined && (bindsCertificate || origins.some((origin) => origin?.['x5t#S256'] !== undefined));
  if (jkt === undefined && !bindsTo) return accept(undefined);
  return accept({ ...(jkt === undefined ? {} : { jkt }), ...(bindsTo ? { 'x5t#S256': x5tS256 } : {}) });
};
