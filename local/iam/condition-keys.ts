/**
 * The condition keys that this IAM knows: those that the endpoint, the embedded services or `authorize` supply, and
 * those that real AWS does not supply either on a direct call of a role. A key that is not listed cannot be judged here.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */

/** Keys with at most one value in a request. */
const SINGLE_VALUED = [
  'aws:PrincipalAccount',
  'aws:PrincipalArn',
  'aws:PrincipalIsAWSService',
  'aws:PrincipalType',
  'aws:RequestedRegion',
  'aws:ResourceAccount',
  'aws:SecureTransport',
  'aws:ViaAWSService',
  // Supplied by `authorize` for calls of a function's code.
  'lambda:SourceFunctionArn',
  // Absent on a role's direct calls, here as on AWS.
  'aws:SourceAccount',
  'aws:SourceArn',
  'kms:ViaService',
  'kms:GrantIsForAWSResource',
  // Supplied by `authorize` for KMS.
  'kms:CallerAccount',
  // Supplied by the embedded KMS.
  'kms:BypassPolicyLockoutSafetyCheck',
  'kms:KeyOrigin',
  'kms:KeySpec',
  'kms:KeyUsage',
  'kms:MessageType',
  'kms:MultiRegion',
  'kms:RequestAlias',
  'kms:ScheduleKeyDeletionPendingWindowInDays',
  'kms:SigningAlgorithm',
  // Supplied by the embedded DynamoDB.
  'dynamodb:EnclosingOperation',
  'dynamodb:FullTableScan',
  'dynamodb:ReturnConsumedCapacity',
  'dynamodb:ReturnValues',
  'dynamodb:Select',
] as const;

/** Keys with any number of values in a request: a policy must say which of them it means by `ForAllValues` or `ForAnyValue`. */
const MULTIVALUED = ['aws:TagKeys', 'kms:ResourceAliases', 'dynamodb:Attributes', 'dynamodb:LeadingKeys'] as const;

/** Single-valued keys that end in the key of a tag. */
const TAG_PREFIXES = ['aws:RequestTag/', 'aws:ResourceTag/'] as const;

const single = new Set<string>(SINGLE_VALUED.map((key) => key.toLowerCase()));
const multivalued = new Set<string>(MULTIVALUED.map((key) => key.toLowerCase()));
const tagPrefixes = TAG_PREFIXES.map((prefix) => prefix.toLowerCase());

/** What kind of key this is, in any spelling: condition keys are not case-sensitive. */
export function conditionKeyKind(key: string): 'single-valued' | 'multivalued' | 'unknown' {
  const lower = key.toLowerCase();
  if (multivalued.has(lower)) return 'multivalued';
  const isTag = tagPrefixes.some((prefix) => lower.startsWith(prefix) && lower.length > prefix.length);
  return isTag || single.has(lower) ? 'single-valued' : 'unknown';
}
