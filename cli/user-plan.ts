/**
 * What an import of users comes to: who is new, who changes, and what cannot be, since an identifier means one user only.
 */
import type { User } from './admin-records.ts';
import type { FiledUser } from './user-file.ts';
import { IDENTIFIERS, type IdentifierKind, isSameUser } from './user-identifiers.ts';

export interface PlannedUser extends FiledUser {
  readonly action: 'add' | 'change' | 'keep' | 'refuse';
  /** Of the user as it is; 0: there is none. */
  readonly version: number;
  /** Why it is refused. */
  readonly reason?: string;
}

/** @param current the users that there are; those that the file does not name stay as they are. */
export function planUsers(filed: readonly FiledUser[], current: readonly User[]): readonly PlannedUser[] {
  const known = new Map(current.map((user) => [user.id, user]));
  const places = new Map<string, string>();
  const named = new Set(filed.map(({ id }) => id));
  const holders = new Map<string, string>();
  // Who is in the file gives up what it does not say any more.
  for (const user of current) if (!named.has(user.id)) hold(holders, user.id, user);
  return filed.map((user) => {
    const stored = known.get(user.id);
    const version = stored?.version ?? 0;
    const reason = faultOf(user, places, holders);
    if (reason !== undefined) return { ...user, action: 'refuse', version, reason };
    places.set(user.id, user.place);
    hold(holders, user.id, user.identifiers);
    if (stored === undefined) return { ...user, action: 'add', version };
    return { ...user, action: isSameUser(stored, user.identifiers) ? 'keep' : 'change', version };
  });
}

function faultOf(
  { id, identifiers }: FiledUser,
  places: ReadonlyMap<string, string>,
  holders: ReadonlyMap<string, string>,
): string | undefined {
  const kinds = IDENTIFIERS.filter((kind) => identifiers[kind] !== undefined);
  if (kinds.length === 0) return 'nothing that identifies a user';
  const wrong = kinds.find((kind) => !FORMATS[kind].test(identifiers[kind] ?? ''));
  if (wrong !== undefined) return `${identifiers[wrong]} is no ${wrong}`;
  if (places.has(id)) return `${places.get(id)} is about user ${id} as well`;
  const taken = kinds.find((kind) => holders.has(`${kind} ${identifiers[kind]}`));
  if (taken === undefined) return undefined;
  const name = `${taken} ${identifiers[taken]}`;
  return `${name} means user ${holders.get(name)}`;
}

const ADDRESS = /^[^\s@]+@[^\s@]+$/;
/** Enough to find a value in the wrong column without asking; the service looks closer. */
const FORMATS: Readonly<Record<IdentifierKind, RegExp>> = {
  upn: ADDRESS,
  smtp: ADDRESS,
  sip: ADDRESS,
  sid: /^s-1-[0-9-]+$/,
  puid: /^[0-9a-f]{16}$/,
};

function hold(holders: Map<string, string>, id: string, identifiers: FiledUser['identifiers']): void {
  for (const kind of IDENTIFIERS) {
    if (identifiers[kind] !== undefined) holders.set(`${kind} ${identifiers[kind]}`, id);
  }
}
