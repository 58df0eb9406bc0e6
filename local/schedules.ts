/**
 * EventBridge Scheduler: `rate(...)` schedules that invoke a function with their input, through their own role.
 * Source: EventBridge Scheduler user guide, "Schedule types" and "Target parameters and permissions".
 */

import { z } from 'zod';
import { authorize } from './iam/authorize.ts';
import type { InvocationResult } from './instance-protocol.ts';
import { type Role, requireRole, sessionOf, trusts } from './roles.ts';
import type { Json, Placement } from './service.ts';
import { StartError } from './start-error.ts';
import { parseProperties } from './template/document.ts';
import type { Resolver } from './template/resolver.ts';

/** A schedule of the template. */
export interface Schedule {
  readonly logicalId: string;
  readonly arn: string;
  readonly periodMs: number;
  readonly isEnabled: boolean;
  readonly targetArn: string;
  readonly role: Role;
  readonly input: Json;
  /** How often a failed run is tried again. */
  readonly retries: number;
}

const properties = z.object({
  ScheduleExpression: z.string(),
  State: z.enum(['ENABLED', 'DISABLED']).default('ENABLED'),
  Target: z.object({
    Arn: z.string(),
    RoleArn: z.string(),
    Input: z.string().default('{}'),
    RetryPolicy: z.object({ MaximumRetryAttempts: z.number().int().min(0).max(185).default(185) }).optional(),
  }),
});

const UNIT_MS = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** A local run that fails three times in a row will not get better by 182 more attempts; the log says so earlier. */
const MAX_RETRIES = 2;
const RETRY_DELAY_MS = 1_000;

/** Milliseconds of `rate(5 minutes)`. @throws StartError on any other kind of expression. */
export function parseRate(expression: string, logicalId: string): number {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (unit === 'minute' || unit === 'hour' || unit === 'day') {
    if (Number(count) > 0) return Number(count) * UNIT_MS[unit];
  }
  throw new StartError(`${logicalId}: the local runner knows rate(...) schedules only, not ${expression}`);
}

/** @throws StartError naming the schedule that is not understood. */
export function readSchedules(resolver: Resolver, roles: ReadonlyMap<string, Role>): Schedule[] {
  return resolver.resources('AWS::Scheduler::Schedule').map(([logicalId]) => {
    const { ScheduleExpression, State, Target } = parseProperties(
      properties,
      resolver.properties(logicalId),
      logicalId,
    );
    return {
      logicalId,
      arn: resolver.attribute(logicalId, 'Arn', logicalId),
      periodMs: parseRate(ScheduleExpression, logicalId),
      isEnabled: State === 'ENABLED',
      targetArn: Target.Arn,
      role: requireRole(roles, Target.RoleArn, logicalId),
      input: parseInput(Target.Input, logicalId),
      retries: Math.min(MAX_RETRIES, Target.RetryPolicy?.MaximumRetryAttempts ?? MAX_RETRIES),
    };
  });
}

function parseInput(input: string, logicalId: string): Json {
  try {
    return z.json().parse(JSON.parse(input));
  } catch {
    throw new StartError(`${logicalId}: Target.Input is not JSON`);
  }
}

export interface ScheduleOptions extends Placement {
  readonly invoke: (functionArn: string, event: Json) => Promise<InvocationResult>;
  /** Called when a run and its retries have failed. */
  readonly onFailure: (schedule: Schedule, message: string) => void;
}

/** Runs schedules by timer until it is closed; the timers alone do not keep the process alive. */
export class Schedules {
  readonly #schedules: readonly Schedule[];
  readonly #options: ScheduleOptions;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(schedules: readonly Schedule[], options: ScheduleOptions) {
    this.#schedules = schedules;
    this.#options = options;
  }

  start(): void {
    for (const schedule of this.#schedules.filter(({ isEnabled }) => isEnabled)) {
      const timer = setInterval(() => void this.#attempt(schedule, schedule.retries), schedule.periodMs);
      this.#timers.add(timer.unref());
    }
  }

  /** Runs every schedule once, now and without retries; results in the order of the template. */
  runNow(): Promise<InvocationResult[]> {
    return Promise.all(this.#schedules.map((schedule) => this.#run(schedule)));
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  async #attempt(schedule: Schedule, retriesLeft: number): Promise<void> {
    const result = await this.#run(schedule);
    if (result.ok) return;
    if (retriesLeft === 0) {
      this.#options.onFailure(schedule, `${result.error.errorType}: ${result.error.errorMessage}`);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#attempt(schedule, retriesLeft - 1);
    }, RETRY_DELAY_MS);
    this.#timers.add(timer.unref());
  }

  async #run(schedule: Schedule): Promise<InvocationResult> {
    const { account, region, invoke } = this.#options;
    if (!trusts(schedule.role, 'scheduler.amazonaws.com', { account, arn: scheduleGroupArn(schedule.arn) }))
      return denied(`the role ${schedule.role.name} does not trust scheduler.amazonaws.com`);
    const caller = sessionOf(schedule.role, account, schedule.logicalId);
    const question = { action: 'lambda:InvokeFunction', resource: schedule.targetArn, context: {} };
    const decision = authorize(caller, question, { 'aws:RequestedRegion': region });
    return decision.allowed ? invoke(schedule.targetArn, schedule.input) : denied(decision.message);
  }
}

/** What Scheduler states as aws:SourceArn is the schedule's group, not the schedule (user guide, "Confused deputy"). */
const scheduleGroupArn = (scheduleArn: string): string =>
  scheduleArn.replace(':schedule/', ':schedule-group/').replace(/\/[^/]+$/, '');

const denied = (errorMessage: string): InvocationResult => ({
  ok: false,
  error: { errorType: 'AccessDeniedException', errorMessage, trace: [] },
});
