/** Trusted issuers and workloads in a running service: registered over the admin API, and tokens of the platforms' making. */

import { SignJWT } from 'jose';
import { makePartner, mustCreate, type Service, type TestPartner, tokenForm } from './service.ts';
import type { Workload } from './workload-tokens.ts';

/** A partner that goes by the issuer's name, with a key of its own, and is trusted unless the changes say otherwise. */
export const trustIssuer = async (
  service: Service,
  id: string,
  { issuer, alg }: Pick<Workload, 'issuer' | 'alg'>,
  changes: object = {},
): Promise<TestPartner> => {
  const platform = await makePartner(id, alg);
  const jwks = { keys: [platform.publicJwk] };
  await mustCreate(service, '/partners', { id, issuer, trustedIssuer: true, jwks, ...changes });
  return platform;
};

/** A partner without any key that tokens of others prove, with a grant for the audience. */
export const registerWorkload = async (
  service: Service,
  id: string,
  audience: string,
  ...federation: readonly Workload['federation'][]
): Promise<void> => {
  await mustCreate(service, '/partners', { id, federation });
  await mustCreate(service, '/grants', { client: id, audience, scopes: ['read'] });
};

/** A token as the platform signs it; `undefined` leaves a claim or a member of the header out. */
export const identityToken = (
  platform: TestPartner,
  { header, claims }: Pick<Workload, 'header' | 'claims'>,
  changes: { readonly header?: object; readonly claims?: object } = {},
): Promise<string> =>
  new SignJWT({ ...claims, ...changes.claims })
    .setProtectedHeader({ ...header, alg: platform.alg, kid: `${platform.id}-key`, ...changes.header })
    .sign(platform.privateKey);

/** A token request that such a token authenticates. */
export const federatedForm = (clientId: string, token: string, more: Readonly<Record<string, string>> = {}) =>
  tokenForm(token, { client_id: clientId, ...more });
