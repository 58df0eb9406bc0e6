/**
 * Key pairs of the supported key specs: making them, recognising them, and the signer that works with them.
 */
import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { EcdsaSigner } from './ecdsa-signer.ts';
import { KEY_SPECS, type KeySpecName } from './key-specs.ts';
import { PureSigner } from './pure-signer.ts';
import { RsaSigner } from './rsa-signer.ts';
import type { Signer } from './signer.ts';

const generate = promisify(generateKeyPair);

/** A private key that fits its spec, with what every call on it needs computed once. */
export interface KeyMaterial {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, DER in base64, as GetPublicKey answers it. */
  readonly publicKeyInfo: string;
  readonly signer: Signer;
}

/** A new private key, made off the main thread. */
export async function generatePrivateKey(spec: KeySpecName): Promise<KeyObject> {
  const { pair } = KEY_SPECS[spec];
  // One branch per kind, because node:crypto types its options by the literal kind.
  if (pair.type === 'rsa') return (await generate('rsa', { modulusLength: pair.modulusLength })).privateKey;
  if (pair.type === 'ec') return (await generate('ec', { namedCurve: pair.namedCurve })).privateKey;
  if (pair.type === 'ed25519') return (await generate('ed25519')).privateKey;
  return (await generate(pair.type)).privateKey;
}

/** @throws TypeError when the private key is not one of this spec. */
export function loadMaterial(spec: KeySpecName, privateKey: KeyObject): KeyMaterial {
  const { pair } = KEY_SPECS[spec];
  const { modulusLength, namedCurve } = privateKey.asymmetricKeyDetails ?? {};
  const fits =
    privateKey.asymmetricKeyType === pair.type &&
    (pair.type !== 'rsa' || pair.modulusLength === modulusLength) &&
    (pair.type !== 'ec' || pair.namedCurve === namedCurve);
  if (!fits) throw new TypeError(`the private key is not of key spec ${spec}`);
  const publicKey = createPublicKey(privateKey);
  return {
    privateKey,
    publicKeyInfo: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    signer: createSigner(spec, privateKey, publicKey),
  };
}

function createSigner(spec: KeySpecName, privateKey: KeyObject, publicKey: KeyObject): Signer {
  const { pair } = KEY_SPECS[spec];
  if (pair.type === 'rsa') return new RsaSigner(pair.modulusLength, privateKey, publicKey);
  if (pair.type === 'ec') return new EcdsaSigner(pair.namedCurve, privateKey, publicKey);
  return new PureSigner(privateKey, publicKey);
}
