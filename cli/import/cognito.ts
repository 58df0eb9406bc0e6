/**
 * App clients and resource servers of a Cognito user pool, as the AWS CLI prints them: `describe-user-pool-client`
 * (UserPoolClientType) and `list-resource-servers` or `describe-resource-server` (ResourceServerType), one or many, in any
 * nesting. (Amazon Cognito user pools API reference, API_UserPoolClientType and API_ResourceServerType)
 */
import { z } from 'zod';
import { misuse } from '../failure.ts';
import { isObject } from '../key-material.ts';
import { Collector } from './collector.ts';
import { type ImportedPartners, policyMember, quoted } from './imported.ts';
import { readExport } from './reading.ts';

const UNIT_SECONDS = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 };

const userPoolClient = z.looseObject({
  ClientId: z.string().min(1),
  ClientName: z.string().optional(),
  AllowedOAuthFlows: z.array(z.string()).default([]),
  AllowedOAuthFlowsUserPoolClient: z.boolean().default(true),
  AllowedOAuthScopes: z.array(z.string()).default([]),
  AccessTokenValidity: z.number().optional(),
  TokenValidityUnits: z
    .looseObject({ AccessToken: z.enum(['seconds', 'minutes', 'hours', 'days']).default('hours') })
    .default({ AccessToken: 'hours' }),
});
type UserPoolClient = z.infer<typeof userPoolClient>;

const resourceServer = z.looseObject({
  Identifier: z.string().min(1),
  Name: z.string().optional(),
  Scopes: z.array(z.looseObject({ ScopeName: z.string() })).default([]),
});

const WHAT = 'a Cognito export (describe-user-pool-client, list-resource-servers)';
/** All that `list-user-pool-clients` tells of a client. */
const LISTED = ['ClientId', 'UserPoolId', 'ClientName'];

/** @throws Failure (2) for what is no such export. */
export const importCognito = (document: unknown): ImportedPartners => {
  const { clients, servers } = entriesOf(document);
  if (clients.length + servers.length === 0) throw misuse(`this is not ${WHAT}`);
  if (clients.some((client) => Object.keys(client).every((name) => LISTED.includes(name)))) {
    throw misuse(
      'this is what list-user-pool-clients prints, which says little; describe-user-pool-client tells all of a client',
    );
  }
  const collector = new Collector();
  for (const server of servers) {
    const { Identifier: identifier, Name: name, Scopes: scopes } = readExport(resourceServer, server, WHAT);
    const owner = { resource: identifier, name: name || undefined };
    collector.audience(identifier, {
      owner,
      scopes: scopes.map(({ ScopeName }) => `${identifier}/${ScopeName}`),
      isClosed: true,
    });
  }
  if (servers.length > 0)
    collector.note("scopes keep the form of Cognito's tokens (identifier/scope), which resource servers check");
  for (const client of clients) addClient(collector, readExport(userPoolClient, client, WHAT));
  return collector.finish();
};

const addClient = (collector: Collector, client: UserPoolClient): void => {
  const { ClientId: id, ClientName: name } = client;
  if (!client.AllowedOAuthFlowsUserPoolClient || !client.AllowedOAuthFlows.includes('client_credentials')) {
    collector.note(`client ${quoted(name ?? id)} was left out: it may not use the client_credentials flow`);
    collector.noteExposure(client);
    return;
  }
  const unit = UNIT_SECONDS[client.TokenValidityUnits.AccessToken];
  const accessTokenSeconds = collector.lifetime((client.AccessTokenValidity ?? 0) * unit, id);
  collector.client(id, {
    name: name || undefined,
    tokenPolicy: policyMember({ accessTokenSeconds }),
  });
  collector.noteExposure(client, id);
  for (const scope of client.AllowedOAuthScopes) {
    const identifier = resourceOf(scope);
    if (identifier === undefined) collector.note(`its scope ${quoted(scope)} is for users and was left out`, id);
    else collector.grant(id, identifier, [scope]);
  }
};

/** A scope is `identifier/name`, and the name has no slash; Cognito's own, such as `openid`, belong to no resource server. */
const resourceOf = (scope: string): string | undefined => /^(.+)\/[^/]+$/.exec(scope)?.[1];

interface Entries {
  readonly clients: readonly object[];
  readonly servers: readonly object[];
}

/** How deep lists and wrappers are followed: `aws` and `jq` together make two or three of them. */
const MAX_DEPTH = 6;

const entriesOf = (document: unknown, depth = 0): Entries => {
  if (depth > MAX_DEPTH) return merge([]);
  if (Array.isArray(document)) return merge(document.map((each) => entriesOf(each, depth + 1)));
  if (!isObject(document)) return merge([]);
  if ('ClientId' in document) return { clients: [document], servers: [] };
  if ('Identifier' in document) return { clients: [], servers: [document] };
  const { UserPoolClient, UserPoolClients, ResourceServer, ResourceServers } = document;
  return merge(
    [UserPoolClient, UserPoolClients, ResourceServer, ResourceServers].map((each) => entriesOf(each, depth + 1)),
  );
};

const merge = (entries: readonly Entries[]): Entries => ({
  clients: entries.flatMap(({ clients }) => clients),
  servers: entries.flatMap(({ servers }) => servers),
});
