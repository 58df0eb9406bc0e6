/**
 * Whether the request for a resource comes from the owner of the key that its token is bound to: by a DPoP proof made for this
 * request and this token and never used before, by the certificate of its TLS connection, or by both.
 */

import { type DpopProof, verifyDpopProof } from '../core/dpop-proof.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import type { EpochSeconds } from '../core/partner.ts';
import { readPresentedCertificate } from '../core/presented-certificate.ts';
import { bindingsOf, checkPossession } from '../core/proof-of-possession.ts';
import type { PresentedToken, ResourceRequest } from '../core/resource-request.ts';
import { targetUris } from '../core/target-uri.ts';
import type { Confirmation } from '../core/token.ts';
import type { ReplayGuard } from '../ports.ts';

export interface PossessionRules {
  /** Base URL that the resource is also called by, beside the domain name that API Gateway tells. */
  readonly resourceUrl?: string;
  readonly toleranceSeconds: number;
  /** For how long a decision is taken over for other requests with the same `Authorization`. */
  readonly cacheSeconds: number;
}

export interface Possession {
  /** Still to be used up. */
  readonly proof?: DpopProof;
}

/** @param cnf the claim of the token, which was verified. */
export const verifyPossession = async (
  cnf: Confirmation | undefined,
  token: PresentedToken,
  request: ResourceRequest,
  rules: PossessionRules,
  now: EpochSeconds,
): Promise<Result<Possession>> => {
  const bindings = bindingsOf(cnf) ?? [];
  const [binding] = bindings;
  // A decision that is kept lets in whoever sends the same token, with any proof and any certificate.
  if (binding !== undefined && rules.cacheSeconds > 0) {
    return refuse({
      reason: 'token_binding',
      binding,
      detail: 'decisions are cached: authorizerCacheSeconds is not 0',
    });
  }
  const hasProof = bindings.includes('dpop') && token.scheme === 'dpop' && request.proof !== undefined;
  const proof = hasProof ? await readProof(token, request, rules, now) : accept({});
  if (!proof.ok) return proof;
  const certificate = bindings.includes('mtls') ? readCertificate(request) : accept({});
  if (!certificate.ok) return certificate;
  const possession = checkPossession(cnf, { scheme: token.scheme, ...proof.value, ...certificate.value });
  return possession.ok ? accept(proof.value) : possession;
};

const readProof = async (
  { jws }: PresentedToken,
  { proof = '', method, host, path }: ResourceRequest,
  { resourceUrl, toleranceSeconds }: PossessionRules,
  now: EpochSeconds,
): Promise<Result<Pick<Possession, 'proof'>>> => {
  const rules = { method, urls: targetUris(resourceUrl, host, path), accessToken: jws, toleranceSeconds };
  const verified = await verifyDpopProof(proof, rules, now);
  return verified.ok ? accept({ proof: verified.value }) : verified;
};

const readCertificate = ({ clientCertificate: pem }: ResourceRequest): Result<{ certificateThumbprint?: string }> => {
  if (pem === undefined) return accept({});
  const certificate = readPresentedCertificate(pem);
  return certificate.ok ? accept({ certificateThumbprint: certificate.value.x5tS256 }) : certificate;
};

/** RFC 9449 11.1: of any number of requests with one proof, one is let in. */
export const useUp = async (
  replay: Pick<ReplayGuard, 'claim'>,
  { realm, requestId }: { readonly realm: string; readonly requestId: string },
  { jkt, jti, forgetAfter }: DpopProof,
  now: EpochSeconds,
): Promise<Result<undefined>> => {
  const use = { kind: 'dpop', maker: jkt, jti, forgetAfter } as const;
  const used = await replay.claim({ realm, uses: [use], claimedBy: requestId }, now);
  return used === undefined ? accept(undefined) : refuse({ reason: 'dpop_replayed' });
};
