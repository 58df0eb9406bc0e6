/**
 * Both parts of a token with whatever may stand in them, signed with a trusted key. What is accepted is said here a second time, as a plain
 * list of what has to hold, and has to be the same; and nothing may crash.
 */

import fc from 'fast-check';
import { base64url } from 'jose';
import { describe, expect, it } from 'vitest';
import { CLOCK, manifest, trustConfig } from './fixtures.ts';
import { contextOf, one, registerAll, verdict } from './memory.ts';
import { actorToken, around, type Draft, EXCHANGE, encode, GOOD, signed, TO_LYNC, tokenOf } from './tokens.ts';

const registered = await registerAll();
const atLync = (token: string): Promise<string> => verdict(token, contextOf(one(registered, 'lync')));

const [KIM] = trustConfig.users;
const ANYTHING = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.string(), fc.constant(undefined));

/** The text with the case of one letter changed, and with blanks, as it is, alone in a list. */
const variantsOf = (text: string) =>
  fc.oneof(
    { weight: 24, arbitrary: fc.constant<unknown>(text) },
    fc.constantFrom<unknown>(text.toUpperCase(), ` ${text}`, `${text}\n`, `${text}\0`, [text], { [text]: text }),
    fc.nat(text.length - 1).map((at) => text.slice(0, at) + swapCase(text.charAt(at)) + text.slice(at + 1)),
    ANYTHING,
  );
const swapCase = (letter: string): string =>
  letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();

/** Near the edges of what is allowed, as numbers, as text, and as texts that are numbers to some. */
const TIMES = fc
  .tuple(
    fc.constantFrom(0, 3_600, -3_600, 28_800, -299, -300, 300, 301, 43_200, 43_201, 86_400),
    fc.constantFrom<(time: number) => unknown>(
      String,
      Number,
      (time) => `${time}.0`,
      (time) => time + 0.5,
      (time) => `0${time}`,
      (time) => `0x${time.toString(16)}`,
      (time) => `${time} `,
      (time) => [time],
      (time) => time * 1_000,
      () => null,
    ),
  )
  .map(([ahead, write]) => write(CLOCK + ahead));
const time = (likely: number) =>
  fc.oneof(
    { weight: 16, arbitrary: fc.constantFrom<unknown>(String(CLOCK + likely), CLOCK + likely) },
    { weight: 3, arbitrary: TIMES },
    ANYTHING,
  );

const flag = fc.oneof({ weight: 12, arbitrary: fc.constant<unknown>('true') }, variantsOf('true'), fc.constant(true));
const X5T = String(manifest.x5t.exchange);

const header = fc.record({
  typ: fc.oneof({ weight: 8, arbitrary: fc.constantFrom<unknown>('JWT', undefined) }, variantsOf('JWT')),
  alg: fc.oneof({ weight: 8, arbitrary: fc.constant<unknown>('RS256') }, variantsOf('RS256'), fc.constant('none')),
  x5t: fc.oneof({ weight: 8, arbitrary: fc.constant<unknown>(X5T) }, variantsOf(X5T)),
  kid: ANYTHING,
});
const claims = fc.record({
  aud: variantsOf(TO_LYNC),
  iss: variantsOf(EXCHANGE),
  nameid: variantsOf(EXCHANGE),
  nbf: time(0),
  exp: time(28_800),
  trustedfordelegation: flag,
  identityprovider: ANYTHING,
});
const SID = String(KIM?.sid);
const outer = fc.record({
  aud: variantsOf(TO_LYNC),
  iss: variantsOf(EXCHANGE),
  nbf: time(0),
  exp: time(3_600),
  nameid: variantsOf(SID),
  nii: variantsOf('urn:office:idp:activedirectory'),
  upn: variantsOf(String(KIM?.upn)),
  trustedfordelegation: flag,
});

/** What has to hold, as the list of checks has it; of the times the order of the two as well. */
const isAcceptable = ({ header: head, claims: inner, outer: about }: Draft): boolean => {
  const end = lifetime(inner);
  const isSigned = (head.typ === undefined || head.typ === 'JWT') && head.alg === 'RS256' && head.x5t === X5T;
  if (!isSigned || inner.iss !== EXCHANGE || inner.nameid !== EXCHANGE || end === undefined) return false;
  if (!isOurName(inner.aud)) return false;
  if (about === undefined) return true;
  const outerEnd = lifetime(about);
  if (outerEnd === undefined || outerEnd > end) return false;
  return about.iss === EXCHANGE && about.aud === inner.aud && inner.trustedfordelegation === 'true' && isKim(about);
};

