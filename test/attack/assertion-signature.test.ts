/**
 * Attacks on the signature of a client assertion: RFC 8725 2 and 3, and what the usual JWT attack tools try. Each is refused
 * with the one answer that tells nothing, and for its own reason.
 */

import { createHmac, createPublicKey, sign } from 'node:crypto';
import { base64url, exportPKCS8 } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notAuthenticated, tokenOutcome } from '../support/decisions.ts';
import { compactOf, goodClaims, goodHeader, partOf, signedBy, withPart } from '../support/forgery.ts';
import {
  assertionOf,
  makePartner,
  mustCreate,
  populate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
} from '../support/service.ts';

let service: Service;
let client: TestPartner;
/** A partner whose key is RSA. */
let rsa: TestPartner;
/** Somebody who is not registered, and signs with what it has. */
let mallory: TestPartner;

beforeAll(async () => {
  service = await startService();
  const world = await populate(service);
  client = world.client;
  [rsa, mallory] = await Promise.all([makePartner('payroll', 'RS256'), makePartner('mallory')]);
  await mustCreate(service, '/partners', { id: rsa.id, jwks: { keys: [rsa.publicJwk] } });
  await mustCreate(service, '/grants', { client: rsa.id, audience: world.audience, scopes: ['read'] });
});
afterAll(() => service[Symbol.asyncDispose]());

const send = (assertion: string) => tokenOutcome(service, tokenForm(assertion));
const claims = (changes: object = {}) => goodClaims(client, service.issuer, changes);
const header = (changes: object = {}) => goodHeader(client, changes);
const bytes = (length: number, fill: number) => () => Buffer.alloc(length, fill);

describe('the algorithm that an assertion names', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', 'es256', 'ES256K', 'HS256', 'RS256', 'EdDSA', ''])(
    'is not obeyed when it is "%s" and the key is for ES256',
    async (alg) => {
      const assertion = await compactOf(header({ alg }), claims(), signedBy(client));
      expect(await send(assertion)).toEqual(notAuthenticated('assertion_algorithm'));
    },
  );

  it.each(['none', 'ES256'])('does not make a signature optional (%s)', async (alg) => {
    const unsigned = await compactOf(header({ alg }), claims(), () => new Uint8Array());
    expect(await send(unsigned)).toEqual(notAuthenticated('assertion_malformed'));
    expect(await send(unsigned.slice(0, -1))).toEqual(notAuthenticated('assertion_malformed'));
  });

  it.each([
    ['a number', 256],
    ['a list', ['ES256']],
    ['null', null],
  ])('has to be text, not %s', async (_case, alg) => {
    const assertion = await compactOf(header({ alg }), claims(), signedBy(client));
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_malformed'));
  });

  it('does not turn the public key into an HMAC secret, in whatever form the key is taken', async () => {
    const key = createPublicKey({ key: { ...rsa.publicJwk }, format: 'jwk' });
    const forms = [
      key.export({ type: 'spki', format: 'pem' }),
      key.export({ type: 'spki', format: 'pem' }).toString().trimEnd(),
      key.export({ type: 'spki', format: 'der' }),
      key.export({ type: 'pkcs1', format: 'pem' }),
      key.export({ type: 'pkcs1', format: 'der' }),
      JSON.stringify(rsa.publicJwk),
      rsa.publicJwk.n ?? '',
      Buffer.from(rsa.publicJwk.n ?? '', 'base64url'),
      '',
    ];
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      const hash = alg.replace('HS', 'sha');
      for (const secret of forms) {
        const assertion = await compactOf(goodHeader(rsa, { alg }), goodClaims(rsa, service.issuer), (input) =>
          createHmac(hash, secret).update(input).digest(),
        );
        expect(await send(assertion)).toEqual(notAuthenticated('assertion_algorithm'));
      }
    }
  });

  it('is not swapped for another one of the same key kind', async () => {
    const assertion = await assertionOf(rsa, service.issuer);
    const asPss = withPart(assertion, 0, base64url.encode(JSON.stringify(goodHeader(rsa, { alg: 'PS256' }))));
    expect(await send(asPss)).toEqual(notAuthenticated('assertion_algorithm'));
  });
});

