/**
 * The keys of an issuer as API Gateway finds them: by its OpenID Connect discovery document. Kept for two hours, the longest that
 * API Gateway keeps them ("API Gateway can cache the public key for two hours"), and read again for a key that is not known.
 */

import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';

const CACHE_MS = 2 * 3_600_000;
const TIMEOUT_MS = 5_000;

const document = z.object({ issuer: z.string(), jwks_uri: z.url() });

export class IssuerKeys {
  readonly #issuer: string;
  #keys: Promise<JWTVerifyGetKey> | undefined;

  constructor(issuer: string) {
    this.#issuer = issuer;
  }

  /** The key that signed a token. @throws Error when the issuer's documents cannot be read. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    this.#keys ??= this.#discover();
    // A failure is not kept: the issuer may be up again for the next request.
    const keys = await this.#keys.catch((error: unknown) => {
      this.#keys = undefined;
      throw error;
    });
    return keys(header, token);
  };

  async #discover(): Promise<JWTVerifyGetKey> {
    const answer = await fetch(`${this.#issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!answer.ok) throw new Error(`the discovery document of ${this.#issuer} answered ${answer.status}`);
    const { jwks_uri } = document.parse(await answer.json());
    return createRemoteJWKSet(new URL(jwks_uri), { cacheMaxAge: CACHE_MS, timeoutDuration: TIMEOUT_MS });
  }
}
