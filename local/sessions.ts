/**
 * Who holds credentials in the local deployment: a session of its role for every function, and the operator.
 */

import { CredentialStore, type Credentials, type Principal } from './iam/credentials.ts';
import { parsePolicy } from './iam/policy.ts';
import { type Role, requireRole, sessionOf, trusts } from './roles.ts';
import type { Placement } from './service.ts';
import { StartError } from './start-error.ts';

const OPERATOR_ROLE = 'CountersignLocalOperator';
const OPERATOR_ROLE_ID = 'AROALOCALOPERATOR0001';

export class Sessions {
  readonly principals = new CredentialStore();
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #placement: Placement;

  constructor(roles: ReadonlyMap<string, Role>, placement: Placement) {
    this.#roles = roles;
    this.#placement = placement;
  }

  /** Credentials of a function's session. @throws StartError when there is no such role or Lambda may not assume it. */
  assumeForFunction(roleArn: string, functionName: string, logicalId: string): Credentials {
    const { account, region } = this.#placement;
    const role = requireRole(this.#roles, roleArn, logicalId);
    if (!trusts(role, 'lambda.amazonaws.com', { account }))
      throw new StartError(`${logicalId}: the role ${role.logicalId} does not trust lambda.amazonaws.com`);
    const sourceFunctionArn = `arn:aws:lambda:${region}:${account}:function:${functionName}`;
    return this.principals.register({ ...sessionOf(role, account, functionName), sourceFunctionArn });
  }

  /** Credentials of someone who may call every route of the APIs, and nothing else. */
  registerOperator(apiIds: readonly string[]): Credentials {
    const { account, region } = this.#placement;
    const statement = {
      Effect: 'Allow',
      Action: 'execute-api:Invoke',
      Resource: apiIds.map((apiId) => `arn:aws:execute-api:${region}:${account}:${apiId}/*`),
    };
    const operator: Principal = {
      arn: `arn:aws:sts::${account}:assumed-role/${OPERATOR_ROLE}/operator`,
      roleArn: `arn:aws:iam::${account}:role/${OPERATOR_ROLE}`,
      account,
      policies: [parsePolicy({ Version: '2012-10-17', Statement: statement }, OPERATOR_ROLE)],
    };
    return this.principals.register(operator);
  }

  /** The unique id of a role, by ARN. */
  roleIdOf(roleArn: string): string {
    return this.#roles.get(roleArn)?.id ?? OPERATOR_ROLE_ID;
  }
}
