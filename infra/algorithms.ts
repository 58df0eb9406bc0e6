/**
 * Which KMS key and signing algorithm stand behind each JWA name, for the conditions of IAM policies.
 * The functions have their own, richer table; a test keeps the two equal.
 */

interface KmsFacts {
  /** `kms:KeySpec` of the keys (KMS API reference, CreateKey). */
  readonly keySpec: string;
  /** `kms:SigningAlgorithm` of the signatures (KMS API reference, Sign). */
  readonly signingAlgorithm: string;
}

const FACTS: Readonly<Record<string, KmsFacts>> = {
  RS256: { keySpec: 'RSA_2048', signingAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256' },
  PS256: { keySpec: 'RSA_2048', signingAlgorithm: 'RSASSA_PSS_SHA_256' },
  ES256: { keySpec: 'ECC_NIST_P256', signingAlgorithm: 'ECDSA_SHA_256' },
  ES384: { keySpec: 'ECC_NIST_P384', signingAlgorithm: 'ECDSA_SHA_384' },
  ES512: { keySpec: 'ECC_NIST_P521', signingAlgorithm: 'ECDSA_SHA_512' },
  EdDSA: { keySpec: 'ECC_NIST_EDWARDS25519', signingAlgorithm: 'ED25519_SHA_512' },
  'ML-DSA-44': { keySpec: 'ML_DSA_44', signingAlgorithm: 'ML_DSA_SHAKE_256' },
  'ML-DSA-65': { keySpec: 'ML_DSA_65', signingAlgorithm: 'ML_DSA_SHAKE_256' },
  'ML-DSA-87': { keySpec: 'ML_DSA_87', signingAlgorithm: 'ML_DSA_SHAKE_256' },
};

/** JWA names that a key ring may have. */
export const ALGORITHMS: readonly string[] = Object.keys(FACTS);

const factsOf = (algorithms: readonly string[]): readonly KmsFacts[] =>
  Object.entries(FACTS).flatMap(([name, facts]) => (algorithms.includes(name) ? [facts] : []));

/** The key specs that rings of these algorithms need, each once. */
export const keySpecs = (algorithms: readonly string[]): string[] => [
  ...new Set(factsOf(algorithms).map((facts) => facts.keySpec)),
];

/** The KMS signing algorithms that these JWA names stand for, each once. */
export const signingAlgorithms = (algorithms: readonly string[]): string[] => [
  ...new Set(factsOf(algorithms).map((facts) => facts.signingAlgorithm)),
];
