import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { findExposure } from '../../../cli/import/exposure.ts';

const NONE = { privateKeys: [], secrets: [] };

describe('findExposure', () => {
  it.each([
    ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ec', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['ed25519', generateKeyPairSync('ed25519')],
    ['ml-dsa-44', generateKeyPairSync('ml-dsa-44')],
  ])('finds a private key of the kind %s as JWK, as text of a JWKS and as PEM, and no public one', (_kind, pair) => {
    const secret = pair.privateKey.export({ format: 'jwk' });
    const known = pair.publicKey.export({ format: 'jwk' });
    const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' });
    const found = findExposure({ keys: [known, secret], text: JSON.stringify({ keys: [secret] }), 'a/b': [pem] });
    expect(found).toEqual({ privateKeys: ['/keys/1', '/text/keys/0', '/a~1b/0'], secrets: [] });
    const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' });
    expect(findExposure({ keys: [known], text: JSON.stringify({ keys: [known] }), publicPem })).toEqual(NONE);
  });

  it.each(['client_secret', 'ClientSecret', 'clientSecret', 'secret', 'signing_secret'])(
    'finds a secret called %s',
    (name) => {
      expect(findExposure([{ [name]: 'made-up' }])).toEqual({ privateKeys: [], secrets: [`/0/${name}`] });
    },
  );

  it('takes masks, settings about secrets and empty values for none', () => {
    const harmless = {
      secret: '**********',
      client_secret: '',
      secret_encoded: true,
      'client.secret.creation.time': '1',
    };
    expect(findExposure(harmless)).toEqual(NONE);
  });

  it('comes to an end in a document that contains itself', () => {
    const list: unknown[] = ['x'];
    list.push(list, { list });
    expect(findExposure(list)).toEqual(NONE);
  });
});
