/**
 * The scopes of one imported audience and of the grants on it, such that every grant names scopes that the audience declares.
 * An import never widens what a client may do: what cannot be said exactly is left out, with a note.
 */
import { type AudienceDraft, type GrantDraft, type NoteDraft, quoted } from './imported.ts';

/** RFC 6749 section 3.3, and the length that the service takes. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/;
const MAX_SCOPES = 64;
/** Characters of all scopes of an audience together, blanks between them included. */
const MAX_LENGTH = 2048;

/** Stands for a token without scopes, which other products issue; a grant here names at least one. */
const PLAIN_SCOPE = 'access';

export interface GrantedScopes {
  readonly scopes: readonly string[];
  /** By client, as the export names it; a client whose scopes all went has no grant. */
  readonly grants: ReadonlyMap<string, readonly string[]>;
  readonly notes: readonly NoteDraft[];
}

/** @param name the audience as the export calls it. */
export const settleScopes = (name: string, draft: AudienceDraft, grants: readonly GrantDraft[]): GrantedScopes => {
  const notes: NoteDraft[] = [];
  const granted = grants.flatMap(({ scopes }) => [...scopes]);
  const declared = draftScopes(draft, granted).filter((scope) => SCOPE.test(scope));
  const plain = plainScope(declared);
  const wanted = new Map<string, readonly string[]>();
  for (const { client, scopes } of grants) {
    const unknown = [...scopes].filter((scope) => !declared.includes(scope)).sort();
    if (unknown.length > 0)
      notes.push({ client, text: `${quoted(name)} has no scope ${unknown.map(quoted).join(', ')}: left out` });
    const known = [...scopes].filter((scope) => declared.includes(scope)).sort();
    if (scopes.size === 0) wanted.set(client, [plain]);
    else if (known.length > 0) wanted.set(client, known);
  }
  const isPlainNeeded = declared.length === 0 || [...wanted.values()].some((scopes) => scopes.includes(plain));
  if (isPlainNeeded)
    notes.push({
      text: `the scope "${plain}" was made up for ${quoted(name)}: access without any scope has to be named here`,
    });
  const all = [...declared, ...(isPlainNeeded ? [plain] : [])].sort();
  if (fits(all)) return { scopes: all, grants: wanted, notes };
  const used = [...new Set([...wanted.values()].flat())].sort();
  notes.push({ text: tooMany(name, all.length, used) });
  return { scopes: used, grants: wanted, notes };
};

const draftScopes = ({ scopes, isClosed }: AudienceDraft, granted: readonly string[]): readonly string[] => [
  ...new Set(isClosed === true ? scopes : [...scopes, ...granted]),
];

/** A name that the resource has not given a meaning of its own. */
const plainScope = (declared: readonly string[]): string => {
  for (let count = 1; ; count++) {
    const scope = count === 1 ? PLAIN_SCOPE : `${PLAIN_SCOPE}-${count}`;
    if (!declared.includes(scope)) return scope;
  }
};

const fits = (scopes: readonly string[]): boolean =>
  scopes.length <= MAX_SCOPES && scopes.join(' ').length <= MAX_LENGTH;

const tooMany = (name: string, count: number, used: readonly string[]): string =>
  `${quoted(name)} has ${count} scopes, more than an audience takes (${MAX_SCOPES}, ${MAX_LENGTH} characters): ` +
  (fits(used) ? 'only those that clients hold were kept' : 'divide it into several audiences before applying the file');
