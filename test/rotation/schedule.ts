/**
 * What may happen to a realm: schedules of 10 to 60 events, each made of one random number, so that they are cheap to make and
 * fast-check can shorten them. An event is told by the world's log, not by its number.
 */

import fc from 'fast-check';
import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import type { KeyRing, RotationPolicy } from '../../functions/core/key-ring.ts';
import type { Fate, Process } from './process.ts';
import { type Command, type Replacements, type RunOptions, World } from './world.ts';

const [HOUR, DAY] = [3_600, 86_400];

/** Scaled so that a schedule can go through several cycles; the allowances are those of a deployment. */
export const POLICY: RotationPolicy = {
  leadSeconds: 7_620,
  periodSeconds: 5 * HOUR,
  maxTokenSeconds: HOUR,
  ringCacheSeconds: 30,
  propagationSeconds: 300,
  clockSkewSeconds: 60,
  leewaySeconds: 60,
  graceSeconds: 2 * HOUR,
  creationSeconds: 180,
  sweepSeconds: 2 * HOUR,
};

/** As a realm of the Microsoft profile has them. */
const CERTIFICATES: Partial<RotationPolicy> = { certificates: { commonName: 'a server', days: 365 } };

/** The run interval of a deployment. */
export const INTERVAL = 900;

const SETTINGS: readonly Partial<RotationPolicy>[] = [
  { maxTokenSeconds: 600 },
  { maxTokenSeconds: HOUR },
  { maxTokenSeconds: 4 * HOUR },
  { leadSeconds: 7_620 },
  { leadSeconds: 8 * HOUR },
  { periodSeconds: 5 * HOUR },
  { periodSeconds: DAY },
  { graceSeconds: 0 },
  { graceSeconds: 6 * HOUR },
  CERTIFICATES,
];

const RINGS: readonly (readonly JwsAlgorithm[])[] = [['ES256'], ['ES256'], ['ES256', 'RS256'], ['RS256']];

/** Random numbers out of one: its digits in mixed radix. */
class Digits {
  #rest: number;

  constructor(number: number) {
    this.#rest = number;
  }

  below(limit: number): number {
    const digit = this.#rest % limit;
    this.#rest = Math.floor(this.#rest / limit);
    return digit;
  }

  one<Value>(values: readonly [Value, ...Value[]]): Value {
    return values[this.below(values.length)] ?? values[0];
  }

  some<Value>(values: readonly Value[]): Value | undefined {
    return values.length === 0 ? undefined : values[this.below(values.length)];
  }
}

export type Schedule = readonly number[];

export const schedules: fc.Arbitrary<Schedule> = fc.noBias(
  fc.array(fc.maxSafeNat(), { minLength: 10, maxLength: 60, size: 'max' }),
);

/** Lets a schedule happen to a new world. */
export const play = async ([first = 0, ...events]: Schedule, replace: Replacements = {}): Promise<World> => {
  const digits = new Digits(first);
  const world = new World({
    algorithms: digits.some(RINGS) ?? [],
    policy: {
      ...POLICY,
      periodSeconds: digits.one([POLICY.periodSeconds, DAY]),
      ...digits.one<Partial<RotationPolicy>>([{}, CERTIFICATES]),
    },
    disableSeconds: digits.one([0, 60, 300]),
    listSeconds: digits.one([0, 0, 240]),
    replace,
  });
  // Two schedules of three begin with a realm that is in service; the others with its birth.
  if (digits.below(3) > 0) await settle(world, 2, 8);
  for (const event of events)
    await EVENTS[event % EVENTS.length]?.(world, new Digits(Math.floor(event / EVENTS.length)));
  return world;
};

/** Ends what is under way, and then runs at the interval of the schedule, on a good day: nothing fails. */
export const settle = async (world: World, runs: number, steps = 1): Promise<void> => {
  for (const process of world.processes) await process.finish();
  for (const region of world.regions) region.cutOffWith = undefined;
  for (let run = 0; run < runs; run += 1) {
    await (await world.startRun(steps, { skew: 0 })).finish();
    await world.wait(INTERVAL);
  }
};

/** A ring that has just rotated or lost its standby has the new one a few runs later. */
export const settleToStandbys = async (world: World): Promise<void> => {
  const hasStandby = ({ keys }: KeyRing): boolean => keys.some((key) => key.state === 'standby');
  for (let run = 0; run < 4 && ![...world.rings.values()].every(hasStandby); run += 1) await settle(world, 1);
};

type Event = (world: World, digits: Digits) => Promise<void> | void;

const skew = (digits: Digits): number => digits.below(POLICY.clockSkewSeconds + 1) - POLICY.clockSkewSeconds / 2;

