/**
 * The facts about key specs and signing algorithms in one table each; the code below receives resolved rows.
 * Source: KMS Developer Guide, "Key spec reference", and the Sign operation of the API reference.
 */

export type Hash = 'sha256' | 'sha384' | 'sha512';

/** Messages for Sign and Verify: whole, already hashed, or hashed together with the public key (FIPS 204, 6.2). */
export const MESSAGE_TYPES = ['RAW', 'DIGEST', 'EXTERNAL_MU'] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** How an algorithm treats its message; `hash` names the digest, `digestBytes` is what DIGEST or EXTERNAL_MU must have. */
export type SigningAlgorithm =
  | { readonly scheme: 'pkcs1' | 'pss'; readonly hash: Hash; readonly digestBytes: number }
  | { readonly scheme: 'ecdsa'; readonly hash: Hash; readonly digestBytes: number }
  | { readonly scheme: 'ed25519' }
  | { readonly scheme: 'ed25519ph'; readonly digestBytes: number }
  | { readonly scheme: 'ml-dsa'; readonly digestBytes: number };

export const SIGNING_ALGORITHMS = {
  RSASSA_PKCS1_V1_5_SHA_256: { scheme: 'pkcs1', hash: 'sha256', digestBytes: 32 },
  RSASSA_PKCS1_V1_5_SHA_384: { scheme: 'pkcs1', hash: 'sha384', digestBytes: 48 },
  RSASSA_PKCS1_V1_5_SHA_512: { scheme: 'pkcs1', hash: 'sha512', digestBytes: 64 },
  RSASSA_PSS_SHA_256: { scheme: 'pss', hash: 'sha256', digestBytes: 32 },
  RSASSA_PSS_SHA_384: { scheme: 'pss', hash: 'sha384', digestBytes: 48 },
  RSASSA_PSS_SHA_512: { scheme: 'pss', hash: 'sha512', digestBytes: 64 },
  ECDSA_SHA_256: { scheme: 'ecdsa', hash: 'sha256', digestBytes: 32 },
  ECDSA_SHA_384: { scheme: 'ecdsa', hash: 'sha384', digestBytes: 48 },
  ECDSA_SHA_512: { scheme: 'ecdsa', hash: 'sha512', digestBytes: 64 },
  ED25519_SHA_512: { scheme: 'ed25519' },
  ED25519_PH_SHA_512: { scheme: 'ed25519ph', digestBytes: 64 },
  ML_DSA_SHAKE_256: { scheme: 'ml-dsa', digestBytes: 64 },
} as const satisfies Record<string, SigningAlgorithm>;

type SigningAlgorithmName = keyof typeof SIGNING_ALGORITHMS;

const RSA_ALGORITHMS: readonly SigningAlgorithmName[] = [
  'RSASSA_PKCS1_V1_5_SHA_256',
  'RSASSA_PKCS1_V1_5_SHA_384',
  'RSASSA_PKCS1_V1_5_SHA_512',
  'RSASSA_PSS_SHA_256',
  'RSASSA_PSS_SHA_384',
  'RSASSA_PSS_SHA_512',
];

/** What key pair a spec asks for, in the words of node:crypto. */
type KeyPairKind =
  | { readonly type: 'rsa'; readonly modulusLength: number }
  | { readonly type: 'ec'; readonly namedCurve: 'prime256v1' | 'secp384r1' | 'secp521r1' }
  | { readonly type: 'ed25519' | 'ml-dsa-44' | 'ml-dsa-65' | 'ml-dsa-87' };

interface KeySpec {
  readonly pair: KeyPairKind;
  /** In the order in which KMS lists them. */
  readonly algorithms: readonly SigningAlgorithmName[];
}

const SPECS = {
  RSA_2048: { pair: { type: 'rsa', modulusLength: 2048 }, algorithms: RSA_ALGORITHMS },
  RSA_3072: { pair: { type: 'rsa', modulusLength: 3072 }, algorithms: RSA_ALGORITHMS },
  RSA_4096: { pair: { type: 'rsa', modulusLength: 4096 }, algorithms: RSA_ALGORITHMS },
  ECC_NIST_P256: { pair: { type: 'ec', namedCurve: 'prime256v1' }, algorithms: ['ECDSA_SHA_256'] },
  ECC_NIST_P384: { pair: { type: 'ec', namedCurve: 'secp384r1' }, algorithms: ['ECDSA_SHA_384'] },
  ECC_NIST_P521: { pair: { type: 'ec', namedCurve: 'secp521r1' }, algorithms: ['ECDSA_SHA_512'] },
  ECC_NIST_EDWARDS25519: { pair: { type: 'ed25519' }, algorithms: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'] },
  ML_DSA_44: { pair: { type: 'ml-dsa-44' }, algorithms: ['ML_DSA_SHAKE_256'] },
  ML_DSA_65: { pair: { type: 'ml-dsa-65' }, algorithms: ['ML_DSA_SHAKE_256'] },
  ML_DSA_87: { pair: { type: 'ml-dsa-87' }, algorithms: ['ML_DSA_SHAKE_256'] },
} as const satisfies Record<string, KeySpec>;

export type KeySpecName = keyof typeof SPECS;
export const KEY_SPECS: Readonly<Record<KeySpecName, KeySpec>> = SPECS;

/** The type guard of `KEY_SPECS`. */
export function isSupportedSpec(name: string): name is KeySpecName {
  return Object.hasOwn(KEY_SPECS, name);
}

/** Key specs that AWS has and this service does not. */
const FOREIGN_SPECS = [
  'SYMMETRIC_DEFAULT',
  'HMAC_224',
  'HMAC_256',
  'HMAC_384',
  'HMAC_512',
  'ECC_SECG_P256K1',
  'ML_KEM_512',
  'ML_KEM_768',
  'ML_KEM_1024',
  'SM2',
] as const;

/** Every value that the API model allows for KeySpec. */
export const KEY_SPEC_NAMES: readonly string[] = [...Object.keys(KEY_SPECS), ...FOREIGN_SPECS];

/** Every value that the API model allows for SigningAlgorithm; SM2DSA exists in China only and suits no spec here. */
export const SIGNING_ALGORITHM_NAMES: readonly string[] = [...Object.keys(SIGNING_ALGORITHMS), 'SM2DSA'];
