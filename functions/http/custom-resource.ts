/**
 * CloudFormation's custom resources: its event in, the answer to the URL that it names. (CloudFormation user guide, "Custom
 * resource reference".) Nothing is answered but what CloudFormation shows to whoever deploys.
 */

import { setTimeout } from 'node:timers/promises';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import middy from '@middy/core';
import * as z from 'zod';
import { accept, type Result, refuse } from '../core/errors.ts';
import type { AdminRefusal } from '../core/registration.ts';
import type { DeclareResources } from '../flows/partner-resource.ts';
import { Outage } from '../ports.ts';
import type { ResolveRealm } from './admin-route.ts';
import { audienceSchema, declaredPartnerSchema } from './admin-schemas.ts';
import { LOGGING, type Observability, recordFault, withoutMessage } from './observability.ts';

/** JSON in a text: CloudFormation would turn numbers and booleans of a property into texts. */
const json = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue('not JSON');
    return z.NEVER;
  }
});

const partnerProperties = z.object({
  Realm: z.string(),
  PartnerId: z.string(),
  Definition: json.pipe(declaredPartnerSchema.omit({ version: true })),
  Audiences: json.pipe(z.array(audienceSchema.omit({ owner: true }))),
});

const grantProperties = z.object({
  Realm: z.string(),
  Client: z.string(),
  Audience: z.string(),
  Scopes: z.array(z.string()),
  AuthorizationDetailsTypes: z.array(z.string()).optional(),
});

const request = z.object({
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  ResourceType: z.string(),
  ResponseURL: z.url({ protocol: /^https?$/ }),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
  PhysicalResourceId: z.string().optional(),
  ResourceProperties: z.record(z.string(), z.unknown()),
});
type CustomResourceRequest = z.infer<typeof request>;

/** What was done, under the name by which CloudFormation knows it from then on. */
type Outcome = Result<string, string>;

/**
 * The name of what a failed creation has not made. CloudFormation deletes it when it rolls back, and must not thereby delete a
 * partner that was there before.
 */
const NOTHING = 'nothing-was-created';

/** CloudFormation would wait for an answer for an hour, so an outage is not left to Lambda's own retries. */
const ATTEMPT_DELAYS_MS = [0, 1_000, 4_000, 15_000, 30_000];

export const customResource = (seen: Observability, declare: DeclareResources, resolve: ResolveRealm) =>
  middy<unknown, void>()
    .use(injectLambdaContext(seen.logger, LOGGING))
    .use(logMetrics(seen.metrics))
    .onError((failed) => {
      // Thrown on, for Lambda to try again. The runtime logs what is thrown, and fetch's words may hold the signed URL.
      recordFault(seen, failed.error, failed.context.awsRequestId);
      failed.error = withoutMessage(failed.error);
    })
    .handler(async (event) => {
      const parsed = request.parse(event);
      const outcome = await settle(seen, parsed, () => carryOut(declare, resolve, parsed));
      seen.logger.info('administration', { audit: auditOf(parsed, outcome) });
      await answer(parsed, outcome);
    });

const settle = async (
  seen: Observability,
  { RequestId: requestId }: CustomResourceRequest,
  work: () => Promise<Outcome>,
): Promise<Outcome> => {
  for (const delay of ATTEMPT_DELAYS_MS) {
    await setTimeout(delay);
    try {
      return await work();
    } catch (error) {
      recordFault(seen, error, requestId);
      if (!(error instanceof Outage)) return refuse('the service failed; its log says where');
    }
  }
  return refuse('the service is temporarily unavailable; deploy again');
};

const carryOut = async (
  declare: DeclareResources,
  resolve: ResolveRealm,
  asked: CustomResourceRequest,
): Promise<Outcome> => {
  if (asked.RequestType === 'Delete' && asked.PhysicalResourceId === NOTHING) return accept(NOTHING);
  switch (asked.ResourceType) {
    case 'Custom::CountersignPartner':
      return carryOutPartner(declare, resolve, asked);
    case 'Custom::CountersignGrant':
      return carryOutGrant(declare, resolve, asked);
    default:
      return refuse(`there is no resource of the type ${asked.ResourceType}`);
  }
};

const carryOutPartner = async (
  declare: DeclareResources,
  resolve: ResolveRealm,
  { RequestType: verb, PhysicalResourceId: known, StackId, ResourceProperties: properties }: CustomResourceRequest,
): Promise<Outcome> => {
  const parsed = partnerProperties.safeParse(properties);
  if (!parsed.success) return refuse(describeIssues(parsed.error));
  const { Realm: realmName, PartnerId: id, Definition: definition, Audiences: audiences } = parsed.data;
  const realm = await resolve(realmName);
  if (realm === undefined) return noRealm(realmName);
  const name = `${realm.name}/${id}`;
  if (verb === 'Delete') {
    return known === name ? named(name, await declare.removePartner(realm.name, id)) : notOurs(known);
  }
  const tags = { ...definition.tags, [MANAGED_BY]: stackName(StackId) };
  const resource = { realm: realm.name, id, definition: { ...definition, tags }, audiences };
  // Another id is another partner: CloudFormation deletes the old one once the new one is there.
  const isOurs = verb === 'Update' && known === name;
  return named(name, await (isOurs ? declare.updatePartner(resource) : declare.createPartner(resource)));
};

