/**
 * Rich authorization requests (RFC 9396): what an audience lets clients ask for beyond scopes, what a client asked for, and whether
 * it may have that. All or nothing: a request is never granted in part.
 */

import { type ClaimValue, claimValueProblem } from './custom-claims.ts';
import { accept, type Result, refuse } from './errors.ts';
import { canonicalJson, isJsonObject, OBJECT_MEMBERS, pointerToken } from './json-object.ts';
import type { InputProblem } from './public-key.ts';
import { parseStrictJson } from './strict-json.ts';

/** What details of one type may say. A list that is not there allows no value of that member. */
export interface DetailType {
  readonly actions?: readonly string[];
  readonly datatypes?: readonly string[];
  readonly privileges?: readonly string[];
  /** Names of members of the type's own making; their values are the resource's to judge. */
  readonly fields?: readonly string[];
}

/** By `type`. */
export type DetailTypes = Readonly<Record<string, DetailType>>;

/** One element of `authorization_details` (RFC 9396 2). */
export interface AuthorizationDetail {
  readonly type: string;
  readonly locations?: readonly string[];
  readonly actions?: readonly string[];
  readonly datatypes?: readonly string[];
  readonly privileges?: readonly string[];
  /** Of one resource at the API; it is the API's to judge. */
  readonly identifier?: string;
  /** Members of the type's own making. */
  readonly [field: string]: ClaimValue | undefined;
}

export const MAX_DETAIL_TYPES = 20;
export const DETAIL_TYPES_RULE = `at most ${MAX_DETAIL_TYPES} different types of 1 to 128 printable ASCII characters without spaces`;

/** A type is whatever an API calls it, often a URI (RFC 9396 2.1). */
const DETAIL_TYPE = /^[\x21-\x7e]{1,128}$/;

/** Types are names in a map as well. */
export const isDetailType = (type: string): boolean => DETAIL_TYPE.test(type) && !OBJECT_MEMBERS.has(type);

export const isDetailTypeList = (types: readonly string[]): boolean =>
  types.length <= MAX_DETAIL_TYPES && new Set(types).size === types.length && types.every(isDetailType);

/** Members with a meaning for every type (RFC 9396 2.2). */
const DECLARED_LISTS = ['actions', 'datatypes', 'privileges'] as const;
const COMMON_LISTS = ['locations', ...DECLARED_LISTS] as const;
const COMMON_MEMBERS: ReadonlySet<string> = new Set(['type', 'identifier', ...COMMON_LISTS]);

const MAX_DETAILS = 20;
/** Characters of the parameter: a token carries what it grants, and has to fit into a header. */
const MAX_DETAILS_LENGTH = 4_096;
const MAX_VALUES = 50;
const MAX_IDENTIFIER_LENGTH = 512;

const malformed = (detail: string) => refuse({ reason: 'authorization_details_malformed', detail } as const);

/** @param text the request parameter (RFC 9396 3). */
export const parseAuthorizationDetails = (text: string): Result<readonly AuthorizationDetail[]> => {
  if (text.length > MAX_DETAILS_LENGTH) return malformed(`more than ${MAX_DETAILS_LENGTH} characters`);
  const value = parseStrictJson(text);
  if (value === undefined) return malformed('not JSON, or a member stands there twice');
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_DETAILS)
    return malformed(`not a list of 1 to ${MAX_DETAILS} objects`);
  const faults = (value as readonly unknown[]).flatMap((detail) => detailFault(detail) ?? []);
  return faults[0] === undefined ? accept(value as readonly AuthorizationDetail[]) : malformed(faults[0]);
};

const detailFault = (detail: unknown): string | undefined => {
  if (!isJsonObject(detail)) return `not a list of 1 to ${MAX_DETAILS} objects`;
  const { type, identifier } = detail;
  if (typeof type !== 'string' || !isDetailType(type)) return 'type';
  if (Object.keys(detail).some((name) => name === '' || OBJECT_MEMBERS.has(name))) return 'the name of a member';
  const list = COMMON_LISTS.find((name) => detail[name] !== undefined && !isTexts(detail[name]));
  if (list !== undefined) return `${list} is a list of 1 to ${MAX_VALUES} texts`;
  if (identifier !== undefined && !(isText(identifier) && identifier.length <= MAX_IDENTIFIER_LENGTH))
    return `identifier is a text of 1 to ${MAX_IDENTIFIER_LENGTH} characters`;
  return Object.values(detail)
    .map((member) => claimValueProblem(member as ClaimValue))
    .find((problem) => problem !== undefined);
};

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

/** An empty list is none that anybody needs, and resources could take it for "all". */
const isTexts = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.length <= MAX_VALUES && value.every(isText);

export interface DetailRights {
  readonly audience: { readonly audience: string; readonly authorizationDetails: DetailTypes };
  readonly grant: { readonly authorizationDetailsTypes: readonly string[] };
}

/** RFC 9396 5: a type, a member or a value that is unknown refuses the request. */
export const grantDetails = (
  asked: readonly AuthorizationDetail[],
  rights: DetailRights,
): Result<readonly AuthorizationDetail[]> => {
  for (const asking of asked) {
    const detail = excess(asking, rights);
    if (detail !== undefined)
      return refuse({ reason: 'authorization_details_not_granted', type: asking.type, detail } as const);
  }
  return accept(asked);
};

