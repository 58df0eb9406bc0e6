/**
 * Reads members of a call's input with the limits of the KMS API model.
 * A member of the wrong JSON type is a SerializationException, one outside its limits a ValidationException, as in AWS.
 */
import { AwsError, type Json, type JsonObject } from '../service.ts';

interface Limits {
  readonly min?: number;
  readonly max: number;
}

/** A `ValidationException` (HTTP 400) with this message. */
export function validationError(message: string): AwsError {
  return new AwsError('ValidationException', message);
}

function constraintError(member: string, value: string | undefined, constraint: string): AwsError {
  const path = member.charAt(0).toLowerCase() + member.slice(1);
  const shown = value === undefined ? 'Value' : `Value ${value}`;
  return validationError(
    `1 validation error detected: ${shown} at '${path}' failed to satisfy constraint: Member must ${constraint}`,
  );
}

function wrongType(member: string, expected: string): AwsError {
  return new AwsError('SerializationException', `${member} must be ${expected}`);
}

function present(input: JsonObject, member: string): Json | undefined {
  return input[member] ?? undefined;
}

function required<T>(member: string, value: T | undefined): T {
  if (value === undefined) throw constraintError(member, 'null', 'not be null');
  return value;
}

function checkLength(member: string, length: number, limits: Limits, shown?: string): void {
  const min = limits.min ?? 0;
  if (length < min) throw constraintError(member, shown, `have length greater than or equal to ${min}`);
  if (length > limits.max) throw constraintError(member, shown, `have length less than or equal to ${limits.max}`);
}

function checkText(member: string, value: Json, limits: Limits): string {
  if (typeof value !== 'string') throw wrongType(member, 'a string');
  checkLength(member, value.length, limits, `'${value}'`);
  return value;
}

/** A string of `limits.min` to `limits.max` UTF-16 units, or undefined where the call leaves it out. */
export function optionalText(input: JsonObject, member: string, limits: Limits): string | undefined {
  const value = present(input, member);
  return value === undefined ? undefined : checkText(member, value, limits);
}

/** As `optionalText`, for a member that the call must have. */
export function requiredText(input: JsonObject, member: string, limits: Limits): string {
  return required(member, optionalText(input, member, limits));
}

/** One of `values`, or undefined where the call leaves it out. */
export function optionalChoice<T extends string>(
  input: JsonObject,
  member: string,
  values: readonly T[],
): T | undefined {
  const text = optionalText(input, member, { max: Number.MAX_SAFE_INTEGER });
  if (text === undefined) return undefined;
  const chosen = values.find((value) => value === text);
  if (chosen !== undefined) return chosen;
  throw constraintError(member, `'${text}'`, `satisfy enum value set: [${values.join(', ')}]`);
}

/** As `optionalChoice`, for a member that the call must have. */
export function requiredChoice<T extends string>(input: JsonObject, member: string, values: readonly T[]): T {
  return required(member, optionalChoice(input, member, values));
}

/** A whole number between `limits.min` and `limits.max`, or undefined where the call leaves it out. */
export function optionalInteger(
  input: JsonObject,
  member: string,
  limits: { readonly min: number; readonly max: number },
): number | undefined {
  const value = present(input, member);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(member, 'an integer');
  const shown = `'${value}'`;
  if (value < limits.min) throw constraintError(member, shown, `have value greater than or equal to ${limits.min}`);
  if (value > limits.max) throw constraintError(member, shown, `have value less than or equal to ${limits.max}`);
  return value;
}

/** A boolean; false where the call leaves it out. */
export function flag(input: JsonObject, member: string): boolean {
  const value = present(input, member) ?? false;
  if (typeof value !== 'boolean') throw wrongType(member, 'a boolean');
  return value;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The bytes of a blob member (base64 in JSON) that the call must have. */
export function requiredBytes(input: JsonObject, member: string, limits: Limits): Buffer {
  const value = required(member, present(input, member));
  if (typeof value !== 'string' || !BASE64.test(value)) throw wrongType(member, 'base64');
  const bytes = Buffer.from(value, 'base64');
  checkLength(member, bytes.length, limits);
  return bytes;
}

/** The elements of a list member; empty where the call leaves it out. */
export function list(input: JsonObject, member: string): readonly Json[] {
  const value = present(input, member) ?? [];
  if (!Array.isArray(value)) throw wrongType(member, 'a list');
  return value;
}

/** The strings of a list member that the call must have, each within the limits. */
export function requiredTexts(input: JsonObject, member: string, limits: Limits): string[] {
  required(member, present(input, member));
  return list(input, member).map((value, index) => checkText(`${member}.${index + 1}.member`, value, limits));
}

/** The value as a JSON object. */
export function object(member: string, value: Json | undefined): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(member, 'an object');
  // Array.isArray does not take an array out of the readonly union, so the type is stated here.
  return value as JsonObject;
}
