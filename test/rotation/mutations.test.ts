import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { dynamoCatalogueReader } from '../../functions/adapters/dynamo-readers.ts';
import type { KeyRing, KeyState, RotationPolicy, SigningKey } from '../../functions/core/key-ring.ts';
import type { RotationStep } from '../../functions/core/rotation-plan.ts';
import { signToken } from '../../functions/flows/sign-token.ts';
import type { CatalogueReader, KeyVault } from '../../functions/ports.ts';
import { knownByCertificate } from './invariants/certificates.ts';
import { idempotent, monotone, oneActiveKey, signsWhileActive } from './invariants/cycle.ts';
import { failsClosed, NAME_OF_15 } from './invariants/issuers.ts';
import {
  holdIsObeyed,
  kidIsTheThumbprint,
  nothingLeaks,
  oneAlgorithmPerRing,
  publishedSetIsBounded,
} from './invariants/keys.ts';
import { bytesAreStable, revokedIsGone, slowestRegionFirst } from './invariants/publishing.ts';
import { boundedByTheKey, promisesAreKept, verifiable } from './invariants/verifiers.ts';
import { announce, type Invariant, SEED, violation } from './property.ts';
import type { Replacements } from './world.ts';

type Core = typeof import('../../functions/core/key-ring.ts') & typeof import('../../functions/core/rotation-plan.ts');

/** Functions of the core that are replaced at the moment, and how every other one is reached. */
const { mutants, mutable } = vi.hoisted(() => {
  const mutants = new Map<string, unknown>();
  const isFunction = (value: unknown): value is (...args: unknown[]) => unknown => typeof value === 'function';
  const replaceable = (name: string, value: unknown): unknown => {
    if (!isFunction(value)) return value;
    return (...args: unknown[]) => {
      const mutant = mutants.get(name);
      return (isFunction(mutant) ? mutant : value)(...args);
    };
  };
  const mutable = (module: object): object =>
    Object.fromEntries(Object.entries(module).map(([name, value]) => [name, replaceable(name, value)]));
  return { mutants, mutable };
});
vi.mock('../../functions/core/key-ring.ts', async (original) => mutable(await original<object>()));
vi.mock('../../functions/core/rotation-plan.ts', async (original) => mutable(await original<object>()));

const actual: Core = {
  ...(await vi.importActual<typeof import('../../functions/core/key-ring.ts')>('../../functions/core/key-ring.ts')),
  ...(await vi.importActual<typeof import('../../functions/core/rotation-plan.ts')>(
    '../../functions/core/rotation-plan.ts',
  )),
};

/** Something wrong with the machine, in the core or in what surrounds it. */
interface Mutation {
  readonly core?: Partial<Core>;
  readonly replace?: Replacements;
}

/** More than enough: most are found by one schedule of ten. */
const RUNS = 2_000;

const mapKeys = (ring: KeyRing, map: (key: SigningKey) => SigningKey): KeyRing => ({
  ...ring,
  keys: ring.keys.map(map),
});

/** A planner that sees another ring than there is. */
const blind = (map: (key: SigningKey, policy: RotationPolicy) => SigningKey): Mutation => ({
  core: {
    planRotation: (now, ring, policy) =>
      actual.planRotation(
        now,
        mapKeys(ring, (key) => map(key, policy)),
        policy,
      ),
  },
});

/** A planner that never plans this. */
const never = (kind: RotationStep['kind']): Mutation => ({
  core: {
    planRotation: (...call) => {
      const step = actual.planRotation(...call);
      return step?.kind === kind ? undefined : step;
    },
  },
});

const vault = (change: (vault: KeyVault) => Partial<KeyVault>): Mutation => ({
  replace: { ports: (ports) => ({ ...ports, vault: { ...ports.vault, ...change(ports.vault) } }) },
});

/** The key that stops signing is given this in the place of what it should be given. */
const onDeactivation = (change: (key: SigningKey, now: number) => Partial<SigningKey>): Mutation => ({
  core: {
    withActiveKey: (ring, kid, policy, now) =>
      mapKeys(actual.withActiveKey(ring, kid, policy, now), (key) =>
        key.deactivatedAt === now ? { ...key, ...change(key, now) } : key,
      ),
  },
});

const withoutHold = ({ hold: _hold, ...key }: SigningKey): SigningKey => key;
const inState = (ring: KeyRing, state: KeyState): SigningKey[] => ring.keys.filter((key) => key.state === state);

