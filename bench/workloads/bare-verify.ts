/**
 * The RS256 signature check of a token and nothing else: the physical limit of verification on this machine.
 */

import { createPublicKey, verify } from 'node:crypto';
import type { Assignment, Workload } from '../worker-protocol.ts';

export function start({ key }: Assignment & { workload: 'bare-verify' }): Workload {
  const publicKey = createPublicKey({ key, format: 'jwk' });
  return {
    operate: (token) => {
      const dot = token.lastIndexOf('.');
      const signature = Buffer.from(token.slice(dot + 1), 'base64url');
      if (!verify('sha256', Buffer.from(token.slice(0, dot)), publicKey, signature))
        throw new Error('not its signature');
    },
  };
}
