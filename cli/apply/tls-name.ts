/**
 * When two spellings of the name in a TLS certificate are one: the service keeps its own, and a file need not know it.
 */

/** By the kind of name; one has a value. */
export type Subject = Readonly<Record<string, string | undefined>>;

/** The stored spelling where it says the same as the wanted one, which is kept otherwise. */
export function settleSpelling(wanted: Subject | undefined, stored: Subject | undefined): Subject | undefined {
  if (wanted === undefined || stored === undefined) return wanted;
  const members = Object.keys({ ...wanted, ...stored });
  return members.every((name) => fold(name, wanted[name]) === fold(name, stored[name])) ? stored : wanted;
}

function fold(member: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  switch (member) {
    case 'subjectDn':
      return foldName(text);
    case 'sanIp':
      return URL.parse(`http://${text.includes(':') ? `[${text}]` : text}/`)?.hostname ?? text;
    case 'sanUri':
      return text.replace(/^[^/?#]*:(?:\/\/[^/?#]*)?/, (start) => start.toLowerCase());
    case 'sanEmail':
      return text.replace(/@[^@]*$/, (host) => host.toLowerCase());
    default:
      return text.toLowerCase();
  }
}

/** Types that go by several names. */
const TYPES: Readonly<Record<string, string>> = {
  s: 'st',
  surname: 'sn',
  t: 'title',
  givenname: 'gn',
  g: 'gn',
  i: 'initials',
  e: 'emailaddress',
};

/** RFC 4514: white space around the signs is layout, and types are written in any case. An escaped sign is part of a value. */
const foldName = (text: string): string =>
  text
    .trim()
    .replace(/ *(?<!\\)([,+=]) */g, '$1')
    .replace(/(^|(?<!\\)[,+])([A-Za-z0-9.-]+)=/g, (_, before: string, type: string) => {
      const name = type.toLowerCase();
      return `${before}${TYPES[name] ?? name}=`;
    });
