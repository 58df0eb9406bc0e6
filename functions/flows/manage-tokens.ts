/**
 * Ends tokens that are out: one by its id, or all that a partner or a grant has, by a mark before which none is good. Whoever has lost
 * them can ask for new ones: to keep somebody out, disable the partner or remove the grant.
 */

import { accept, refuse } from '../core/errors.ts';
import { AUTHORIZATION_SERVER_SECONDS, SKEW_SECONDS } from '../core/microsoft-lifetime.ts';
import { type EpochSeconds, type Grant, isAudienceUri } from '../core/partner.ts';
import type { AdminResult } from '../core/registration.ts';
import { nextMark } from '../core/token-mark.ts';
import { MAX_TOKEN_SECONDS } from '../core/token-policy.ts';
import type { Clock, CredentialUses, GrantRegistry, PartnerRegistry, Pause, TokenRevocations } from '../ports.ts';
import type { PartnerView } from './manage-partners.ts';
import { findPartner, lostRace } from './remove-partner.ts';

export interface ManageTokensPorts {
  readonly registry: Pick<PartnerRegistry, 'findPartner' | 'updatePartner'> &
    Pick<GrantRegistry, 'findAudience' | 'saveGrant'>;
  readonly revocations: Pick<TokenRevocations, 'revoke'>;
  readonly uses: CredentialUses;
  readonly clock: Clock;
  readonly pause: Pause;
}

export interface ManageTokensSettings {
  readonly clockToleranceSeconds: number;
}

const MAX_ATTEMPTS = 4;
const MAX_TOKEN_ID_LENGTH = 256;
/** A token of an authorization server of the Microsoft profile, with a clock that is fast when it begins and one that is slow when it ends. */
const MAX_ACTOR_TOKEN_SECONDS = AUTHORIZATION_SERVER_SECONDS + 2 * SKEW_SECONDS;

export type ManageTokens = ReturnType<typeof manageTokens>;

/** Every operation may be repeated, and throws Outage when DynamoDB did not answer. */
export const manageTokens = (
  { registry, revocations, uses, clock, pause }: ManageTokensPorts,
  { clockToleranceSeconds }: ManageTokensSettings,
) => {
  const markPartner = async (realm: string, id: string): Promise<AdminResult<PartnerView> | undefined> => {
    const found = await findPartner(registry, realm, id);
    if (!found.ok) return found;
    const { partner } = found.value;
    const tokensNotBefore = nextMark(clock.now(), partner.tokensNotBefore);
    const marked = { ...partner, tokensNotBefore, version: partner.version + 1, updatedAt: clock.now() };
    if ((await registry.updatePartner(marked, found.value, undefined)) !== 'saved') return undefined;
    return accept({ ...found.value, partner: marked, lastUses: await uses.lastUses(realm, id) });
  };

  const markGrant = async (realm: string, client: string, uri: string): Promise<AdminResult<Grant> | undefined> => {
    const [found, audience] = await Promise.all([
      findPartner(registry, realm, client),
      isAudienceUri(uri) ? registry.findAudience(realm, uri) : undefined,
    ]);
    if (!found.ok) return found;
    const stored = found.value.grants.find((grant) => grant.audience === uri);
    if (stored === undefined || audience === undefined) {
      return refuse({ reason: 'not_found', what: `grant of ${client} on ${uri.slice(0, 512)}` });
    }
    const marked = {
      ...stored,
      tokensNotBefore: nextMark(clock.now(), stored.tokensNotBefore),
      version: stored.version + 1,
    };
    return (await registry.saveGrant(marked, stored, audience)) === 'saved' ? accept(marked) : undefined;
  };

  /** A mark replaces nothing that somebody else has said: it bears repeating. */
  const untilSaved = async <Value>(
    mark: () => Promise<AdminResult<Value> | undefined>,
    markOf: (value: Value) => EpochSeconds | undefined,
  ): Promise<AdminResult<Value>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const marked = await mark();
      if (marked === undefined) continue;
      // Whoever has the answer can have new tokens that are good: none of them is of the second that went.
      if (marked.ok) await pause.until(Math.min(markOf(marked.value) ?? 0, clock.now() + 1));
      return marked;
    }
    return lostRace();
  };

  return {
    /** Of the partner as a client, and those in which it is the subject or an actor. */
    revokeOfPartner: (realm: string, id: string): Promise<AdminResult<PartnerView>> =>
      untilSaved(
        () => markPartner(realm, id),
        ({ partner }) => partner.tokensNotBefore,
      ),

    revokeOfGrant: (realm: string, client: string, audience: string): Promise<AdminResult<Grant>> =>
      untilSaved(
        () => markGrant(realm, client, audience),
        ({ tokensNotBefore }) => tokensNotBefore,
      ),

    /**
     * Whether or not there is such a token: we keep no list of them.
     * @param tokenId its `jti`.
     * @param expiresAt its `exp`. A time that is too early would let it be good again.
     */
    revokeOne: async (realm: string, tokenId: string, expiresAt: EpochSeconds): Promise<AdminResult<void>> => {
      const now = clock.now();
      const problems = [
        ...(tokenId !== '' && tokenId.length <= MAX_TOKEN_ID_LENGTH
          ? []
          : [{ pointer: '/tokenId', detail: `1 to ${MAX_TOKEN_ID_LENGTH} characters` }]),
        ...(expiresAt + clockToleranceSeconds > now ? [] : [{ pointer: '/expiresAt', detail: 'it has expired' }]),
        ...(expiresAt <= now + Math.max(MAX_TOKEN_SECONDS + clockToleranceSeconds, MAX_ACTOR_TOKEN_SECONDS)
          ? []
          : [{ pointer: '/expiresAt', detail: 'no token that is taken here lives for so long' }]),
      ];
      if (problems.length > 0) return refuse({ reason: 'invalid', problems });
      await revocations.revoke(realm, tokenId, expiresAt + clockToleranceSeconds);
      return accept(undefined);
    },
  };
};
