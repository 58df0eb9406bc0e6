/**
 * ECDSA over the NIST curves, for whole messages and for digests made elsewhere (FIPS 186-5, 6.4).
 * node:crypto has no ECDSA over a given digest, so that part is arithmetic here. It is not constant-time: these are
 * the keys of a local service, never of a deployed one.
 */
import { createECDH, createPublicKey, type ECDH, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { decodeSignature, encodeSignature } from './ecdsa-der.ts';
import { addPoints, CURVES, type CurveName, inverse, type Point, toBigInt, toFixedBytes } from './nist-curve.ts';
import type { Signer, SigningMessage } from './signer.ts';

const signAsync = promisify(sign);
const verifyAsync = promisify(verify);

function coordinates(key: KeyObject): Point & { readonly d: bigint } {
  const { x, y, d } = key.export({ format: 'jwk' });
  if (x === undefined || y === undefined || d === undefined) throw new TypeError('not an EC private key');
  const parse = (member: string) => toBigInt(Buffer.from(member, 'base64url'));
  return { x: parse(x), y: parse(y), d: parse(d) };
}

export class EcdsaSigner implements Signer {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;
  readonly #curve: (typeof CURVES)[CurveName];
  readonly #point: Point;
  readonly #secret: bigint;
  readonly #ecdh: ECDH;

  /** @throws TypeError when the key is not an EC private key. */
  constructor(curveName: CurveName, privateKey: KeyObject, publicKey: KeyObject) {
    const { x, y, d } = coordinates(privateKey);
    this.#privateKey = privateKey;
    this.#publicKey = publicKey;
    this.#curve = CURVES[curveName];
    this.#point = { x, y };
    this.#secret = d;
    this.#ecdh = createECDH(curveName);
  }

  async sign({ type, bytes }: SigningMessage): Promise<Buffer> {
    return type === 'RAW' ? await signAsync(this.#curve.hash, bytes, this.#privateKey) : this.#signDigest(bytes);
  }

  async verify({ type, bytes }: SigningMessage, signature: Buffer): Promise<boolean> {
    return type === 'RAW'
      ? await verifyAsync(this.#curve.hash, bytes, this.#publicKey, signature)
      : this.#verifyDigest(bytes, signature);
  }

  #signDigest(digest: Buffer): Buffer {
    const { n, bytes } = this.#curve;
    const z = toBigInt(digest);
    for (;;) {
      // OpenSSL draws the nonce and multiplies it with the base point: k and kG are an ephemeral key pair.
      this.#ecdh.generateKeys();
      const k = toBigInt(this.#ecdh.getPrivateKey());
      const r = toBigInt(this.#ecdh.getPublicKey().subarray(1, 1 + bytes)) % n;
      const s = (inverse(k, n) * ((z + r * this.#secret) % n)) % n;
      if (r !== 0n && s !== 0n) return encodeSignature(r, s);
    }
  }

  /**
   * node:crypto verifies (r, s) for the hash h of a message of ours by comparing r with the x of (h/s)G + (r/s)Q. For
   * another digest z the sum is the same when Q is replaced by Q + ((z - h)/r)G, so OpenSSL can still be the judge.
   */
  #verifyDigest(digest: Buffer, signature: Buffer): boolean {
    const { n, hash } = this.#curve;
    const decoded = decodeSignature(signature);
    if (decoded === undefined || decoded.r <= 0n || decoded.r >= n) return false;
    // Random, so that nobody can prepare a digest for which the shifted key is the point at infinity.
    const message = randomBytes(32);
    const shift = (toBigInt(digest) - toBigInt(this.#curve.digest(message))) * inverse(decoded.r, n);
    const factor = ((shift % n) + n) % n;
    const key = factor === 0n ? this.#point : addPoints(this.#curve, this.#point, this.#multiple(factor));
    return verify(hash, message, this.#import(key), signature);
  }

  #multiple(factor: bigint): Point {
    const { bytes } = this.#curve;
    this.#ecdh.setPrivateKey(toFixedBytes(factor, bytes));
    const encoded = this.#ecdh.getPublicKey();
    return { x: toBigInt(encoded.subarray(1, 1 + bytes)), y: toBigInt(encoded.subarray(1 + bytes)) };
  }

  #import({ x, y }: Point): KeyObject {
    const { bytes, jwkName } = this.#curve;
    const member = (value: bigint) => toFixedBytes(value, bytes).toString('base64url');
    return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: jwkName, x: member(x), y: member(y) } });
  }
}
