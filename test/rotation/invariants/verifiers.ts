/** Invariants that verifiers live by: the key of a token is known to them, for long enough, and no promise is taken back. */

import type { SigningKey } from '../../../functions/core/key-ring.ts';
import type { EpochSeconds } from '../../../functions/core/partner.ts';
import { changesOf, end, entry, isFromBreakGlass, lastSeen, liveSince, must } from '../history.ts';
import type { Token } from '../issuing.ts';
import type { Invariant } from '../property.ts';
import { POLICY, settle } from '../schedule.ts';
import type { Command, Save, World } from '../world.ts';

export const ALLOWANCES = POLICY.ringCacheSeconds + POLICY.propagationSeconds + POLICY.clockSkewSeconds;

/**
 * Until when a verifier may use a key set that it fetched then: for as long as the lead covers, by the settings of the day. When
 * the operator shortens the lead, he says that no verifier keeps key sets for longer than that any more.
 */
export const keptUntil = (policies: World['policies'], fetchedAt: EpochSeconds): EpochSeconds => {
  const inForce = policies.findLast(({ from }) => from <= fetchedAt) ?? policies[0];
  const later = policies.filter(({ from }) => from > fetchedAt);
  const until = fetchedAt + (inForce?.policy.leadSeconds ?? 0) - ALLOWANCES;
  return later.reduce(
    (earliest, { from, policy }) => Math.min(earliest, Math.max(from, fetchedAt + policy.leadSeconds - ALLOWANCES)),
    until,
  );
};

/**
 * Looks for a verifier that cannot know the key of a token while the token is good. Verifiers fetch at any time; the worst of them
 * all fetched just before the key was published, or just after it was not any more, from a function that had read the ring as long
 * ago as it may. If these two know the key, every other does.
 */
const mustBeVerifiable = (world: World, { kid, signedAt, exp, algorithm }: Token): void => {
  const published = entry(world, kid, 'standby', 'active', 'retiring')?.time ?? Number.POSITIVE_INFINITY;
  if (liveSince(world) < published) {
    const until = keptUntil(world.policies, published + POLICY.ringCacheSeconds);
    const excusedUntil = isFromBreakGlass(world, kid) ? published + leadAt(world, published) + 2 * ALLOWANCES : 0;
    must(
      signedAt >= until || signedAt <= excusedUntil,
      () => `${algorithm} token of ${kid}: verifiers may not know the key for another ${until - signedAt} s`,
    );
  }
  const withdrawn = end(world, kid, 'standby', 'active', 'retiring');
  if (withdrawn === undefined || lastSeen(world, kid)?.revokedAt !== undefined) return;
  const short = exp + POLICY.leewaySeconds - withdrawn.time;
  must(short <= 0, () => `${algorithm} token of ${kid}: the key is withdrawn ${short} s before the token is over`);
};

/** The longest lead that was ever asked of a key published then. */
export const leadAt = (world: World, published: EpochSeconds): number => {
  const inForce = world.policies.findLast(({ from }) => from <= published) ?? world.policies[0];
  const later = world.policies.filter(({ from }) => from > published);
  return Math.max(...[...later, ...(inForce === undefined ? [] : [inForce])].map(({ policy }) => policy.leadSeconds));
};

const revokes = (save: Save, kid: string): boolean =>
  changesOf(save).some(({ from, to }) => to?.kid === kid && to.state === 'revoked' && from?.revokedAt === undefined);

/** What the operator was told when he revoked the active key. */
const mustBeDeclared = (world: World): void => {
  for (const { kind, kid, process, unverifiableSeconds } of world.commands) {
    if (unverifiableSeconds === undefined || kid === undefined) continue;
    const save = world.saves.find((each) => each.by === process && revokes(each, kid));
    const successor = save?.after.keys.find((key) => key.state === 'active' && key.activatedAt !== undefined);
    if (save === undefined || successor === undefined || entry(world, successor.kid, 'active') !== save) continue;
    must(kind === 'break-glass' || unverifiableSeconds === 0, () => 'a window that nobody agreed to');
    const published = entry(world, successor.kid, 'standby')?.time ?? save.time;
    if (liveSince(world) >= published) continue;
    // By the settings that the command was given under.
    const known = world.policies.slice(0, world.policies.indexOf(save.settings) + 1);
    const window = keptUntil(known, published + POLICY.ringCacheSeconds) - save.time;
    must(window <= unverifiableSeconds, () => `tokens may be refused for ${window} s, not ${unverifiableSeconds}`);
  }
};

