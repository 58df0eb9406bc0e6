import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseDocumentText, readPartnerDocument } from '../../functions/core/partner-document.ts';
import manifest from '../fixtures/microsoft-s2s/manifest.json' with { type: 'json' };
import { issue } from '../support/certificate-authority.ts';

const NOW = manifest.clock;
const textOf = (file: string): string =>
  readFileSync(new URL(`../fixtures/microsoft-s2s/${file}`, import.meta.url), 'utf8');
const documentOf = (file: string) => parseDocumentText(textOf(file)) as Readonly<Record<string, unknown>>;
const derOf = (name: string): string => new X509Certificate(textOf(`${name}-test-cert.pem`)).raw.toString('base64');
const read = (value: unknown, now = NOW) => readPartnerDocument(value, now);
/** The codes of what is wrong; of a good document the thumbprints of its keys. */
const outcomeOf = async (value: unknown, now = NOW): Promise<readonly (string | undefined)[]> => {
  const result = await read(value, now);
  return result.ok ? result.value.keys.map(({ x5t }) => x5t) : result.refusal.map(({ code }) => code);
};

const EXCHANGE = documentOf('metadata-exchange.json');
const { x5t } = manifest;
const BEGIN = Date.UTC(2026, 0, 1) / 1_000;
const END = Date.UTC(2046, 0, 1) / 1_000 + 1;
const signing = (value: unknown, more: object = {}) => ({
  usage: 'signing',
  keyvalue: { type: 'x509Certificate', value },
  ...more,
});
const withKeys = (...keys: readonly unknown[]) => ({ ...EXCHANGE, keys });

const rsa = (modulusLength: number) => ({
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: Uint8Array.of(1, 0, 1),
  modulusLength,
});
const weak = signing((await issue({ name: 'weak', algorithm: rsa(1_024), notBefore: 0 })).base64);
const elliptic = signing((await issue({ name: 'ec', notBefore: 0 })).base64);

describe('the documents of the products', () => {
  it.each(manifest.metadata.filter(({ expect }) => expect === 'accept'))('are read: $file, $why', async ({ file }) => {
    const document = documentOf(file);
    expect(await read(document)).toMatchObject({
      ok: true,
      value: { format: 'microsoft', issuer: document.issuer, warnings: [] },
    });
  });

  it.each(manifest.metadata.filter(({ expect }) => expect !== 'accept'))(
    'are refused: $file, $why',
    async ({ file, expect: code }) => {
      expect(await outcomeOf(documentOf(file))).toEqual([code]);
    },
  );

  it.each([
    ['metadata-exchange.json', [x5t.exchange]],
    ['metadata-exchange-rollover.json', [x5t.exchange, x5t['exchange-next']]],
    ['metadata-sharepoint.json', [x5t.sharepoint]],
    ['metadata-lync.json', [x5t.lync]],
    ['metadata-acs.json', [x5t.sts]],
  ])('give their keys, which are called by the thumbprints of their certificates: %s', async (file, thumbprints) => {
    const result = await read(documentOf(file));
    expect(result.ok && result.value.keys.map(({ kid, x5t }) => [kid, x5t])).toEqual(thumbprints.map((x) => [x, x]));
    expect(result.ok && result.value.keys[0]).toMatchObject({
      algorithm: 'RS256',
      jwk: { kty: 'RSA', e: 'AQAB' },
      notBefore: BEGIN,
      expiresAt: END,
      addedAt: NOW,
    });
  });

  it('give a next key as one that is not good yet', async () => {
    const early = Date.UTC(2026, 11, 1) / 1_000;
    const result = await read(documentOf('metadata-exchange-rollover.json'), early);
    expect(result.ok && result.value.keys[1]).toMatchObject({ notBefore: Date.UTC(2026, 11, 15) / 1_000 });
  });
});

