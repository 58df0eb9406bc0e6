/** The recipients in memory, and the ports by which the flows read them. */

import { parseMicrosoftToken } from '../../functions/core/microsoft-token.ts';
import { type MicrosoftUser, USER_IDENTIFIERS, type UserIdentifiers } from '../../functions/core/microsoft-user.ts';
import type { PartnerWithGrants } from '../../functions/core/partner.ts';
import { realmTerms } from '../../functions/core/realm.ts';
import { type ActorTokenContext, verifyActorToken } from '../../functions/flows/verify-actor-token.ts';
import { realmDefaults } from '../support/builders.ts';
import { CLOCK } from './fixtures.ts';
import { type Recipient, type RegisteredRecipient, recipients, register } from './recipients.ts';

export type Recipients = ReadonlyMap<string, RegisteredRecipient>;

export const registerAll = async (all: readonly Recipient[] = recipients): Promise<Recipients> =>
  new Map(await Promise.all(all.map(async (each) => [each.name, await register(each)] as const)));

export const one = (registered: Recipients, name: string): RegisteredRecipient => {
  const found = registered.get(name);
  if (found === undefined) throw new Error(`no recipient ${name}`);
  return found;
};

export const isMeant = ({ identifiers }: MicrosoftUser, wanted: UserIdentifiers): boolean =>
  USER_IDENTIFIERS.some((kind) => wanted[kind] !== undefined && identifiers[kind] === wanted[kind]);

export const byThumbprint = (partners: readonly PartnerWithGrants[], x5t: string): PartnerWithGrants | undefined =>
  partners.find(({ partner }) => partner.credentials.some((credential) => credential.x5t === x5t));

/** What verifying knows of a request to the recipient. @param calls is told of every read. */
export const contextOf = (
  { realm, owner, partners, users }: RegisteredRecipient,
  calls: string[] = [],
  now = CLOCK,
): ActorTokenContext => ({
  issuers: {
    findByIssuer: async (_realm, issuer) => {
      calls.push(`issuer ${issuer}`);
      return partners.find(({ partner }) => partner.issuer === issuer);
    },
  },
  certificates: {
    findByThumbprint: async (_realm, x5t) => {
      calls.push(`certificate ${x5t}`);
      return byThumbprint(partners, x5t);
    },
  },
  users: {
    findUsers: async (_realm, identifiers) => {
      calls.push('users');
      return users.filter((user) => isMeant(user, identifiers));
    },
  },
  partners: {
    find: async (_realm, id) => {
      calls.push(`partner ${id}`);
      const own = { partner: owner, grants: [], audiences: [] };
      return [...partners, own].find(({ partner }) => partner.id === id);
    },
  },
  realm: realmTerms(realm, realmDefaults()),
  freshness: {},
  now,
});

/** The two functions that answer a token; a test may put others in their place. */
export interface Validator {
  readonly parseMicrosoftToken: typeof parseMicrosoftToken;
  readonly verifyActorToken: typeof verifyActorToken;
}

const VALIDATOR: Validator = { parseMicrosoftToken, verifyActorToken };

/** `accept`, or the code of the refusal, as in the manifest of the fixtures. */
export const verdict = async (
  token: string,
  context: ActorTokenContext,
  { parseMicrosoftToken: parse, verifyActorToken: verify }: Validator = VALIDATOR,
): Promise<string> => {
  const verified = await verify(context, parse(token));
  if (verified.ok) return 'accept';
  const { refusal } = verified;
  return refusal.reason === 'microsoft_token_refused' ? refusal.fault : refusal.reason;
};