/**
 * Says on the partner itself which stack declares it: people see that their changes will not last, and a partner that moves to
 * another stack is not created there a second time, to be deleted by the one that it left.
 */
const MANAGED_BY = 'countersign:stack';

/** Name and part of the id of a stack, out of `arn:aws:cloudformation:<region>:<account>:stack/<name>/<id>`. */
const stackName = (stackId: string): string => {
  const [, name = stackId, id = ''] = stackId.split('/');
  return `${name.slice(0, 100)}/${id.slice(0, 8)}`;
};

const carryOutGrant = async (
  declare: DeclareResources,
  resolve: ResolveRealm,
  { RequestType: verb, PhysicalResourceId: known, ResourceProperties: properties }: CustomResourceRequest,
): Promise<Outcome> => {
  const parsed = grantProperties.safeParse(properties);
  if (!parsed.success) return refuse(describeIssues(parsed.error));
  const { Realm: realmName, Client: client, Audience: audience, Scopes: scopes } = parsed.data;
  const { AuthorizationDetailsTypes: authorizationDetailsTypes } = parsed.data;
  const realm = await resolve(realmName);
  if (realm === undefined) return noRealm(realmName);
  const name = `${realm.name}/${client}/${audience}`;
  if (verb === 'Delete') {
    return known === name ? named(name, await declare.removeGrant(realm.name, client, audience)) : notOurs(known);
  }
  const resource = { realm: realm.name, client, audience, scopes, authorizationDetailsTypes };
  const isOurs = verb === 'Update' && known === name;
  return named(name, await (isOurs ? declare.updateGrant(resource) : declare.createGrant(resource)));
};

/** A creation that was never answered is rolled back under a name of CloudFormation's own: what is there may be another's. */
const notOurs = (known = NOTHING): Outcome => accept(known);

const noRealm = (name: string) => refuse(`there is no realm ${name.slice(0, 64)}`);

const named = (name: string, done: Result<void, AdminRefusal>): Outcome =>
  done.ok ? accept(name) : refuse(describeRefusal(done.refusal));

const describeRefusal = (refusal: AdminRefusal): string => {
  switch (refusal.reason) {
    case 'invalid':
      return refusal.problems.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ');
    case 'not_found':
      return `there is no ${refusal.what}`;
    case 'in_use':
      return `${refusal.detail}: ${refusal.dependents.map(({ client, audience }) => `${client} on ${audience}`).join(', ')}`;
    case 'conflict':
    case 'document_refused':
      return refusal.detail;
  }
};

const describeIssues = (error: z.ZodError): string =>
  error.issues.map(({ path, message }) => `${path.map(String).join('/')}: ${message}`).join('; ');

const auditOf = (asked: CustomResourceRequest, outcome: Outcome) => ({
  requestId: asked.RequestId,
  operator: asked.StackId,
  method: asked.RequestType,
  path: asked.ResourceType,
  change: { id: outcome.ok ? outcome.value : asked.PhysicalResourceId, logicalId: asked.LogicalResourceId },
  status: outcome.ok ? 200 : 400,
});

/** All of an answer may have 4,096 octets; the names in it have less than half of that. */
const MAX_REASON_OCTETS = 2_048;
const MAX_REASON_LENGTH = 1_024;

const reasonOf = (refusal: string): string => {
  let reason = refusal.slice(0, MAX_REASON_LENGTH);
  while (Buffer.byteLength(JSON.stringify(reason)) > MAX_REASON_OCTETS) reason = reason.slice(0, -64);
  return reason;
};

const ANSWER_TIMEOUT_MS = 10_000;

const answer = async (asked: CustomResourceRequest, outcome: Outcome): Promise<void> => {
  const known = asked.PhysicalResourceId ?? NOTHING;
  const body = JSON.stringify({
    Status: outcome.ok ? 'SUCCESS' : 'FAILED',
    ...(outcome.ok ? {} : { Reason: reasonOf(outcome.refusal) }),
    PhysicalResourceId: outcome.ok ? outcome.value : known,
    StackId: asked.StackId,
    RequestId: asked.RequestId,
    LogicalResourceId: asked.LogicalResourceId,
  });
  // The signature of the URL covers the content type, and says that there is none.
  const response = await fetch(asked.ResponseURL, {
    method: 'PUT',
    body,
    headers: { 'content-type': '' },
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  // Lambda calls again, and what is done already is found done.
  if (!response.ok) {
    const cause = new Error(`CloudFormation did not take the answer: ${response.status}`);
    throw new Outage('cloudformation:answer', cause);
  }
};
