/**
 * By what old servers know a user: the five kinds of identifiers, in the form that the service keeps them in.
 */
import type { User } from './admin-records.ts';
import { printable } from './output.ts';

export const IDENTIFIERS = ['upn', 'smtp', 'sip', 'sid', 'puid'] as const;
export type IdentifierKind = (typeof IDENTIFIERS)[number];
export type Identifiers = { readonly [Kind in IdentifierKind]?: string | undefined };

/** Active Directory keeps these addresses as URIs. */
const SCHEMES: { readonly [Kind in IdentifierKind]?: RegExp } = { smtp: /^smtp:/, sip: /^sip:/ };

/** As the service compares it; whether it is one at all, the service says. */
export const normalIdentifier = (kind: IdentifierKind, text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replace(SCHEMES[kind] ?? '', '');

/** Only those that have a value. */
export const identifiersOf = (all: Identifiers): Identifiers =>
  Object.fromEntries(IDENTIFIERS.flatMap((kind) => (all[kind] === undefined ? [] : [[kind, all[kind]]])));

export const isSameUser = (a: Identifiers, b: Identifiers): boolean => IDENTIFIERS.every((kind) => a[kind] === b[kind]);

/** `adam: upn adam@contoso.com, sip adam@contoso.com` */
export const describeUser = (user: Identifiers & Pick<User, 'id'>): string =>
  printable(
    `${user.id}: ${IDENTIFIERS.flatMap((kind) => (user[kind] === undefined ? [] : [`${kind} ${user[kind]}`])).join(', ')}`,
  );