const isOurName = (aud: unknown): boolean => {
  if (typeof aud !== 'string' || aud.length !== TO_LYNC.length) return false;
  const [from, to] = [TO_LYNC.indexOf('/'), TO_LYNC.indexOf('@')];
  const same = aud.slice(0, from) === TO_LYNC.slice(0, from) && aud.slice(to) === TO_LYNC.slice(to);
  return same && aud.toLowerCase() === TO_LYNC;
};

const wholeSeconds = (value: unknown): number | undefined => {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 1e12) return value;
  return typeof value === 'string' && /^[0-9]{1,12}$/.test(value) && String(Number(value)) === value
    ? Number(value)
    : undefined;
};

const lifetime = ({ nbf, exp }: Readonly<Record<string, unknown>>): number | undefined => {
  const [from, to] = [wholeSeconds(nbf), wholeSeconds(exp)];
  if (from === undefined || to === undefined || from >= to || to - from > 43_200) return undefined;
  return from <= CLOCK + 300 && to > CLOCK - 300 ? to : undefined;
};

const isText = (value: unknown, text: string): boolean => typeof value === 'string' && value.toLowerCase() === text;

/** By a UPN that is absent or hers, and a name whose kind is known and hers, or whose kind is not known. */
const isKim = ({ nameid, nii, upn }: Readonly<Record<string, unknown>>): boolean => {
  const hasUpn = isText(upn, String(KIM?.upn));
  if (upn !== undefined && !hasUpn) return false;
  if (nii !== undefined && typeof nii !== 'string') return false;
  if (isText(nii, 'urn:office:idp:activedirectory')) return nameid === undefined ? hasUpn : isText(nameid, SID);
  if (nii === undefined) return nameid === undefined ? hasUpn : isText(nameid, String(KIM?.upn));
  return hasUpn;
};

const JSON_ONLY = (draft: Draft): Draft => JSON.parse(JSON.stringify(draft)) as Draft;

