import { describe, expect, it } from 'vitest';
import type { KeyState, SigningKey } from '../../functions/core/key-ring.ts';
import { revocationView, ringView } from '../../functions/http/key-views.ts';
import { NOW, ring, rotationPolicy } from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';

const POLICY = rotationPolicy();
const timestamp = (seconds: number): string => new Date(seconds * 1_000).toISOString();

const key = (state: KeyState, changes: Partial<SigningKey> = {}): SigningKey => ({
  ...{ kid: 'k', keyArn: 'arn:k', state, jwk: { kty: 'EC', x: 'material' }, createdAt: NOW - 500 },
  ...changes,
});
const viewOf = (...keys: readonly SigningKey[]) => ringView({ ring: ring('ES256', keys), policy: POLICY, now: NOW });
const active = key('active', { kid: 'a', rotateNotBefore: NOW + 9 });

describe('a ring as the admin API shows it', () => {
  it('is its keys with state, age and what comes next, and no more of them', () => {
    expect(viewOf(key('retiring', { retireNotBefore: NOW + 60 }))).toEqual({
      algorithm: 'ES256',
      version: 5,
      keys: [
        {
          ...{ kid: 'k', state: 'retiring', hold: false, keyArn: 'arn:k', createdAt: timestamp(NOW - 500) },
          ...{ ageSeconds: 500, next: { state: 'retired', notBefore: timestamp(NOW + 60) } },
        },
      ],
    });
  });

  it.each<[string, SigningKey, string, number | undefined]>([
    ['created', key('created'), 'standby', undefined],
    ['standby whose time is not decided', key('standby', { publishedAt: NOW }), 'active', NOW + 86_400],
    ['standby', key('standby', { publishedAt: NOW, activateNotBefore: NOW + 90_000 }), 'active', NOW + 90_000],
    ['active', key('active', { rotateNotBefore: NOW + 7 }), 'retiring', NOW + 7],
    ['retiring', key('retiring', { retireNotBefore: NOW + 8 }), 'retired', NOW + 8],
    ['retired', key('retired', { deleteNotBefore: NOW + 9 }), 'pending-deletion', NOW + 9],
    ['revoked', key('revoked', { deleteNotBefore: NOW + 9 }), 'pending-deletion', NOW + 9],
    ['pending-deletion', key('pending-deletion', { deletionAt: NOW + 9 }), 'deleted', NOW + 9],
    ['active that is held', key('active', { rotateNotBefore: NOW + 7, hold: true }), 'retiring', NOW + 7],
  ])('says of a key that is %s what is next and when', (_what, shown, state, at) => {
    expect(viewOf(shown).keys[0]?.next).toEqual({ state, ...(at === undefined ? {} : { notBefore: timestamp(at) }) });
  });

  it('says of a standby that it waits for its own time and for the end of the key that signs', () => {
    const ready = key('standby', { publishedAt: NOW - 90_000, activateNotBefore: NOW - 3_600 });
    const young = key('standby', { publishedAt: NOW, activateNotBefore: NOW + 86_400 });
    const nextOf = (standby: SigningKey) => viewOf(active, standby).keys[1]?.next?.notBefore;
    expect([nextOf(ready), nextOf(young)]).toEqual([timestamp(NOW + 9), timestamp(NOW + 86_400)]);
  });

  it.each(['retiring', 'retired', 'revoked', 'pending-deletion'] as const)(
    'says of a held key that is %s that nothing is next',
    (state) => {
      const [shown] = viewOf(key(state, { hold: true, deleteNotBefore: 1, deletionAt: 1, retireNotBefore: 1 })).keys;
      expect([shown?.hold, shown && 'next' in shown]).toEqual([true, false]);
    },
  );

  it('shows whose certificate a key has, and until when, but not the certificate', async () => {
    const root = await issue({ name: 'Root', authority: true, notAfter: NOW + 50 });
    const leaf = await issue({ name: 'sts.example.com', issuer: root, notAfter: NOW + 90 });
    const view = viewOf({ ...active, certificates: [leaf.base64, root.base64] });
    expect(view.keys[0]).toMatchObject({
      certificate: {
        ...{ subject: 'CN=sts.example.com', issuer: 'CN=Root' },
        ...{ notAfter: timestamp(NOW + 90), chainNotAfter: timestamp(NOW + 50) },
      },
    });
    expect(JSON.stringify(view)).not.toContain(leaf.base64);
  });

  it('says what a command left unfinished', () => {
    const view = { ring: ring('ES256', [active]), policy: POLICY, now: NOW };
    expect(ringView({ ...view, unfinished: 'kms:DisableKey failed' })).toEqual({
      ...ringView(view),
      unfinished: 'kms:DisableKey failed',
    });
  });

  it('says after a revocation for how long verifiers may refuse', () => {
    const view = { ring: ring('ES256', [active]), policy: POLICY, now: NOW };
    expect(revocationView({ ...view, unverifiableSeconds: 42 })).toEqual({
      ...ringView(view),
      unverifiableSeconds: 42,
    });
  });
});
