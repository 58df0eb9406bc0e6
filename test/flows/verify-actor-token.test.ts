/** What verifying a token of the Microsoft profile reads, and what becomes of it when a read fails. */

import { describe, expect, it, vi } from 'vitest';
import { parseMicrosoftToken } from '../../functions/core/microsoft-token.ts';
import { type ActorTokenContext, findSpeakers, verifyActorToken } from '../../functions/flows/verify-actor-token.ts';
import { Outage } from '../../functions/ports.ts';
import { byThumbprint, contextOf, one, registerAll, verdict } from '../microsoft/memory.ts';
import { changed, type Draft, GOOD, headerOf, tokenOf } from '../microsoft/tokens.ts';

const registered = await registerAll();

const reads = async ({ recipient, draft }: { readonly recipient: string; readonly draft: Draft }) => {
  const calls: string[] = [];
  const came = await verdict(tokenOf(draft), contextOf(one(registered, recipient), calls));
  return { came, calls: calls.map((call) => call.split(' ')[0]) };
};

describe('the reads of a token', () => {
  it.each([
    ['about an application', GOOD.application, ['certificate']],
    ['about a user', GOOD.user, ['certificate', 'users', 'partner']],
    ['of an authorization server', GOOD.vouched, ['certificate', 'issuer']],
    ['of an authorization server, about a user', GOOD.vouchedUser, ['certificate', 'issuer', 'users', 'partner']],
    ['of a trust broker, about a user', GOOD.brokered, ['certificate', 'users', 'partner']],
  ] as const)('are as few as it needs: %s', async (_what, good, wanted) => {
    expect(await reads(good)).toEqual({ came: 'accept', calls: wanted });
  });

  it('are two where nobody has the certificate: it may have come with a roll since the cache was filled', async () => {
    const draft = changed(GOOD.application.draft, { key: 'attacker', header: headerOf('attacker') });
    expect(await reads({ recipient: 'lync', draft })).toEqual({
      came: 'key_not_found',
      calls: ['certificate', 'certificate'],
    });
  });

  it.each([
    ['no thumbprint', { x5t: undefined }],
    ['none of this length', { x5t: 'A'.repeat(500) }],
    ['none of these letters', { x5t: '../../../../../../../../../' }],
  ])('are none where it names %s', async (_what, header) => {
    const draft = changed(GOOD.application.draft, { header });
    expect(await reads({ recipient: 'lync', draft })).toEqual({ came: 'key_not_found', calls: [] });
  });

  it('are none of a name that is too long to be one', async () => {
    const draft = changed(GOOD.vouched.draft, { claims: { nameid: `${'a'.repeat(513)}@b` } });
    expect(await reads({ recipient: 'exchange', draft })).toEqual({
      came: 'actor_not_partner',
      calls: ['certificate'],
    });
  });

  it('are none for a realm that takes no part in the profile', async () => {
    const calls: string[] = [];
    const { realm, ...context } = contextOf(one(registered, 'lync'), calls);
    const { microsoft: _off, ...terms } = realm;
    expect(await verdict(tokenOf(GOOD.user.draft), { ...context, realm: terms })).toBe('profile_off');
    expect(calls).toEqual([]);
  });

  it('ask for fresh data only where the certificate is not known', async () => {
    const ages: (number | undefined)[] = [];
    const token = parseMicrosoftToken(tokenOf(GOOD.application.draft));
    if (!token.ok) throw new Error(token.refusal);
    const { partners } = one(registered, 'lync');
    const read = (known: (reads: number) => boolean) => ({
      issuers: contextOf(one(registered, 'lync')).issuers,
      certificates: {
        findByThumbprint: async (_realm: string, x5t: string, age: { readonly maxAgeSeconds?: number } = {}) => {
          ages.push(age.maxAgeSeconds);
          return known(ages.length) ? byThumbprint(partners, x5t) : undefined;
        },
      },
    });
    expect(
      (
        await findSpeakers(
          read(() => true),
          'lync',
          token.value,
          {},
        )
      ).signer,
    ).toBeDefined();
    expect(ages.splice(0)).toEqual([undefined]);
    // It has come since: the second read finds it.
    expect(
      (
        await findSpeakers(
          read((count) => count === 2),
          'lync',
          token.value,
          {},
        )
      ).signer,
    ).toBeDefined();
    expect(ages).toEqual([undefined, expect.any(Number)]);
  });
});

