/**
 * Policy documents -> typed statements. Strict: an element that is not known here refuses the whole document, so that
 * nothing is ever allowed because it was not understood.
 * Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
import { type Condition, parseConditions } from './condition.ts';
import { arnMatcher, globMatcher, type Matcher } from './pattern.ts';
import { expectOneOrMany, expectRecord, expectString, type JsonRecord } from './policy-json.ts';
import { type PrincipalMatch, parsePrincipals } from './policy-principal.ts';
import { type PolicyPlace, UnsupportedPolicyError } from './unsupported-policy-error.ts';

/**
 * What a document is attached to. An identity policy has no Principal, a resource policy has both Principal and
 * Resource, a role's trust policy has a Principal and no Resource.
 */
export type PolicyKind = 'identity' | 'resource' | 'trust';

export interface Policy {
  /** What the document was called when it was parsed; for messages. */
  readonly where: string;
  readonly kind: PolicyKind;
  readonly statements: readonly Statement[];
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly matchesAction: Matcher;
  readonly matchesResource: Matcher;
  /** Empty in identity policies: whoever the policy is attached to. */
  readonly principals: readonly PrincipalMatch[];
  readonly conditions: readonly Condition[];
}

const VERSIONS = ['2012-10-17', '2008-10-17'];
const DOCUMENT_ELEMENTS = ['Version', 'Id', 'Statement'];
const STATEMENT_ELEMENTS = [
  'Sid',
  'Effect',
  'Principal',
  'Action',
  'NotAction',
  'Resource',
  'NotResource',
  'Condition',
];
const ACTION = /^[a-z0-9-]+:[a-z0-9*?]+$/i;

/**
 * @param where names the document in errors, e.g. the logical id of its role.
 * @throws UnsupportedPolicyError for every element, operator, key or value that this IAM cannot judge.
 */
export function parsePolicy(document: unknown, where: string, kind: PolicyKind = 'identity'): Policy {
  const place = { where };
  const record = expectRecord(document, DOCUMENT_ELEMENTS, 'document', place);
  if (record.Id !== undefined) expectString(record.Id, 'Id', place);
  // Without a Version IAM assumes 2008-10-17, which differs in policy variables only, and those are refused anyway.
  const version = record.Version === undefined ? '2008-10-17' : expectString(record.Version, 'Version', place);
  if (!VERSIONS.includes(version)) throw new UnsupportedPolicyError(place, 'Version', `unknown version ${version}`);
  if (record.Statement === undefined) throw new UnsupportedPolicyError(place, 'Statement', 'missing');

  const statements = Array.isArray(record.Statement) ? record.Statement : [record.Statement];
  if (statements.length === 0) throw new UnsupportedPolicyError(place, 'Statement', 'must not be empty');
  return {
    where,
    kind,
    statements: statements.map((statement, index) => parseStatement(statement, index, where, kind)),
  };
}

function parseStatement(value: unknown, index: number, where: string, kind: PolicyKind): Statement {
  const unnamed = { where, statement: `#${index}` };
  const record = expectRecord(value, STATEMENT_ELEMENTS, 'Statement', unnamed);
  const sid = record.Sid === undefined ? '' : expectString(record.Sid, 'Sid', unnamed);
  const place = sid === '' ? unnamed : { where, statement: sid };
  refuseMisplaced(record, kind, place);
  return {
    effect: parseEffect(record.Effect, place),
    matchesAction: parseEither(record, 'Action', place, compileAction),
    matchesResource: kind === 'trust' ? () => true : parseEither(record, 'Resource', place, compileResource),
    principals: kind === 'identity' ? [] : parsePrincipals(record.Principal, place),
    conditions: record.Condition === undefined ? [] : parseConditions(record.Condition, place),
  };
}

function refuseMisplaced(record: JsonRecord, kind: PolicyKind, place: PolicyPlace): void {
  const misplaced = { identity: ['Principal'], resource: [], trust: ['Resource', 'NotResource'] }[kind];
  for (const element of misplaced) {
    if (record[element] !== undefined) {
      throw new UnsupportedPolicyError(place, element, `has no place in a policy of kind ${kind}`);
    }
  }
}

function parseEffect(value: unknown, place: PolicyPlace): 'Allow' | 'Deny' {
  const effect = expectString(value, 'Effect', place);
  if (effect === 'Allow' || effect === 'Deny') return effect;
  throw new UnsupportedPolicyError(place, 'Effect', `neither Allow nor Deny: ${effect}`);
}

type Compile = (pattern: string, element: string, place: PolicyPlace) => Matcher;

/** `Action` or `NotAction`, `Resource` or `NotResource`: exactly one of the two. */
function parseEither(record: JsonRecord, element: string, place: PolicyPlace, compile: Compile): Matcher {
  const negated = `Not${element}`;
  const isNegated = record[negated] !== undefined;
  if (isNegated === (record[element] !== undefined)) {
    throw new UnsupportedPolicyError(place, element, `exactly one of ${element} and ${negated} is required`);
  }
  const name = isNegated ? negated : element;
  const matchers = expectOneOrMany(record[name], name, place, (pattern) =>
    compile(expectString(pattern, name, place), name, place),
  );
  return (value) => matchers.some((matches) => matches(value)) !== isNegated;
}

function compileAction(pattern: string, element: string, place: PolicyPlace): Matcher {
  if (pattern === '*') return () => true;
  if (!ACTION.test(pattern)) throw new UnsupportedPolicyError(place, element, `not an action: ${pattern}`);
  return globMatcher(pattern, { ignoreCase: true });
}

function compileResource(pattern: string, element: string, place: PolicyPlace): Matcher {
  if (pattern === '*') return () => true;
  const matcher = arnMatcher(pattern);
  if (matcher === undefined) throw new UnsupportedPolicyError(place, element, `not an ARN of six parts: ${pattern}`);
  return matcher;
}
