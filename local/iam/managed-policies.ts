/**
 * The AWS managed policies that CDK attaches to roles, by their published documents.
 * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
 */
import { type Policy, parsePolicy } from './policy.ts';
import { UnsupportedPolicyError } from './unsupported-policy-error.ts';

const MANAGED_ARN = /^arn:aws[a-z-]*:iam::aws:policy\/(.+)$/;

/** By path and name, as in the ARN behind `policy/`. */
const DOCUMENTS: ReadonlyMap<string, object> = new Map([
  [
    'service-role/AWSLambdaBasicExecutionRole',
    {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
          Resource: '*',
        },
      ],
    },
  ],
]);

/** @throws UnsupportedPolicyError for a managed policy whose document is not known here. */
export function managedPolicy(arn: string): Policy {
  const document = DOCUMENTS.get(MANAGED_ARN.exec(arn)?.[1] ?? '');
  if (document === undefined) throw new UnsupportedPolicyError({ where: arn }, 'document', 'unknown managed policy');
  return parsePolicy(document, arn);
}
