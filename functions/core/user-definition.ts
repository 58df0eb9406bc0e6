/**
 * Users as an operator registers them: by which identifiers old servers know somebody, and what tokens of ours call them.
 */

import { accept, type Result, refuse } from './errors.ts';
import { type MicrosoftUser, normalIdentifier, USER_IDENTIFIERS, type UserIdentifiers } from './microsoft-user.ts';
import type { InputProblem } from './public-key.ts';

/** What is said of a user; a member without a text is one that is not there. */
export type UserInput = { readonly [Kind in keyof UserIdentifiers]?: string | undefined };

/**
 * `sub` of tokens about the user: of characters that can stand in a path, a log line and a table key as they are. It may look like the id of
 * a partner, but no partner of the realm has it (RFC 9068 5), which the registry sees to. None begins as our secrets do, as with partners.
 */
const USER_ID = /^(?!c(?:sec|obt|rat)_)[A-Za-z0-9][A-Za-z0-9._~@+:|-]{0,255}$/;

export const isUserId = (value: string): boolean => USER_ID.test(value);

/** The first version of a user; whoever replaces a stored one counts on from that. */
export const defineUser = (
  realm: string,
  id: string,
  input: UserInput,
): Result<MicrosoftUser, readonly InputProblem[]> => {
  const problems: InputProblem[] = isUserId(id) ? [] : [{ pointer: '/id', detail: ID_RULE }];
  const identifiers: { -readonly [Kind in keyof UserIdentifiers]: UserIdentifiers[Kind] } = {};
  for (const kind of USER_IDENTIFIERS) {
    if (input[kind] === undefined) continue;
    const normal = normalIdentifier(kind, input[kind]);
    if (normal === undefined) problems.push({ pointer: `/${kind}`, detail: RULES[kind] });
    else identifiers[kind] = normal;
  }
  if (USER_IDENTIFIERS.every((kind) => input[kind] === undefined)) {
    problems.push({ pointer: '', detail: `at least one of ${USER_IDENTIFIERS.join(', ')}` });
  }
  return problems.length > 0 ? refuse(problems) : accept({ realm, id, identifiers, version: 1 });
};

const ID_RULE = 'an id is 1 to 256 letters, digits and . _ ~ @ + : | -, beginning with a letter or digit';
const ADDRESS_RULE = 'not an address such as adam@contoso.com of at most 256 characters';
const RULES = {
  upn: ADDRESS_RULE,
  smtp: ADDRESS_RULE,
  sip: ADDRESS_RULE,
  sid: 'not a security identifier such as S-1-5-21-1004336348-1177238915-682003330-1104',
  puid: 'not 16 hexadecimal digits',
} as const;

/** Whether both are known by the very same identifiers. */
export const hasSameIdentifiers = (a: MicrosoftUser, b: MicrosoftUser): boolean =>
  USER_IDENTIFIERS.every((kind) => a.identifiers[kind] === b.identifiers[kind]);
