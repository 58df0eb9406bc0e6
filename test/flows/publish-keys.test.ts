import { describe, expect, it } from 'vitest';
import { publishKeys } from '../../functions/flows/publish-keys.ts';
import { Outage } from '../../functions/ports.ts';
import { keyPair, REALM, ring, signingKey } from '../support/builders.ts';

describe('the published keys', () => {
  it('are those of the realm that is asked for', async () => {
    const pair = await keyPair();
    const asked: string[] = [];
    const list = async (realm: string) => {
      asked.push(realm);
      return [ring('ES256', [signingKey(pair)])];
    };
    const { keys } = await publishKeys({ list }, REALM)();
    expect([asked, keys.map((key) => key.kid)]).toEqual([[REALM], [pair.thumbprint]]);
  });

  it.each([
    ['no ring', []],
    ['an empty ring', [ring('ES256', [])]],
  ])('are an outage with %s: an empty set would be kept as long as the real one', async (_what, rings) => {
    await expect(publishKeys({ list: async () => rings }, REALM)()).rejects.toMatchObject({ operation: 'key-ring' });
  });

  it.each(['created', 'standby'] as const)(
    'are an outage while all keys are %s: none has ever signed',
    async (state) => {
      const { activatedAt: _never, ...key } = signingKey(await keyPair(), { state });
      const rings = [ring('ES256', [key]), ring('ES384', [])];
      await expect(publishKeys({ list: async () => rings }, REALM)()).rejects.toBeInstanceOf(Outage);
    },
  );

  it('are all there as soon as a key of any ring signs: those of the other rings, too', async () => {
    const { activatedAt: _never, ...waiting } = signingKey(await keyPair('ES384'), { state: 'standby' });
    const rings = [ring('ES256', [signingKey(await keyPair())]), ring('ES384', [waiting])];
    expect((await publishKeys({ list: async () => rings }, REALM)()).keys.map((key) => key.alg)).toEqual([
      'ES256',
      'ES384',
    ]);
  });

  it('are an outage while the rings cannot be read', async () => {
    const outage = new Outage('dynamodb:Query', new Error('down'));
    await expect(publishKeys({ list: () => Promise.reject(outage) }, REALM)()).rejects.toBe(outage);
  });
});
