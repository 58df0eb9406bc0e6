/**
 * Client authentication by `private_key_jwt` (RFC 7523 2.2): is this assertion signed by a key that the partner registered?
 * An unknown partner and an unknown key cost a signature check as well, so that time does not tell them from a wrong signature.
 */

import { compactVerify, type JWK } from 'jose';
import { parseAlgorithmName, wireNames } from './algorithms.ts';
import { type AssertionRules, checkAssertionClaims, findAssertionKey, type ParsedAssertion } from './assertion.ts';
import { accept, type Refusal, type Result, refuse } from './errors.ts';
import type { EpochSeconds, Partner, PartnerKey } from './partner.ts';

export interface VerifiedClient {
  readonly partner: Partner;
  readonly key: PartnerKey;
}

export const verifyClient = async (
  partner: Partner | undefined,
  assertion: ParsedAssertion,
  rules: AssertionRules,
  now: EpochSeconds,
): Promise<Result<VerifiedClient>> => {
  if (partner === undefined) {
    return refuseAsSlowly(assertion, { reason: 'client_unknown', clientId: assertion.claims.sub });
  }
  const key = findAssertionKey(partner.keys, assertion);
  if (!key.ok) return refuseAsSlowly(assertion, key.refusal);
  if (!(await isSignedBy(key.value, assertion))) return refuse({ reason: 'assertion_signature' });
  // Told only to the holder of the key, and only in our log: a disabled partner looks like a wrong signature from outside.
  if (!partner.enabled) return refuse({ reason: 'client_disabled', clientId: partner.id });
  const claims = checkAssertionClaims(assertion, rules, now);
  return claims.ok ? accept({ partner, key: key.value }) : claims;
};

const isSignedBy = async ({ jwk, algorithm }: Pick<PartnerKey, 'jwk' | 'algorithm'>, { jws }: ParsedAssertion) => {
  try {
    // jose keeps the imported key per JWK object, so the object that the registry cache holds is passed as it is.
    await compactVerify(jws, jwk, { algorithms: [...wireNames(algorithm)] });
    return true;
  } catch {
    return false;
  }
};

const refuseAsSlowly = async (assertion: ParsedAssertion, refusal: Refusal): Promise<Result<never>> => {
  const algorithm = parseAlgorithmName(assertion.header.alg);
  const decoy = algorithm === undefined ? undefined : DECOYS[algorithm];
  if (algorithm !== undefined && decoy !== undefined) await isSignedBy({ jwk: decoy, algorithm }, assertion);
  return refuse(refusal);
};

/** Public keys whose private halves were thrown away when they were made; nothing verifies against them. */
const RSA_DECOY: JWK = {
  kty: 'RSA',
  e: 'AQAB',
  n: 'jH5ol53vC4eQGPRk3dR3tgE9rMk07BwDIL7MtxJaskunl8Vp7wGMlGtX4rR50eOXbSlriou32Uwij-CTDR_wTE49i-EjwsOzCz7--bsYUiQDcvkZrWYgajBA95V0frLwpovHJX2k6ysxkoQ5g9syO9uIUz8C1-eOTrjbyL0CyuBfMXadv6pj3sFmLGeCgDy2aFMq7fnk3uMRa2SrnjxuNnGGZS81qmVeZHC8nN0Pbk4Mv2aUAV7NeRzZFNKxv-N5M1VmuyMQb27rGTSjlwdlGcVoIMbLGJ8JXut7h2WuwvA4tE9IoPcqXeF69rDcHkmrafvcKtZEVIXYjLjvqhJXLw',
};
const DECOYS: Readonly<Record<string, JWK>> = {
  RS256: RSA_DECOY,
  PS256: RSA_DECOY,
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    x: 'KdxHk63o1swLXvI1Akal5Hfn_WzVi0JDd_21xvK-P6g',
    y: 'g2GUWkOGFOq92iV4ZERtbwc0kcIO_Wy8iGtfY2TXc1c',
  },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', x: '5lEU7bH7WmAanL3ulq1yTqVg2XEAgpR-1XB6kpwLowQ' },
};
