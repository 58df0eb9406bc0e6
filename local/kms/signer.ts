/**
 * What a key can do once every rule has been checked: sign bytes and verify signatures.
 * Which algorithm and message type a key takes is decided in `message.ts`, never here.
 */
import type { SigningAlgorithm } from './key-specs.ts';

/** A message that `message.ts` has found to suit the key. */
export interface SigningMessage {
  readonly algorithm: SigningAlgorithm;
  readonly type: 'RAW' | 'DIGEST';
  readonly bytes: Buffer;
}

export interface Signer {
  /** The signature in the form of KMS: DER for ECDSA, the bare bytes of the standard for all others. */
  sign(message: SigningMessage): Promise<Buffer>;
  /** False for whatever is not a signature of this message, including bytes that are no signature at all. */
  verify(message: SigningMessage, signature: Buffer): Promise<boolean>;
}
