/**
 * Files of users: JSON as `user list --json` writes it, or CSV as Export-Csv does, with the names that Active Directory and Exchange have
 * for what identifies a user.
 */
import { z } from 'zod';
import { type CsvRecord, parseCsv } from './csv.ts';
import { misuse } from './failure.ts';
import { parseShape } from './json-file.ts';
import { IDENTIFIERS, type Identifiers, identifiersOf, normalIdentifier } from './user-identifiers.ts';

/** What one line, or one item of a list, says of a user. */
export interface FiledUser {
  /** `users.csv:3` or `users.json[2]` */
  readonly place: string;
  /** Empty where the file says nothing that a user could be called by. */
  readonly id: string;
  readonly identifiers: Identifiers;
}

type Member = 'id' | keyof Identifiers;

/** In lower case. Get-ADUser, Get-Mailbox, Get-CsUser. */
const NAMES: ReadonlyMap<string, Member> = new Map([
  ...(['id', ...IDENTIFIERS] as const).map((name): [string, Member] => [name, name]),
  ['userprincipalname', 'upn'],
  ['primarysmtpaddress', 'smtp'],
  ['emailaddress', 'smtp'],
  ['mail', 'smtp'],
  ['sipaddress', 'sip'],
  ['msrtcsip-primaryuseraddress', 'sip'],
  ['objectsid', 'sid'],
]);

/**
 * @param source what messages call the file.
 * @throws Failure (2) for a file that cannot be read as a whole; what is wrong with one user, `user import` says.
 */
export function parseUsers(text: string, source: string): readonly FiledUser[] {
  return /^\s*[[{]/.test(text) ? parseList(text, source) : parseTable(text, source);
}

/** ConvertTo-Json writes a security identifier as an object. */
const value = z.union([z.string(), z.object({ Value: z.string() }).transform(({ Value }) => Value)]);
const list = z.array(z.record(z.string(), z.unknown()));

function parseList(text: string, source: string): readonly FiledUser[] {
  return parseShape(list, text, source, 'a list of users').map((item, index) => {
    const place = `${source}[${index}]`;
    const names = Object.keys(item).filter((name) => NAMES.has(name.toLowerCase()) && item[name] !== null);
    requireOne(names, place);
    return filedUser(
      place,
      names.map((name) => {
        const parsed = value.safeParse(item[name]);
        if (!parsed.success) throw misuse(`${place}: ${name} is not text`);
        return [name, parsed.data];
      }),
    );
  });
}

function parseTable(text: string, source: string): readonly FiledUser[] {
  // Windows PowerShell writes the type of what it exports before the heading, unless it is told not to.
  const [head, ...rows] = parseCsv(text.replace(/^#TYPE [^\r\n]*/, ''), source);
  const names = head?.fields.map((name) => name.trim()) ?? [];
  const known = names.filter((name) => NAMES.has(name.toLowerCase()));
  if (known.length === 0) {
    throw misuse(`${source} has none of the columns ${[...NAMES.keys()].join(', ')}, separated by commas`);
  }
  requireOne(known, `${source}:${head?.line ?? 1}`);
  return rows.map(({ line, fields }: CsvRecord) =>
    filedUser(
      `${source}:${line}`,
      names.map((name, index) => [name, fields[index] ?? '']),
    ),
  );
}

/** @throws Failure (2) where two columns would say the same thing. */
function requireOne(names: readonly string[], place: string): void {
  const members = names.map((name) => NAMES.get(name.toLowerCase()));
  const second = names.find((_, index) => members.indexOf(members[index]) < index);
  if (second !== undefined) throw misuse(`${place}: more than one column is the ${NAMES.get(second.toLowerCase())}`);
}

/** Whoever has no id of their own is called by the first identifier: the one that people log on with. */
function filedUser(place: string, members: readonly (readonly [name: string, text: string])[]): FiledUser {
  const said: { [name in Member]?: string } = {};
  for (const [name, text] of members) {
    const member = NAMES.get(name.toLowerCase());
    if (member === undefined || text.trim() === '') continue;
    said[member] = member === 'id' ? text.trim() : normalIdentifier(member, text);
  }
  const { id, ...identifiers } = said;
  const [first] = IDENTIFIERS.flatMap((kind) => identifiers[kind] ?? []);
  return { place, id: id ?? first ?? '', identifiers: identifiersOf(identifiers) };
}
