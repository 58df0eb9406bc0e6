/** Tokens of other issuers: whom they prove by the federation of a partner, and the reads that takes. */

import { findAssertionKey } from '../core/assertion.ts';
import { chooseIdentity, FEDERATED_SECONDS } from '../core/chosen-identity.ts';
import { accept, type Result } from '../core/errors.ts';
import { type ForeignJwt, foreignJwtId, verifyForeignJwt, vouchingKeys } from '../core/federated-assertion.ts';
import { refuseAsSlowly, shownOf } from '../core/key-proof.ts';
import type { EpochSeconds, Partner } from '../core/partner.ts';
import type { RealmTerms } from '../core/realm.ts';
import type { Confirmation } from '../core/token.ts';
import type { Freshness, IssuerReader, SingleUse } from '../ports.ts';
import { UNPROVEN_MAX_AGE_SECONDS } from './unproven.ts';

export interface ProofContext {
  readonly issuers: IssuerReader;
  readonly realm: RealmTerms;
  readonly toleranceSeconds: number;
  readonly freshness: Freshness;
  readonly now: EpochSeconds;
}

export interface FederatedProof {
  /** By which its last use is remembered. */
  readonly credential: string;
  readonly uses: readonly SingleUse[];
  /** Claims that are on trial and would have refused it. */
  readonly audited?: readonly string[];
  /** What the token is bound to. */
  readonly confirmation?: Confirmation;
}

/** A token of a trusted issuer that proves this partner, as its federation says. */
export const verifyFederated = async (
  context: ProofContext,
  partner: Partner,
  jwt: ForeignJwt,
): Promise<Result<FederatedProof>> => {
  const { realm, toleranceSeconds, now } = context;
  const chosen = chooseIdentity(partner.federation, jwt, realm.issuer);
  if (!chosen.ok) return refuseAsSlowly(shownOf(jwt), chosen.refusal);
  const { identity, audited } = chosen.value;
  const issuer = await findIssuer(context, identity.issuer, jwt);
  const { audience = realm.issuer, maxSeconds = FEDERATED_SECONDS, reusable } = identity;
  const rules = { audiences: [audience], maxSeconds, requireJti: false, toleranceSeconds };
  const verified = await verifyForeignJwt({ jwt, issuer, ...rules }, now);
  if (!verified.ok) return verified;
  return accept({
    credential: `federation:${identity.issuer}`,
    uses: reusable ? [] : [foreignUse(jwt, verified.value.issuer.id, toleranceSeconds)],
    ...(audited.length === 0 ? {} : { audited }),
    ...(jwt.claims.cnf === undefined ? {} : { confirmation: jwt.claims.cnf }),
  });
};

/** The partner that goes by this issuer, with the key that the token names if it has it. */
export const findIssuer = async (
  { issuers, realm, freshness }: ProofContext,
  name: string,
  jwt: ForeignJwt,
): Promise<Partner | undefined> => {
  const found = await issuers.findByIssuer(realm.name, name, freshness);
  if (found === undefined) return undefined;
  const key = findAssertionKey(vouchingKeys(found.partner), jwt);
  if (key.ok || key.refusal.reason !== 'assertion_key_unknown') return found.partner;
  // An issuer rolls its keys when it likes. Looked for before any signature is checked, so that every refusal costs one check.
  const fresh = { maxAgeSeconds: UNPROVEN_MAX_AGE_SECONDS, ...freshness };
  return (await issuers.findByIssuer(realm.name, name, fresh))?.partner;
};

/** @param maker id of the partner that is the issuer: its word is used once, by whatever name it is known. */
export const foreignUse = (jwt: ForeignJwt, maker: string, toleranceSeconds: number): SingleUse => ({
  kind: 'assertion',
  maker,
  jti: foreignJwtId(jwt),
  forgetAfter: Math.ceil(jwt.claims.exp) + toleranceSeconds + 1,
});