describe('a key that an assertion brings along', () => {
  it.each([
    ['jwk', async () => ({ jwk: mallory.publicJwk })],
    ['jwk with the registered kid', async () => ({ jwk: { ...mallory.publicJwk, kid: 'crm-key' } })],
    ['jku', async () => ({ jku: `${service.issuer}/jwks` })],
    ['jku to the loopback', async () => ({ jku: 'http://127.0.0.1:9/jwks' })],
    ['x5u', async () => ({ x5u: 'http://127.0.0.1:9/cert.pem' })],
    ['x5c', async () => ({ x5c: ['MIIB'] })],
    ['x5t', async () => ({ x5t: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA' })],
  ])('%s is not used', async (_case, extra) => {
    const assertion = await compactOf(header(await extra()), claims(), signedBy(mallory));
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_signature'));
  });

  it('is no obstacle where the signature is by the registered key', async () => {
    const assertion = await assertionOf(client, service.issuer, { header: { jwk: mallory.publicJwk } });
    expect(await send(assertion)).toMatchObject({ status: 200, reason: 'granted' });
  });
});

describe('the kid of an assertion', () => {
  it.each([
    '../../../../dev/null',
    '/dev/null',
    'crm-key\0',
    "crm-key' OR '1'='1",
    "' UNION SELECT 'AA' --",
    '| sleep 10',
    'CRM-KEY',
    'crm-key ',
    'ｃｒｍ-key',
    '__proto__',
    'constructor',
    'billing-key',
    'k'.repeat(200),
  ])('names a key of this client or none: %j', async (kid) => {
    const assertion = await compactOf(header({ kid }), claims(), signedBy(client));
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_key_unknown'));
  });

  it.each([[42], [{}], [['crm-key']], [null], [true]])('is text, not %j', async (kid) => {
    const assertion = await compactOf(header({ kid }), claims(), signedBy(client));
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_malformed'));
  });

  it('of another partner does not let that partner speak for this one', async () => {
    const assertion = await compactOf(goodHeader(rsa), claims(), signedBy(rsa));
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_key_unknown'));
  });
});

/** Order of P-256 (SEC 2, 2.4.2). */
const N = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
const ONE = Buffer.concat([Buffer.alloc(31), Buffer.from([1])]);
const ZERO = Buffer.alloc(32);

describe('an ECDSA signature', () => {
  it.each([
    ['r = s = 0', Buffer.concat([ZERO, ZERO])],
    ['r = 0, s = 1', Buffer.concat([ZERO, ONE])],
    ['r = 1, s = 0', Buffer.concat([ONE, ZERO])],
    ['r = s = n', Buffer.concat([N, N])],
    ['r = 1, s = n', Buffer.concat([ONE, N])],
    ['r = n, s = 1', Buffer.concat([N, ONE])],
    ['r = s = 1', Buffer.concat([ONE, ONE])],
    ['r = s = 2^256 - 1', Buffer.alloc(64, 0xff)],
  ])('is not psychic: %s', async (_case, signature) => {
    const assertion = await compactOf(header(), claims(), () => signature);
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_signature'));
  });

  it.each([
    ['empty but for one byte', bytes(1, 0)],
    ['one byte short', bytes(63, 7)],
    ['one byte long', bytes(65, 7)],
    ['of 5,000 bytes', bytes(5_000, 7)],
  ])('of the wrong length is none: %s', async (_case, make) => {
    const assertion = await compactOf(header(), claims(), make);
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_signature'));
  });

  it('in DER, as OpenSSL writes it, is none', async () => {
    const key = await exportPKCS8(client.privateKey);
    const assertion = await compactOf(header(), claims(), (input) => sign('sha256', Buffer.from(input), key));
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_signature'));
  });

  it('turned into its twin (r, n - s) verifies, and the assertion is still refused as a replay', async () => {
    const assertion = await assertionOf(client, service.issuer);
    expect(await send(assertion)).toMatchObject({ reason: 'granted' });
    expect(await send(withPart(assertion, 2, twinOf(partOf(assertion, 2))))).toEqual(
      notAuthenticated('assertion_replayed'),
    );
  });

  it('turned into its twin makes no second token when both are sent at once', async () => {
    const assertion = await assertionOf(client, service.issuer);
    const twin = withPart(assertion, 2, twinOf(partOf(assertion, 2)));
    const outcomes = await Promise.all([assertion, twin, assertion, twin].map(send));
    expect(outcomes.map(({ reason }) => reason).sort()).toEqual([
      'assertion_replayed',
      'assertion_replayed',
      'assertion_replayed',
      'granted',
    ]);
  });
});

const twinOf = (signature: string): string => {
  const raw = Buffer.from(signature, 'base64url');
  const s = BigInt(`0x${raw.subarray(32).toString('hex')}`);
  const negated = (BigInt(`0x${N.toString('hex')}`) - s).toString(16).padStart(64, '0');
  return Buffer.concat([raw.subarray(0, 32), Buffer.from(negated, 'hex')]).toString('base64url');
};

describe('a signature', () => {
  it('by a key that nobody registered is refused', async () => {
    const assertion = await compactOf(header(), claims(), signedBy(mallory));
    expect(await send(assertion)).toEqual(notAuthenticated('assertion_signature'));
  });

  it('of another assertion is refused', async () => {
    const [one, other] = await Promise.all([assertionOf(client, service.issuer), assertionOf(client, service.issuer)]);
    expect(await send(withPart(one, 2, partOf(other, 2)))).toEqual(notAuthenticated('assertion_signature'));
  });

  it('does not cover a payload that was changed', async () => {
    const assertion = await assertionOf(client, service.issuer);
    const payload = base64url.encode(JSON.stringify(claims({ exp: claims().exp + 100 })));
    expect(await send(withPart(assertion, 1, payload))).toEqual(notAuthenticated('assertion_signature'));
  });

  it('in a second spelling of the same bytes is none', async () => {
    const assertion = await assertionOf(client, service.issuer);
    const last = assertion.at(-1) ?? '';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    // 64 bytes are 85 characters and a third: the last character has four bits that mean nothing.
    const respelled = assertion.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1];
    expect(Buffer.from(partOf(respelled, 2), 'base64url')).toEqual(Buffer.from(partOf(assertion, 2), 'base64url'));
    expect(await send(respelled)).toEqual(notAuthenticated('assertion_malformed'));
    expect(await send(assertion)).toMatchObject({ reason: 'granted' });
  });

  it('of RSA is refused when it is zero, one, or the modulus', async () => {
    const modulus = Buffer.from(rsa.publicJwk.n ?? '', 'base64url');
    const one = Buffer.concat([Buffer.alloc(255), Buffer.from([1])]);
    for (const signature of [Buffer.alloc(256), one, modulus, Buffer.alloc(0x400, 1)]) {
      const assertion = await compactOf(goodHeader(rsa), goodClaims(rsa, service.issuer), () => signature);
      expect(await send(assertion)).toEqual(notAuthenticated('assertion_signature'));
    }
  });
});

describe('a client that does not exist', () => {
  it.each(['nobody', 'CRM', 'crm\0', 'crm ', 'crm/', 'partner#default#crm', 'ｃｒｍ', 'crm\u200b', 'cr\u006d\u0301'])(
    'is answered like a known one: %j',
    async (id) => {
      const assertion = await compactOf(header(), claims({ iss: id, sub: id }), signedBy(client));
      expect(await send(assertion)).toEqual(notAuthenticated('client_unknown'));
    },
  );
});