describe('a read that fails', () => {
  const outage = () => Promise.reject(new Outage('dynamodb:GetItem', new Error('gone')));
  const failing: readonly [string, typeof GOOD.user | typeof GOOD.vouchedUser, Partial<ActorTokenContext>][] = [
    ['of the certificate', GOOD.user, { certificates: { findByThumbprint: outage } }],
    ['of the partner that is vouched for', GOOD.vouchedUser, { issuers: { findByIssuer: outage } }],
    ['of the user', GOOD.user, { users: { findUsers: outage } }],
    ['of who else goes by the name of the user', GOOD.user, { partners: { find: outage } }],
  ];

  it.each(failing)('is an outage, and no answer: %s', async (_what, { recipient, draft }, ports) => {
    const context = { ...contextOf(one(registered, recipient)), ...ports };
    await expect(verifyActorToken(context, parseMicrosoftToken(tokenOf(draft)))).rejects.toThrow(Outage);
  });

  it('is not even tried for a token that is refused before', async () => {
    const findUsers = vi.fn(outage);
    const context = { ...contextOf(one(registered, 'lync')), users: { findUsers } };
    const draft = changed(GOOD.user.draft, { claims: { trustedfordelegation: 'false' } });
    expect(await verdict(tokenOf(draft), context)).toBe('delegation_not_allowed');
    expect(findUsers).not.toHaveBeenCalled();
  });
});

describe('a user with the name of a partner', () => {
  it('is nobody whom a token may be about', async () => {
    const context = contextOf(one(registered, 'lync'));
    const users = { findUsers: async () => [{ realm: 'lync', id: 'hrapp', identifiers: KNOWN, version: 1 }] };
    expect(await verdict(tokenOf(GOOD.user.draft), { ...context, users })).toBe('user_is_partner');
  });
});
const KNOWN = { upn: 'kim@contoso.example', sid: 's-1-5-21-1004336348-1177238915-682003330-1104' };

describe('what a token comes to', () => {
  const verified = async ({ recipient, draft }: { readonly recipient: string; readonly draft: Draft }) => {
    const result = await verifyActorToken(contextOf(one(registered, recipient)), parseMicrosoftToken(tokenOf(draft)));
    if (!result.ok) throw new Error(JSON.stringify(result.refusal));
    const { partner, signer, actor, subject, isForTokenEndpoint, isTrustedForDelegation } = result.value;
    return { partner: partner.id, signer: signer.id, actor, subject, isForTokenEndpoint, isTrustedForDelegation };
  };

  it.each([
    ['application', { partner: 'exchange', signer: 'exchange', subject: { kind: 'application', sub: 'exchange' } }],
    ['user', { partner: 'exchange', signer: 'exchange', subject: { kind: 'user', sub: 'kim' } }],
    ['vouched', { partner: 'hrapp-cloud', signer: 'sts', subject: { kind: 'application', sub: 'hrapp-cloud' } }],
    ['vouchedUser', { partner: 'hrapp-cloud', signer: 'sts', subject: { kind: 'user', sub: 'kim' } }],
    ['brokered', { partner: 'hrapp', signer: 'hrapp', subject: { kind: 'user', sub: 'kim' } }],
    ['assertion', { partner: 'exchange', isForTokenEndpoint: true, isTrustedForDelegation: false }],
  ] as const)('is who has called, on whose word, about whom: %s', async (name, wanted) => {
    expect(await verified(GOOD[name])).toMatchObject(wanted);
  });

  it('is a user by the name that is stated, where the realm takes its servers at their word', async () => {
    const lync = one(registered, 'lync');
    const context = contextOf(lync);
    if (context.realm.microsoft === undefined) throw new Error('the realm takes no part');
    const realm = { ...context.realm, microsoft: { ...context.realm.microsoft, users: 'as-stated' as const } };
    const draft = changed(GOOD.user.draft, {
      outer: { upn: 'Guest@Fabrikam.example', smtp: undefined, sip: undefined },
    });
    const result = await verifyActorToken({ ...context, realm }, parseMicrosoftToken(tokenOf(draft)));
    expect(result.ok && result.value.subject).toMatchObject({
      ...{ kind: 'user', sub: 'guest@fabrikam.example' },
      subId: { format: 'iss_sub', iss: '00000002-0000-0ff1-ce00-000000000000@contoso.example' },
    });
  });
});
