/**
 * Key policies: the document KMS gives a key that came without one, and what KMS demands of the others.
 * Source: KMS Developer Guide, "Default key policy"; CreateKey and PutKeyPolicy in the API reference.
 */
import { AwsError, type Json, type JsonObject } from '../service.ts';
import { requiredText } from './input.ts';

/** The text as it was put, since GetKeyPolicy answers that, and what it says. */
export interface KeyPolicy {
  readonly text: string;
  readonly document: JsonObject;
}

/** KMS quota "Key policy document size", in bytes. */
const MAX_BYTES = 32_768;
/** The characters that PutKeyPolicy documents. */
const ALLOWED = /^[\t\n\r\u0020-\u00FF]+$/;

/** The policy of a key that was created without one: it hands the decision to IAM through the account's root. */
export function defaultKeyPolicy(account: string): KeyPolicy {
  const document = {
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${account}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  };
  return { text: JSON.stringify(document, null, 2), document };
}

function malformed(message: string): AwsError {
  return new AwsError('MalformedPolicyDocumentException', message);
}

/**
 * The `Policy` member of a call.
 * @throws AwsError LimitExceededException for a document over 32 KB, MalformedPolicyDocumentException for one that is
 * not a policy or would let nobody put the next one (unless the call bypasses that check).
 */
export function parsePolicy(input: JsonObject, bypassLockoutCheck: boolean): KeyPolicy {
  const text = requiredText(input, 'Policy', { min: 1, max: 131_072 });
  if (Buffer.byteLength(text) > MAX_BYTES) {
    throw new AwsError('LimitExceededException', `The key policy is longer than ${MAX_BYTES} bytes.`);
  }
  const document = readPolicy(text);
  // KMS asks whether the caller itself may put the next policy. Who calls is not known here, so this asks for less:
  // that anybody may.
  if (!bypassLockoutCheck && !parseStatements(document).some(allowsPutKeyPolicy)) {
    throw malformed('The new key policy will not allow you to update the key policy in the future.');
  }
  return { text, document };
}

/**
 * The policy that a text holds, whoever it locks out.
 * @throws AwsError MalformedPolicyDocumentException
 */
export function readPolicy(text: string): JsonObject {
  if (!ALLOWED.test(text)) throw malformed('The policy contains invalid characters.');
  const document = parseObject(text);
  const version = document.Version;
  if (version !== undefined && version !== '2012-10-17' && version !== '2008-10-17') {
    throw malformed('The policy has an unknown Version.');
  }
  for (const statement of parseStatements(document)) checkStatement(statement);
  return document;
}

function parseObject(text: string): JsonObject {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw malformed('The policy is not valid JSON.');
  }
  if (!isObject(value)) throw malformed('The policy is not a JSON object.');
  return value;
}

function parseStatements(document: JsonObject): readonly JsonObject[] {
  const statements = elements(document.Statement);
  if (statements.length === 0 || !statements.every(isObject)) throw malformed('The policy has no statements.');
  return statements;
}

function checkStatement(statement: JsonObject): void {
  const effect = statement.Effect;
  if (effect !== 'Allow' && effect !== 'Deny') throw malformed('A statement has neither the Effect Allow nor Deny.');
  if (statement.Principal === undefined && statement.NotPrincipal === undefined) {
    throw malformed('A statement names no principal.');
  }
}

function allowsPutKeyPolicy(statement: JsonObject): boolean {
  if (statement.Effect !== 'Allow') return false;
  const named = (member: string) => elements(statement[member]).some(coversPutKeyPolicy);
  return statement.NotAction === undefined ? named('Action') : !named('NotAction');
}

function coversPutKeyPolicy(action: Json): boolean {
  if (typeof action !== 'string') return false;
  // IAM reads action names without regard to case, * as any characters and ? as any one.
  const pattern = action
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`, 'i').test('kms:PutKeyPolicy');
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function elements(value: Json | undefined): readonly Json[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
