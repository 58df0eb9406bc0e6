/** Ed25519 (RFC 8032, 5.1) and ML-DSA (FIPS 204, 5.2): the schemes that take the whole message and no parameters. */
import { type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import type { Signer, SigningMessage } from './signer.ts';

const signAsync = promisify(sign);
const verifyAsync = promisify(verify);

export class PureSigner implements Signer {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  constructor(privateKey: KeyObject, publicKey: KeyObject) {
    this.#privateKey = privateKey;
    this.#publicKey = publicKey;
  }

  async sign({ bytes }: SigningMessage): Promise<Buffer> {
    return await signAsync(null, bytes, this.#privateKey);
  }

  async verify({ bytes }: SigningMessage, signature: Buffer): Promise<boolean> {
    return await verifyAsync(null, bytes, this.#publicKey, signature);
  }
}
