/**
 * The partner that asks for tokens: its ES256 key and the assertions that it signs with it.
 */

import { generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto';

export interface Client {
  readonly id: string;
  readonly publicKey: JsonWebKey & { readonly kid: string };
  /** Distinct assertions for this audience (the authorization server), good for four minutes. */
  readonly assertions: (count: number, audience: string) => string[];
}

const ASSERTION_SECONDS = 240;

export function createClient(id: string): Client {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = `${id}-key`;
  return {
    id,
    publicKey: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' },
    assertions: (count, audience) => Array.from({ length: count }, () => assertion(privateKey, { id, kid, audience })),
  };
}

/** RFC 7523 3 */
function assertion(
  privateKey: KeyObject,
  { id, kid, audience }: { id: string; kid: string; audience: string },
): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: id, sub: id, aud: audience, jti: randomUUID(), iat: now, exp: now + ASSERTION_SECONDS };
  const input = `${encode({ alg: 'ES256', kid })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