const fate = (digits: Digits): Fate | undefined => {
  if (digits.below(3) > 0) return undefined;
  return { kind: digits.one(['crash', 'outage']), when: digits.one(['before', 'after']), at: digits.below(12) + 1 };
};

const conditions = (digits: Digits): RunOptions => ({
  skew: skew(digits),
  fate: fate(digits),
  hasSlowAnswers: digits.below(3) === 0,
});

/** To its end at once, to its end with time passing at every call, or only so far, and others go first. */
const drive = async (world: World, process: Process, digits: Digits): Promise<void> => {
  const manner = digits.below(4);
  if (manner < 2) return process.finish();
  const calls = manner === 2 ? Number.POSITIVE_INFINITY : digits.below(8);
  const seconds = digits.one([0, 1, 7, 20]);
  for (let call = 0; call < calls && !process.isDone; call += 1) {
    await process.advance();
    if (seconds > 0 && !process.isDone) await world.wait(seconds);
  }
};

const run: Event = async (world, digits) => {
  const process = await world.startRun(digits.one([1, 1, 8]), conditions(digits));
  await drive(world, process, digits);
  // What a run changes is told first by the token after it.
  if (digits.below(2) === 0) await issueOne(world, digits);
};

const issueOne: Event = async (world, digits) => {
  const algorithm = digits.some(world.options.algorithms) ?? 'ES256';
  await drive(world, await world.startIssuing(digits.below(3), algorithm, conditions(digits)), digits);
};

const goOn: Event = async (world, digits) => {
  const process = digits.some(world.processes);
  for (let call = digits.below(6); call >= 0; call -= 1) await process?.advance();
};

const COMMANDS: readonly [Command['kind'], ...Command['kind'][]] = [
  ...([
    'rotate',
    'rotate',
    'rotate-at',
    'revoke',
    'revoke',
    'break-glass',
    'hold',
    'hold',
    'release',
    'add',
    'renew',
  ] as const),
];

const command: Event = async (world, digits) => {
  const algorithm = digits.some(world.options.algorithms) ?? 'ES256';
  const kind = digits.one<Command['kind']>(COMMANDS);
  const key = digits.some(world.rings.get(algorithm)?.keys ?? []);
  const target = kind === 'rotate' || kind === 'rotate-at' || kind === 'add' ? algorithm : (key?.kid ?? 'none');
  const later = digits.one([0, HOUR, 3 * HOUR, 2 * DAY]);
  await drive(world, await world.startCommand(kind, target, conditions(digits), later), digits);
};

const pause: Event = (world, digits) => world.wait(digits.below(120));
const wait: Event = (world, digits) => world.wait(digits.one([INTERVAL, INTERVAL, HOUR, 6 * HOUR, DAY, 31 * DAY]));

/** To the moment at which something becomes due, or just before or after. */
const waitUntilDue: Event = async (world, digits) => {
  const dues = dueTimes(world).sort((a, b) => a - b);
  const due = digits.some(dues.slice(0, 4));
  const at = (due ?? world.time) + digits.one([-31, -1, 0, 1, 31]);
  if (at > world.time) await world.wait(at - world.time);
};

const dueTimes = (world: World): number[] =>
  [...world.rings.values()]
    .flatMap(({ keys, creation, sweptAt }) => [
      ...keys.flatMap((key) => [
        key.activateNotBefore,
        key.state === 'standby'
          ? Math.max(key.publishedAt ?? 0, key.certifiedAt ?? 0) + world.policy.leadSeconds
          : undefined,
        ...[key.rotateNotBefore, key.retireNotBefore, key.deleteNotBefore, key.deletionAt],
      ]),
      creation === undefined ? undefined : creation.startedAt + world.policy.creationSeconds,
      sweptAt === undefined ? undefined : sweptAt + world.policy.sweepSeconds,
    ])
    .filter((time): time is number => time !== undefined && time > world.time);

const settings: Event = (world, digits) => {
  const change = digits.some(SETTINGS);
  if (change !== undefined) world.changeSettings(change);
};

const cutOff: Event = (world, digits) => {
  const region = digits.some(world.regions);
  if (region === undefined) return;
  region.cutOffWith = region.cutOffWith === undefined ? new Map(world.rings) : undefined;
  world.note(region.cutOffWith === undefined ? 'a Region is back' : 'a Region is cut off');
};

/** As often as each stands here. */
const EVENTS: readonly Event[] = [
  ...[run, run, run, run, run, run, run],
  ...[issueOne, issueOne, issueOne, issueOne, issueOne],
  ...[goOn, goOn, goOn],
  ...[command, command, command],
  ...[pause, pause, wait, wait, waitUntilDue, waitUntilDue, waitUntilDue, waitUntilDue, waitUntilDue],
  ...[settings, settings, cutOff],
];
