/**
 * What the importers have in common: what they hand over, and the drafts that they collect before it. A draft names things as
 * the export does; `settling.ts` gives them their names here, all at once, so that none takes another's.
 */
import type { DeclaredPartner, TokenPolicy } from '../declaration.ts';

export interface ImportNote {
  /** Id of the partner that the note is about. */
  readonly partner?: string;
  readonly text: string;
}

export interface ImportedPartners {
  /** By id; audiences, grants and scopes are sorted too, so that one export always gives the same file. */
  readonly partners: readonly DeclaredPartner[];
  /** What was left out, made up or has to be done by hand; one line each, and never a secret. */
  readonly notes: readonly ImportNote[];
}

/** What an importer knows of a client. Members that are `undefined` do not reach the declaration. */
export type ClientDraft = Omit<DeclaredPartner, 'id' | 'audiences' | 'grants'>;

/** A client of the export, or a partner that is made to own something; what has the same `resource` has the same owner. */
export type OwnerDraft =
  | { readonly client: string }
  | { readonly resource: string; readonly name?: string | undefined; readonly enabled?: false | undefined };

export interface AudienceDraft {
  readonly owner: OwnerDraft;
  readonly scopes: readonly string[];
  /** The export tells every scope of the resource, so a grant of another one means nothing. */
  readonly isClosed?: boolean;
  readonly tokenPolicy?: TokenPolicy | undefined;
}

export interface GrantDraft {
  readonly client: string;
  readonly audience: string;
  /** None: tokens for the audience that carry no scope. */
  readonly scopes: ReadonlySet<string>;
}

export interface NoteDraft {
  readonly client?: string | undefined;
  readonly text: string;
}

/** A name of the export in a note: bounded, and on one line. */
export const quoted = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);

/** `undefined` for a policy that asks for nothing. */
export const policyMember = (policy: TokenPolicy): TokenPolicy | undefined => {
  const asked = Object.entries(policy).filter(([, value]) => value !== undefined);
  return asked.length === 0 ? undefined : Object.fromEntries(asked);
};
