/**
 * Client secrets of partners, for realms that have opted in: one is made here, shown once, and kept as its hash. Several at a time,
 * so that a secret can be replaced without a moment in which none is good.
 */

import { CLIENT_SECRET_PREFIX, MAX_SECRETS } from '../core/client-secret.ts';
import { accept, refuse } from '../core/errors.ts';
import type { Partner } from '../core/partner.ts';
import type { AdminResult } from '../core/registration.ts';
import { defineSecret, type SecretInput } from '../core/secret-definition.ts';
import type { Clock, CredentialUses, PartnerRegistry, RealmRegistry, Secrets } from '../ports.ts';
import type { PartnerView } from './manage-partners.ts';
import { findPartner, lostRace } from './remove-partner.ts';

export interface ManageSecretsPorts {
  readonly registry: Pick<PartnerRegistry, 'findPartner' | 'updatePartner'>;
  readonly realms: Pick<RealmRegistry, 'findRealm'>;
  readonly uses: CredentialUses;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

/** A new secret and its partner. */
export interface AddedSecret extends PartnerView {
  /** Shown here and never again. */
  readonly secret: string;
  /** By which it can be taken away. */
  readonly secretId: string;
}

const MAX_ATTEMPTS = 4;

const conflict = (detail: string) => refuse({ reason: 'conflict', detail } as const);

export type ManageSecrets = ReturnType<typeof manageSecrets>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const manageSecrets = ({ registry, realms, uses, secrets, clock }: ManageSecretsPorts) => {
  /** Adds to the partner or takes from it, and replaces nothing that somebody else has said: that bears repeating. */
  const edit = async (
    realm: string,
    id: string,
    change: (partner: Partner) => AdminResult<Partner['secrets']>,
  ): Promise<AdminResult<PartnerView>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const found = await findPartner(registry, realm, id);
      if (!found.ok) return found;
      const { partner } = found.value;
      const changed = change(partner);
      if (!changed.ok) return changed;
      const wanted = { ...partner, secrets: changed.value, version: partner.version + 1, updatedAt: clock.now() };
      if ((await registry.updatePartner(wanted, found.value, undefined)) !== 'saved') continue;
      return accept({ ...found.value, partner: wanted, lastUses: await uses.lastUses(realm, id) });
    }
    return lostRace();
  };

  return {
    addSecret: async (realm: string, id: string, input: SecretInput): Promise<AdminResult<AddedSecret>> => {
      const { policy = {} } = (await realms.findRealm(realm)) ?? {};
      if (policy.clientSecrets !== true) return conflict(`realm ${realm} has no client secrets: ${OPT_IN}`);
      const secret = `${CLIENT_SECRET_PREFIX}${secrets.next()}`;
      const defined = defineSecret(secret, input, clock.now());
      if (!defined.ok) return refuse({ reason: 'invalid', problems: defined.refusal });
      const edited = await edit(realm, id, (partner) =>
        partner.secrets.length < MAX_SECRETS
          ? accept([...partner.secrets, defined.value])
          : conflict(`a partner has at most ${MAX_SECRETS} secrets; take one away that is no longer used`),
      );
      return edited.ok ? accept({ ...edited.value, secret, secretId: defined.value.id }) : edited;
    },

    /** Also where the realm has no client secrets any more. */
    removeSecret: async (realm: string, id: string, secretId: string): Promise<AdminResult<void>> => {
      const edited = await edit(realm, id, ({ secrets: held }) => {
        const kept = held.filter((each) => each.id !== secretId);
        return kept.length < held.length
          ? accept(kept)
          : refuse({ reason: 'not_found', what: `secret ${secretId.slice(0, 64)}` });
      });
      return edited.ok ? accept(undefined) : edited;
    },
  };
};

const OPT_IN = 'its policy says clientSecrets false. Prefer a key; where a client cannot hold one, set it to true';
