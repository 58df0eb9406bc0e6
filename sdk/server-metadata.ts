/** Where the token service has its keys and endpoints: its metadata (RFC 8414), found by the issuer alone. */

import { type Cached, createCached } from './cached.ts';
import { Unavailable } from './refusal.ts';
import { type Fetch, fetchObject, isTrustworthyUrl } from './remote-document.ts';

export interface ServerMetadata {
  readonly jwksUri: string | undefined;
  readonly revokedKeysUri: string | undefined;
  readonly introspectionEndpoint: string | undefined;
  readonly tokenEndpoint: string | undefined;
}

/** RFC 8414 3: the well-known path stands between host and path of the issuer. */
export const metadataUrl = (issuer: string): string => {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`;
};

/** URLs change rarely; an outage of a day does not make them wrong. */
const RENEW_AFTER_SECONDS = 3_600;
const MAX_AGE_SECONDS = 86_400;

export const createMetadata = (
  issuer: string,
  fetch: Fetch,
  now: () => number,
  cooldownSeconds: number,
): Cached<ServerMetadata> =>
  createCached({
    now,
    cooldownSeconds,
    renewAfterSeconds: RENEW_AFTER_SECONDS,
    maxAgeSeconds: MAX_AGE_SECONDS,
    load: async () => {
      const document = await fetchObject(fetch, 'metadata', metadataUrl(issuer));
      // RFC 8414 3.3: otherwise somebody else's metadata would name the keys of this issuer.
      if (document.issuer !== issuer) throw new Unavailable('metadata', new Error('it is of another issuer'));
      return {
        jwksUri: urlOf(document.jwks_uri),
        revokedKeysUri: urlOf(document.revoked_keys_uri),
        introspectionEndpoint: urlOf(document.introspection_endpoint),
        tokenEndpoint: urlOf(document.token_endpoint),
      };
    },
  });

const urlOf = (value: unknown): string | undefined => (isTrustworthyUrl(value) ? value : undefined);

/** The URL that was configured, or the one of the metadata. @throws Unavailable where there is none. */
export const locate = async (
  configured: string | undefined,
  metadata: Cached<ServerMetadata>,
  name: keyof ServerMetadata,
): Promise<string> => {
  const url = configured ?? (await metadata.get())[name];
  if (url === undefined) throw new Unavailable(name, new Error('the metadata does not name it'));
  return url;
};