export const verifiable: Invariant = {
  name: '3 every verifier knows the key of every token that is good, whenever it fetched the key set',
  holds: async (world) => {
    await settle(world, 24);
    for (const token of world.tokens) mustBeVerifiable(world, token);
    mustBeDeclared(world);
  },
};

export const boundedByTheKey: Invariant = {
  name: '4 no token lives longer than its key allows, which is fixed before the key signs',
  holds: (world) => {
    for (const { kid, iat, exp, signedAt } of world.tokens) {
      const key = lastSeen(world, kid);
      const longest = key?.maxTokenSeconds ?? 0;
      must(exp - iat <= longest, () => `a token of ${exp - iat} s, where its key allows ${longest} s`);
      const over = key?.lastSignBefore === undefined ? 0 : exp - key.lastSignBefore - longest;
      must(over <= 0, () => `a token expires ${over} s after the last token of its key`);
      for (const seen of asAuthorizersSee(world, kid, signedAt))
        must(exp - iat <= (seen.maxTokenSeconds ?? 0), () => `an authorizer refuses a token of ${exp - iat} s`);
    }
  },
};

/** A published key as the rings had it that an authorizer may use at that time. */
const asAuthorizersSee = (world: World, kid: string, time: EpochSeconds): readonly SigningKey[] => {
  if (isFromBreakGlass(world, kid)) return [];
  return world.saves
    .filter((save) => save.time > time - POLICY.ringCacheSeconds && save.time <= time)
    .flatMap(({ before, after }) => [...(before?.keys ?? []), ...after.keys])
    .filter((key) => key.kid === kid && ['standby', 'active', 'retiring'].includes(key.state));
};

const NEVER_EARLIER = [
  ...['activateNotBefore', 'lastSignBefore', 'retireNotBefore', 'listedUntil', 'deleteNotBefore', 'maxTokenSeconds'],
] as const satisfies readonly (keyof SigningKey)[] | readonly string[];

/** The deadline that a change of state has to wait for. */
const deadlineOf = (from: SigningKey, to: SigningKey | undefined): number | undefined => {
  if (from.state === to?.state) return undefined;
  if (to === undefined) return from.deletionAt;
  if (to.state === 'active') return from.activateNotBefore;
  if (to.state === 'retired' && from.state === 'retiring') return from.retireNotBefore;
  return to.state === 'pending-deletion' ? from.deleteNotBefore : undefined;
};

export const promisesAreKept: Invariant = {
  name: '5 no setting and no step brings a stored deadline forward, and each deadline is waited for',
  holds: async (world) => {
    await settle(world, 24);
    for (const { save, from, to } of world.saves.flatMap(changesOf)) {
      if (from === undefined) continue;
      for (const name of NEVER_EARLIER) {
        const [before, after] = [from[name], to?.[name]];
        const isKept = before === undefined || after === undefined || after >= before;
        must(to === undefined || isKept, () => `${name} of ${from.kid} went from ${before} to ${after}`);
      }
      const isRevocation = world.commands.some(({ kind, process }) => process === save.by && kind === 'break-glass');
      const early = (deadlineOf(from, to) ?? 0) - save.time - POLICY.clockSkewSeconds / 2;
      must(early <= 0 || isRevocation, () => `${from.kid} became ${to?.state} ${early} s early`);
      mustOutlastItsTerm(world, save, from, to);
    }
  },
};

const ROTATIONS: readonly Command['kind'][] = ['rotate', 'rotate-at'];

/** A planned rotation waits for the calendar, which the operator alone may bring forward. */
const mustOutlastItsTerm = (
  world: World,
  save: World['saves'][number],
  from: SigningKey,
  to: SigningKey | undefined,
): void => {
  const [term = 0, shortened = term] = [from.rotateNotBefore, to?.rotateNotBefore];
  const isAsked = world.commands.some(({ kind, process }) => ROTATIONS.includes(kind) && process === save.by);
  must(shortened >= term || isAsked, () => `the term of ${from.kid} went from ${term} to ${shortened}`);
  if (from.state !== 'active' || to?.state !== 'retiring') return;
  const early = term - save.time - POLICY.clockSkewSeconds / 2;
  must(early <= 0, () => `${from.kid} was rotated ${early} s before its term`);
};
