/**
 * RSASSA-PKCS1-v1_5 and RSASSA-PSS, for whole messages and for digests made elsewhere (RFC 8017, sections 8 and 9).
 * node:crypto hashes what it signs, so a given digest is encoded here and goes through the bare RSA operation.
 */
import {
  constants,
  createHash,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  randomBytes,
  sign,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { Hash } from './key-specs.ts';
import type { Signer, SigningMessage } from './signer.ts';

const signAsync = promisify(sign);
const verifyAsync = promisify(verify);

/** DER of DigestInfo up to the digest itself (RFC 8017, 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<Hash, Buffer>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

const TRAILER = 0xbc;

function hashOf(hash: Hash, ...parts: Buffer[]): Buffer {
  const state = createHash(hash);
  for (const part of parts) state.update(part);
  return state.digest();
}

/** XORs MGF1(seed) over the block (RFC 8017, B.2.1) and clears its top bit, since emBits is one less than the modulus. */
function mask(hash: Hash, seed: Buffer, block: Buffer): Buffer {
  const masked = Buffer.from(block);
  for (let offset = 0, counter = 0; offset < block.length; counter += 1) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    for (const byte of hashOf(hash, seed, count)) {
      if (offset < block.length) masked.writeUInt8(masked.readUInt8(offset) ^ byte, offset);
      offset += 1;
    }
  }
  masked.writeUInt8(masked.readUInt8(0) & 0x7f, 0);
  return masked;
}

const saltedHash = (hash: Hash, digest: Buffer, salt: Buffer) => hashOf(hash, Buffer.alloc(8), digest, salt);

function dataBlock(length: number, salt: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(length - salt.length - 1), Buffer.from([1]), salt]);
}

/** EMSA-PSS-ENCODE of a digest into `size` bytes, with a salt as long as the digest (RFC 8017, 9.1.1). */
function encodePss(hash: Hash, digest: Buffer, size: number): Buffer {
  const salt = randomBytes(digest.length);
  const salted = saltedHash(hash, digest, salt);
  const block = mask(hash, salted, dataBlock(size - salted.length - 1, salt));
  return Buffer.concat([block, salted, Buffer.from([TRAILER])]);
}

/** EMSA-PSS-VERIFY (RFC 8017, 9.1.2). */
function isPssOf(hash: Hash, digest: Buffer, encoded: Buffer): boolean {
  const blockLength = encoded.length - digest.length - 1;
  const masked = encoded.subarray(0, blockLength);
  const salted = encoded.subarray(blockLength, -1);
  if (encoded.at(-1) !== TRAILER || masked.readUInt8(0) >= 0x80) return false;
  const block = mask(hash, salted, masked);
  const salt = block.subarray(-digest.length);
  return block.equals(dataBlock(blockLength, salt)) && saltedHash(hash, digest, salt).equals(salted);
}

function nativePadding(scheme: 'pkcs1' | 'pss') {
  return scheme === 'pkcs1'
    ? { padding: constants.RSA_PKCS1_PADDING }
    : { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}

function rsaScheme({ algorithm }: SigningMessage): { scheme: 'pkcs1' | 'pss'; hash: Hash } {
  if (algorithm.scheme === 'pkcs1' || algorithm.scheme === 'pss') return algorithm;
  throw new TypeError(`an RSA key has no ${algorithm.scheme}`);
}

export class RsaSigner implements Signer {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #size: number;

  constructor(modulusLength: number, privateKey: KeyObject, publicKey: KeyObject) {
    this.#privateKey = privateKey;
    this.#publicKey = publicKey;
    this.#size = modulusLength / 8;
  }

  async sign(message: SigningMessage): Promise<Buffer> {
    const { scheme, hash } = rsaScheme(message);
    const { type, bytes } = message;
    if (type === 'RAW') return await signAsync(hash, bytes, { key: this.#privateKey, ...nativePadding(scheme) });
    if (scheme === 'pss') {
      return privateEncrypt(
        { key: this.#privateKey, padding: constants.RSA_NO_PADDING },
        encodePss(hash, bytes, this.#size),
      );
    }
    const encoded = Buffer.concat([DIGEST_INFO[hash], bytes]);
    return privateEncrypt({ key: this.#privateKey, padding: constants.RSA_PKCS1_PADDING }, encoded);
  }

  async verify(message: SigningMessage, signature: Buffer): Promise<boolean> {
    const { scheme, hash } = rsaScheme(message);
    const { type, bytes } = message;
    if (signature.length !== this.#size) return false;
    if (type === 'RAW') {
      return await verifyAsync(hash, bytes, { key: this.#publicKey, ...nativePadding(scheme) }, signature);
    }
    const recovered = this.#recover(scheme, signature);
    if (recovered === undefined) return false;
    return scheme === 'pss'
      ? isPssOf(hash, bytes, recovered)
      : recovered.equals(Buffer.concat([DIGEST_INFO[hash], bytes]));
  }

  /** What was signed, or undefined when the number is not below the modulus or the padding is wrong. */
  #recover(scheme: 'pkcs1' | 'pss', signature: Buffer): Buffer | undefined {
    const padding = scheme === 'pss' ? constants.RSA_NO_PADDING : constants.RSA_PKCS1_PADDING;
    try {
      return publicDecrypt({ key: this.#publicKey, padding }, signature);
    } catch {
      return undefined;
    }
  }
}
