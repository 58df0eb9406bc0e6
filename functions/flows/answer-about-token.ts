/** What introspection and revocation begin with: the form read, the client proved, and everything that becomes known on the way recorded. */

import type { AuditFacts, Decided } from '../core/audit.ts';
import type { Result } from '../core/errors.ts';
import type { EpochSeconds } from '../core/partner.ts';
import type { RawTokenRequest } from '../core/request-form.ts';
import { type Answered, parseTokenForm } from '../core/token-form.ts';
import type { Clock } from '../ports.ts';
import {
  type AuthenticateClientPorts,
  type AuthenticateClientSettings,
  type AuthenticatedClient,
  asClient,
} from './authenticate-client.ts';

export interface AnswerAboutTokenPorts extends AuthenticateClientPorts {
  readonly clock: Clock;
}

/** A request as it came in. */
export interface TokenStateRequest {
  /** As the path names it: the realm's name or an alias. */
  readonly realm: string;
  /** Which endpoint is asked, of a realm with this issuer. */
  readonly endpoint: (issuer: string) => string;
  readonly raw: RawTokenRequest;
  readonly requestId: string;
}

/** A client that has proved itself, and the token that it asks about; of that nothing is believed yet. */
export interface TokenQuestion {
  readonly client: AuthenticatedClient;
  readonly token: string;
  readonly now: EpochSeconds;
  /** To be told what becomes known, for the record. */
  readonly learn: (facts: AuditFacts) => void;
}

/** @throws Outage when DynamoDB did not answer, or `decide` throws; what has proved the client can then be sent again. */
export const answerAboutToken = async <Answer>(
  ports: AnswerAboutTokenPorts,
  settings: AuthenticateClientSettings,
  { realm, endpoint, raw, requestId }: TokenStateRequest,
  decide: (question: TokenQuestion) => Promise<Result<Answer>>,
): Promise<Decided<Answered<Answer>>> => {
  const request = parseTokenForm(raw);
  if (!request.ok) return { result: request, facts: {} };
  let facts: AuditFacts = {};
  const learn = (more: AuditFacts): void => {
    facts = { ...facts, ...more };
  };
  const { client: shown, token } = request.value;
  const now = ports.clock.now();
  const claimant = { realm, endpoint, client: shown, held: raw, requestId };
  const result = await asClient(ports, settings, claimant, now, learn, (client) =>
    decide({ client, token, now, learn }),
  );
  return { result, facts };
};
