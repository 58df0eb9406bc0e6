/**
 * What leaves a function besides its answer: one audit line per decision, one line per fault, metrics in EMF. Every line is
 * built from named fields here; an event, a body or a header never comes near it.
 */

import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { AuditRecord } from '../core/audit.ts';
import { Outage } from '../ports.ts';

export interface Observability {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Powertools logs whole events when an environment variable says so; a client assertion is in there. */
export const LOGGING = { logEvent: false } as const;

const ignore = (): void => undefined;

/** Powertools warns in plain words of every invocation that counted nothing, and most of ours have nothing to count. */
const NO_WARNINGS = { debug: ignore, info: ignore, warn: ignore, error: ignore };

export const observability = (): Observability => ({
  logger: new Logger(),
  metrics: new Metrics({ logger: NO_WARNINGS }),
});

/** What the partner did wrong is a warning; what we did wrong is an error (see `recordFault`). */
export const recordDecision = ({ logger, metrics }: Observability, audit: AuditRecord): void => {
  const granted = audit.decision === 'granted';
  logger[granted ? 'info' : 'warn']('decision', { audit });
  metrics.addMetric(METRICS[audit.action][audit.decision], MetricUnit.Count, 1);
  if (audit.refusal !== undefined) metrics.addMetadata('reason', audit.refusal.reason);
};

const METRICS = {
  'issue-token': { granted: 'TokensIssued', refused: 'TokensRefused' },
  'check-token': { granted: 'TokensAccepted', refused: 'TokensRejected' },
  'introspect-token': { granted: 'IntrospectionsAnswered', refused: 'IntrospectionsRefused' },
  'revoke-token': { granted: 'RevocationsAnswered', refused: 'RevocationsRefused' },
  'register-client': { granted: 'RegistrationsAccepted', refused: 'RegistrationsRefused' },
} as const;

/** An administrative change and who made it. */
export interface AdminEntry {
  readonly requestId: string;
  /** ARN of the IAM principal. */
  readonly operator: string;
  readonly method: string;
  readonly path: string;
  /** What was asked for: the members of the body that the audit may hold. */
  readonly change?: Readonly<Record<string, unknown>>;
  /** What is there after it: ids, names of keys and claims. */
  readonly outcome?: Readonly<Record<string, unknown>>;
  readonly status: number;
}

export const recordAdministration = ({ logger }: Observability, entry: AdminEntry): void => {
  logger.info('administration', { audit: entry });
};

/**
 * AWS's own words for an outage name the call and the resource and are kept; of any other error only its name and place are,
 * since its message may quote what it stumbled over.
 */
export const recordFault = ({ logger, metrics }: Observability, error: unknown, requestId: string): void => {
  const fault =
    error instanceof Outage
      ? { operation: error.operation, message: error.message }
      : { name: nameOf(error), at: placeOf(error) };
  logger.error(error instanceof Outage ? 'outage' : 'fault', { requestId, fault });
  metrics.addMetric(error instanceof Outage ? 'Outages' : 'Faults', MetricUnit.Count, 1);
};

/** An error as it may leave the function: the Lambda runtime logs all that is thrown, message and cause included. */
export const withoutMessage = (error: unknown): Error =>
  error instanceof Outage ? error : new Error(`${nameOf(error)}: see the fault of this request in the log`);

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

/** The frames of a stack; the message stands before them, and may have lines that look like one. */
const placeOf = (error: unknown): readonly string[] => {
  if (!(error instanceof Error)) return [];
  const { stack = '', message } = error;
  const messageAt = stack.indexOf(message);
  if (messageAt === -1) return [];
  return stack
    .slice(messageAt + message.length)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 5);
};
