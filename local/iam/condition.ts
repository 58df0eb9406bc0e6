/**
 * Condition blocks: parsed into tests, evaluated against a request's context.
 * Semantics: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 * and ..._condition-single-vs-multi-valued-context-keys.html
 */
import { conditionKeyKind } from './condition-keys.ts';
import { arnMatcher, globMatcher, type Matcher } from './pattern.ts';
import { expectMembers, expectOneOrMany, expectString } from './policy-json.ts';
import { type PolicyPlace, UnsupportedPolicyError } from './unsupported-policy-error.ts';

/** Condition keys in lower case with the values that the request carries. A key that is absent has no entry. */
export type RequestContext = ReadonlyMap<string, readonly string[]>;

/** True when the request's context satisfies it. All conditions of a statement must hold. */
export type Condition = (context: RequestContext) => boolean;

interface Operator {
  readonly negated: boolean;
  /** A matcher for one value of the policy, or undefined where the value makes no sense for the operator. */
  readonly compile: (expected: string) => Matcher | undefined;
}

interface OperatorUse {
  readonly element: string;
  readonly quantifier: string | undefined;
  readonly name: string;
  readonly ifExists: boolean;
}

const exactly =
  (expected: string): Matcher =>
  (value) =>
    value === expected;

function ignoringCase(expected: string): Matcher {
  const lower = expected.toLowerCase();
  return (value) => value.toLowerCase() === lower;
}

const NUMBER = /^-?\d+(\.\d+)?$/;

function numeric(holds: (actual: number, expected: number) => boolean): Operator['compile'] {
  return (expected) => {
    if (!NUMBER.test(expected)) return undefined;
    return (value) => NUMBER.test(value) && holds(Number(value), Number(expected));
  };
}

function bool(expected: string): Matcher | undefined {
  return expected === 'true' || expected === 'false' ? ignoringCase(expected) : undefined;
}

const when = (compile: Operator['compile']): Operator => ({ negated: false, compile });
const unless = (compile: Operator['compile']): Operator => ({ negated: true, compile });

const equalNumbers = numeric((actual, expected) => actual === expected);

const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ['StringEquals', when(exactly)],
  ['StringNotEquals', unless(exactly)],
  ['StringEqualsIgnoreCase', when(ignoringCase)],
  ['StringNotEqualsIgnoreCase', unless(ignoringCase)],
  ['StringLike', when((expected) => globMatcher(expected))],
  ['StringNotLike', unless((expected) => globMatcher(expected))],
  // "ArnEquals and ArnLike behave identically."
  ['ArnEquals', when(arnMatcher)],
  ['ArnLike', when(arnMatcher)],
  ['ArnNotEquals', unless(arnMatcher)],
  ['ArnNotLike', unless(arnMatcher)],
  ['NumericEquals', when(equalNumbers)],
  ['NumericNotEquals', unless(equalNumbers)],
  ['NumericLessThan', when(numeric((actual, expected) => actual < expected))],
  ['NumericLessThanEquals', when(numeric((actual, expected) => actual <= expected))],
  ['NumericGreaterThan', when(numeric((actual, expected) => actual > expected))],
  ['NumericGreaterThanEquals', when(numeric((actual, expected) => actual >= expected))],
  ['Bool', when(bool)],
]);

/** @throws UnsupportedPolicyError for unknown operators, keys and values. */
export function parseConditions(block: unknown, place: PolicyPlace): Condition[] {
  return expectMembers(block, 'Condition', place).flatMap(([operator, tests]) => {
    const use = readOperator(operator);
    return expectMembers(tests, use.element, place).map(([key, values]) => parseCondition(use, key, values, place));
  });
}

function readOperator(operator: string): OperatorUse {
  const parts = /^(?:(ForAllValues|ForAnyValue):)?(.*?)(IfExists)?$/s.exec(operator);
  return {
    element: `Condition.${operator}`,
    quantifier: parts?.[1],
    name: parts?.[2] ?? '',
    ifExists: parts?.[3] !== undefined,
  };
}

function parseCondition(use: OperatorUse, key: string, values: unknown, place: PolicyPlace): Condition {
  const element = `${use.element}.${key}`;
  const kind = conditionKeyKind(key);
  if (kind === 'unknown') throw new UnsupportedPolicyError(place, element, 'unknown condition key');
  const expected = expectOneOrMany(values, element, place, (value) => readValue(value, element, place));
  if (use.name === 'Null') return parseNull(use, key, expected, place);

  const operator = OPERATORS.get(use.name);
  if (operator === undefined) throw new UnsupportedPolicyError(place, use.element, 'unknown condition operator');
  if (kind === 'multivalued' && use.quantifier === undefined) {
    throw new UnsupportedPolicyError(place, element, 'a multivalued key needs ForAllValues: or ForAnyValue:');
  }
  const matchers = expected.map((value) => {
    const matcher = operator.compile(value);
    if (matcher === undefined)
      throw new UnsupportedPolicyError(place, element, `not a value for ${use.name}: ${value}`);
    return matcher;
  });
  // Several values are OR for a positive operator and NOR for a negated one.
  const holds: Matcher = (value) => matchers.some((matches) => matches(value)) !== operator.negated;
  return quantified(use, key, holds, operator.negated);
}

/** IAM takes booleans and numbers unquoted as well. */
function readValue(value: unknown, element: string, place: PolicyPlace): string {
  return typeof value === 'boolean' || typeof value === 'number' ? String(value) : expectString(value, element, place);
}

function quantified(use: OperatorUse, key: string, holds: Matcher, negated: boolean): Condition {
  const lower = key.toLowerCase();
  const absent = use.ifExists || negated;
  return (context) => {
    const values = context.get(lower) ?? [];
    // The set operators look at one value after the other, so neither IfExists nor negation speaks for an absent key.
    if (use.quantifier === 'ForAllValues') return isNull(values) || values.every(holds);
    if (use.quantifier === 'ForAnyValue') return values.some(holds);
    const [value, ...more] = values;
    if (more.length > 0)
      throw new Error(`${key} has ${values.length} values in this request, but ${use.name} takes one`);
    return value === undefined ? absent : holds(value);
  };
}

function parseNull(use: OperatorUse, key: string, expected: readonly string[], place: PolicyPlace): Condition {
  if (use.ifExists || use.quantifier !== undefined) {
    throw new UnsupportedPolicyError(place, use.element, 'Null takes no prefix or suffix');
  }
  const unknown = expected.find((value) => value !== 'true' && value !== 'false');
  if (unknown !== undefined)
    throw new UnsupportedPolicyError(place, `${use.element}.${key}`, `not a value for Null: ${unknown}`);
  const lower = key.toLowerCase();
  return (context) => expected.includes(String(isNull(context.get(lower) ?? [])));
}

/** "A null data set, such as an empty string": what ForAllValues lets through and Null is there to catch. */
function isNull(values: readonly string[]): boolean {
  return values.every((value) => value === '');
}
