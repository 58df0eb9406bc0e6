/**
 * Signature algorithms as X.509 names them: those that our keys sign certificates with, and those that we accept in a chain.
 * (RFC 4055, RFC 5758, RFC 8410, RFC 9881)
 */

import { ecdsaWithSHA256, ecdsaWithSHA384, ecdsaWithSHA512 } from '@peculiar/asn1-ecc';
import {
  id_mgf1,
  id_RSASSA_PSS,
  id_sha256,
  id_sha256WithRSAEncryption,
  id_sha384,
  id_sha384WithRSAEncryption,
  id_sha512,
  id_sha512WithRSAEncryption,
  RsaSaPssParams,
  sha256,
} from '@peculiar/asn1-rsa';
import { AsnConvert } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { id_ml_dsa_44, id_ml_dsa_65, id_ml_dsa_87 } from '@peculiar/asn1-x509-post-quantum';
import type { JwsAlgorithm } from './algorithms.ts';

const ED25519 = '1.3.101.112';
const ED448 = '1.3.101.113';

/** RFC 7518 3.5: the salt is as long as the digest. */
const PSS_SHA_256 = new RsaSaPssParams({
  hashAlgorithm: sha256,
  maskGenAlgorithm: new AlgorithmIdentifier({ algorithm: id_mgf1, parameters: AsnConvert.serialize(sha256) }),
  saltLength: 32,
});

const OURS: Readonly<Record<JwsAlgorithm, AlgorithmIdentifier>> = {
  // By its number: the package's ready-made identifier of this name has the number of SHA-512/256.
  RS256: new AlgorithmIdentifier({ algorithm: id_sha256WithRSAEncryption, parameters: null }),
  PS256: new AlgorithmIdentifier({ algorithm: id_RSASSA_PSS, parameters: AsnConvert.serialize(PSS_SHA_256) }),
  ES256: ecdsaWithSHA256,
  ES384: ecdsaWithSHA384,
  ES512: ecdsaWithSHA512,
  EdDSA: new AlgorithmIdentifier({ algorithm: ED25519 }),
  'ML-DSA-44': new AlgorithmIdentifier({ algorithm: id_ml_dsa_44 }),
  'ML-DSA-65': new AlgorithmIdentifier({ algorithm: id_ml_dsa_65 }),
  'ML-DSA-87': new AlgorithmIdentifier({ algorithm: id_ml_dsa_87 }),
};

/** How a certificate says that a key of this algorithm has signed it. */
export const certificateSignatureAlgorithm = (algorithm: JwsAlgorithm): AlgorithmIdentifier => OURS[algorithm];

const SOUND: ReadonlySet<string> = new Set([
  ...Object.values(OURS).map(({ algorithm }) => algorithm),
  id_sha384WithRSAEncryption,
  id_sha512WithRSAEncryption,
  ED448,
]);

const SOUND_HASHES: ReadonlySet<string> = new Set([id_sha256, id_sha384, id_sha512]);

/**
 * Whether a signature of this kind proves anything today: nothing with SHA-1 or MD5 does.
 * @throws Error when the parameters are malformed.
 */
export const isSoundSignature = ({ algorithm, parameters }: AlgorithmIdentifier): boolean => {
  if (algorithm !== id_RSASSA_PSS) return SOUND.has(algorithm);
  // RFC 4055 3.1: without parameters the hash is SHA-1.
  if (parameters === undefined || parameters === null) return false;
  return SOUND_HASHES.has(AsnConvert.parse(parameters, RsaSaPssParams).hashAlgorithm.algorithm);
};
