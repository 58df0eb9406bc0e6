/**
 * What is different between audiences and grants as they are declared and as they are stored, line by line. Pure.
 */
import type { DetailTypes, TokenPolicy } from '../declaration.ts';
import { wireName } from '../partner-definition.ts';
import { canonical, compareTexts, type Detail } from './detail.ts';

type Json = Readonly<Record<string, unknown>>;

export const compareScopes = (wanted: readonly string[], stored: readonly string[]): readonly Detail[] =>
  compareLists('scope', wanted, stored);

/** Types of authorization details that a grant covers. */
export const compareDetailTypes = (wanted: readonly string[], stored: readonly string[]): readonly Detail[] =>
  compareLists('authorization details', wanted, stored);

/** Partners that may introspect its tokens. */
export const compareIntrospectors = (wanted: readonly string[], stored: readonly string[]): readonly Detail[] =>
  compareLists('introspector', wanted, stored);

const compareLists = (name: string, wanted: readonly string[], stored: readonly string[]): readonly Detail[] => [
  ...stored.filter((each) => !wanted.includes(each)).map((each): Detail => ({ sign: '-', text: `${name}: ${each}` })),
  ...wanted.filter((each) => !stored.includes(each)).map((each): Detail => ({ sign: '+', text: `${name}: ${each}` })),
];

export function comparePolicies(wanted: TokenPolicy, stored: Json): readonly Detail[] {
  const text = (policy: Json, name: string): string | undefined => {
    const value = policy[name];
    return value === undefined ? undefined : String(wireName(String(value)));
  };
  return ['accessTokenSeconds', 'algorithm', 'binding', 'profile'].flatMap((name) =>
    compareTexts(`tokenPolicy.${name}`, text(wanted, name), text(stored, name)),
  );
}

/** What an audience lets clients ask for, type by type. */
export function compareDetails(wanted: DetailTypes, stored: Json): readonly Detail[] {
  const text = (types: Json, type: string): string | undefined =>
    Object.hasOwn(types, type) ? canonical(types[type]) : undefined;
  return [...new Set([...Object.keys(stored), ...Object.keys(wanted)])].flatMap((type) =>
    compareTexts(`authorizationDetails.${type}`, text(wanted, type), text(stored, type)),
  );
}
