/**
 * Routes with AWS_IAM authorization: the request's signature proves who calls, IAM says whether that role may.
 * Source: API Gateway developer guide, "Control access to HTTP APIs with IAM authorization".
 */

import { authorize } from '../iam/authorize.ts';
import type { CredentialStore } from '../iam/credentials.ts';
import { verifySignature } from '../iam/sigv4.ts';
import type { AuthorizationResult } from './lambda-authorizer.ts';
import type { GatewayRequest } from './request.ts';

export interface IamGate {
  readonly principals: CredentialStore;
  readonly region: string;
  /** The unique id of a role, by ARN: the first part of its sessions' user id. */
  readonly roleIdOf: (roleArn: string) => string;
}

/** @param routeArn `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>` */
export async function authorizeByIam(
  request: GatewayRequest,
  routeArn: string,
  gate: IamGate,
): Promise<AuthorizationResult> {
  const [path = ''] = request.target.split('?', 1);
  const signed = {
    method: request.method,
    path,
    query: request.rawQuery,
    headers: request.headers,
    body: request.body,
  };
  const verification = await verifySignature(signed, {
    service: 'execute-api',
    region: gate.region,
    principals: gate.principals,
    // Clients sign by the real time of day, whatever time a test makes of it for the service.
    clock: Date.now,
  });
  if (!verification.verified) return { kind: 'forbidden' };
  const { principal, accessKeyId } = verification;
  const question = { action: 'execute-api:Invoke', resource: routeArn, context: {} };
  if (!authorize(principal, question, { 'aws:RequestedRegion': gate.region }).allowed) return { kind: 'forbidden' };
  const userId = `${gate.roleIdOf(principal.roleArn)}:${principal.arn.split('/').at(-1)}`;
  return {
    kind: 'allowed',
    member: {
      iam: {
        accessKey: accessKeyId,
        accountId: principal.account,
        callerId: userId,
        cognitoIdentity: null,
        principalOrgId: null,
        userArn: principal.arn,
        userId,
      },
    },
  };
}
