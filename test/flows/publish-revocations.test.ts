import { compactVerify, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import { currentRevocations, publishRevocations } from '../../functions/flows/publish-revocations.ts';
import { Outage, type RevocationListStore } from '../../functions/ports.ts';
import { ISSUER, keyPair, NOW, REALM, ring, signingKey } from '../support/builders.ts';
import { pairSigner, testClock } from './in-memory.ts';

const [active, next] = [await keyPair('ES256', 'active'), await keyPair('ES256', 'next')];
const otherPair = await keyPair('RS256');
const revokedKey = signingKey(await keyPair('RS256', 'revoked'), {
  ...{ state: 'revoked', revokedAt: NOW, listedUntil: NOW + 4_000 },
});

const world = (rings: KeyRing[] = [ring('ES256', [signingKey(active)]), ring('RS256', [revokedKey])]) => {
  const clock = testClock();
  const stored = new Map<string, string>();
  const lists: RevocationListStore = {
    load: async (realm) => stored.get(realm),
    save: async (realm, list) => {
      stored.set(realm, list);
    },
  };
  const signer = pairSigner(active, next, otherPair);
  let signatures = 0;
  const publish = publishRevocations(
    {
      ...{ lists, clock },
      rings: { list: async (realm) => rings.filter((each) => each.realm === realm) },
      signer: {
        sign: (...call) => {
          signatures += 1;
          return signer.sign(...call);
        },
      },
    },
    { realm: REALM, issuer: ISSUER, algorithms: ['ES256', 'ES384'] },
  );
  return { publish, rings, clock, lists, stored, signatures: () => signatures };
};

const claimsOf = async (list: string | undefined, pair = active) =>
  JSON.parse(new TextDecoder().decode((await compactVerify(list ?? '', pair.publicJwk)).payload)) as unknown;

describe('the list of revoked keys', () => {
  it('is signed by the active key, as what it is', async () => {
    const { publish, stored } = world();
    expect(await publish()).toBe('published');
    const list = stored.get(REALM);
    expect(decodeProtectedHeader(list ?? '')).toEqual({
      ...{ alg: 'ES256', typ: 'countersign-revoked-keys+jwt', kid: active.thumbprint },
    });
    expect(await claimsOf(list)).toEqual({
      ...{ iss: ISSUER, iat: NOW, exp: NOW + 3_600 },
      revoked_keys: [{ kid: revokedKey.kid, revoked_at: NOW, until: NOW + 4_000 }],
    });
  });

  it('is left as it is while it says what it should, at the cost of no signature', async () => {
    const { publish, clock, signatures } = world();
    const outcomes = [await publish()];
    for (const seconds of [0, 900, 901]) {
      clock.time = NOW + seconds;
      outcomes.push(await publish());
    }
    expect([outcomes, signatures()]).toEqual([['published', 'unchanged', 'unchanged', 'published'], 2]);
  });

  it('is replaced at once when a key is revoked, and signed by the key that took over', async () => {
    const { publish, rings, stored } = world([ring('ES256', [signingKey(active)])]);
    await publish();
    const gone = signingKey(active, { state: 'revoked', revokedAt: NOW, listedUntil: NOW + 9 });
    rings[0] = ring('ES256', [gone, signingKey(next)]);
    expect(await publish()).toBe('published');
    expect(await claimsOf(stored.get(REALM), next)).toMatchObject({ revoked_keys: [{ kid: active.thumbprint }] });
  });

  it.each(['', 'x', 'a.b.c', '..', `x.${btoa('{"exp":"1","revoked_keys":[]}')}.x`, `x.${btoa('{"exp":9e9}')}.x`])(
    'is replaced when it is %j, which is none',
    async (list) => {
      const { publish, stored } = world();
      stored.set(REALM, list);
      expect(await publish()).toBe('published');
      await expect(claimsOf(stored.get(REALM))).resolves.toBeDefined();
    },
  );

  it.each([
    ['no ring', []],
    ['no key that signs', [ring('ES256', [signingKey(active, { state: 'standby' })])]],
    ['another realm', [ring('ES256', [signingKey(active)], { realm: 'other' })]],
  ])('has to wait where there is %s', async (_what, rings) => {
    const { publish, stored, signatures } = world(rings);
    expect([await publish(), stored.size, signatures()]).toEqual(['not-yet', 0, 0]);
  });

  it.each([
    ['the first that was chosen', active, [ring('ES384', []), ring('ES256', [signingKey(active)])]],
    ['any other that signs', otherPair, [ring('ES256', []), ring('RS256', [signingKey(otherPair)])]],
  ])('is signed by the ring that signs tokens: %s', async (_what, pair, rings) => {
    const { publish, stored } = world(rings);
    expect([await publish(), decodeProtectedHeader(stored.get(REALM) ?? '')]).toMatchObject([
      'published',
      { alg: pair.algorithm, kid: pair.thumbprint },
    ]);
    await expect(claimsOf(stored.get(REALM), pair)).resolves.toMatchObject({ iss: ISSUER });
  });

  it('is given out as it is, and is an outage as long as there is none', async () => {
    const { publish, lists, stored } = world();
    const current = currentRevocations(lists, REALM);
    await expect(current()).rejects.toMatchObject({ operation: 'revocation-list' });
    await expect(current()).rejects.toBeInstanceOf(Outage);
    await publish();
    expect(await current()).toBe(stored.get(REALM));
  });
});