const MUTATIONS: readonly (readonly [Invariant, string, Mutation])[] = [
  [oneActiveKey, 'the key before stays active', onDeactivation(() => ({ state: 'active' }))],
  [oneActiveKey, 'no key takes over', blind((key) => ({ ...key, rotateNotBefore: Number.POSITIVE_INFINITY }))],
  [signsWhileActive, 'KMS is not told to disable a key', vault(() => ({ disable: async () => undefined }))],
  [signsWhileActive, 'no key is ever disabled', blind((key) => ({ ...key, disabledAt: key.disabledAt ?? 1 }))],
  [
    signsWhileActive,
    'the last signature is said to be at the change itself',
    onDeactivation((_key, now) => ({ lastSignBefore: now })),
  ],
  [
    verifiable,
    'a key signs as soon as it is published',
    { replace: { policy: (now) => ({ ...now, leadSeconds: 0 }) } },
  ],
  [
    verifiable,
    'the lead leaves out what a cache of ours adds',
    { replace: { policy: (now) => ({ ...now, leadSeconds: now.leadSeconds - now.propagationSeconds - 150 }) } },
  ],
  [verifiable, 'a key is withdrawn when it stops signing', onDeactivation((_key, now) => ({ retireNotBefore: now }))],
  [
    verifiable,
    'a key is withdrawn after its last signature, not its last token',
    onDeactivation(({ lastSignBefore = 0 }) => ({ retireNotBefore: lastSignBefore })),
  ],
  [
    verifiable,
    'the first key of any ring signs at once',
    { core: { withActivationTime: (ring, kid, policy) => actual.withActivationTime(ring, kid, policy, false) } },
  ],
  [
    boundedByTheKey,
    'tokens live as long as the settings say',
    {
      replace: {
        signToken: (signer, order, rings, read) => {
          const unbound = (each: KeyRing) => mapKeys(each, (key) => ({ ...key, maxTokenSeconds: 86_400 }));
          return signToken(signer, order, rings.map(unbound), async () => (await read()).map(unbound));
        },
      },
    },
  ],
  [
    boundedByTheKey,
    'a key that signs already may sign longer tokens from now on',
    {
      core: {
        planRotation: (now, ring, policy) => {
          const [active] = inState(ring, 'active');
          const isShort = active !== undefined && (active.maxTokenSeconds ?? 0) < policy.maxTokenSeconds;
          return isShort ? { kind: 'lengthen', kid: active.kid } : actual.planRotation(now, ring, policy);
        },
        withLongerTokens: (ring, kid, { maxTokenSeconds }) => ({
          ...mapKeys(ring, (key) => (key.kid === kid ? { ...key, maxTokenSeconds } : key)),
          version: ring.version + 1,
        }),
      },
    },
  ],
  [
    promisesAreKept,
    'the end of publication is worked out anew from the settings of the day',
    blind((key, policy) =>
      key.lastSignBefore === undefined
        ? key
        : { ...key, retireNotBefore: key.lastSignBefore + policy.maxTokenSeconds + policy.leewaySeconds },
    ),
  ],
  [
    promisesAreKept,
    'the end of the term is worked out anew from the settings of the day',
    blind((key, policy) => ({ ...key, rotateNotBefore: (key.activatedAt ?? 0) + policy.periodSeconds })),
  ],
  [
    promisesAreKept,
    'a revocation starts the grace of a retired key anew',
    {
      core: {
        withRevokedKey: (ring, kid, policy, now) =>
          mapKeys(actual.withRevokedKey(ring, kid, policy, now), (key) =>
            key.kid === kid ? { ...key, deleteNotBefore: now } : key,
          ),
      },
    },
  ],
  [holdIsObeyed, 'the planner does not look at holds', blind(withoutHold)],
  [holdIsObeyed, 'a hold does not take back a deletion', vault(() => ({ cancelDeletion: async () => 'cancelled' }))],
  [
    publishedSetIsBounded,
    'the operator may rotate while a key drains',
    {
      core: {
        planRotateNow: (now, ring, policy) =>
          actual.planRotateNow(now, { ...ring, keys: ring.keys.filter((key) => key.state !== 'retiring') }, policy),
        planRotation: (now, ring, policy) => {
          const [active] = inState(ring, 'active');
          const keys = ring.keys.filter((key) => key.state !== 'retiring');
          const isTerm = active !== undefined && now >= (active.rotateNotBefore ?? now);
          return actual.planRotation(now, isTerm ? { ...ring, keys } : ring, policy);
        },
      },
    },
  ],
  [publishedSetIsBounded, 'no key is ever retired, and none drains', blindToDraining()],
  [
    kidIsTheThumbprint,
    'a kid is given out twice',
    vault(({ create }) => ({ create: async (...call) => ({ ...(await create(...call)), kid: 'the key' }) })),
  ],
  [
    kidIsTheThumbprint,
    'a kid is the name of the creation',
    vault(({ create }) => ({ create: async (realm, alg, id) => ({ ...(await create(realm, alg, id)), kid: id }) })),
  ],
  [
    monotone,
    'a key whose deletion is taken back is published again',
    {
      core: {
        withDeletionCancelled: (ring, kid) =>
          mapKeys(actual.withDeletionCancelled(ring, kid), (key) =>
            key.kid === kid ? { ...key, state: 'retiring' } : key,
          ),
      },
    },
  ],
  [idempotent, 'a write does not look at the version', { replace: { ignoresVersions: true } }],
  [
    idempotent,
    'a sweep is not written down',
    { core: { withSweep: (ring, now) => ({ ...actual.withSweep(ring, now), sweptAt: 0 }) } },
  ],
  [nothingLeaks, 'nobody sweeps', never('sweep')],
  [nothingLeaks, 'a creation that died is never resumed', never('resume-creation')],
  [
    idempotent,
    'a creation leaves no word of itself',
    {
      replace: {
        ports: (ports) => ({
          ...ports,
          rings: { ...ports.rings, save: ({ creation: _forgotten, ...ring }) => ports.rings.save(ring) },
        }),
      },
    },
  ],
  [idempotent, 'a creation is not waited for', { replace: { policy: (now) => ({ ...now, creationSeconds: 0 }) } }],
  [
    revokedIsGone,
    'revoked keys are published',
    { core: { publishedKeys: (ring) => [...actual.publishedKeys(ring), ...inState(ring, 'revoked')] } },
  ],
  [
    revokedIsGone,
    'a revoked key stays the active one',
    {
      core: {
        withRevokedKey: (ring, kid, policy, now) =>
          mapKeys(actual.withRevokedKey(ring, kid, policy, now), (key) =>
            key.kid === kid ? { ...key, activatedAt: key.activatedAt ?? now } : key,
          ),
        activeKey: (ring) => ring.keys.find((key) => key.activatedAt !== undefined),
      },
    },
  ],
  [
    oneAlgorithmPerRing,
    'KMS is asked for another kind of key',
    vault(({ create }) => ({ create: (realm, _algorithm, id) => create(realm, 'RS256', id) })),
  ],
  [
    bytesAreStable,
    'the standby is published first',
    {
      core: {
        publishedKeys: (ring) =>
          actual.publishedKeys(ring).toSorted((a, b) => b.state.length - a.state.length || a.createdAt - b.createdAt),
      },
    },
  ],
  [
    bytesAreStable,
    'rings are published in the order of reading',
    {
      replace: {
        jwks: (rings) => ({
          keys: rings.flatMap((ring) => actual.publishedKeys(ring).map(({ jwk, kid }) => ({ ...jwk, kid }))),
        }),
      },
    },
  ],
  [
    slowestRegionFirst,
    'nobody asks the other Regions',
    { replace: { ports: (ports) => ({ ...ports, published: { name: async () => true } }) } },
  ],
  [knownByCertificate, 'no key gets a certificate', never('certify')],
  [
    knownByCertificate,
    'a key gets its certificate when it signs',
    {
      core: {
        planRotation: (now, ring, policy) => {
          const step = actual.planRotation(now, ring, policy);
          const { certificates: _none, ...rest } = policy;
          const isEarly = step?.kind === 'certify' && ring.keys.find(({ kid }) => kid === step.kid)?.state !== 'active';
          return isEarly ? actual.planRotation(now, ring, rest) : step;
        },
      },
    },
  ],
  [
    knownByCertificate,
    'a certificate that came late is not waited for',
    {
      core: {
        withCertificates: (...call) =>
          mapKeys(actual.withCertificates(...call), ({ certifiedAt: _late, ...key }) => key),
      },
    },
  ],
];

