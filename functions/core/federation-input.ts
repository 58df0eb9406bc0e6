/**
 * Federated identities as an operator writes them: checked once, when they are registered. The rules are there for slips that would
 * let in more than was meant, since what matches is decided by texts that others choose.
 */

import { accept, type Result, refuse } from './errors.ts';
import type { ClaimPredicate, ClaimPredicates, FederatedIdentity } from './federated-identity.ts';
import { OBJECT_MEMBERS, pointerToken } from './json-object.ts';
import type { InputProblem } from './public-key.ts';
import { isTrustDomain } from './spiffe-id.ts';

/** Exactly one of them. */
interface ClaimPredicateInput {
  readonly exact?: string | undefined;
  readonly glob?: string | undefined;
  readonly oneOf?: readonly string[] | undefined;
}

type PredicatesInput = Readonly<Record<string, ClaimPredicateInput>>;

export interface FederatedIdentityInput {
  readonly issuer: string;
  readonly audience?: string | undefined;
  readonly claims: PredicatesInput;
  readonly audited?: PredicatesInput | undefined;
  readonly maxSeconds?: number | undefined;
  readonly reusable?: boolean | undefined;
}

type Problems = readonly InputProblem[];

const MAX_IDENTITIES = 10;
/** Characters of all of them as JSON: they are part of the partner's row, which is read with every token. */
const MAX_LENGTH = 16_384;
const MAX_PREDICATES = 10;
const MAX_NAME_LENGTH = 128;
const MAX_VALUE_LENGTH = 512;
const MAX_CHOICES = 50;
const MIN_SECONDS = 60;
const MAX_SECONDS = 86_400;
const MIN_SUBJECT_PREFIX = 4;

/** @param pointer where the list stands in the input. */
export const parseFederation = (
  inputs: readonly FederatedIdentityInput[],
  pointer: string,
): Result<readonly FederatedIdentity[], Problems> => {
  if (inputs.length > MAX_IDENTITIES) return refuse([{ pointer, detail: `at most ${MAX_IDENTITIES} identities` }]);
  const problems = inputs.flatMap((input, index) => identityProblems(input, `${pointer}/${index}`));
  if (problems.length > 0) return refuse(problems);
  if (JSON.stringify(inputs).length > MAX_LENGTH)
    return refuse([{ pointer, detail: `at most ${MAX_LENGTH} characters of JSON` }]);
  return accept(inputs.map(toIdentity));
};

const identityProblems = (input: FederatedIdentityInput, pointer: string): Problems => {
  const { issuer, audience, claims, audited = {}, maxSeconds } = input;
  return [
    ...problemUnless(isTokenIssuer(issuer), `${pointer}/issuer`, ISSUER_RULE),
    ...problemUnless(audience === undefined || isValue(audience), `${pointer}/audience`, VALUE_RULE),
    ...problemUnless(Object.keys(claims).length > 0, `${pointer}/claims`, 'at least one claim'),
    ...problemUnless(Object.hasOwn(claims, 'sub'), `${pointer}/claims`, SUBJECT_RULE),
    ...predicateProblems(claims, `${pointer}/claims`),
    ...subjectProblems(claims, `${pointer}/claims`),
    ...predicateProblems(audited, `${pointer}/audited`),
    ...problemUnless(maxSeconds === undefined || isLifetime(maxSeconds), `${pointer}/maxSeconds`, SECONDS_RULE),
  ];
};

const problemUnless = (isSound: boolean, pointer: string, detail: string): Problems =>
  isSound ? [] : [{ pointer, detail }];

const ISSUER_RULE =
  'an https URL without query and fragment, or spiffe://<trust domain>, exactly as the tokens have it';
const VALUE_RULE = `1 to ${MAX_VALUE_LENGTH} printable characters`;
const SECONDS_RULE = `${MIN_SECONDS} to ${MAX_SECONDS} whole seconds`;
const SUBJECT_RULE = 'sub has to be among them: without it every workload of the issuer would be this partner';

