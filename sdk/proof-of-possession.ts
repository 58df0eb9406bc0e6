/**
 * Whether a request comes from the owner of the key that its token is bound to: by a DPoP proof (RFC 9449 7), by the certificate of its
 * TLS connection (RFC 8705 3), or by both.
 */

import type { Confirmation } from './claims.ts';
import { type DpopProof, verifyProof } from './dpop-proof.ts';
import { createExpiringMap } from './expiring-map.ts';
import type { PresentedRequest } from './presented-request.ts';
import { invalidToken, Refusal, Unavailable } from './refusal.ts';

export interface DpopOptions {
  /**
   * Takes note of a proof and says whether it has been used before (RFC 9449 11.1); it may forget it at `expiresAt`, epoch seconds. Share
   * one memory among all processes of a resource server.
   * @default - the memory of this process, for 100,000 proofs
   */
  readonly replay?: (jti: string, jkt: string, expiresAt: number) => Promise<boolean>;
  /** Origin by which clients call this server, e.g. `https://api.example.com`, where it sees another one itself. */
  readonly origin?: string;
  /** RFC 9449 9. @default - no nonces */
  readonly nonces?: {
    /** The one to be used from now on. */
    readonly current: () => string | Promise<string>;
    readonly accepts: (nonce: string) => boolean | Promise<boolean>;
  };
}

/** To what a token can be bound: a DPoP key, or a TLS client certificate. */
export type Binding = 'dpop' | 'mtls';

export interface PossessionRules extends DpopOptions {
  /** What every token has to be bound to. */
  readonly binding?: Binding | undefined;
  readonly toleranceSeconds: number;
  readonly now: () => number;
}

/** To be called when nothing else is left to be checked, so that a proof is used up by good requests only. */
type UseUp = () => Promise<void>;

export type ProvePossession = (
  confirmation: Confirmation | undefined,
  request: PresentedRequest,
  certificateThumbprint: string | undefined,
) => Promise<UseUp>;

/** Answers by throwing a Refusal. */
const MEMBERS: Readonly<Record<Binding, keyof Confirmation>> = { dpop: 'jkt', mtls: 'x5t#S256' };

export const createPossession = (rules: PossessionRules): ProvePossession => {
  const replay = rules.replay ?? memoryOfProofs(rules.now);
  return async (confirmation = {}, request, certificateThumbprint) => {
    const { jkt, 'x5t#S256': x5tS256 } = confirmation;
    if (rules.binding !== undefined && confirmation[MEMBERS[rules.binding]] === undefined)
      throw invalidToken('unbound');
    if (x5tS256 !== undefined && x5tS256 !== certificateThumbprint) {
      throw invalidToken(certificateThumbprint === undefined ? 'certificate_missing' : 'certificate_other');
    }
    // RFC 9449 7.1: neither scheme does for the tokens of the other.
    if (jkt === undefined && request.scheme === 'DPoP') throw invalidToken('not_bound');
    if (jkt === undefined) return async () => {};
    const proof = await provenKey(request, rules);
    if (proof.jkt !== jkt) throw invalidToken('proof_other_key');
    await checkNonce(proof, rules.nonces);
    return async () => {
      if (await replay(proof.jti, proof.jkt, proof.expiresAt))
        throw new Refusal('invalid_dpop_proof', 'proof_replayed');
    };
  };
};

const provenKey = async (request: PresentedRequest, rules: PossessionRules): Promise<DpopProof> => {
  const { token: accessToken, scheme, proof, method, url } = request;
  if (scheme !== 'DPoP' || method === undefined || url === undefined) throw invalidToken('bound_token_as_bearer');
  if (proof === undefined) throw new Refusal('invalid_dpop_proof', 'proof_missing');
  const { toleranceSeconds } = rules;
  return verifyProof(proof, { method, url: calledUrl(url, rules.origin), accessToken, toleranceSeconds }, rules.now());
};

const calledUrl = (url: string, origin: string | undefined): string => {
  const called = origin === undefined ? null : URL.parse(url);
  return called === null ? url : `${origin}${called.pathname}`;
};

const checkNonce = async ({ nonce }: DpopProof, nonces: DpopOptions['nonces']): Promise<void> => {
  if (nonces === undefined || (nonce !== undefined && (await nonces.accepts(nonce)))) return;
  throw new Refusal('use_dpop_nonce', 'proof_nonce', { dpopNonce: await nonces.current() });
};

const MAX_PROOFS = 100_000;

const memoryOfProofs = (now: () => number): NonNullable<DpopOptions['replay']> => {
  const used = createExpiringMap<true>(MAX_PROOFS);
  return async (jti, jkt, expiresAt) => {
    const name = `${jkt}.${jti}`;
    if (used.get(name, now()) !== undefined) return true;
    // To forget one that is still good would let it be used again.
    if (!used.set(name, true, expiresAt, now())) throw new Unavailable('memory of DPoP proofs');
    return false;
  };
};
