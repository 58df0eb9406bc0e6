import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MicrosoftUser, normalIdentifier, USER_IDENTIFIERS } from '../../functions/core/microsoft-user.ts';
import { defineUser, hasSameIdentifiers, isUserId, type UserInput } from '../../functions/core/user-definition.ts';
import { REALM } from '../support/builders.ts';

const SID = 'S-1-5-21-1004336348-1177238915-682003330-1104';
const ALL = {
  ...{ upn: 'Adam@Contoso.com', smtp: 'SMTP:Adam.B@contoso.com', sip: 'sip:adam@contoso.com', sid: SID },
  puid: '1003BFFD80A5E3E8',
};

const define = (input: UserInput, id = 'adam') => defineUser(REALM, id, input);
/** The pointers of what is wrong; empty: nothing. */
const faults = (input: UserInput, id?: string) => {
  const defined = define(input, id);
  return defined.ok ? [] : defined.refusal.map(({ pointer }) => pointer);
};

describe('a user', () => {
  it('has all identifiers in their normal form', () => {
    expect(define(ALL)).toEqual({
      ok: true,
      value: {
        ...{ realm: REALM, id: 'adam', version: 1 },
        identifiers: {
          ...{ upn: 'adam@contoso.com', smtp: 'adam.b@contoso.com', sip: 'adam@contoso.com', sid: SID.toLowerCase() },
          puid: '1003bffd80a5e3e8',
        },
      },
    });
  });

  it.each(USER_IDENTIFIERS)('may be known by %s alone', (kind) => {
    expect(faults({ [kind]: ALL[kind] })).toEqual([]);
  });

  it.each([
    ['nothing', {}, ['']],
    ['what is not said', { upn: undefined }, ['']],
    ['an empty text', { upn: '' }, ['/upn']],
    ['a name without a domain', { upn: 'adam' }, ['/upn']],
    ['two addresses', { smtp: 'a@b.example c@d.example' }, ['/smtp']],
    ['an address with two at signs', { sip: 'a@b@c' }, ['/sip']],
    ['an address with a line break', { upn: 'a@b\n' }, ['/upn']],
    ['an address with a letter that nobody sees', { upn: 'a\u200b@b' }, ['/upn']],
    ['half a character', { upn: 'a\ud800@b' }, ['/upn']],
    ['an address that is too long', { upn: `${'a'.repeat(255)}@b` }, ['/upn']],
    ['one that is too long in lower case only', { upn: `${'\u0130'.repeat(200)}@b` }, ['/upn']],
    ['a security identifier of another shape', { sid: 'S-2-5-21' }, ['/sid']],
    ['a bare prefix of one', { sid: 'S-1-5' }, ['/sid']],
    ['a PUID that is too short', { puid: '1003bffd80a5e3e' }, ['/puid']],
    ['several wrong ones', { upn: 'a', sid: 'b', smtp: 'a@b' }, ['/upn', '/sid']],
  ] as [string, UserInput, string[]][])('is not known by %s', (_what, input, pointers) => {
    expect(faults(input)).toEqual(pointers);
  });

  it.each(['adam', 'adam@contoso.com', 'A1', 'auth0|0123', 'urn:user:1', 'a+b~c_d-e', 'x'.repeat(256)])(
    'may be called %s',
    (id) => {
      expect([isUserId(id), faults(ALL, id)]).toEqual([true, []]);
    },
  );

  it.each(['', ' adam', '@adam', 'a/b', 'a#b', 'a?b', 'a%40b', '..', 'ádám', 'csec_x', 'cobt_x', 'x'.repeat(257)])(
    'is not called %j',
    (id) => {
      expect([isUserId(id), faults(ALL, id)]).toEqual([false, ['/id']]);
    },
  );

  it('is told everything that is wrong at once', () => {
    expect(faults({ upn: '', puid: '' }, '')).toEqual(['/id', '/upn', '/puid']);
  });
});

describe('the normal form of an identifier', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.emailAddress(),
    fc.tuple(fc.constantFrom('sip:', 'SIP:', 'smtp:', 'SMTP:'), fc.emailAddress()).map((parts) => parts.join('')),
    fc.array(fc.nat(), { maxLength: 20 }).map((numbers) => `S-1-${numbers.join('-')}`),
    fc.stringMatching(/^[0-9A-Fa-f]{15,17}$/),
  );

  it('is its own normal form, whatever the text', () => {
    fc.assert(
      fc.property(fc.constantFrom(...USER_IDENTIFIERS), texts, (kind, text) => {
        const normal = normalIdentifier(kind, text);
        if (normal === undefined) return;
        // A second scheme would be a part of the address.
        fc.pre(!/^s(?:ip|mtp):/.test(normal));
        expect(normalIdentifier(kind, normal)).toBe(normal);
        expect(normal.length).toBeLessThanOrEqual(256);
      }),
    );
  });

  it('is the same in every letter case', () => {
    fc.assert(
      fc.property(fc.constantFrom('upn', 'smtp', 'sip'), fc.emailAddress(), (kind, text) => {
        expect(normalIdentifier(kind, text.toUpperCase())).toBe(normalIdentifier(kind, text.toLowerCase()));
      }),
    );
  });

  it('is made of text only', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...USER_IDENTIFIERS),
        fc.anything().filter((value) => typeof value !== 'string'),
        (kind, value) => normalIdentifier(kind, value) === undefined,
      ),
    );
  });
});

describe('the identifiers of two users', () => {
  const user = (identifiers: MicrosoftUser['identifiers']): MicrosoftUser => ({
    ...{ realm: REALM, id: 'adam', identifiers, version: 1 },
  });

  it.each([
    [{ upn: 'a@b' }, { upn: 'a@b' }, true],
    [{ upn: 'a@b', sip: 'a@b' }, { sip: 'a@b', upn: 'a@b' }, true],
    [{ upn: 'a@b' }, { sip: 'a@b' }, false],
    [{ upn: 'a@b' }, { upn: 'a@b', sip: 'a@b' }, false],
    [{ upn: 'a@b' }, { upn: 'c@b' }, false],
  ])('%j and %j: %j', (a, b, isSame) => {
    expect([hasSameIdentifiers(user(a), user(b)), hasSameIdentifiers(user(b), user(a))]).toEqual([isSame, isSame]);
  });
});
