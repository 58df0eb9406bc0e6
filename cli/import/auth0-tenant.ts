/**
 * The parts of an Auth0 export that are about machines: answers of the Management API v2 (`GET /clients`, `/resource-servers`,
 * `/client-grants`) or `tenant.yaml` of the Deploy CLI, which has the same entries under `clients`, `resourceServers` and
 * `clientGrants`. (auth0/node-auth0 src/management/api/types, auth0/auth0-deploy-cli src/tools/auth0/handlers)
 */
import { z } from 'zod';
import { isObject } from '../key-material.ts';
import { readExport } from './reading.ts';

const key = z.looseObject({
  name: z.string().nullish(),
  kid: z.string().nullish(),
  alg: z.string().nullish(),
  /** Auth0 does not give it out; who deploys with the Deploy CLI may have it in the file. */
  pem: z.string().nullish(),
  expires_at: z.string().nullish(),
});

const client = z
  .looseObject({
    /** Left out by the Deploy CLI unless told to `--export_ids`. */
    client_id: z.string().min(1).optional(),
    name: z.string().optional(),
    app_type: z.string().nullish(),
    global: z.boolean().nullish(),
    grant_types: z.array(z.string()).nullish(),
    client_metadata: z.record(z.string(), z.unknown()).nullish(),
    jwks_uri: z.string().nullish(),
    require_proof_of_possession: z.boolean().nullish(),
    client_authentication_methods: z
      .looseObject({ private_key_jwt: z.looseObject({ credentials: z.array(key).default([]) }).optional() })
      .nullish(),
    token_quota: z
      .looseObject({
        client_credentials: z
          .looseObject({
            enforce: z.boolean().optional(),
            per_day: z.int().positive().optional(),
            per_hour: z.int().positive().optional(),
          })
          .optional(),
      })
      .nullish(),
  })
  .refine((each) => each.client_id !== undefined || each.name !== undefined, 'has neither client_id nor name')
  .refine((each) => !('audience' in each), 'is a client grant: put it beside the clients, under "clientGrants"');
export type Client = z.infer<typeof client>;

const resourceServer = z.looseObject({
  identifier: z.string().min(1),
  name: z.string().optional(),
  is_system: z.boolean().nullish(),
  scopes: z.array(z.looseObject({ value: z.string() })).nullish(),
  token_lifetime: z.number().nullish(),
  signing_alg: z.string().nullish(),
  proof_of_possession: z
    .looseObject({ mechanism: z.string(), required: z.boolean(), required_for: z.string().nullish() })
    .nullish(),
  /** The application that is this API, if they are linked. */
  client_id: z.string().nullish(),
});
export type ResourceServer = z.infer<typeof resourceServer>;

const clientGrant = z.looseObject({
  /** In the Deploy CLI's files the client's name. */
  client_id: z.string().min(1),
  audience: z.string().min(1),
  scope: z.array(z.string()).nullish(),
  subject_type: z.string().nullish(),
  allow_all_scopes: z.boolean().nullish(),
});
export type ClientGrant = z.infer<typeof clientGrant>;

const tenant = z.object({
  clients: z.array(client),
  resourceServers: z.array(resourceServer),
  clientGrants: z.array(clientGrant),
});

export type Tenant = z.infer<typeof tenant>;

/** @throws Failure (2) for what is no such export. */
export const readTenant = (document: unknown): Tenant => readExport(tenant, tenantOf(document), 'an Auth0 export');

/** A list is of clients; the API wraps lists in an object where it is asked for totals. */
const tenantOf = (document: unknown): unknown => {
  if (Array.isArray(document)) return { clients: document, resourceServers: [], clientGrants: [] };
  if (!isObject(document)) return document;
  if ('client_id' in document && !('audience' in document))
    return { clients: [document], resourceServers: [], clientGrants: [] };
  const { clients, resourceServers, resource_servers, clientGrants, client_grants } = document;
  return {
    clients: unwrapped(clients, 'clients'),
    resourceServers: unwrapped(resourceServers ?? resource_servers ?? [], 'resource_servers'),
    clientGrants: unwrapped(clientGrants ?? client_grants ?? [], 'client_grants'),
  };
};

const unwrapped = (value: unknown, name: string): unknown => (isObject(value) && name in value ? value[name] : value);
