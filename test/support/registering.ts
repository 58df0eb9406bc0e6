/** What an operator and a partner's people do with dynamic registration, over HTTP against a running service. */

import { type Outcome, outcomeOf } from './decisions.ts';
import { callAdmin, type Service } from './service.ts';

/** Opens a partner to its own people. @returns the onboarding token. */
export const openOnboarding = async (
  service: Service,
  id: string,
  input: object = {},
  realm = 'default',
): Promise<string> => {
  const { status, body } = await callAdmin(service, 'POST', `/admin/realms/${realm}/partners/${id}/onboarding`, input);
  if (status !== 201) throw new Error(`opening ${id} answered ${status} ${JSON.stringify(body)}`);
  return String(body.token);
};

interface RegistrationCall {
  readonly token?: string | undefined;
  /** JSON of it is sent; a text is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface RegistrationAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Empty where there is none. */
  readonly body: Record<string, unknown>;
}

/** One request to `/register` or below it. */
export const callRegistration = async (
  service: Service,
  method: string,
  path: string,
  { token, body, headers = {} }: RegistrationCall = {},
): Promise<RegistrationAnswer> => {
  const answer = await fetch(new URL(path, service.deployment.url), {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) };
};

/** The same, and what the log says of it: `granted`, or why not. */
export const registrationOutcome = async (
  service: Service,
  method: string,
  path: string,
  call: RegistrationCall = {},
): Promise<Outcome> => outcomeOf(service, await callRegistration(service, method, path, call));

/** Registers a partner. @returns the answer, which has to be the client information. */
export const register = async (
  service: Service,
  id: string,
  body: object,
  input: object = {},
): Promise<Record<string, unknown>> => {
  const token = await openOnboarding(service, id, input);
  const answer = await callRegistration(service, 'POST', '/register', { token, body });
  if (answer.status !== 201) throw new Error(`POST /register answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};
