/**
 * Which message a key signs: the rules of key spec x algorithm x message type x length.
 * Source: Sign in the KMS API reference; the messages are those that KMS answers with.
 */
import { AwsError, type JsonObject } from '../service.ts';
import { optionalChoice, requiredBytes, requiredChoice, validationError } from './input.ts';
import {
  KEY_SPECS,
  type KeySpecName,
  MESSAGE_TYPES,
  type MessageType,
  SIGNING_ALGORITHM_NAMES,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
} from './key-specs.ts';
import type { SigningMessage } from './signer.ts';

/** The message of a Sign or Verify call, within the limits of the API model but not yet held against a key. */
export interface RequestedMessage {
  readonly algorithmName: string;
  readonly type: MessageType;
  readonly bytes: Buffer;
}

/** @throws AwsError ValidationException for values outside the API model. */
export function parseMessage(input: JsonObject): RequestedMessage {
  return {
    ...parseMessageKind(input),
    bytes: requiredBytes(input, 'Message', { min: 1, max: 4096 }),
  };
}

/** The part of a message that IAM conditions speak of; the message type that a call leaves out is RAW. */
export function parseMessageKind(input: JsonObject): Omit<RequestedMessage, 'bytes'> {
  return {
    algorithmName: requiredChoice(input, 'SigningAlgorithm', SIGNING_ALGORITHM_NAMES),
    type: optionalChoice(input, 'MessageType', MESSAGE_TYPES) ?? 'RAW',
  };
}

/**
 * @throws AwsError InvalidKeyUsageException when the algorithm is not one of the key's, ValidationException when the
 * message type or its length does not suit, UnsupportedOperationException for what AWS can do and node:crypto cannot.
 */
export function matchMessage(spec: KeySpecName, { algorithmName, type, bytes }: RequestedMessage): SigningMessage {
  const name = KEY_SPECS[spec].algorithms.find((candidate) => candidate === algorithmName);
  if (name === undefined) {
    throw new AwsError('InvalidKeyUsageException', `Algorithm ${algorithmName} is incompatible with key spec ${spec}.`);
  }
  const algorithm: SigningAlgorithm = SIGNING_ALGORITHMS[name];
  checkType(spec, name, algorithm, type);
  checkLength(name, algorithm, type, bytes);
  if (type === 'EXTERNAL_MU' || algorithm.scheme === 'ed25519ph') {
    throw new AwsError(
      'UnsupportedOperationException',
      `${name} with message type ${type} is not available here: node:crypto cannot make such signatures.`,
    );
  }
  return { algorithm, type, bytes };
}

function checkType(spec: KeySpecName, name: string, algorithm: SigningAlgorithm, type: MessageType): void {
  const { scheme } = algorithm;
  if (scheme === 'ed25519' || scheme === 'ed25519ph') {
    if (type === (scheme === 'ed25519' ? 'RAW' : 'DIGEST')) return;
    throw validationError(`Message type ${type} is incompatible with algorithm ${name}.`);
  }
  const refused: MessageType = scheme === 'ml-dsa' ? 'DIGEST' : 'EXTERNAL_MU';
  if (type === refused) throw validationError(`Message type ${type} is incompatible with key spec ${spec}.`);
}

function checkLength(name: string, algorithm: SigningAlgorithm, type: MessageType, bytes: Buffer): void {
  if (type === 'RAW' || algorithm.scheme === 'ed25519' || bytes.length === algorithm.digestBytes) return;
  const what = type === 'EXTERNAL_MU' ? 'External Mu' : 'Digest';
  throw validationError(`${what} is invalid length for algorithm ${name}.`);
}