/** What goes beyond the rights, in words that repeat nothing of the request. */
const excess = (asking: AuthorizationDetail, { audience, grant }: DetailRights): string | undefined => {
  const { audience: location, authorizationDetails: types } = audience;
  const declared = Object.hasOwn(types, asking.type) ? types[asking.type] : undefined;
  if (declared === undefined) return 'the audience declares no such type';
  if (!grant.authorizationDetailsTypes.includes(asking.type)) return 'the grant does not hold this type';
  if (asking.locations?.some((each) => each !== location)) return 'locations may name the audience of the token only';
  const list = DECLARED_LISTS.find((name) => asking[name]?.some((value) => !declared[name]?.includes(value)));
  if (list !== undefined) return `${list} has a value that the audience does not declare`;
  const isUnknown = (name: string): boolean => !COMMON_MEMBERS.has(name) && !declared.fields?.includes(name);
  return Object.keys(asking).some(isUnknown) ? 'a member that the audience does not declare' : undefined;
};

/** Whether none of it says more than what the subject token of an exchange was granted for the same audience. */
export const isWithinDetails = (asked: readonly AuthorizationDetail[], held: readonly AuthorizationDetail[]): boolean =>
  asked.every((asking) => held.some((holding) => isNarrower(asking, holding)));

/** A list that is there bounds what may be said; every other member says the same. */
const isNarrower = (asking: AuthorizationDetail, holding: AuthorizationDetail): boolean =>
  COMMON_LISTS.every((name) => isListWithin(asking[name], holding[name], name === 'locations')) &&
  canonicalJson(withoutLists(asking)) === canonicalJson(withoutLists(holding));

/** @param isOpen a list that is not there bounds nothing; otherwise it allows nothing. */
const isListWithin = (
  asked: readonly string[] | undefined,
  held: readonly string[] | undefined,
  isOpen: boolean,
): boolean =>
  held === undefined ? isOpen || asked === undefined : asked?.every((value) => held.includes(value)) === true;

const withoutLists = (detail: AuthorizationDetail): object =>
  Object.fromEntries(Object.entries(detail).filter(([name]) => !COMMON_LISTS.some((list) => list === name)));

/** As an audience may be declared by people; nothing of it is known to be sound. */
export type DetailTypesInput = Readonly<
  Record<string, { readonly [Member in keyof DetailType]?: readonly string[] | undefined }>
>;

/** Characters of a declaration as JSON, so that an audience stays a small row. */
const MAX_DECLARATION_LENGTH = 16_384;
const VALUE = /^[^\p{Cc}\p{Cs}]{1,128}$/u;
const VALUES_RULE = `at most ${MAX_VALUES} different texts of 1 to 128 printable characters`;
const FIELDS_RULE = `${VALUES_RULE}, none of them the name of a common member (RFC 9396 2.2)`;

/**
 * What an audience declares.
 * @param allowed the types that the realm lets its audiences declare.
 * @param pointer where the declaration stands in the input.
 */
export const parseDetailTypes = (
  input: DetailTypesInput,
  allowed: readonly string[],
  pointer: string,
): Result<DetailTypes, readonly InputProblem[]> => {
  if (Object.keys(input).length > MAX_DETAIL_TYPES) return refuse([{ pointer, detail: DETAIL_TYPES_RULE }]);
  const problems = Object.entries(input).flatMap(([type, declared]) => {
    const at = `${pointer}/${pointerToken(type)}`;
    if (!isDetailType(type) || !allowed.includes(type)) return [{ pointer: at, detail: TYPE_RULE }];
    return [
      ...DECLARED_LISTS.flatMap((name) =>
        isValues(declared[name]) ? [] : [{ pointer: `${at}/${name}`, detail: VALUES_RULE }],
      ),
      ...(isFields(declared.fields) ? [] : [{ pointer: `${at}/fields`, detail: FIELDS_RULE }]),
    ];
  });
  if (problems.length === 0 && JSON.stringify(input).length > MAX_DECLARATION_LENGTH)
    problems.push({ pointer, detail: `at most ${MAX_DECLARATION_LENGTH} characters of JSON` });
  if (problems.length > 0) return refuse(problems);
  return accept(Object.fromEntries(Object.entries(input).map(([type, declared]) => [type, withoutGaps(declared)])));
};

const TYPE_RULE = 'not a type that the realm allows its audiences to declare';

const isValues = (values: readonly string[] = []): boolean =>
  values.length <= MAX_VALUES && new Set(values).size === values.length && values.every((value) => VALUE.test(value));

const isFields = (fields: readonly string[] = []): boolean =>
  isValues(fields) && !fields.some((name) => COMMON_MEMBERS.has(name) || OBJECT_MEMBERS.has(name));

const withoutGaps = ({ actions, datatypes, privileges, fields }: DetailTypesInput[string]): DetailType => ({
  ...(actions === undefined ? {} : { actions }),
  ...(datatypes === undefined ? {} : { datatypes }),
  ...(privileges === undefined ? {} : { privileges }),
  ...(fields === undefined ? {} : { fields }),
});