describe('spellings', () => {
  const value = derOf('exchange');
  const info = { x5t: x5t.exchange };

  it.each<[string, unknown]>([
    ['as Exchange writes', { usage: 'signing', keyinfo: info, keyvalue: { type: 'x509Certificate', value } }],
    ['as SharePoint writes', { usage: 'Signing', keyValue: { type: 'x509certificate', value } }],
    ['as ACS writes', { usage: 'Signing', keyValue: { type: 'x509Certificate', value, keyInfo: info } }],
    ['in capitals', { usage: 'SIGNING', keyInfo: info, keyvalue: { type: 'X509CERTIFICATE', value } }],
  ])('of a key are taken: %s', async (_, key) => {
    expect(await outcomeOf(withKeys(key))).toEqual([x5t.exchange]);
  });

  it.each<[string, unknown, string]>([
    ['another name', { usage: 'signing', KeyValue: { type: 'x509Certificate', value } }, 'metadata_malformed'],
    ['both names', { ...signing(value), keyValue: { type: 'x509Certificate', value } }, 'metadata_malformed'],
    ['no value', { usage: 'signing' }, 'metadata_malformed'],
    ['a value that is text', { usage: 'signing', keyvalue: value }, 'metadata_malformed'],
    ['no object', value, 'metadata_malformed'],
    ['a JWK', { kty: 'RSA', n: 'AQAB', e: 'AQAB' }, 'metadata_malformed'],
    ['another usage', signing(value, { usage: 'encryption' }), 'metadata_unsupported_key'],
    ['no usage', signing(value, { usage: undefined }), 'metadata_unsupported_key'],
    ['another type', { usage: 'signing', keyvalue: { type: 'rsa', value } }, 'metadata_unsupported_key'],
    ['a thumbprint with padding', signing(value, { keyinfo: { x5t: `${x5t.exchange}=` } }), 'metadata_x5t_mismatch'],
    ['one thumbprint of two wrong', signing(value, { keyinfo: info, keyInfo: { x5t: 'x' } }), 'metadata_x5t_mismatch'],
    ['a thumbprint that is none', signing(value, { keyinfo: { x5t: 1 } }), 'metadata_x5t_mismatch'],
    ['information that is none', signing(value, { keyinfo: 'x' }), 'metadata_x5t_mismatch'],
  ])('of a key are refused: %s', async (_, key, code) => {
    expect(await outcomeOf(withKeys(key))).toEqual([code]);
  });
});

describe('a certificate', () => {
  const current = signing(derOf('exchange'));
  const expired = signing(derOf('exchange-expired'));
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });

  it.each<[string, unknown, string]>([
    ['PEM in base64', Buffer.from(textOf('exchange-test-cert.pem')).toString('base64'), 'metadata_not_der'],
    ['PEM', textOf('exchange-test-cert.pem'), 'metadata_not_der'],
    ['base64url', Buffer.from(derOf('exchange'), 'base64').toString('base64url'), 'metadata_not_der'],
    ['base64 in lines', derOf('exchange').replace(/.{64}/g, '$&\n'), 'metadata_not_der'],
    ['no text', 1, 'metadata_not_der'],
    ['empty', '', 'metadata_not_der'],
    ['other DER', 'MAA=', 'metadata_malformed'],
    [
      'two',
      Buffer.concat([0, 1].map(() => Buffer.from(derOf('exchange'), 'base64'))).toString('base64'),
      'metadata_malformed',
    ],
    ['a private key', privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'), 'key_exposed'],
    [
      'a private key in PEM',
      Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64'),
      'key_exposed',
    ],
  ])('refuses the document, good keys beside it or not, when it is %s', async (_, value, code) => {
    expect(await outcomeOf(withKeys(current, signing(value)))).toEqual([code]);
  });

  it.each<[string, unknown, string]>([
    ['weak', weak, 'metadata_weak_key'],
    ['not of RSA', elliptic, 'metadata_unsupported_key'],
    ['expired', expired, 'metadata_expired_cert'],
  ])(
    'is left out with a warning when it is %s, and refuses the document when it is the only one',
    async (_, key, code) => {
      const result = await read(withKeys(key, current));
      expect(result).toMatchObject({ ok: true, value: { keys: [{ kid: x5t.exchange }] } });
      expect(result.ok && result.value.warnings).toEqual([expect.stringMatching(/^\/keys\/0 is left out: /)]);
      expect(await outcomeOf(withKeys(key))).toEqual([code]);
    },
  );

  it('is good in the second in which it ends, and not in the next', async () => {
    const end = Date.UTC(2026, 11, 31) / 1_000;
    expect(await outcomeOf(withKeys(expired), end)).toEqual([x5t['exchange-expired']]);
    expect(await outcomeOf(withKeys(expired), end + 1)).toEqual(['metadata_expired_cert']);
  });

  it('that is renewed with the same key counts once', async () => {
    const first = await issue({ name: 'first', algorithm: rsa(2_048), notBefore: 0 });
    const spki = Uint8Array.from(new X509Certificate(first.pem).publicKey.export({ type: 'spki', format: 'der' }));
    const renewed = await issue({ name: 'renewed', spki, issuer: first, notBefore: 0 });
    const result = await read(withKeys(signing(first.base64), signing(renewed.base64)));
    expect(result.ok && [result.value.keys.length, result.value.warnings.length]).toEqual([1, 1]);
  });
});