describe('a token with anything in its members', () => {
  it('is accepted exactly if all of what has to hold does: about the application', async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(header, claims, async (head, inner) => {
        const draft = JSON_ONLY({ key: 'exchange', header: head, claims: inner });
        const came = await atLync(tokenOf(draft));
        accepted += came === 'accept' ? 1 : 0;
        // Signed with RSA and called something else: it is not RS256, or nobody's.
        expect(came === 'accept', came).toBe(isAcceptable(draft));
      }),
      { numRuns: 1_500 },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it('is accepted exactly if all of what has to hold does: about a user', { timeout: 60_000 }, async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.constant(GOOD.user.draft.header), claims, outer, async (head, inner, about) => {
        const draft = JSON_ONLY({ key: 'exchange', header: head, claims: inner, outer: about });
        const came = await atLync(tokenOf(draft));
        accepted += came === 'accept' ? 1 : 0;
        expect(came === 'accept', came).toBe(isAcceptable(draft));
      }),
      { numRuns: 4_000 },
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it('is accepted in every spelling that servers use', async () => {
    const seconds = (ahead: number) => fc.constantFrom<unknown>(CLOCK + ahead, String(CLOCK + ahead));
    const someOf = fc.subarray(['upn', 'smtp', 'sip'] as const, { minLength: 1 });
    const spelling = fc.record({
      ...{ nbf: seconds(0), exp: seconds(3_600), outerNbf: seconds(-60), outerExp: seconds(600) },
      ...{ identifiers: someOf, isSid: fc.boolean(), isUpperCase: fc.boolean(), isHostUpperCase: fc.boolean() },
      extra: fc.dictionary(
        fc.constantFrom('oid', 'sub', 'iat', 'rh', 'xms_x', 'appctx'),
        fc.jsonValue({ maxDepth: 1 }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(spelling, async (spelled) => {
        const aud = spelled.isHostUpperCase ? TO_LYNC.replace('sfbpool.contoso', 'SFBPool.Contoso') : TO_LYNC;
        const write = (text: unknown) => (spelled.isUpperCase ? String(text).toUpperCase() : String(text));
        const draft: Draft = {
          key: 'exchange',
          header: { typ: 'JWT', alg: 'RS256', x5t: X5T },
          claims: {
            ...{ ...spelled.extra, aud, iss: EXCHANGE, nameid: EXCHANGE },
            ...{ nbf: spelled.nbf, exp: spelled.exp, trustedfordelegation: 'true' },
          },
          outer: {
            ...{ ...spelled.extra, aud, iss: EXCHANGE, nbf: spelled.outerNbf, exp: spelled.outerExp },
            ...Object.fromEntries(spelled.identifiers.map((kind) => [kind, write(KIM?.[kind])])),
            ...(spelled.isSid ? { nameid: write(SID), nii: write('urn:office:idp:activedirectory') } : {}),
          },
        };
        expect(await atLync(tokenOf(draft))).toBe('accept');
      }),
      { numRuns: 300 },
    );
  });
});

/** The object as text with one of its members a second time: as it is or with another value, its name perhaps escaped. */
const repeated = (value: object, at: number, isEscaped: boolean, second: unknown): string => {
  const entries = Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`);
  const names = Object.keys(value);
  const name = names[at % names.length] ?? '';
  const written = isEscaped ? `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}` : name;
  return `{${[...entries, `"${written}":${JSON.stringify(second) ?? 'null'}`].join(',')}}`;
};

describe('a token with a member twice', () => {
  it('is refused for that, in whichever of the four places it stands', async () => {
    const { draft } = GOOD.user;
    const place = fc.constantFrom('outer header', 'outer claims', 'header', 'claims');
    await fc.assert(
      fc.asyncProperty(place, fc.nat(20), fc.boolean(), ANYTHING, async (where, at, isEscaped, second) => {
        const twice = (value: object) => repeated(value, at, isEscaped, second);
        const plain = JSON.stringify;
        const inner = signed(
          'exchange',
          where === 'header' ? twice(draft.header) : plain(draft.header),
          where === 'claims' ? twice(draft.claims) : plain(draft.claims),
        );
        const head = { typ: 'JWT', alg: 'none' };
        const about = { ...draft.outer, actortoken: inner };
        const parts = [
          where === 'outer header' ? twice(head) : plain(head),
          where === 'outer claims' ? twice(about) : plain(about),
        ];
        expect(await atLync(`${parts.map((part) => base64url.encode(part)).join('.')}.`)).toBe('duplicate_member');
      }),
      { numRuns: 400 },
    );
  });
});

describe('a token in a token', () => {
  const actor = actorToken(GOOD.user.draft);
  /** Around what is inside so many times, signed or not. */
  const wrapped = fc.array(fc.boolean(), { minLength: 1, maxLength: 3 });

  it('goes no deeper than one', async () => {
    await fc.assert(
      fc.asyncProperty(wrapped, async (layers) => {
        const token = layers.reduce(
          (inside, isSigned) =>
            isSigned
              ? actorToken({ ...GOOD.user.draft, claims: { ...GOOD.user.draft.claims, actortoken: inside } })
              : around(GOOD.user.draft, inside),
          actor,
        );
        expect((await atLync(token)) === 'accept').toBe(layers.length === 1 && layers[0] === false);
      }),
      { numRuns: 50 },
    );
  });

  it('has to be one text', async () => {
    await fc.assert(
      fc.asyncProperty(ANYTHING, async (inside) => {
        expect(await atLync(around(GOOD.user.draft, inside))).not.toBe('accept');
      }),
      { numRuns: 200 },
    );
  });
});

describe('what is no token', () => {
  const part = fc.oneof(
    fc.string().map((text) => base64url.encode(text)),
    fc.uint8Array({ maxLength: 64 }).map((octets) => base64url.encode(octets)),
    fc.jsonValue().map(encode),
    fc.string(),
    fc.integer({ min: 1, max: 3_000 }).map((depth) => base64url.encode(`${'['.repeat(depth)}${']'.repeat(depth)}`)),
    fc.integer({ min: 1, max: 900 }).map((depth) => base64url.encode(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)),
    fc.constantFrom(encode({ alg: 'none' }), encode({ alg: 'RS256', x5t: X5T }), ''),
  );

  it('is refused, whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        expect(await atLync(parts.join('.'))).toMatch(/^[a-z_]+$/);
        expect(await atLync(parts.join('.'))).not.toBe('accept');
      }),
      { numRuns: 1_000 },
    );
  });

  it('is refused with a letter of a good one changed, added or left out', async () => {
    const { draft } = GOOD.user;
    const token = tokenOf(draft);
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.string({ maxLength: 2 }), fc.nat(1), async (at, put, cut) => {
        const other = token.slice(0, at) + put + token.slice(at + cut);
        fc.pre(other !== token);
        const came = await atLync(other);
        // Of the part that nobody signs the actor may say what he likes; all else holds to the letter.
        if (came === 'accept') expect(signedPart(other)).toBe(actorToken(draft));
      }),
      { numRuns: 500 },
    );
  });
});

const signedPart = (token: string): unknown => {
  const payload = JSON.parse(new TextDecoder().decode(base64url.decode(token.split('.')[1] ?? ''))) as {
    readonly actortoken: unknown;
  };
  return payload.actortoken;
};
