/**
 * Reads the JSON shapes that policy documents are built from: records with known members only, strings, "one or many".
 * Names CloudFormation intrinsics for what they are, since a template that was not resolved is the usual cause.
 */
import { type PolicyPlace, UnsupportedPolicyError } from './unsupported-policy-error.ts';

export type JsonRecord = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `Ref`, `Fn::GetAtt`, ... when the value is a CloudFormation intrinsic that nobody resolved. */
function intrinsicName(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  return Object.keys(value).find((name) => name === 'Ref' || name.startsWith('Fn::'));
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `${typeof value} ${JSON.stringify(value) ?? ''}`.trimEnd();
}

/** @throws UnsupportedPolicyError unless `value` is an object with no members other than `known`. */
export function expectRecord(
  value: unknown,
  known: readonly string[],
  element: string,
  place: PolicyPlace,
): JsonRecord {
  refuseIntrinsic(value, element, place);
  if (!isRecord(value)) throw new UnsupportedPolicyError(place, element, `expected an object, found ${kindOf(value)}`);
  for (const member of Object.keys(value)) {
    if (!known.includes(member)) throw new UnsupportedPolicyError(place, member, 'unknown element');
  }
  return value;
}

/** @throws UnsupportedPolicyError for anything that is not a non-empty object; its members are the caller's to judge. */
export function expectMembers(value: unknown, element: string, place: PolicyPlace): readonly [string, unknown][] {
  refuseIntrinsic(value, element, place);
  if (!isRecord(value)) throw new UnsupportedPolicyError(place, element, `expected an object, found ${kindOf(value)}`);
  const members = Object.entries(value);
  if (members.length === 0) throw new UnsupportedPolicyError(place, element, 'must not be empty');
  return members;
}

/**
 * @throws UnsupportedPolicyError for anything but a string, and for policy variables: none is supported, and IAM would
 * replace `${...}` before it compares.
 */
export function expectString(value: unknown, element: string, place: PolicyPlace): string {
  refuseIntrinsic(value, element, place);
  if (typeof value !== 'string')
    throw new UnsupportedPolicyError(place, element, `expected a string, found ${kindOf(value)}`);
  if (value.includes('${'))
    throw new UnsupportedPolicyError(place, element, `policy variable in ${JSON.stringify(value)}`);
  return value;
}

/** A single value or an array of values; never empty. */
export function expectOneOrMany<T>(
  value: unknown,
  element: string,
  place: PolicyPlace,
  read: (one: unknown) => T,
): T[] {
  if (!Array.isArray(value)) return [read(value)];
  if (value.length === 0) throw new UnsupportedPolicyError(place, element, 'must not be empty');
  return value.map(read);
}

function refuseIntrinsic(value: unknown, element: string, place: PolicyPlace): void {
  const name = intrinsicName(value);
  if (name !== undefined)
    throw new UnsupportedPolicyError(place, element, `unresolved CloudFormation intrinsic ${name}`);
}
