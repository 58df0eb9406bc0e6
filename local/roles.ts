/**
 * The template's IAM roles: who may assume each, and every policy attached to it, parsed strictly before anything runs.
 */

import { z } from 'zod';
import type { Principal } from './iam/credentials.ts';
import { managedPolicy } from './iam/managed-policies.ts';
import { type Policy, parsePolicy } from './iam/policy.ts';
import { UnsupportedPolicyError } from './iam/unsupported-policy-error.ts';
import { StartError } from './start-error.ts';
import { parseProperties } from './template/document.ts';
import type { Resolver } from './template/resolver.ts';

/** A role and everything its sessions may do. */
export interface Role {
  readonly logicalId: string;
  readonly name: string;
  readonly arn: string;
  /** Unique id, the first part of the user id of its sessions. */
  readonly id: string;
  readonly policies: readonly Policy[];
  readonly trust: Policy;
}

const inlinePolicy = z.object({ PolicyName: z.string(), PolicyDocument: z.unknown() });

const roleProperties = z.object({
  AssumeRolePolicyDocument: z.unknown(),
  Policies: z.array(inlinePolicy).default([]),
  ManagedPolicyArns: z.array(z.string()).default([]),
  PermissionsBoundary: z.undefined({ error: 'a permissions boundary is not supported by the local runner' }).optional(),
});

const policyProperties = inlinePolicy.extend({ Roles: z.array(z.string()).default([]) });

/**
 * Reads every role of the stacks with its policies, those that other stacks attach to it among them, by ARN.
 * @param resolvers of the stacks; or of the only one.
 * @throws StartError naming the role when a policy has an element that the local IAM cannot judge.
 */
export function readRoles(resolvers: Resolver | readonly Resolver[]): ReadonlyMap<string, Role> {
  const all = [resolvers].flat();
  const attached = all.flatMap(readAttached);
  return new Map(all.flatMap((resolver) => readStackRoles(resolver, attached)).map((role) => [role.arn, role]));
}

type AttachedPolicy = z.output<typeof policyProperties> & { readonly logicalId: string };

const readAttached = (resolver: Resolver): AttachedPolicy[] =>
  resolver.resources('AWS::IAM::Policy').map(([logicalId]) => ({
    logicalId,
    ...parseProperties(policyProperties, resolver.properties(logicalId), logicalId),
  }));

function readStackRoles(resolver: Resolver, attached: readonly AttachedPolicy[]): Role[] {
  return resolver.resources('AWS::IAM::Role').map(([logicalId]) => {
    const { Policies, ManagedPolicyArns, AssumeRolePolicyDocument } = parseProperties(
      roleProperties,
      resolver.properties(logicalId),
      logicalId,
    );
    const name = resolver.values(logicalId, logicalId).ref;
    const policies = refusing(() => [
      ...Policies.map((policy) => parsePolicy(policy.PolicyDocument, `${logicalId}/${policy.PolicyName}`)),
      ...attached
        .filter((policy) => policy.Roles.includes(name))
        .map((policy) => parsePolicy(policy.PolicyDocument, policy.logicalId)),
      ...ManagedPolicyArns.map((arn) => managedPolicy(arn)),
    ]);
    const trust = refusing(() => parsePolicy(AssumeRolePolicyDocument, `${logicalId}/trust`, 'trust'));
    const id = resolver.attribute(logicalId, 'RoleId', logicalId);
    return { logicalId, name, arn: resolver.attribute(logicalId, 'Arn', logicalId), id, policies, trust };
  });
}

/** The role with this ARN. @throws StartError naming the resource that wants it. */
export function requireRole(roles: ReadonlyMap<string, Role>, arn: string, where: string): Role {
  const role = roles.get(arn);
  if (role === undefined) throw new StartError(`${where}: no role of the template has the ARN ${arn}`);
  return role;
}

/** A session of the role. */
export const sessionOf = (role: Role, account: string, session: string): Principal => ({
  arn: `arn:aws:sts::${account}:assumed-role/${role.name}/${session}`,
  roleArn: role.arn,
  account,
  policies: role.policies,
});

/** Condition keys that a service states when it assumes a role on behalf of a resource. */
export interface Source {
  readonly account: string;
  readonly arn?: string;
}

/** Whether the role's trust policy lets this AWS service assume it. */
export function trusts(role: Role, service: string, source: Source): boolean {
  const context = new Map([
    ['aws:sourceaccount', [source.account]],
    ...(source.arn === undefined ? [] : [['aws:sourcearn', [source.arn]] as const]),
  ]);
  const relevant = role.trust.statements.filter(
    (statement) =>
      statement.principals.some((principal) => principal.kind === 'service' && principal.service === service) &&
      statement.matchesAction('sts:AssumeRole') &&
      statement.conditions.every((holds) => holds(context)),
  );
  return relevant.length > 0 && relevant.every((statement) => statement.effect === 'Allow');
}

function refusing<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof UnsupportedPolicyError) throw new StartError(error.message, { cause: error });
    throw error;
  }
}
