/**
 * Is this signed by that key? And how to say no without telling by the time it takes whether there is such a key: what nobody could have
 * signed is checked against a decoy.
 */

import { createHash } from 'node:crypto';
import { compactVerify, type JWK } from 'jose';
import { type JwsAlgorithm, parseAlgorithmName, wireNames } from './algorithms.ts';
import { type Refusal, type Result, refuse } from './errors.ts';
import type { PartnerKey } from './partner.ts';

export const isSignedBy = async (
  { jwk, algorithm }: Pick<PartnerKey, 'jwk' | 'algorithm'>,
  jws: string,
): Promise<boolean> => {
  try {
    // jose keeps the imported key per JWK object, so the object that the registry cache holds is passed as it is.
    await compactVerify(jws, jwk, { algorithms: [...wireNames(algorithm)] });
    return true;
  } catch {
    return false;
  }
};

/** What a refusal needs to take as long as a check. */
export const shownOf = ({ jws, header }: { readonly jws: string; readonly header: { readonly alg: string } }) => ({
  alg: header.alg,
  jws,
});

/** @param alg as the header of the JWS says it. */
export const refuseAsSlowly = async (
  { alg, jws }: { readonly alg: string; readonly jws: string },
  refusal: Refusal,
): Promise<Result<never>> => {
  const algorithm = parseAlgorithmName(alg);
  if (algorithm !== undefined) await isSignedBy({ jwk: DECOYS[algorithm], algorithm }, jws);
  return refuse(refusal);
};

/** Public keys whose private halves were thrown away when they were made; nothing verifies against them. */
const RSA_DECOY: JWK = {
  kty: 'RSA',
  e: 'AQAB',
  n: 'jH5ol53vC4eQGPRk3dR3tgE9rMk07BwDIL7MtxJaskunl8Vp7wGMlGtX4rR50eOXbSlriou32Uwij-CTDR_wTE49i-EjwsOzCz7--bsYUiQDcvkZrWYgajBA95V0frLwpovHJX2k6ysxkoQ5g9syO9uIUz8C1-eOTrjbyL0CyuBfMXadv6pj3sFmLGeCgDy2aFMq7fnk3uMRa2SrnjxuNnGGZS81qmVeZHC8nN0Pbk4Mv2aUAV7NeRzZFNKxv-N5M1VmuyMQb27rGTSjlwdlGcVoIMbLGJ8JXut7h2WuwvA4tE9IoPcqXeF69rDcHkmrafvcKtZEVIXYjLjvqhJXLw',
};

/** Any bytes of the right length are an ML-DSA public key (FIPS 204, algorithm 23); these come from no private one. */
const mlDsaDecoy = (alg: JwsAlgorithm, bytes: number): JWK => ({
  kty: 'AKP',
  alg,
  pub: createHash('shake256', { outputLength: bytes }).update('countersign decoy').digest('base64url'),
});

const DECOYS: Readonly<Record<JwsAlgorithm, JWK>> = {
  RS256: RSA_DECOY,
  PS256: RSA_DECOY,
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    x: 'KdxHk63o1swLXvI1Akal5Hfn_WzVi0JDd_21xvK-P6g',
    y: 'g2GUWkOGFOq92iV4ZERtbwc0kcIO_Wy8iGtfY2TXc1c',
  },
  ES384: {
    kty: 'EC',
    crv: 'P-384',
    x: 'WXKXCp6JlI8ttNQdWq6vT7YWrOkhJrnfTkwR0_90HukyAy2AcAzl4b-TjCMVwGdq',
    y: 'jVFqKhpz9DAnqhIXbo9DvWhGBmT5UsSYXtgke6Wk5BNcI2xHbHPzFu7N4DVyrO41',
  },
  ES512: {
    kty: 'EC',
    crv: 'P-521',
    x: 'ABEuoACYgAT-KA9f8J69-8uC4i7YQFDZp-p4uKl3afusbpFcfAso7dKF9rGz0qDdWuEzhS3LVjhCz_RteZYKKTLD',
    y: 'ASK9jp2PVT85EMCHGnOnLR_xADAtFAYjt6hMfhqRaomxWx2pusC7yKT0UkPA5F-MvqJqp_9Ror7bWHmuvHDb84_v',
  },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', x: '5lEU7bH7WmAanL3ulq1yTqVg2XEAgpR-1XB6kpwLowQ' },
  'ML-DSA-44': mlDsaDecoy('ML-DSA-44', 1_312),
  'ML-DSA-65': mlDsaDecoy('ML-DSA-65', 1_952),
  'ML-DSA-87': mlDsaDecoy('ML-DSA-87', 2_592),
};
