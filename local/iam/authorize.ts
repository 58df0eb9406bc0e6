/**
 * IAM's answer to one question: explicit deny first, then who has to allow it.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and, for keys,
 * https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
 */
import type { AuthorizationRequest, JsonObject } from '../service.ts';
import type { RequestContext } from './condition.ts';
import type { Principal } from './credentials.ts';
import { splitArn } from './pattern.ts';
import { type Policy, parsePolicy, type Statement } from './policy.ts';
import type { PrincipalMatch } from './policy-principal.ts';

/** `message` is in the words of AWS: who, which action, which resource, and what kind of policy said no. */
export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly message: string };

/** Condition keys in any spelling. */
export type ContextValues = Readonly<Record<string, string | readonly string[]>>;

type Verdict = 'allow' | 'deny' | 'silent';

const ALLOWED: Decision = { allowed: true };
const ACCOUNT_PART = 4;

/**
 * May the caller do this? `extra` adds condition keys that only the endpoint knows (`aws:RequestedRegion`).
 * @throws UnsupportedPolicyError when the resource's own policy cannot be judged.
 */
export function authorize(caller: Principal, request: AuthorizationRequest, extra: ContextValues = {}): Decision {
  const context = requestContext(caller, request, extra);
  const says = (statements: readonly Statement[]) => verdict(statements, request, context);
  const identity = says(caller.policies.flatMap((policy) => identityStatements(policy)));
  const resource =
    request.resourcePolicy === undefined ? undefined : resourceStatements(request, request.resourcePolicy);

  if (identity === 'deny') return denied(caller, request, 'with an explicit deny in an identity-based policy');
  if (resource === undefined) return identity === 'allow' ? ALLOWED : notAllowedBy('identity', caller, request);

  const direct = says(resource.filter((statement) => statement.principals.some((who) => names(who, caller))));
  const account = says(resource.filter((statement) => statement.principals.some((who) => isAccountOf(who, caller))));
  if (direct === 'deny' || account === 'deny') {
    return denied(caller, request, 'with an explicit deny in a resource-based policy');
  }
  return combine(caller, request, { identity, direct, account });
}

interface Verdicts {
  readonly identity: Verdict;
  /** Of the resource's statements that name the caller. */
  readonly direct: Verdict;
  /** Of those that name the caller's account, which leave the decision to the account's IAM policies. */
  readonly account: Verdict;
}

/** Nothing denies; who has to allow? */
function combine(caller: Principal, request: AuthorizationRequest, { identity, direct, account }: Verdicts): Decision {
  const owner = splitArn(request.resource)?.[ACCOUNT_PART] ?? caller.account;
  if (owner === caller.account && direct === 'allow') return ALLOWED;
  // A key does not open to IAM policies unless its own policy says so; other resources of the same account do.
  const isOpenToIam = direct === 'allow' || account === 'allow' || (owner === caller.account && !isKms(request));
  if (!isOpenToIam) return notAllowedBy('resource', caller, request);
  return identity === 'allow' ? ALLOWED : notAllowedBy('identity', caller, request);
}

function verdict(statements: readonly Statement[], request: AuthorizationRequest, context: RequestContext): Verdict {
  let result: Verdict = 'silent';
  for (const statement of statements) {
    if (!statement.matchesAction(request.action) || !statement.matchesResource(request.resource)) continue;
    if (!statement.conditions.every((holds) => holds(context))) continue;
    if (statement.effect === 'Deny') return 'deny';
    result = 'allow';
  }
  return result;
}

function identityStatements(policy: Policy): readonly Statement[] {
  if (policy.kind !== 'identity')
    throw new TypeError(`${policy.where} is a ${policy.kind} policy, not an identity policy`);
  return policy.statements;
}

const parsedResourcePolicies = new WeakMap<JsonObject, Policy>();

/** Parsed once per document object: a service hands the same one in with every call, and replaces it when it changes. */
function resourceStatements(request: AuthorizationRequest, document: JsonObject): readonly Statement[] {
  const known = parsedResourcePolicies.get(document);
  const policy = known ?? parsePolicy(document, `of ${request.resource}`, 'resource');
  if (known === undefined) parsedResourcePolicies.set(document, policy);
  return policy.statements;
}

function names(who: PrincipalMatch, caller: Principal): boolean {
  switch (who.kind) {
    case 'anyone':
      return true;
    case 'role':
      return who.arn === caller.roleArn;
    case 'session':
      return who.arn === caller.arn;
    case 'account':
    case 'service':
      return false;
  }
}

function isAccountOf(who: PrincipalMatch, caller: Principal): boolean {
  return who.kind === 'account' && who.account === caller.account;
}

function isKms(request: AuthorizationRequest): boolean {
  return request.action.toLowerCase().startsWith('kms:');
}

function requestContext(caller: Principal, request: AuthorizationRequest, extra: ContextValues): RequestContext {
  const owner = splitArn(request.resource)?.[ACCOUNT_PART] ?? '';
  const global: ContextValues = {
    'aws:PrincipalArn': caller.roleArn,
    'aws:PrincipalAccount': caller.account,
    'aws:PrincipalType': 'AssumedRole',
    'aws:PrincipalIsAWSService': 'false',
    'aws:ViaAWSService': 'false',
    'aws:SecureTransport': 'true',
    ...(caller.sourceFunctionArn === undefined ? {} : { 'lambda:SourceFunctionArn': caller.sourceFunctionArn }),
    ...(owner === '' ? {} : { 'aws:ResourceAccount': owner }),
    ...(isKms(request) ? { 'kms:CallerAccount': caller.account } : {}),
  };
  const context = new Map<string, string[]>();
  for (const values of [request.context, extra, global]) {
    // A later source replaces an earlier one; two spellings in one source stay visible as two values.
    for (const key of Object.keys(values)) context.set(key.toLowerCase(), []);
    for (const [key, value] of Object.entries(values)) context.get(key.toLowerCase())?.push(...[value].flat());
  }
  return context;
}

function notAllowedBy(type: 'identity' | 'resource', caller: Principal, request: AuthorizationRequest): Decision {
  return denied(caller, request, `because no ${type}-based policy allows the ${request.action} action`);
}

function denied(caller: Principal, { action, resource }: AuthorizationRequest, why: string): Decision {
  return {
    allowed: false,
    message: `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${resource} ${why}`,
  };
}
