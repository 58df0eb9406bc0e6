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

  it('are an outage while the only key is not published yet', async () => {
    const rings = [ring('ES256', [signingKey(await keyPair(), { state: 'created' })])];
    await expect(publishKeys({ list: async () => rings }, REALM)()).rejects.toBeInstanceOf(Outage);
  });

  it('are an outage while the rings cannot be read', async () => {
    const outage = new Outage('dynamodb:Query', new Error('down'));
    await expect(publishKeys({ list: () => Promise.reject(outage) }, REALM)()).rejects.toBe(outage);
  });
});
