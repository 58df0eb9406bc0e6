/**
 * Rich authorization requests (RFC 9396): what an audience lets clients ask for beyond scopes.
 */

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

export const MAX_DETAIL_TYPES = 20;
export const DETAIL_TYPES_RULE = `at most ${MAX_DETAIL_TYPES} different types of 1 to 128 printable ASCII characters without spaces`;

/** A type is whatever an API calls it, often a URI (RFC 9396 2.1). */
const DETAIL_TYPE = /^[\x21-\x7e]{1,128}$/;

export const isDetailType = (type: string): boolean => DETAIL_TYPE.test(type) && type !== '__proto__';

export const isDetailTypeList = (types: readonly string[]): boolean =>
  types.length <= MAX_DETAIL_TYPES && new Set(types).size === types.length && types.every(isDetailType);
