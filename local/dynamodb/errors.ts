/**
 * The errors of DynamoDB as it words them: names with the namespaces of the wire, messages as the service sends them.
 */
import { AwsError, type JsonObject } from '../service.ts';

const SERVICE = 'com.amazonaws.dynamodb.v20120810';

export function serviceError(name: string, message: string, members: JsonObject = {}): AwsError {
  return new AwsError(`${SERVICE}#${name}`, message, { members });
}

export function validationError(message: string): AwsError {
  return new AwsError('com.amazon.coral.validate#ValidationException', message);
}

/** A violated constraint of the API's model, e.g. a missing member or a value outside its enumeration. */
export function constraintError(value: string | null, path: string, constraint: string): AwsError {
  const shown = value === null ? 'null' : `'${value}'`;
  return validationError(
    `1 validation error detected: Value ${shown} at '${path}' failed to satisfy constraint: ${constraint}`,
  );
}

/** `table` is given by the control plane only; the data plane does not repeat the name. */
export function tableNotFound(table?: string): AwsError {
  const detail = table === undefined ? '' : `: Table: ${table} not found`;
  return serviceError('ResourceNotFoundException', `Requested resource not found${detail}`);
}

export function unknownOperation(operation: string): AwsError {
  return new AwsError(
    'com.amazon.coral.service#UnknownOperationException',
    `The embedded DynamoDB does not offer ${operation}`,
  );
}

/** The type without its namespace, as SDKs name the error. */
export function errorName(error: AwsError): string {
  return error.type.slice(error.type.indexOf('#') + 1);
}

/** Whatever was thrown, as DynamoDB would answer it; what nobody foresaw is a 500 with the original as its cause. */
export function toAwsError(error: unknown): AwsError {
  if (error instanceof AwsError) return error;
  if (error instanceof Error && 'statusCode' in error && 'body' in error) return fromEngine(error.body);
  const internal = new AwsError(`${SERVICE}#InternalServerError`, 'Internal server error', { status: 500 });
  internal.cause = error;
  return internal;
}

function fromEngine(body: unknown): AwsError {
  const { __type: type, message, Message } = body as { __type: string; message?: string; Message?: string };
  return new AwsError(type, asServiceWords(message ?? Message ?? ''));
}

// dynalite words an empty key in a lookup differently from the service.
function asServiceWords(message: string): string {
  return message.replace(
    /^One or more parameter values were invalid: (The AttributeValue for a key attribute cannot contain an empty)/,
    'One or more parameter values are not valid. $1',
  );
}
