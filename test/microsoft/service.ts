/**
 * The recipients as realms of one running service, at the time of the fixtures. They were registered three days before: the rows are
 * written by the adapters of the admin function, as they would have been then.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { inject } from 'vitest';
import { dynamoGrantRegistry } from '../../functions/adapters/dynamo-grant-registry.ts';
import { dynamoPartnerRegistry } from '../../functions/adapters/dynamo-partner-registry.ts';
import { dynamoRealmRegistry } from '../../functions/adapters/dynamo-realm-registry.ts';
import { userNameRows, userRow } from '../../functions/adapters/user-rows.ts';
import { untouchedRealm } from '../../functions/core/realm.ts';
import { type OpenRegistry, openRegistry } from '../support/seeded-registry.ts';
import { callAdmin, type Service, startService, type TokenResponse } from '../support/service.ts';
import { CLOCK } from './fixtures.ts';
import { OWNER, type RegisteredRecipient, recipients, register } from './recipients.ts';

export const LEGACY = 'http://oauth.net/grant_type/jwt/1.0/bearer';
export const MODERN = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** @param assembly @default - the one that all tests share */
export const startRecipients = async (assembly: string = inject('assembly')): Promise<Service> => {
  await using cleanup = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'countersign-test-'));
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  {
    await using registry = await openRegistry(assembly, directory);
    for (const recipient of recipients) await write(registry, await register(recipient));
  }
  const startAt = new Date(CLOCK * 1_000);
  const service = await startService({ assembly, dataDirectory: directory, startAt });
  cleanup.use(service);
  for (const { name } of recipients) await mustAnswer(service, 'POST', `/${name}/keys`, { algorithm: 'RS256' });
  const running = cleanup.move();
  return { ...service, [Symbol.asyncDispose]: () => running.disposeAsync() };
};

const write = async (
  { documents, table }: OpenRegistry,
  { realm, owner, partners, audiences, users }: RegisteredRecipient,
): Promise<void> => {
  const registry = { ...dynamoPartnerRegistry(documents, table), ...dynamoGrantRegistry(documents, table) };
  mustSave(await dynamoRealmRegistry(documents, table).saveRealm(realm, untouchedRealm(realm.name)));
  for (const partner of [owner, ...partners.map((each) => each.partner)])
    mustSave(await registry.createPartner(partner, undefined));
  for (const [index, audience] of audiences.entries())
    mustSave(await registry.createAudience(audience, { version: owner.version + index }));
  for (const { grants } of partners) {
    for (const grant of grants) mustSave(await registry.saveGrant(grant, undefined, { owner: OWNER, version: 1 }));
  }
  const rows = users.flatMap((user) => [userRow(user), ...userNameRows(user)]);
  const items = rows.map((row) => ({ Put: { TableName: table, Item: { ...row } } }));
  await documents.send(new TransactWriteCommand({ TransactItems: items }));
};

const mustSave = (saved: 'saved' | 'conflict'): void => {
  if (saved !== 'saved') throw new Error('what was to be registered is there already');
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