describe('who the document speaks for', () => {
  const ID = '00000002-0000-0ff1-ce00-000000000000';

  it.each<[string, object, readonly string[]]>([
    ['an application id alone', { issuer: ID }, ['metadata_issuer']],
    ['no GUID', { issuer: 'exchange@contoso.example' }, ['metadata_issuer']],
    ['two realms', { issuer: `${ID}@contoso.example@evil.example` }, ['metadata_issuer']],
    ['no realm', { issuer: `${ID}@` }, ['metadata_issuer']],
    ['a realm with a blank', { issuer: `${ID}@contoso .example` }, ['metadata_issuer']],
    ['a line end', { issuer: `${ID}@contoso.example\n` }, ['metadata_issuer']],
    ['no text', { issuer: [`${ID}@contoso.example`] }, ['metadata_issuer']],
    ['nothing', { issuer: undefined }, ['metadata_issuer']],
    ['another realm', { realm: 'evil.example' }, ['metadata_issuer']],
    ['the realm in other letters', { realm: 'Contoso.example' }, ['metadata_issuer']],
    ['another application', { serviceName: '00000003-0000-0ff1-ce00-000000000000' }, ['metadata_issuer']],
    ['neither', { realm: null, serviceName: 1 }, ['metadata_issuer', 'metadata_issuer']],
    ['every realm', { issuer: `${ID}@*` }, ['metadata_wildcard_issuer']],
    ['every realm in one member', { realm: '*' }, ['metadata_wildcard_issuer']],
    ['every realm below one', { issuer: `${ID}@*.example`, realm: undefined }, ['metadata_wildcard_issuer']],
  ])('is refused: %s', async (_, changes, codes) => {
    expect(await outcomeOf({ ...EXCHANGE, ...changes })).toEqual(codes);
  });

  it('is taken letter by letter', async () => {
    const issuer = `${ID.toUpperCase()}@Contoso.example`;
    const document = { ...EXCHANGE, issuer, realm: 'Contoso.example', serviceName: ID.toUpperCase() };
    expect(await read(document)).toMatchObject({ ok: true, value: { issuer } });
  });

  it.each<[string, object, readonly string[]]>([
    [
      'two endpoints for tokens',
      { endpoints: [1, 2].map(() => ({ protocol: 'OAuth2' })) },
      ['metadata_several_oauth2_endpoints'],
    ],
    ['endpoints that are none', { endpoints: 'x' }, ['metadata_malformed']],
    ['an endpoint that is none', { endpoints: [null] }, ['metadata_malformed']],
    ['another version', { version: '2.0' }, ['metadata_malformed']],
    ['a version that is none', { version: 1 }, ['metadata_malformed']],
    ['no keys', { keys: [] }, ['metadata_no_keys']],
  ])('does not matter with %s', async (_, changes, codes) => {
    expect(await outcomeOf({ ...EXCHANGE, ...changes })).toEqual(codes);
  });
});
