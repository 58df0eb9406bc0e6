/** SPIFFE IDs, the names of workloads (SPIFFE-ID 2): `spiffe://<trust domain>/<path>`. */

const TRUST_DOMAIN = /^spiffe:\/\/[a-z0-9._-]{1,255}$/;
const WORKLOAD = /^(spiffe:\/\/[a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)+)$/;
const MAX_LENGTH = 2_048;

export const isTrustDomain = (text: string): boolean => TRUST_DOMAIN.test(text);

/** The trust domain of a workload's ID, as `spiffe://<trust domain>`. `undefined`: it is no such ID. */
export const trustDomainOf = (id: string): string | undefined => {
  if (id.length > MAX_LENGTH) return undefined;
  const [, domain, path = ''] = WORKLOAD.exec(id) ?? [];
  return path.split('/').some((segment) => segment === '.' || segment === '..') ? undefined : domain;
};
