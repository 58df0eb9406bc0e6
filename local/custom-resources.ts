/**
 * Custom resources backed by a function of the template: made, updated and deleted at the start, as CloudFormation would at a
 * deployment. What an earlier run on the same data has made is known from a file. The order is CloudFormation's: first what is new or
 * changed, each after what it depends on; then what has gone or was replaced, in the reverse order of its making.
 */

import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { AnswerListener } from './answer-listener.ts';
import { type CustomResource, type Requester, requestResource } from './custom-resource-request.ts';
import { type CustomResourceState, type ResourceState, readState, writeState } from './custom-resource-state.ts';
import type { Functions } from './functions.ts';
import type { Json, JsonObject } from './service.ts';
import { StartError } from './start-error.ts';
import { inDependencyOrder } from './template/dependencies.ts';
import { parseProperties, type Resource } from './template/document.ts';
import type { Resolver } from './template/resolver.ts';
import { type CustomResourceAnswer, isCustomResource } from './template/resource-types.ts';

export interface CustomResourceOptions {
  readonly functions: Pick<Functions, 'find' | 'invoke'>;
  /** Filled, by logical id, as the functions answer: what `Ref` and `Fn::GetAtt` give from then on. */
  readonly answers: Map<string, CustomResourceAnswer>;
  /** Keeps what there is for the next run. @default - nothing is kept */
  readonly file: string | undefined;
}

/**
 * Brings the custom resources into line with the template. What was done is kept even when it then stops.
 * @throws StartError naming the resource that failed, with the reason that its function gave.
 */
export async function runCustomResources(resolver: Resolver, options: CustomResourceOptions): Promise<void> {
  const { functions, answers, file } = options;
  const declared = inDependencyOrder(resolver, ({ Type }) => isCustomResource(Type));
  const { resources, obsolete } = readState(file);
  if (declared.length + resources.length + obsolete.length === 0) return;
  await using listener = await AnswerListener.listen();
  const stackId = resolver.text({ Ref: 'AWS::StackId' }, 'AWS::StackId');
  const requester: Requester = { functions, listener, stackId };
  const earlier = new Map(resources.map((resource) => [resource.logicalId, resource]));
  const present: ResourceState[] = [];
  const replaced: ResourceState[] = [];
  for (const [logicalId, resource] of declared) {
    const before = earlier.get(logicalId);
    const after = await settle(declare(resolver, logicalId, resource), before, requester);
    if (before !== undefined && before.physicalId !== after.physicalId && !isRetained(before.updateReplacePolicy))
      replaced.push(before);
    earlier.delete(logicalId);
    present.push(after);
    answers.set(logicalId, after);
    // Those not looked at yet stay known as they were.
    writeState(file, { resources: [...present, ...earlier.values()], obsolete: [...obsolete, ...replaced] });
  }
  const isGone = ({ logicalId, deletionPolicy }: ResourceState): boolean =>
    earlier.has(logicalId) && !isRetained(deletionPolicy);
  const leaving = resources.filter((resource) => isGone(resource) || replaced.includes(resource));
  await cleanUp({ resources: present, obsolete: [...obsolete, ...leaving] }, requester, file);
}

const isRetained = (policy: string | undefined): boolean => policy === 'Retain' || policy === 'RetainExceptOnCreate';

type Declared = Omit<ResourceState, 'physicalId' | 'data'>;

const properties = z.looseObject({ ServiceToken: z.string() });

function declare(resolver: Resolver, logicalId: string, resource: Resource): Declared {
  const resolved = resolver.properties(logicalId);
  const { ServiceToken: serviceToken } = parseProperties(properties, resolved, logicalId);
  return {
    logicalId,
    type: resource.Type,
    serviceToken,
    properties: asText(resolved),
    deletionPolicy: resource.DeletionPolicy,
    updateReplacePolicy: resource.UpdateReplacePolicy,
  };
}

/** Numbers and booleans reach a function as text, wherever they stand in a property. */
const asText = (members: JsonObject): Record<string, Json> =>
  Object.fromEntries(Object.entries(members).map(([name, value]) => [name, textOf(value ?? null)]));

function textOf(value: Json): Json {
  if (Array.isArray(value)) return value.map(textOf);
  if (typeof value === 'object' && value !== null) return asText(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
}

/** Creates or updates the resource, or leaves it alone if it is as it was. */
async function settle(
  declared: Declared,
  before: ResourceState | undefined,
  requester: Requester,
): Promise<ResourceState> {
  const resource: CustomResource = declared;
  if (before === undefined) return { ...declared, ...(await requestResource({ kind: 'Create', resource }, requester)) };
  if (before.type !== declared.type || before.serviceToken !== declared.serviceToken)
    throw new StartError(
      `${declared.logicalId}: neither the type nor the ServiceToken of a custom resource can change`,
    );
  if (isDeepStrictEqual(before.properties, declared.properties)) return { ...before, ...declared };
  const change = { kind: 'Update', resource, physicalId: before.physicalId, before: before.properties } as const;
  return { ...declared, ...(await requestResource(change, requester)) };
}

/** Deletes what is obsolete, the latest first, and forgets each that is gone. */
async function cleanUp(state: CustomResourceState, requester: Requester, file: string | undefined): Promise<void> {
  const { resources } = state;
  const obsolete = [...state.obsolete];
  writeState(file, { resources, obsolete });
  for (const resource of state.obsolete.toReversed()) {
    await requestResource({ kind: 'Delete', resource, physicalId: resource.physicalId }, requester);
    obsolete.pop();
    writeState(file, { resources, obsolete });
  }
}
