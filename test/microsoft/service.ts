/**
 * The recipients as realms of one running service, at the time of the fixtures. They were registered over the admin API three days before,
 * when no certificate had expired; the service was restarted since.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { callAdmin, type Service, startService, type TokenResponse } from '../support/service.ts';
import { CLOCK, REGISTERED_AT, trustConfig } from './fixtures.ts';
import { OWNER, type Recipient, recipients, SCOPES } from './recipients.ts';

export const LEGACY = 'http://oauth.net/grant_type/jwt/1.0/bearer';
export const MODERN = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** @param assembly @default - the one that all tests share */
export const startRecipients = async (assembly: string = inject('assembly')): Promise<Service> => {
  await using cleanup = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'countersign-test-'));
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const start = (at: number): Promise<Service> =>
    startService({ assembly, dataDirectory: directory, startAt: new Date(at * 1_000) });
  {
    await using before = await start(REGISTERED_AT);
    for (const recipient of recipients) await register(before, recipient);
  }
  const service = await start(CLOCK);
  cleanup.use(service);
  const running = cleanup.move();
  return { ...service, [Symbol.asyncDispose]: () => running.disposeAsync() };
};

/** As an operator does it. */
const register = async (service: Service, { name, microsoft, partners, audiences }: Recipient): Promise<void> => {
  const admin = (method: string, path: string, body: object) => mustAnswer(service, method, `/${name}${path}`, body);
  await mustAnswer(service, 'POST', '', { name, policy: { algorithms: ['RS256'], microsoft } });
  await admin('POST', '/keys', { algorithm: 'RS256' });
  for (const partner of [{ id: OWNER }, ...partners]) await admin('POST', '/partners', partner);
  for (const audience of audiences) await admin('POST', '/audiences', { audience, owner: OWNER, scopes: SCOPES });
  for (const { id } of partners.filter(({ trustedIssuer }) => trustedIssuer !== true)) {
    for (const audience of audiences) await admin('POST', '/grants', { client: id, audience, scopes: SCOPES });
  }
  for (const { id, ...identifiers } of trustConfig.users) await admin('PUT', `/users/${id}`, identifiers);
};

/** A call of the admin API below `/admin/realms`. @throws Error when it is refused. */
export const mustAnswer = async (service: Service, method: string, path: string, body?: object) => {
  const answer = await callAdmin(service, method, `/admin/realms${path}`, body);
  if (answer.status >= 300)
    throw new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
};

export interface RawAnswer extends TokenResponse {
  readonly text: string;
}

export const post = async (
  service: Service,
  realm: string,
  form: Readonly<Record<string, string>>,
): Promise<RawAnswer> => {
  const answer = await fetch(new URL(`/realms/${realm}/token`, service.deployment.url), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: JSON.parse(text) as Record<string, unknown>,
  };
};

/** As a server shows a token to its recipient. */
export const show = (
  service: Service,
  realm: string,
  assertion: string,
  more: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> => post(service, realm, { grant_type: LEGACY, assertion, ...more });
