/**
 * Names of other products in a form that can be registered: a client id that fits is kept, and so is an audience that is a URI.
 * Anything else gets a name derived from it, and no two things ever get the same one.
 */
import { PARTNER_ID } from '../declaration.ts';

const MAX_ID_LENGTH = 128;
const MAX_AUDIENCE_LENGTH = 512;
/** RFC 3986 section 2 without the fragment's `#`, after a scheme. */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?@!$&'()*+,;=%[\]-]+$/;

/** An absolute URI without fragment (RFC 8707 section 2). */
export const isAudienceUri = (name: string): boolean =>
  name.length <= MAX_AUDIENCE_LENGTH && URI.test(name) && URL.canParse(name);

/**
 * A partner id for each name.
 * @param taken ids that are in use already; what is given here is added to it.
 */
export const assignIds = (names: readonly string[], taken: Set<string>): ReadonlyMap<string, string> =>
  assign(names, taken, { fits: (name) => PARTNER_ID.test(name), derive: derivedId, maxLength: MAX_ID_LENGTH });

/** An audience URI for each name: `api://<name>` where the name is none, the form that Entra ID has made familiar. */
export const assignAudiences = (names: readonly string[]): ReadonlyMap<string, string> =>
  assign(names, new Set(), { fits: isAudienceUri, derive: derivedAudience, maxLength: MAX_AUDIENCE_LENGTH });

interface Rule {
  readonly fits: (name: string) => boolean;
  readonly derive: (name: string) => string;
  readonly maxLength: number;
}

/** Names that fit go first, so that none of them is taken by a derived one; the order of `names` decides nothing. */
const assign = (
  names: readonly string[],
  taken: Set<string>,
  { fits, derive, maxLength }: Rule,
): ReadonlyMap<string, string> => {
  const sorted = [...new Set(names)].sort();
  const assigned = new Map<string, string>();
  for (const name of [...sorted.filter(fits), ...sorted.filter((each) => !fits(each))]) {
    const wish = fits(name) ? name : derive(name);
    const free = freeName(wish, maxLength, taken);
    taken.add(free);
    assigned.set(name, free);
  }
  return assigned;
};

const freeName = (wish: string, maxLength: number, taken: ReadonlySet<string>): string => {
  for (let count = 1; ; count++) {
    const suffix = count === 1 ? '' : `-${count}`;
    const name = `${wish.slice(0, maxLength - suffix.length)}${suffix}`;
    if (!taken.has(name)) return name;
  }
};

/** `https://api.example.com/billing/` becomes `api.example.com-billing`. */
const derivedId = (name: string): string => {
  const id = name
    .replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/*/, '')
    .replace(/[^A-Za-z0-9._~-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '');
  return id === '' ? 'partner' : id;
};

const derivedAudience = (name: string): string =>
  `api://${name.toWellFormed().split('/').map(encodeURIComponent).join('/')}`;

const MAX_LINE_LENGTH = 128;

/** A name, contact or label: one line of printable characters, cut where it is too long; `undefined` for none. */
export const lineOf = (text: string | null | undefined): string | undefined => {
  const line = (text ?? '')
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim();
  if (line.length <= MAX_LINE_LENGTH) return line === '' ? undefined : line;
  // Cutting may leave half of a character that takes two units.
  return `${line.slice(0, MAX_LINE_LENGTH - 3)}`.replace(/\p{Cs}$/u, '').concat('...');
};
