/**
 * CloudFormation as the function of our custom resources sees it: events in its form, and a URL that takes the answers. Partners
 * and grants are in memory.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { manageGrants } from '../../functions/flows/manage-grants.ts';
import { managePartners } from '../../functions/flows/manage-partners.ts';
import { manageRealms } from '../../functions/flows/manage-realms.ts';
import { type DeclareResources, declareResources } from '../../functions/flows/partner-resource.ts';
import { partnerResourcesRoute } from '../../functions/routes.ts';
import { type MemoryRealms, type MemoryRegistry, memoryRealms, memoryRegistry, testClock } from '../flows/in-memory.ts';
import { passing } from '../flows/passing.ts';
import { AUDIENCE, realmDefaults } from '../support/builders.ts';
import { realmOf } from './admin-world.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

export const STACK_ID =
  'arn:aws:cloudformation:eu-central-1:111122223333:stack/Prod/0a1b2c3d-4e5f-6789-abcd-ef0123456789';
/** What stands for a resource whose creation has failed. */
export const NOTHING = 'nothing-was-created';

export const partnerProperties = (id = 'crm', definition: object = {}, audiences: readonly object[] = []) => ({
  ...{ ServiceToken: 'arn', Realm: 'default', PartnerId: id },
  Definition: JSON.stringify(definition),
  Audiences: JSON.stringify(audiences),
});
export const grantProperties = {
  ...{ ServiceToken: 'arn', Realm: 'default', Client: 'crm', Audience: AUDIENCE, Scopes: ['read'] },
};

type Verb = 'Create' | 'Update' | 'Delete';

interface EventChanges {
  /** The physical id that CloudFormation knows. */
  readonly known?: string;
  readonly type?: string;
  /** In place of the real flow. */
  readonly flow?: DeclareResources;
}

/** One request to the URL. */
interface Taken {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly contentType: string | undefined;
  readonly length: string | undefined;
  readonly text: string;
}

interface Answer {
  readonly Status: string;
  readonly Reason?: string;
  readonly PhysicalResourceId: string;
}

export interface Stack extends AsyncDisposable {
  readonly observed: Observed;
  readonly registry: MemoryRegistry;
  readonly realms: MemoryRealms['realms'];
  readonly declare: DeclareResources;
  readonly taken: Taken[];
  /** What the URL answers to who answers. */
  status: number;
  /** Calls the function with what stands there. */
  call(event: unknown): Promise<void>;
  /** Sends the event as CloudFormation does. @returns what was answered. */
  send(verb: Verb, properties: object, changes?: EventChanges): Promise<Answer>;
  /** The same in short: the status, the physical id, and the reason if there is one. */
  outcome(verb: Verb, properties: object, changes?: EventChanges): Promise<readonly string[]>;
}

export const openStack = async (): Promise<Stack> => {
  const [observed, registry, realms, taken] = [observe(), memoryRegistry(), memoryRealms(), [] as Taken[]];
  realms.realms.set('acme', realmOf('acme', { aliases: ['acme.example'] }));
  const [rings, clock] = [{ list: async () => [] }, testClock()];
  const ports = { registry, realms, uses: { lastUses: async () => new Map() }, rings, clock, pause: passing(clock) };
  const partners = managePartners({ ...ports, ids: { next: () => 'made' } });
  const declare = declareResources(partners, manageGrants(ports));
  const managed = manageRealms({ realms, clock: testClock() }, realmDefaults());
  const bucket = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    const { 'content-type': contentType, 'content-length': length } = request.headers;
    taken.push({ method: request.method, path: request.url, contentType, length, text });
    response.writeHead(stack.status).end();
  });
  await new Promise<void>((listening) => bucket.listen(0, '127.0.0.1', listening));
  const { port } = bucket.address() as AddressInfo;

  const call = (event: unknown, flow = declare): Promise<void> =>
    partnerResourcesRoute(observed.seen, { declare: flow, realms: managed })(event, lambdaContext());
  const send: Stack['send'] = async (verb, properties, { known, type = 'Partner', flow } = {}) => {
    const event = {
      RequestType: verb,
      ResourceType: `Custom::Countersign${type}`,
      ResponseURL: `http://127.0.0.1:${port}/answer?X-Amz-Signature=secret-7f3a`,
      ...{ StackId: STACK_ID, RequestId: 'request-7', LogicalResourceId: 'Crm1A2B3C' },
      ...(known === undefined ? {} : { PhysicalResourceId: known }),
      ResourceProperties: properties,
    };
    await call(event, flow);
    return JSON.parse(taken.at(-1)?.text ?? '') as Answer;
  };
  const stack: Stack = {
    ...{ observed, registry, realms: realms.realms, declare, taken, status: 200, send },
    call: (event) => call(event),
    outcome: async (...event) => {
      const { Status, Reason, PhysicalResourceId } = await send(...event);
      return [Status, PhysicalResourceId, ...(Reason === undefined ? [] : [Reason])];
    },
    [Symbol.asyncDispose]: () => new Promise((closed) => bucket.close(() => closed())),
  };
  return stack;
};
