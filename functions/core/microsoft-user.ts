/**
 * Which user the unsigned part of a token speaks of. It says it in up to five ways, and all of them have to mean the same one: a server
 * that is wrong about one of them must not choose which of two users it is.
 */

import { accept, type Result, refuse } from './errors.ts';
import type { JsonObject } from './json-object.ts';
import type { MicrosoftFault } from './microsoft-fault.ts';

/** `sid`: Windows security identifier. `puid`: the id of Microsoft's online services, which can be guessed. */
export const USER_IDENTIFIERS = ['upn', 'smtp', 'sip', 'sid', 'puid'] as const;
export type UserIdentifier = (typeof USER_IDENTIFIERS)[number];

/** In lower case: neither addresses nor these identifiers know any other. */
export type UserIdentifiers = { readonly [Kind in UserIdentifier]?: string };

/** A user of the realm as an operator has registered them. */
export interface MicrosoftUser {
  readonly realm: string;
  /** `sub` of tokens about them. */
  readonly id: string;
  readonly identifiers: UserIdentifiers;
  /** Goes up by one with every write. */
  readonly version: number;
}

const MAX_LENGTH = 256;
/** Without characters that nobody sees, and halves of characters, which no table could tell from one another. */
const ADDRESS = /^[^\s@\p{Cc}\p{Cf}\p{Cs}]+@[^\s@\p{Cc}\p{Cf}\p{Cs}]+$/u;
const FORMATS: Readonly<Record<UserIdentifier, RegExp>> = {
  upn: ADDRESS,
  smtp: ADDRESS,
  sip: ADDRESS,
  sid: /^s-1(?:-[0-9]{1,14}){2,15}$/,
  puid: /^[0-9a-f]{16}$/,
};

/** Active Directory keeps these addresses as URIs (`msRTCSIP-PrimaryUserAddress`, `proxyAddresses`), tokens have them plain. */
const SCHEMES: { readonly [Kind in UserIdentifier]?: RegExp } = { smtp: /^smtp:/, sip: /^sip:/ };

/** @returns `undefined`: not an identifier of that kind. */
export const normalIdentifier = (kind: UserIdentifier, text: unknown): string | undefined => {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return undefined;
  // What only looks like another text (a Kelvin sign, a letter in two parts) could be lowered to it, or stand beside it (UAX 15).
  if (text.normalize('NFC') !== text) return undefined;
  const normal = text.toLowerCase().replace(SCHEMES[kind] ?? '', '');
  return normal.length <= MAX_LENGTH && FORMATS[kind].test(normal) ? normal : undefined;
};

/** `nii` says what `nameid` is. The products write it in more than one case. */
const NAME_KINDS: ReadonlyMap<string, UserIdentifier> = new Map([
  ['urn:office:idp:activedirectory', 'sid'],
  ['urn:federation:microsoftonline', 'puid'],
  ['urn:office:idp:orgid', 'puid'],
]);

/**
 * The identifiers that the claims hold. What `nameid` is without `nii` MS-XOAUTH says (3.2.5.6): the UPN.
 * @param acceptsSids whether the partner's security identifiers mean anything here: they do in its own forest only.
 */
export const readUserIdentifiers = (
  claims: JsonObject,
  acceptsSids: boolean,
): Result<UserIdentifiers, MicrosoftFault> => {
  const { nameid, nii, upn, smtp, sip } = claims;
  // A list of one text reads as that text when it is made one, and an object may not be made one at all.
  if (nii !== undefined && typeof nii !== 'string') return refuse('user_identity_missing');
  const kind = nii === undefined ? 'upn' : NAME_KINDS.get(nii.toLowerCase());
  const said: [UserIdentifier, unknown][] = [
    ['upn', upn],
    ['smtp', smtp],
    ['sip', sip],
  ];
  const found: { [Kind in UserIdentifier]?: string } = {};
  const named: [UserIdentifier, unknown][] = kind === undefined || nameid === undefined ? [] : [[kind, nameid]];
  for (const [each, value] of [...said, ...named]) {
    if (value === undefined || (each === 'sid' && !acceptsSids)) continue;
    const normal = normalIdentifier(each, value);
    if (normal === undefined) return refuse('user_identity_missing');
    if (found[each] !== undefined && found[each] !== normal) return refuse('user_identity_ambiguous');
    found[each] = normal;
  }
  return Object.keys(found).length === 0 ? refuse('user_identity_missing') : accept(found);
};

/**
 * Step 21: the one user whom all identifiers mean.
 * @param candidates the registered users whom any of them means.
 */
export const resolveUser = (
  identifiers: UserIdentifiers,
  candidates: readonly MicrosoftUser[],
): Result<MicrosoftUser, MicrosoftFault> => {
  const users = new Map(candidates.map((user) => [user.id, user]));
  const [user] = users.values();
  if (user === undefined) return refuse('user_not_found');
  const agrees = USER_IDENTIFIERS.every(
    (kind) =>
      identifiers[kind] === undefined ||
      user.identifiers[kind] === undefined ||
      identifiers[kind] === user.identifiers[kind],
  );
  return users.size === 1 && agrees ? accept(user) : refuse('user_identity_ambiguous');
};

/** What a server calls a user whom nobody has registered: by the name that people log on with first. */
export const statedName = ({ upn, smtp, sip, sid, puid }: UserIdentifiers): string | undefined =>
  upn ?? smtp ?? sip ?? sid ?? puid;