/** Retiring keys are out of sight: nothing waits for them and nothing becomes of them. */
function blindToDraining(): Mutation {
  const seen = (ring: KeyRing): KeyRing => ({ ...ring, keys: ring.keys.filter((key) => key.state !== 'retiring') });
  return {
    core: {
      planRotation: (now, ring, policy) => actual.planRotation(now, seen(ring), policy),
      planRotateNow: (now, ring, policy) => actual.planRotateNow(now, seen(ring), policy),
    },
  };
}

afterEach(() => mutants.clear());

const TABLE = MUTATIONS.map(([invariant, what, mutation]) => ({
  ...{ number: invariant.name.split(' ')[0], invariant, what, mutation },
}));

describe('an invariant notices when', () => {
  it.each(TABLE)('$number: $what', { timeout: 120_000 }, async ({ invariant, what, mutation }) => {
    const { core = {}, replace = {} } = mutation;
    announce(what);
    for (const [name, mutant] of Object.entries(core)) mutants.set(name, mutant);
    expect(await violation(invariant, replace, RUNS)).toContain(invariant.name);
  });
});

const stale = (reader: CatalogueReader): CatalogueReader => {
  let last: Awaited<ReturnType<CatalogueReader['read']>> | undefined;
  return {
    read: async (...call) => {
      try {
        last = await reader.read(...call);
      } catch (error) {
        if (last === undefined) throw error;
      }
      return last;
    },
  };
};

describe(`"${NAME_OF_15}" notices when`, () => {
  it.each([
    [
      'a ring is kept for longer',
      (client, cacheSeconds) => dynamoCatalogueReader({ client, table: 'registry', cacheSeconds: 2 * cacheSeconds }),
    ],
    [
      'an old ring is better than none',
      (client, cacheSeconds) => stale(dynamoCatalogueReader({ client, table: 'registry', cacheSeconds })),
    ],
  ] satisfies [string, Parameters<typeof failsClosed>[0]][])('%s', async (what, reader) => {
    announce(what);
    const { failed } = await fc.check(failsClosed(reader), { numRuns: RUNS, seed: SEED, endOnFailure: true });
    expect(failed).toBe(true);
  });
});