/** RFC 3986 2: no character that parsers mend or drop, and no `*`, which would look as if it matched something. */
const HTTPS_ISSUER = /^https:\/\/[A-Za-z0-9._~:/[\]!$&'()+,;=%-]+$/;

const isTokenIssuer = (issuer: string): boolean =>
  isTrustDomain(issuer) || (issuer.length <= MAX_VALUE_LENGTH && HTTPS_ISSUER.test(issuer) && URL.canParse(issuer));

const isValue = (text: string): boolean =>
  text.length > 0 && text.length <= MAX_VALUE_LENGTH && !/[\p{Cc}\p{Cs}]/u.test(text);

const isLifetime = (seconds: number): boolean =>
  Number.isInteger(seconds) && seconds >= MIN_SECONDS && seconds <= MAX_SECONDS;

const predicateProblems = (predicates: PredicatesInput, pointer: string): Problems => {
  const entries = Object.entries(predicates);
  if (entries.length > MAX_PREDICATES) return [{ pointer, detail: `at most ${MAX_PREDICATES} claims` }];
  return entries.flatMap(([name, input]) => {
    const at = `${pointer}/${pointerToken(name)}`;
    return isClaimName(name) ? valueProblems(input, at) : [{ pointer: at, detail: NAME_RULE }];
  });
};

const NAME_RULE = `the name of a claim, or a JSON pointer (RFC 6901) into the claims, of 1 to ${MAX_NAME_LENGTH} characters`;

/** RFC 6901 3: `~` stands for itself nowhere. A whole claim is called by its name. */
const JSON_POINTER = /^(?:\/(?:[^/~]|~[01])*)+$/;

const isClaimName = (name: string): boolean => {
  if (name === '' || name.length > MAX_NAME_LENGTH || OBJECT_MEMBERS.has(name)) return false;
  return !/[\p{Cc}\p{Cs}]/u.test(name) && (!name.startsWith('/') || JSON_POINTER.test(name));
};

const valueProblems = (input: ClaimPredicateInput, pointer: string): Problems => {
  const { exact, glob, oneOf } = input;
  const given = [exact, glob, oneOf].filter((each) => each !== undefined);
  if (given.length !== 1) return [{ pointer, detail: 'exactly one of exact, glob, oneOf' }];
  return [
    ...problemUnless(exact === undefined || isValue(exact), `${pointer}/exact`, VALUE_RULE),
    ...problemUnless(glob === undefined || isValue(glob), `${pointer}/glob`, VALUE_RULE),
    ...problemUnless((glob?.match(WILDCARD) ?? []).length <= MAX_WILDCARDS, `${pointer}/glob`, WILDCARDS_RULE),
    ...problemUnless(oneOf === undefined || isChoice(oneOf), `${pointer}/oneOf`, CHOICE_RULE),
  ];
};

/** Each makes the search longer, and anybody can make us search. */
const MAX_WILDCARDS = 4;
const WILDCARD = /\*+/g;
const WILDCARDS_RULE = `at most ${MAX_WILDCARDS} wildcards`;

const CHOICE_RULE = `1 to ${MAX_CHOICES} texts of ${VALUE_RULE}`;

const isChoice = (texts: readonly string[]): boolean =>
  texts.length > 0 && texts.length <= MAX_CHOICES && texts.every(isValue);

/** A subject that begins with a wildcard is one of anybody who has the same issuer, which may be the whole world. */
const subjectProblems = ({ sub }: PredicatesInput, pointer: string): Problems => {
  const literal = sub?.glob?.split('*', 1)[0];
  return problemUnless(
    literal === undefined || literal.length >= MIN_SUBJECT_PREFIX,
    `${pointer}/sub/glob`,
    `begins with at least ${MIN_SUBJECT_PREFIX} characters that are no wildcards`,
  );
};

const toIdentity = (input: FederatedIdentityInput): FederatedIdentity => ({
  issuer: input.issuer,
  ...(input.audience === undefined ? {} : { audience: input.audience }),
  claims: toPredicates(input.claims),
  ...(input.audited === undefined ? {} : { audited: toPredicates(input.audited) }),
  ...(input.maxSeconds === undefined ? {} : { maxSeconds: input.maxSeconds }),
  reusable: input.reusable ?? false,
});

const toPredicates = (inputs: PredicatesInput): ClaimPredicates =>
  Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, toPredicate(input)]));

/** Of input without problems: exactly one member is there. */
const toPredicate = ({ exact, glob, oneOf = [] }: ClaimPredicateInput): ClaimPredicate => {
  if (exact !== undefined) return { exact };
  return glob === undefined ? { oneOf } : { glob };
};
