/**
 * Deploy-time triggers (`Custom::Trigger` of aws-cdk-lib/triggers): functions that run once when everything else is up.
 * The custom resource's own provider function is not run; its role is checked and its call made here.
 */

import { z } from 'zod';
import type { Functions } from './functions.ts';
import { authorize } from './iam/authorize.ts';
import { type Role, requireRole, sessionOf } from './roles.ts';
import type { Placement } from './service.ts';
import { StartError } from './start-error.ts';
import { parseProperties } from './template/document.ts';
import type { Resolver } from './template/resolver.ts';

interface Trigger {
  readonly logicalId: string;
  readonly handlerArn: string;
  readonly providerArn: string;
}

const properties = z.object({
  ServiceToken: z.string(),
  HandlerArn: z.string(),
  InvocationType: z.literal('RequestResponse').optional(),
});

/** @throws StartError naming the trigger that is not understood. */
export function readTriggers(resolver: Resolver): Trigger[] {
  return resolver.resources('Custom::Trigger').map(([logicalId]) => {
    const trigger = parseProperties(properties, resolver.properties(logicalId), logicalId);
    return { logicalId, handlerArn: trigger.HandlerArn, providerArn: trigger.ServiceToken };
  });
}

export interface TriggerOptions extends Placement {
  readonly functions: Functions;
  readonly roles: ReadonlyMap<string, Role>;
}

/**
 * Runs the triggers one after the other, as CloudFormation would fail a deployment on the first that fails.
 * @throws StartError naming the trigger and the function's error.
 */
export async function runTriggers(triggers: readonly Trigger[], options: TriggerOptions): Promise<void> {
  for (const { logicalId, handlerArn, providerArn } of triggers) {
    const provider = options.functions.find(providerArn);
    if (provider === undefined) throw new StartError(`${logicalId}: no function ${providerArn}`);
    const role = requireRole(options.roles, provider.roleArn, logicalId);
    const caller = sessionOf(role, options.account, provider.name);
    const question = { action: 'lambda:InvokeFunction', resource: handlerArn, context: {} };
    const decision = authorize(caller, question, { 'aws:RequestedRegion': options.region });
    if (!decision.allowed) throw new StartError(`${logicalId}: ${decision.message}`);
    // The provider invokes without a payload, which reaches the function as an empty object.
    const result = await options.functions.invoke(handlerArn, {});
    if (result.ok) continue;
    const { errorType, errorMessage } = result.error;
    throw new StartError(`the deploy-time trigger ${logicalId} failed: ${errorType}: ${errorMessage}`);
  }
}
