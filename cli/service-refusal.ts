/**
 * The service's own "no" as a failure: one line for people, and what a command needs to know to react to it.
 */
import type { z } from 'zod';
import { problem } from './admin-records.ts';
import { Failure } from './failure.ts';
import type { Answer } from './http.ts';
import { describeTimestamp } from './output.ts';

type Problem = z.infer<typeof problem>;

/** Enough to see what is going on; `grant list --audience` tells the rest. */
const MAX_DEPENDENTS_SHOWN = 10;

export class ServiceRefusal extends Failure {
  readonly status: number;
  /** RFC 3339: when the same request would no longer be refused for this reason. */
  readonly until: string | undefined;

  constructor(answer: Answer) {
    const document = problem.safeParse(answer.json);
    const content = document.success ? document.data : {};
    super(1, describe(answer.status, content));
    this.name = 'ServiceRefusal';
    this.status = answer.status;
    this.until = content.until;
  }
}

/** One sentence from `application/problem+json` (RFC 9457), or from API Gateway's own `{"message"}`. */
function describe(status: number, content: Problem): string {
  const { title, detail, message, code, until, errors = [], dependents = [] } = content;
  const reason = detail && withCode(detail, code);
  const text = [title ?? message ?? `HTTP ${status}`, reason, errors.map(describeError).join('; ')];
  const waiting = until === undefined ? '' : `; until ${describeTimestamp(until, Date.now())}`;
  const isGatewayRefusal = status === 403 && title === undefined;
  const hint = isGatewayRefusal ? ' (do these AWS credentials allow execute-api:Invoke on the admin routes?)' : '';
  return text.filter(Boolean).join(': ') + describeDependents(dependents) + waiting + hint;
}

function describeError({ pointer, detail, code }: NonNullable<Problem['errors']>[number]): string {
  return withCode(pointer ? `${pointer}: ${detail}` : detail, code);
}

/** Words may change; the code is what scripts and manuals go by. */
const withCode = (text: string, code: string | undefined): string => (code === undefined ? text : `${text} [${code}]`);

function describeDependents(dependents: NonNullable<Problem['dependents']>): string {
  if (dependents.length === 0) return '';
  const shown = dependents.slice(0, MAX_DEPENDENTS_SHOWN).map(({ client, audience }) => `${client} -> ${audience}`);
  const more = dependents.length - shown.length;
  return `; these grants depend on it: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
