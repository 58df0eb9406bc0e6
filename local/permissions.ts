/**
 * Resource policies of functions (`AWS::Lambda::Permission`): which AWS service may invoke which function, for what.
 * Source: Lambda developer guide, "Granting function access to AWS services".
 */

import { z } from 'zod';
import { arnMatcher } from './iam/pattern.ts';
import { StartError } from './start-error.ts';
import { parseProperties } from './template/document.ts';
import type { Resolver } from './template/resolver.ts';
import { functionName } from './template/resource-types.ts';

/** A question to a function's resource policy. */
interface ServiceInvocation {
  /** e.g. `apigateway.amazonaws.com`. */
  readonly service: string;
  readonly functionArn: string;
  /** ARN of the route, authorizer or rule on whose behalf the service calls. */
  readonly sourceArn: string;
  readonly sourceAccount: string;
}

/** Whether any permission of the stacks allows the invocation. */
export type Permissions = (invocation: ServiceInvocation) => boolean;

// Strict, because a member that is not understood could be one that narrows the permission.
const properties = z.strictObject({
  Action: z.string(),
  FunctionName: z.string(),
  Principal: z.string(),
  SourceArn: z.string().optional(),
  SourceAccount: z.string().optional(),
});

/** @throws StartError naming the permission that is not understood. */
export function readPermissions(resolvers: readonly Resolver[]): Permissions {
  const allowances = resolvers.flatMap(readAllowances);
  return (invocation) => allowances.some((allows) => allows(invocation));
}

function readAllowances(resolver: Resolver): Permissions[] {
  return resolver.resources('AWS::Lambda::Permission').map(([logicalId]) => {
    const permission = parseProperties(properties, resolver.properties(logicalId), logicalId);
    const matchesSource = permission.SourceArn === undefined ? () => true : arnMatcher(permission.SourceArn);
    if (matchesSource === undefined) throw new StartError(`${logicalId}: ${permission.SourceArn} is not an ARN`);
    return (invocation: ServiceInvocation): boolean =>
      (permission.Action === 'lambda:InvokeFunction' || permission.Action === 'lambda:*') &&
      functionName(permission.FunctionName) === functionName(invocation.functionArn) &&
      permission.Principal === invocation.service &&
      (permission.SourceAccount ?? invocation.sourceAccount) === invocation.sourceAccount &&
      matchesSource(invocation.sourceArn);
  });
}
