/**
 * What can be said about a new client secret, and what is kept of it. Making one is for the administration; whether a presented one
 * is good is decided in client-secret.ts, which the token function loads.
 */

import { type ClientSecret, hashSecret } from './client-secret.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { EpochSeconds } from './partner.ts';
import { LABEL_RULE, MAX_LABEL_LENGTH } from './partner-credential.ts';
import type { InputProblem } from './public-key.ts';
import { isLine } from './realm.ts';

export interface SecretInput {
  readonly label?: string | undefined;
  /** Good until the second before this one. */
  readonly expiresAt?: EpochSeconds | undefined;
}

/** 48 bits: enough to tell one secret of a partner from another, and far too few to say anything about it. */
const ID_LENGTH = 12;

/** @param secret its text, which is not kept: the id is the beginning of its SHA-256 in hex, so that a secret that turned up can be told. */
export const defineSecret = (
  secret: string,
  { label, expiresAt }: SecretInput,
  now: EpochSeconds,
): Result<ClientSecret, readonly InputProblem[]> => {
  const problems = [
    ...(label === undefined || isLine(label, MAX_LABEL_LENGTH) ? [] : [{ pointer: '/label', detail: LABEL_RULE }]),
    ...(expiresAt === undefined || expiresAt > now
      ? []
      : [{ pointer: '/expiresAt', detail: 'a secret that has expired proves nothing' }]),
  ];
  if (problems.length > 0) return refuse(problems);
  const hash = hashSecret(secret);
  return accept({
    id: Buffer.from(hash, 'base64url').toString('hex').slice(0, ID_LENGTH),
    hash,
    ...(label === undefined ? {} : { label }),
    addedAt: now,
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
};
