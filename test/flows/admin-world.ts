/** What the tests of the administration start from: a realm in memory, its managers, and a clock. */

import type fc from 'fast-check';
import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import type { PartnerWithGrants } from '../../functions/core/partner.ts';
import { type RealmPolicy, untouchedRealm } from '../../functions/core/realm.ts';
import type { AdminRefusal, AdminResult } from '../../functions/core/registration.ts';
import { type ManageGrants, manageGrants } from '../../functions/flows/manage-grants.ts';
import { type ManagePartners, managePartners } from '../../functions/flows/manage-partners.ts';
import { type ManageSecrets, manageSecrets } from '../../functions/flows/manage-secrets.ts';
import type { RefreshRegistry, Registry, Secrets } from '../../functions/ports.ts';
import { AUDIENCE, CLIENT, keyPair, OWNER, REALM, ring, signingKey } from '../support/builders.ts';
import {
  type MemoryRealms,
  type MemoryRegistry,
  type MemoryReplayGuard,
  memoryRealms,
  memoryRegistry,
  memoryReplayGuard,
  type TestClock,
  testClock,
} from './in-memory.ts';
import { passing } from './passing.ts';

export interface AdminWorld {
  readonly registry: MemoryRegistry;
  readonly realms: MemoryRealms;
  readonly clock: TestClock;
  readonly replay: MemoryReplayGuard;
  readonly chance: Secrets;
  readonly partners: ManagePartners;
  readonly secrets: ManageSecrets;
  readonly grants: ManageGrants;
}

type Ports = Registry & RefreshRegistry;

/** A ring that signs. */
const signingRing = async (algorithm: JwsAlgorithm = 'RS256') =>
  ring(algorithm, [signingKey(await keyPair(algorithm, `signs-${algorithm}`))]);

/** The managers of a world, with these calls of the registry in place of its own. */
export const managersOver = (
  { registry, realms, clock, replay, chance }: Omit<AdminWorld, 'partners' | 'secrets' | 'grants'>,
  changes: Partial<Ports> = {},
) => {
  let made = 0;
  // The realm signs with RS256; its other ring has no key yet that does.
  const rings = { list: async () => [await signingRing(), ring('ES384', [])] };
  const over = { ...registry, ...changes };
  const pause = passing(clock);
  return {
    partners: managePartners({
      ...{ registry: over, clock, pause, rings, uses: replay },
      ids: {
        next: () => {
          made += 1;
          return `generated-${made}`;
        },
      },
    }),
    secrets: manageSecrets({ registry: over, realms, clock, uses: replay, secrets: chance }),
    grants: manageGrants({ registry: over, rings, realms, clock, pause }),
  };
};

const countedSecrets = (): Secrets => {
  let made = 0;
  return {
    next: () => {
      made += 1;
      return `chance-${made}`;
    },
  };
};

export const adminWorld = (): AdminWorld => {
  const parts = {
    ...{ registry: memoryRegistry(), realms: memoryRealms() },
    ...{ clock: testClock(), replay: memoryReplayGuard(), chance: countedSecrets() },
  };
  return { ...parts, ...managersOver(parts) };
};

/** The realm says this from now on. */
export const letRealm = ({ realms }: Pick<AdminWorld, 'realms'>, policy: RealmPolicy): void => {
  realms.realms.set(REALM, { ...untouchedRealm(REALM), policy, version: 1, createdAt: 1, updatedAt: 1 });
};

/** The registry, each of whose calls waits for its turn before it is done. */
export const scheduled = (registry: Ports, scheduler: fc.Scheduler): Ports => {
  const wait =
    <Input extends readonly unknown[], Output>(call: (...input: Input) => Promise<Output>) =>
    async (...input: Input): Promise<Output> => {
      await scheduler.schedule(Promise.resolve());
      return call(...input);
    };
  return {
    findPartner: wait(registry.findPartner),
    listPartners: wait(registry.listPartners),
    findIssuer: wait(registry.findIssuer),
    findCertificate: wait(registry.findCertificate),
    isUser: wait(registry.isUser),
    lastVersion: wait(registry.lastVersion),
    lastAudienceVersion: wait(registry.lastAudienceVersion),
    createPartner: wait(registry.createPartner),
    updatePartner: wait(registry.updatePartner),
    removePartner: wait(registry.removePartner),
    listDue: wait(registry.listDue),
    saveRefresh: wait(registry.saveRefresh),
    findAudience: wait(registry.findAudience),
    listAudiences: wait(registry.listAudiences),
    createAudience: wait(registry.createAudience),
    updateAudience: wait(registry.updateAudience),
    removeAudience: wait(registry.removeAudience),
    saveGrant: wait(registry.saveGrant),
    removeGrant: wait(registry.removeGrant),
    listGrantsOn: wait(registry.listGrantsOn),
  };
};

/** Runs all at once, in the order of calls that the scheduler chooses among everything that waits. */
export const interleave = async <Value>(
  scheduler: fc.Scheduler,
  runs: readonly (() => Promise<Value>)[],
): Promise<readonly Value[]> => {
  let running = runs.length;
  const results = Promise.all(
    runs.map((run) =>
      run().finally(() => {
        running -= 1;
      }),
    ),
  );
  while (running > 0) {
    // Who does not wait at a call of the registry is busy with cryptography, and has to get there first.
    if (scheduler.count() < running) await new Promise((resolve) => setImmediate(resolve));
    else await scheduler.waitOne();
  }
  return results;
};

/** The public key of that name, as a partner sends it. */
export const jwkOf = async (name = 'k1', algorithm: JwsAlgorithm = 'ES256') => ({
  ...(await keyPair(algorithm, name)).publicJwk,
  kid: name,
});

/** A partner with one key. */
export const inputOf = async (id: string, name = 'k1') => ({ id, jwks: { keys: [await jwkOf(name)] } });

/** Two partners, an audience of one of them, and a grant on it for the other. */
export const populate = async ({ partners, grants }: Pick<AdminWorld, 'partners' | 'grants'>): Promise<void> => {
  mustBe(await partners.add(REALM, await inputOf(CLIENT)));
  mustBe(await partners.add(REALM, await inputOf(OWNER)));
  mustBe(await grants.addAudience(REALM, { audience: AUDIENCE, owner: OWNER, scopes: ['read', 'write'] }));
  mustBe(await grants.addGrant(REALM, { client: CLIENT, audience: AUDIENCE, scopes: ['read', 'write'] }));
};

/** @throws Error for a refusal, where a test is about something else. */
export const mustBe = <Value>(result: AdminResult<Value>): Value => {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.refusal)}`);
  return result.value;
};

export const reasonOf = (result: AdminResult<unknown>): 'done' | AdminRefusal['reason'] =>
  result.ok ? 'done' : result.refusal.reason;

export const stored = async ({ registry }: Pick<AdminWorld, 'registry'>, id = CLIENT): Promise<PartnerWithGrants> => {
  const found = await registry.findPartner(REALM, id);
  if (found === undefined) throw new Error(`there is no partner ${id}`);
  return found;
};
