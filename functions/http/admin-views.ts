/** What the admin API answers with: registry values in JSON, times as RFC 3339. */

import type { Audience, EpochSeconds, Grant, Partner, PartnerWithGrants } from '../core/partner.ts';

export const timestamp = (seconds: EpochSeconds): string => new Date(seconds * 1_000).toISOString();

export const partnerSummary = ({ id, name, enabled, version, createdAt, updatedAt }: Partner) => ({
  id,
  ...(name === undefined ? {} : { name }),
  enabled,
  version,
  createdAt: timestamp(createdAt),
  updatedAt: timestamp(updatedAt),
});

export const partnerView = ({ partner, grants, audiences }: PartnerWithGrants) => ({
  ...partnerSummary(partner),
  credentials: partner.keys.map(({ kid, algorithm, jwk, thumbprint, addedAt }) => ({
    kid,
    alg: algorithm,
    kty: jwk.kty,
    thumbprint,
    addedAt: timestamp(addedAt),
  })),
  audiences,
  grants: grants.map(({ audience, scopes }) => ({ audience, scopes })),
});

export const audienceView = ({ audience, owner, scopes, algorithm, version }: Audience) => ({
  audience,
  owner,
  scopes,
  ...(algorithm === undefined ? {} : { algorithm }),
  version,
});

export const grantView = ({ client, audience, scopes, version }: Grant) => ({ client, audience, scopes, version });
