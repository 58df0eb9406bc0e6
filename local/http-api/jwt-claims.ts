/**
 * The claims of a token as a JWT authorizer hands them on: text, every one. AWS documents the place and not the form; this is what users of
 * the real service report: lists in brackets with blanks between, objects as `map[name:value]`, nothing of what is null.
 */

import type { JWTPayload } from 'jose';

/** `requestContext.authorizer.jwt.claims` */
export const claimTexts = (claims: JWTPayload): Record<string, string> =>
  Object.fromEntries(
    Object.entries(claims).flatMap(([name, value]) => (value === null ? [] : [[name, textOf(value)]])),
  );

function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(' ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([name, member]) => `${name}:${textOf(member)}`).join(' ')}]`;
}

/** The scopes of a token: `scope`, or else `scp`, as text or as a list. */
export function scopesOf({ scope, scp }: JWTPayload): string[] {
  const given = scope ?? scp;
  if (typeof given === 'string') return given.split(' ').filter((each) => each !== '');
  return Array.isArray(given) ? given.filter((each) => typeof each === 'string') : [];
}
