/**
 * Algorithm facts, in one table: what JOSE calls an algorithm, which KMS key and signing algorithm make it, how long its
 * signature is. Code below receives a row and never switches on a name. (RFC 7518 3, RFC 8037, RFC 9864, KMS API reference "Sign")
 */

/** JWA names of the algorithms that keys of ours sign with and partners' assertions may use. */
export type JwsAlgorithm =
  | 'RS256'
  | 'PS256'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA'
  | 'ML-DSA-44'
  | 'ML-DSA-65'
  | 'ML-DSA-87';

export interface AlgorithmFacts {
  readonly name: JwsAlgorithm;
  /** JWK `kty` and, for curves, `crv` of its keys. */
  readonly kty: 'RSA' | 'EC' | 'OKP' | 'AKP';
  readonly crv?: string;
  readonly kms: {
    readonly keySpec: string;
    readonly signingAlgorithm: string;
    /** `RAW` where the algorithm hashes by itself; KMS takes at most 4,096 bytes of it. */
    readonly message:
      | { readonly type: 'DIGEST'; readonly hash: 'sha256' | 'sha384' | 'sha512' }
      | { readonly type: 'RAW' };
  };
  /** Length of a signature in its JOSE form. */
  readonly signatureBytes: number;
  /** For ECDSA: bytes of each of `r` and `s` in the JOSE form; KMS answers DER (RFC 7518 3.4). */
  readonly ecdsaCoordinateBytes?: number;
}

const digest = (hash: 'sha256' | 'sha384' | 'sha512') => ({ type: 'DIGEST', hash }) as const;
const RAW = { type: 'RAW' } as const;

const TABLE: Readonly<Record<JwsAlgorithm, AlgorithmFacts>> = {
  RS256: {
    name: 'RS256',
    signatureBytes: 256,
    kty: 'RSA',
    kms: { keySpec: 'RSA_2048', signingAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256', message: digest('sha256') },
  },
  PS256: {
    name: 'PS256',
    signatureBytes: 256,
    kty: 'RSA',
    kms: { keySpec: 'RSA_2048', signingAlgorithm: 'RSASSA_PSS_SHA_256', message: digest('sha256') },
  },
  ES256: {
    name: 'ES256',
    signatureBytes: 64,
    kty: 'EC',
    crv: 'P-256',
    kms: { keySpec: 'ECC_NIST_P256', signingAlgorithm: 'ECDSA_SHA_256', message: digest('sha256') },
    ecdsaCoordinateBytes: 32,
  },
  ES384: {
    name: 'ES384',
    signatureBytes: 96,
    kty: 'EC',
    crv: 'P-384',
    kms: { keySpec: 'ECC_NIST_P384', signingAlgorithm: 'ECDSA_SHA_384', message: digest('sha384') },
    ecdsaCoordinateBytes: 48,
  },
  ES512: {
    name: 'ES512',
    signatureBytes: 132,
    kty: 'EC',
    crv: 'P-521',
    kms: { keySpec: 'ECC_NIST_P521', signingAlgorithm: 'ECDSA_SHA_512', message: digest('sha512') },
    ecdsaCoordinateBytes: 66,
  },
  EdDSA: {
    name: 'EdDSA',
    signatureBytes: 64,
    kty: 'OKP',
    crv: 'Ed25519',
    kms: { keySpec: 'ECC_NIST_EDWARDS25519', signingAlgorithm: 'ED25519_SHA_512', message: RAW },
  },
  'ML-DSA-44': {
    name: 'ML-DSA-44',
    signatureBytes: 2_420,
    kty: 'AKP',
    kms: { keySpec: 'ML_DSA_44', signingAlgorithm: 'ML_DSA_SHAKE_256', message: RAW },
  },
  'ML-DSA-65': {
    name: 'ML-DSA-65',
    signatureBytes: 3_309,
    kty: 'AKP',
    kms: { keySpec: 'ML_DSA_65', signingAlgorithm: 'ML_DSA_SHAKE_256', message: RAW },
  },
  'ML-DSA-87': {
    name: 'ML-DSA-87',
    signatureBytes: 4_627,
    kty: 'AKP',
    kms: { keySpec: 'ML_DSA_87', signingAlgorithm: 'ML_DSA_SHAKE_256', message: RAW },
  },
};

/** Members of a public JWK of each kind besides `kty` (RFC 7518 6, RFC 8037 2, RFC 9964). */
export const PUBLIC_KEY_MEMBERS: Readonly<Record<AlgorithmFacts['kty'], readonly string[]>> = {
  RSA: ['e', 'n'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  AKP: ['alg', 'pub'],
};

export const JWS_ALGORITHMS: readonly JwsAlgorithm[] = Object.values(TABLE).map((row) => row.name);

export const isJwsAlgorithm = (name: unknown): name is JwsAlgorithm =>
  typeof name === 'string' && Object.hasOwn(TABLE, name);

export const algorithmFacts = (name: JwsAlgorithm): AlgorithmFacts => TABLE[name];

/**
 * The names under which one algorithm goes on the wire: RFC 9864 calls EdDSA over Ed25519 `Ed25519`, RFC 8037 called it
 * `EdDSA`, and both are in use.
 */
export const parseAlgorithmName = (name: unknown): JwsAlgorithm | undefined => {
  if (name === 'Ed25519') return 'EdDSA';
  return isJwsAlgorithm(name) ? name : undefined;
};

/** Every wire name of an algorithm, for verifiers that want a list. */
export const wireNames = (name: JwsAlgorithm): readonly string[] => (name === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [name]);
