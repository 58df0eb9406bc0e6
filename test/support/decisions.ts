/**
 * What the service's log says of a request. A refusal looks the same from outside whatever its reason, so a test that sees
 * the answer only cannot tell the right refusal from a lucky one.
 */

import { expect, vi } from 'vitest';
import type { AuditFacts } from '../../functions/core/audit.ts';
import { postToken, type Service, type TokenResponse } from './service.ts';

export interface LoggedDecision {
  readonly action: string;
  readonly decision: string;
  readonly refusal?: { readonly reason: string } & Readonly<Record<string, unknown>>;
  readonly requestId: string;
  readonly facts: AuditFacts;
}

/** Every line of the log that is JSON; metrics (EMF) and what a runtime says in words are not decisions. */
export const logLines = ({ logs }: Service): Record<string, unknown>[] =>
  logs.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Record<string, unknown>);

export const decisions = (service: Service): LoggedDecision[] =>
  logLines(service)
    .filter(({ message }) => message === 'decision')
    .map(({ audit }) => audit as LoggedDecision);

/** The decision on the request of this id. Lines reach us by a pipe of their own, so they may come after the answer. */
export const decisionOn = (service: Service, requestId: string | null): Promise<LoggedDecision> =>
  vi.waitFor(() => {
    const found = decisions(service).filter((decision) => decision.requestId === requestId);
    expect(found, `decisions on request ${requestId}`).toHaveLength(1);
    return found[0] as LoggedDecision;
  }, WAIT);

/** Long enough for a busy machine; a line that is there is found at once. */
const WAIT = { timeout: 10_000, interval: 5 } as const;

/** What the caller saw and what the log says of it. */
export interface Outcome {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** `granted`, or the code of the reason why not; of an assertion or token that is no grant, with the reason behind it. */
  readonly reason: string;
}

export const outcomeOf = async (service: Service, { status, headers, body }: TokenResponse): Promise<Outcome> => {
  const { decision, refusal } = await decisionOn(service, headers.get('apigw-requestid'));
  return { status, body, reason: refusal === undefined ? decision : reasonOf(refusal) };
};

const reasonOf = ({ reason, because }: NonNullable<LoggedDecision['refusal']>): string =>
  reason === 'grant_assertion_refused' || reason === 'subject_token_refused'
    ? `${reason}: ${(because as { reason: string }).reason}`
    : reason;

export const tokenOutcome = async (service: Service, form: URLSearchParams | string): Promise<Outcome> =>
  outcomeOf(service, await postToken(service, form));

/** The one answer to whoever fails to prove who it is, whatever the reason. */
export const notAuthenticated = (reason: string): Outcome => ({
  status: 401,
  body: { error: 'invalid_client', error_description: 'Client authentication failed.' },
  reason,
});

export const badRequest = (reason: string, description: string): Outcome => ({
  status: 400,
  body: { error: 'invalid_request', error_description: description },
  reason,
});

/** One answer for every resource that a client may not have (RFC 8707 2). */
export const notForThisClient = (reason: string): Outcome => ({
  status: 400,
  body: {
    error: 'invalid_target',
    error_description: 'The requested resource is missing, malformed, or not granted to this client.',
  },
  reason,
});

/** `GET /whoami` with these headers: what API Gateway answered, and why the authorizer said so. */
export const whoamiOutcome = async (service: Service, authorization: string): Promise<Outcome> => {
  const answer = await fetch(new URL('/whoami', service.deployment.url), { headers: { authorization } });
  const body = (await answer.json()) as Record<string, unknown>;
  return outcomeOf(service, { status: answer.status, headers: answer.headers, body });
};

/** API Gateway's own words for a refusal by the authorizer. */
export const notAuthorized = (reason: string): Outcome => ({ status: 403, body: { message: 'Forbidden' }, reason });

/** The one answer to an assertion that is no good grant (RFC 7521 4.1.1), with the reason why it is not. */
export const invalidGrant = (because: string): Outcome => ({
  status: 400,
  body: { error: 'invalid_grant', error_description: 'The assertion is not valid.' },
  reason: `grant_assertion_refused: ${because}`,
});
