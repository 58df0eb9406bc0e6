import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import { calculateJwkThumbprint } from 'jose';
import { describe, expect, it } from 'vitest';
import { parsePublicJwks, parsePublicPem } from '../../cli/public-keys.ts';
import { type AdminServer, startAdminServer } from './admin-server.ts';
import { CERTIFICATE } from './certificate.ts';
import { countersign, oneLine } from './terminal.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwk = (key: KeyObject) => key.export({ format: 'jwk' });
const spki = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();

describe('parsePublicPem', () => {
  it.each([
    ['RSA', rsa.publicKey, 'RS256'],
    ['P-256', ec.publicKey, 'ES256'],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey, 'ES384'],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey, 'ES512'],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey, 'EdDSA'],
    ['ML-DSA-65', generateKeyPairSync('ml-dsa-65').publicKey, 'ML-DSA-65'],
  ])('turns a %s key into a JWK with its usual algorithm and its thumbprint', async (_, key, alg) => {
    const kid = await calculateJwkThumbprint(jwk(key));
    expect(await parsePublicPem(spki(key), 'key.pem', {})).toEqual({ ...jwk(key), alg, use: 'sig', kid });
  });

  it('takes a PKCS#1 public key, and the chosen names', async () => {
    const pem = rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    const parsed = await parsePublicPem(pem, 'key.pem', { alg: 'PS256', kid: '2026-11' });
    expect(parsed).toEqual({ ...jwk(rsa.publicKey), alg: 'PS256', use: 'sig', kid: '2026-11' });
  });

  it('takes the key of a certificate', async () => {
    const parsed = await parsePublicPem(CERTIFICATE, 'ledger.crt', {});
    expect(parsed).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
  });

  it.each([
    ['an algorithm of another kind', spki(ec.publicKey), 'RS256', 'RS256 does not fit a key of the kind EC P-256'],
    ['an algorithm that does not exist', spki(ec.publicKey), 'HS256', 'unknown algorithm "HS256"; one of RS256,'],
    ['a curve that JOSE does not sign with', spki(generateKeyPairSync('x25519').publicKey), undefined, 'not supported'],
    [
      'a key without JWK form',
      spki(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey),
      undefined,
      'rsa-pss',
    ],
    ['a broken certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', undefined, 'neither'],
    ['something else', 'hello', undefined, 'key.pem is neither a PEM public key nor a PEM certificate'],
    ['JSON', JSON.stringify(jwk(ec.publicKey)), undefined, 'register it with --jwks'],
  ])('refuses %s', async (_, text, alg, message) => {
    await expect(parsePublicPem(text, 'key.pem', { alg })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(message),
    });
  });
});

describe('parsePublicJwks', () => {
  it('keeps names that are there, fills in those that are not, and drops unknown members', async () => {
    const named = { ...jwk(rsa.publicKey), kid: 'k1', alg: 'PS256', use: 'sig', 'x-note': 'internal' };
    const parsed = await parsePublicJwks(JSON.stringify({ keys: [named, jwk(ec.publicKey)] }), 'keys.json');
    expect(parsed).toEqual([
      { ...jwk(rsa.publicKey), kid: 'k1', alg: 'PS256', use: 'sig' },
      { ...jwk(ec.publicKey), kid: await calculateJwkThumbprint(jwk(ec.publicKey)), alg: 'ES256', use: 'sig' },
    ]);
  });

  it.each([
    ['no JSON', 'keys', 'is not a JSON Web Key Set'],
    ['a list', '[]', 'is not a JSON Web Key Set'],
    ['no keys', '{"keys":[]}', 'holds no keys'],
    ['a key that is none', '{"keys":[1]}', 'key 1 of keys.json is not a JSON object'],
    ['a malformed key', '{"keys":[{"kty":"EC","crv":"P-256","x":"AA"}]}', 'key 1 of keys.json is not a well-formed'],
    ['an encryption key', JSON.stringify({ keys: [{ ...jwk(rsa.publicKey), use: 'enc' }] }), 'is for encryption'],
    ['a wrong algorithm', JSON.stringify({ ...jwk(rsa.publicKey), alg: 'ES256' }), 'ES256 does not fit'],
    ['a PEM file', spki(ec.publicKey), 'register it with --public-key'],
  ])('refuses %s', async (_, text, message) => {
    await expect(parsePublicJwks(text, 'keys.json')).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(message),
    });
  });
});

describe('private material', () => {
  const pkcs8 = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
  const cases: [string, string][] = [
    ['a PKCS#8 PEM', pkcs8(ec.privateKey)],
    ['a SEC1 PEM', ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString()],
    ['a PKCS#1 PEM', rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()],
    ['an encrypted PEM', ec.privateKey.export(encrypted).toString()],
    ['a certificate with its key', `${CERTIFICATE}\n${pkcs8(ec.privateKey)}`],
    ['a private JWK', JSON.stringify(jwk(ec.privateKey))],
    ['a private key after a broken one', JSON.stringify({ keys: [1, jwk(rsa.privateKey)] })],
    ['an RSA key with one factor left in', JSON.stringify({ ...jwk(rsa.publicKey), p: jwk(rsa.privateKey).p })],
    ['an ML-DSA seed', JSON.stringify(jwk(generateKeyPairSync('ml-dsa-44').privateKey))],
    ['a symmetric key', JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] })],
  ];
  const options = ['--jwks', '--public-key'];

  it.each(cases.flatMap(([name, text]) => options.map((option) => [name, option, text] as const)))(
    'in %s given to %s is refused before anything is sent, with the advice to replace it',
    async (name, option, text) => {
      await using server: AdminServer = await startAdminServer();
      const argv = ['partner', 'add', 'billing', option, '-', '--endpoint', server.url];
      const outcome = await countersign(argv, { stdin: text });
      expect(outcome, name).toMatchObject({ exitCode: 2, stdout: '' });
      expect(oneLine(outcome.stderr)).toBe(true);
      expect(outcome.stderr).toContain('standard input holds private key material; nothing was sent.');
      expect(outcome.stderr).toContain('treat this one as exposed');
      expect(server.requests).toEqual([]);
    },
  );

  it('never shows up in a message, whatever stands around it', async () => {
    const secret = String(jwk(ec.privateKey).d);
    const around = fc.tuple(fc.string(), fc.string()).map(([before, after]) => `${before}{"d":"${secret}"${after}`);
    await fc.assert(
      fc.asyncProperty(around, async (text) => {
        const messages = await Promise.all([
          parsePublicJwks(text, 'f').catch((error: Error) => error.message),
          parsePublicPem(text, 'f', {}).catch((error: Error) => error.message),
        ]);
        expect(messages.join(' ')).not.toContain(secret);
      }),
    );
  });
});
