import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type MicrosoftUser,
  readUserIdentifiers,
  resolveUser,
  statedName,
  type UserIdentifiers,
} from '../../functions/core/microsoft-user.ts';
import { REALM } from '../support/builders.ts';

const SID = 's-1-5-21-1004336348-1177238915-682003330-1104';
const AD = 'urn:office:idp:activedirectory';
const ONLINE = 'urn:federation:microsoftonline';

const outcome = (claims: Record<string, unknown>, acceptsSids = true) => {
  const read = readUserIdentifiers(claims, acceptsSids);
  return read.ok ? read.value : read.refusal;
};

describe('what a token says of its user', () => {
  it.each([
    ['the security identifier', { nameid: SID, nii: AD }, { sid: SID }],
    ['it in the letter case of the products', { nameid: SID.toUpperCase(), nii: AD.toUpperCase() }, { sid: SID }],
    ['the id of the online services', { nameid: '1003BFFD80A5E3E8', nii: ONLINE }, { puid: '1003bffd80a5e3e8' }],
    ['it by its other name', { nameid: '1003bffd80a5e3e8', nii: 'urn:office:idp:orgid' }, { puid: '1003bffd80a5e3e8' }],
    ['a nameid of which nothing is said: the UPN', { nameid: 'Adam@contoso.com' }, { upn: 'adam@contoso.com' }],
    ['the UPN twice', { nameid: 'adam@contoso.com', upn: 'ADAM@contoso.com' }, { upn: 'adam@contoso.com' }],
    ['a SIP address with its scheme', { sip: 'sip:adam@contoso.com' }, { sip: 'adam@contoso.com' }],
    [
      'all of them',
      { nameid: SID, nii: AD, upn: 'a@b.example', smtp: 'c@b.example', sip: 'd@b.example' },
      { sid: SID, upn: 'a@b.example', smtp: 'c@b.example', sip: 'd@b.example' },
    ],
    ['a nameid that nobody here knows, beside others', { nameid: 'x', nii: 'urn:other', upn: 'a@b' }, { upn: 'a@b' }],
  ])('may be %s', (_what, claims, identifiers) => {
    expect(outcome(claims)).toEqual(identifiers);
  });

  it.each([
    ['nothing (N48)', {}],
    ['a name identifier of nothing', { nii: AD }],
    ['a nameid of a kind that nobody here knows', { nameid: 'x', nii: 'urn:other' }],
    ['a nii that is no text', { nameid: SID, nii: [AD, 'x'] }],
    ['a security identifier that is none', { nameid: 'adam', nii: AD }],
    ['a UPN that is none, beside a good address', { upn: 'adam', smtp: 'adam@contoso.com' }],
    ['an address that is no text', { smtp: ['adam@contoso.com'] }],
    ['an empty nameid', { nameid: '', upn: 'adam@contoso.com' }],
  ])('is nobody, being %s', (_what, claims) => {
    expect(outcome(claims)).toBe('user_identity_missing');
  });

  it('is two, with one UPN as nameid and another as upn', () => {
    expect(outcome({ nameid: 'eve@contoso.com', upn: 'adam@contoso.com' })).toBe('user_identity_ambiguous');
  });

  it.each([
    ['nobody, by a security identifier alone (N50)', { nameid: SID, nii: AD }, 'user_identity_missing'],
    ['whom the rest says', { nameid: SID, nii: AD, upn: 'a@b' }, { upn: 'a@b' }],
    ['whom the rest says, where the security identifier is none', { nameid: 'x', nii: AD, upn: 'a@b' }, { upn: 'a@b' }],
  ])('is %s, where security identifiers mean nothing', (_what, claims, expected) => {
    expect(outcome(claims, false)).toEqual(expected);
  });

  it('never is a security identifier where they mean nothing, whatever the claims', () => {
    const texts = fc.oneof(fc.constantFrom(SID, AD, ONLINE, 'a@b', 'S-1-5-18'), fc.string(), fc.anything());
    fc.assert(
      fc.property(fc.record({ nameid: texts, nii: texts, upn: texts }, { requiredKeys: [] }), (claims) => {
        const read = readUserIdentifiers(claims, false);
        expect(read.ok ? read.value.sid : undefined).toBeUndefined();
      }),
    );
  });
});

const user = (id: string, identifiers: UserIdentifiers): MicrosoftUser => ({
  ...{ realm: REALM, id, identifiers, version: 1 },
});
const ADAM = user('adam', { upn: 'adam@contoso.com', smtp: 'adam@contoso.com', sid: SID });
const EVE = user('eve', { upn: 'eve@contoso.com' });

describe('the user whom identifiers mean', () => {
  it.each([
    ['known by the one that is said', { upn: 'adam@contoso.com' }, [ADAM]],
    ['found by each of several', { upn: 'adam@contoso.com', sid: SID }, [ADAM, ADAM]],
    [
      'found by one, where another is of a kind that says nothing of them',
      { upn: 'eve@contoso.com', sip: 'x@y' },
      [EVE],
    ],
  ] as [string, UserIdentifiers, MicrosoftUser[]][])('is one who is %s', (_what, identifiers, candidates) => {
    expect(resolveUser(identifiers, candidates)).toEqual({ ok: true, value: candidates[0] });
  });

  it.each([
    ['user_not_found', 'nobody is known by any (N51)', { upn: 'x@contoso.com' }, []],
    ['user_identity_ambiguous', 'they mean two (N49)', { sid: SID, upn: 'eve@contoso.com' }, [ADAM, EVE]],
    [
      'user_identity_ambiguous',
      'one is not the registered one of its kind, though nobody else has it',
      { sid: SID, upn: 'adam@fabrikam.example' },
      [ADAM],
    ],
  ] as [string, string, UserIdentifiers, MicrosoftUser[]][])('is %s where %s', (fault, _what, identifiers, found) => {
    expect(resolveUser(identifiers, found)).toEqual({ ok: false, refusal: fault });
  });
});

describe('what a server calls a user', () => {
  it.each([
    [{ puid: 'p', sid: 's', sip: 'i', smtp: 'm', upn: 'u' }, 'u'],
    [{ puid: 'p', sid: 's', sip: 'i', smtp: 'm' }, 'm'],
    [{ puid: 'p', sid: 's', sip: 'i' }, 'i'],
    [{ puid: 'p', sid: 's' }, 's'],
    [{ puid: 'p' }, 'p'],
    [{}, undefined],
  ])('of %j is %j', (identifiers, name) => {
    expect(statedName(identifiers)).toBe(name);
  });
});
