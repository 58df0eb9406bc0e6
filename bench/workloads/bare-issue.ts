/**
 * The cryptography of a token request and nothing else: verify an ES256 assertion, put the token together, and, where asked to,
 * sign it with an RS256 key of its own. No checks, no registry, no log: a floor, not a server.
 */

import { createPublicKey, generateKeyPairSync, randomUUID, sign, verify } from 'node:crypto';
import type { Assignment, Workload } from '../worker-protocol.ts';

const RSA_BITS = 2_048;
const TOKEN_SECONDS = 3_600;

export function start({ clientKey, audience, signs }: Assignment & { workload: 'bare-issue' }): Workload {
  const publicKey = createPublicKey({ key: clientKey, format: 'jwk' });
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS });
  return {
    operate: (assertion) => {
      const [header = '', payload = '', signature = ''] = assertion.split('.');
      const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const;
      if (!verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'))) {
        throw new Error('the assertion is not signed by its key');
      }
      const { sub, aud } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string; aud: string };
      const now = Math.floor(Date.now() / 1_000);
      const times = { iat: now, exp: now + TOKEN_SECONDS };
      const claims = { iss: aud, sub, client_id: sub, aud: audience, scope: 'read', jti: randomUUID(), ...times };
      const input = `${encode({ alg: 'RS256', typ: 'at+jwt', kid: 'bench' })}.${encode(claims)}`;
      if (!signs) return input;
      return `${input}.${sign('sha256', Buffer.from(input), privateKey).toString('base64url')}`;
    },
  };
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
