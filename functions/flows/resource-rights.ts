/**
 * What a partner has to do with the resource of a token: whether it owns it, and whether it may ask about its tokens. Nobody revokes a
 * token for having been let ask about it.
 */

import type { PartnerReader } from '../ports.ts';
import type { AuthenticateClientPorts, AuthenticatedClient } from './authenticate-client.ts';

type Caller = AuthenticatedClient['caller'];
type Ports = Pick<AuthenticateClientPorts, 'partners'>;

/** The partner as it is now; the cache may know neither of a resource that was just declared nor of a right that was taken away. */
const fresh = (partners: PartnerReader, realm: string, { partner: { id } }: Caller) =>
  partners.find(realm, id, { maxAgeSeconds: 0 });

/** Whether the resource is the caller's. @throws Outage when DynamoDB did not answer. */
export const owns = async ({ partners }: Ports, realm: string, caller: Caller, audience: string): Promise<boolean> =>
  caller.audiences.includes(audience) || (await fresh(partners, realm, caller))?.audiences.includes(audience) === true;

/**
 * Whether the caller may learn what has become of tokens for the resource (RFC 7662 4): its owner, and whom the resource names. That it
 * is named stands with the partner itself, so that one read tells all and nothing is kept. @throws Outage when DynamoDB did not answer.
 */
export const mayIntrospect = async (
  { partners }: Ports,
  realm: string,
  caller: Caller,
  audience: string,
): Promise<boolean> => {
  if (caller.audiences.includes(audience)) return true;
  const now = await fresh(partners, realm, caller);
  return (
    now?.partner.enabled === true && (now.audiences.includes(audience) || now.introspects?.includes(audience) === true)
  );
};
