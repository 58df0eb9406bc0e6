/** A realm in memory whose partners' people register keys by themselves. */

import { untouchedRealm } from '../../functions/core/realm.ts';
import { type OnboardPartner, onboardPartner } from '../../functions/flows/onboard-partner.ts';
import { type MetadataRequest, type RegisterClient, registerClients } from '../../functions/flows/register-client.ts';
import type { PartnerRegistry } from '../../functions/ports.ts';
import { CLIENT, partner, REALM, realmDefaults } from '../support/builders.ts';
import { metadataWith } from '../support/client-metadata.ts';
import {
  type MemoryRealms,
  type MemoryRegistry,
  memoryRealms,
  memoryRegistry,
  type TestClock,
  testClock,
} from './in-memory.ts';

export interface RegistrationWorld {
  readonly registry: MemoryRegistry;
  readonly realms: MemoryRealms;
  readonly clock: TestClock;
  readonly onboarding: OnboardPartner;
  readonly clients: RegisterClient;
}

/** The partner `crm`, of whom no key is known, and the realm `acme` beside the default one. */
export const registrationWorld = async (changes: Partial<PartnerRegistry> = {}): Promise<RegistrationWorld> => {
  const [registry, realms, clock] = [memoryRegistry(), memoryRealms(), testClock()];
  realms.realms.set('acme', { ...untouchedRealm('acme'), aliases: ['acme.example'], version: 1 });
  await registry.createPartner(partner(), undefined);
  let made = 0;
  const secrets = {
    next: () => {
      made += 1;
      return Buffer.alloc(32, made).toString('base64url');
    },
  };
  const over = { ...registry, ...changes };
  return {
    ...{ registry, realms, clock },
    onboarding: onboardPartner({ registry: over, secrets, clock }),
    clients: registerClients({ registry: over, realms, secrets, clock }, realmDefaults()),
  };
};

/** A token that an operator has just opened the partner with. */
export const openedToken = async (
  { onboarding }: RegistrationWorld,
  input: Parameters<OnboardPartner['open']>[2] = {},
  [realm, id]: readonly [string, string] = [REALM, CLIENT],
): Promise<string> => {
  const opened = await onboarding.open(realm, id, input);
  if (!opened.ok) throw new Error(JSON.stringify(opened.refusal));
  return opened.value.token;
};

/** A request with one key; `body` in place of it. */
export const registrationRequest = async (
  token: string | undefined,
  changes: Partial<Omit<MetadataRequest, 'body'>> & { readonly body?: unknown } = {},
): Promise<MetadataRequest> => ({
  realm: REALM,
  token,
  ...changes,
  body: { ok: true, value: JSON.stringify(changes.body ?? (await metadataWith())) },
});

/** Registers the partner. @returns the registration access token. */
export const registeredToken = async (world: RegistrationWorld, body?: unknown): Promise<string> => {
  const { result } = await world.clients.register(await registrationRequest(await openedToken(world), { body }));
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value.registration_access_token;
};
