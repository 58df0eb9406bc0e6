/**
 * What a client shows that it holds beside what proves who it is: the key of a DPoP proof (RFC 9449 5), the certificate of the TLS
 * handshake (RFC 8705 3).
 */

import type { Possessions } from '../core/confirmation.ts';
import { verifyDpopProof } from '../core/dpop-proof.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import type { EpochSeconds } from '../core/partner.ts';
import { readPresentedCertificate } from '../core/presented-certificate.ts';
import { type RealmDefaults, type RealmTerms, realmPath } from '../core/realm.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import type { DpopNonces, SingleUse } from '../ports.ts';

export interface PossessionContext {
  /** As the path names the realm: perhaps by an alias. */
  readonly asked: string;
  /** The endpoint that is called, of a realm with this issuer. */
  readonly endpoint: (issuer: string) => string;
  readonly realm: RealmTerms;
  readonly settings: RealmDefaults;
  readonly toleranceSeconds: number;
  readonly now: EpochSeconds;
}

export interface Possessed extends Possessions {
  /** The DPoP proof, which is used up. */
  readonly proofUse?: SingleUse;
  /** For the next proof. */
  readonly nonce?: string;
}

export const provePossession = async (
  nonces: DpopNonces,
  context: PossessionContext,
  { dpop, clientCertificate }: Pick<RawTokenRequest, 'dpop' | 'clientCertificate'>,
): Promise<Result<Possessed>> => {
  const certificate = clientCertificate === undefined ? undefined : readPresentedCertificate(clientCertificate);
  if (certificate?.ok === false) return certificate;
  const held = certificate === undefined ? {} : { x5tS256: certificate.value.x5tS256 };
  if (dpop === undefined) return accept(held);
  const { realm, toleranceSeconds, now } = context;
  const { current, accepted } = await nonces.read(realm.name, now);
  const rules = {
    method: 'POST',
    urls: endpointUrls(context),
    nonces: { accepted, required: realm.dpopNonces === 'required' },
    toleranceSeconds,
  };
  const proof = await verifyDpopProof(dpop, rules, now);
  if (!proof.ok) return proof.refusal.reason === 'dpop_nonce' ? refuse({ ...proof.refusal, nonce: current }) : proof;
  const { jkt, jti, forgetAfter } = proof.value;
  return accept({ ...held, jkt, proofUse: { kind: 'dpop', maker: jkt, jti, forgetAfter }, nonce: current });
};

/** Every address of the endpoint: the realm's own, by the name the client has called it, and at the door for certificates. */
const endpointUrls = ({ asked, endpoint, realm, settings }: PossessionContext): readonly string[] => {
  const path = realmPath(asked, settings.defaultRealm);
  const { mutualTlsUrl } = settings;
  const door =
    mutualTlsUrl === undefined || realm.mutualTlsUrl === undefined
      ? []
      : [realm.mutualTlsUrl, `${mutualTlsUrl}${path}`];
  const bases = [realm.issuer, `${settings.baseUrl}${path}`, ...door];
  return [...new Set(bases.map(endpoint))];
};
