/** DPoP proofs as a client makes them (RFC 9449 4.2), and as none should. */

import { createHash, randomUUID } from 'node:crypto';
import type { JWK } from 'jose';
import { NOW, signJws, type TestKeyPair } from './builders.ts';

export const TARGET = 'https://api.example.com/whoami';

/** RFC 9449 4.2 */
export const tokenHash = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** Claims of a proof that is good at `NOW`; one that is changed to `undefined` is left out. */
export const proofClaims = (changes: object = {}) => ({
  jti: 'proof-1',
  htm: 'GET',
  htu: TARGET,
  iat: NOW,
  ...changes,
});

export const proofHeader = (pair: TestKeyPair, changes: object = {}) => ({
  typ: 'dpop+jwt',
  alg: pair.algorithm as string,
  jwk: pair.publicJwk as JWK,
  ...changes,
});

export const dpopProof = (pair: TestKeyPair, claims: object = {}, header: object = {}): string =>
  signJws(pair, proofHeader(pair, header), proofClaims(claims));

/** A proof for a request that is sent now. */
export const freshProof = (pair: TestKeyPair, claims: object, header: object = {}): string =>
  dpopProof(pair, { jti: randomUUID(), iat: Math.floor(Date.now() / 1_000), ...claims }, header);
