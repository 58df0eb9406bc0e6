/**
 * What an actor token for Exchange, SharePoint or Skype for Business is to say, and about which user: the reads that takes beyond those of
 * every token.
 */

import { orderActorToken } from '../core/actor-order.ts';
import { accept, type Result, refuse } from '../core/errors.ts';
import { parsePrincipal } from '../core/microsoft-principal.ts';
import { isCalledSo } from '../core/microsoft-resource.ts';
import { normalIdentifier, type UserIdentifiers } from '../core/microsoft-user.ts';
import { isPartnerId, type Partner } from '../core/partner.ts';
import type { Entitlement } from '../core/policy.ts';
import type { RealmTerms } from '../core/realm.ts';
import type { Subject } from '../core/subject.ts';
import type { Confirmation } from '../core/token.ts';
import type { TokenRequest } from '../core/token-request.ts';
import type { Freshness, PartnerReader, UserReader } from '../ports.ts';
import type { ActorTokenOrder } from './sign-actor-token.ts';
import type { VerifiedActorToken } from './verify-actor-token.ts';

interface OrderContext {
  readonly partners: PartnerReader;
  readonly users: Pick<UserReader, 'findUser'>;
  readonly realm: RealmTerms;
  readonly freshness: Freshness;
}

interface ServerRequest {
  readonly request: Pick<TokenRequest, 'resource' | 'trustedForDelegation'>;
  readonly client: Partner;
  readonly entitlement: Entitlement;
  /** Id of the partner whose the audience is. */
  readonly owner: string | undefined;
  /** What the client has proved itself with, if that was one. */
  readonly actorToken: VerifiedActorToken | undefined;
  readonly confirmation: Confirmation | undefined;
}

const cannot = (profile: string, detail: string) =>
  refuse({ reason: 'token_profile_unsupported', profile, detail } as const);

/** @returns `undefined`: the token is one of RFC 9068. @throws Outage when DynamoDB did not answer. */
export const orderForServer = async (
  context: OrderContext,
  { request, client, entitlement, owner: ownerId, actorToken, confirmation }: ServerRequest,
): Promise<Result<ActorTokenOrder | undefined>> => {
  const { profile, subject } = entitlement;
  // In the old language it is the assertion that says so.
  const isSaid = actorToken?.isForTokenEndpoint === true && actorToken.isTrustedForDelegation;
  if (profile === 'jwt') {
    if (request.trustedForDelegation) return cannot(profile, 'its tokens say who acts');
    return checkName(context, request.resource, ownerId);
  }
  if (confirmation !== undefined) return cannot(profile, 'its tokens are bound to nothing');
  const { partners, realm, freshness } = context;
  const owner = ownerId === undefined ? undefined : (await partners.find(realm.name, ownerId, freshness))?.partner;
  const trustedForDelegation = request.trustedForDelegation === true || isSaid;
  const order = orderActorToken({
    realm,
    client,
    entitlement,
    owner,
    resource: request.resource,
    trustedForDelegation,
  });
  if (!order.ok || subject.kind === 'application') return order;
  const user = await identifiersOf(context, client, subject);
  return user === undefined ? cannot(profile, 'the user has no name in it') : accept({ ...order.value, user });
};

/** Whose the audience is, is read only for a name that is not ours. */
const checkName = async (
  { partners, realm, freshness }: OrderContext,
  resource: string | undefined,
  ownerId: string | undefined,
): Promise<Result<undefined>> => {
  if (resource === undefined || isCalledSo(resource, realm.microsoft, undefined)) return accept(undefined);
  const owner = ownerId === undefined ? undefined : (await partners.find(realm.name, ownerId, freshness))?.partner;
  return isCalledSo(resource, realm.microsoft, owner)
    ? accept(undefined)
    : refuse({ reason: 'resource_unknown', resource });
};

/**
 * Of a user that was registered what was registered; of any other the name itself, if it is one. Not of the users of another issuer: what
 * they are called there, perhaps by themselves, says nothing about who has that name here.
 */
const identifiersOf = async (
  { users, realm, freshness }: OrderContext,
  client: Partner,
  { sub, subId }: Subject,
): Promise<UserIdentifiers | undefined> => {
  const knownTo = subId?.iss ?? '';
  const isOfRealm = knownTo === realm.issuer || isPartnerId(knownTo) || knownTo === client.issuer;
  const known = isOfRealm ? await users.findUser(realm.name, sub, freshness) : undefined;
  if (known !== undefined) return known.identifiers;
  const isStated = isOfRealm || parsePrincipal(knownTo) !== undefined;
  if (realm.microsoft?.users !== 'as-stated' || !isStated) return undefined;
  const [upn, sid] = [normalIdentifier('upn', sub), normalIdentifier('sid', sub)];
  if (upn !== undefined) return { upn };
  return sid === undefined ? undefined : { sid };
};
