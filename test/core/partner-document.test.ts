import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseDocumentText, readPartnerDocument } from '../../functions/core/partner-document.ts';
import { keyPair, NOW } from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';

const read = (value: unknown) => readPartnerDocument(value, NOW);
/** What is wrong, as `code pointer`; of a good document what it warns of. */
const problemsOf = async (value: unknown): Promise<readonly string[]> => {
  const result = await read(value);
  return result.ok
    ? ['accepted', ...result.value.warnings]
    : result.refusal.map((each) => `${each.code} ${each.pointer}`);
};
const rs = { ...(await keyPair('RS256')).publicJwk, kid: 'rs', use: 'sig', alg: 'RS256' };
const es = { ...(await keyPair('ES256')).publicJwk, kid: 'es' };
const ed = { ...(await keyPair('EdDSA')).publicJwk, kid: 'ed', alg: 'Ed25519' };
const weak = {
  ...generateKeyPairSync('rsa', { modulusLength: 1_024 }).publicKey.export({ format: 'jwk' }),
  kid: 'weak',
};

const certificate = await issue({ name: 'idp' });
const other = await issue({ name: 'other' });

describe('a key set', () => {
  it('gives its keys in its order, and nothing of its other members', async () => {
    const [first, second, third] = await Promise.all([keyPair('RS256'), keyPair('ES256'), keyPair('EdDSA')]);
    const key = (kid: string, { algorithm, publicJwk, thumbprint }: typeof first) => ({
      kid,
      algorithm,
      jwk: publicJwk,
      thumbprint,
      addedAt: NOW,
    });
    expect(await read({ keys: [rs, es, ed], issuer: 'https://not.asked', more: [1] })).toEqual({
      ok: true,
      value: { format: 'jwks', keys: [key('rs', first), key('es', second), key('ed', third)], warnings: [] },
    });
  });

  it('is read without the keys that are of no use to us, and says so (RFC 7517 5)', async () => {
    const useless = [
      { ...es, kid: 'enc', use: 'enc' },
      { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA' },
      { kty: 'future' },
      { ...rs, kid: 'oaep', alg: 'RSA-OAEP' },
      weak,
      { ...es, x: 'A' },
      'text',
      null,
      [es],
    ];
    const result = await read({ keys: [...useless, es] });
    expect(result.ok && result.value.keys.map(({ kid }) => kid)).toEqual(['es']);
    expect(result.ok && result.value.warnings).toEqual([
      '/keys/0 is left out: use must be "sig"',
      expect.stringMatching(/^\/keys\/1 is left out: kty, crv and alg/),
      expect.stringMatching(/^\/keys\/2 is left out: kty, crv and alg/),
      expect.stringMatching(/^\/keys\/3 is left out: kty, crv and alg/),
      '/keys/4 is left out: an RSA key has 2048 to 8192 bits',
      expect.stringMatching(/^\/keys\/5 is left out: a member of the key/),
      '/keys/6 is left out: not a JWK',
      '/keys/7 is left out: not a JWK',
      '/keys/8 is left out: not a JWK',
    ]);
  });

  it('is a SPIFFE bundle too, of which the keys for JWT-SVIDs count', async () => {
    const { alg: _alg, ...svid } = rs;
    const bundle = {
      spiffe_sequence: 12,
      spiffe_refresh_hint: 300,
      keys: [
        { ...ed, kid: undefined, use: 'x509-svid' },
        { ...svid, kid: 'jwt', use: 'jwt-svid' },
        { ...es, use: 'wit-svid' },
      ],
    };
    const result = await read(bundle);
    const { thumbprint, publicJwk: jwk } = await keyPair('RS256');
    expect(result).toMatchObject({
      ok: true,
      value: { format: 'jwks', keys: [{ kid: 'jwt', algorithm: 'RS256', thumbprint, jwk, addedAt: NOW }] },
    });
    expect(await problemsOf(bundle)).toEqual([
      'accepted',
      '/keys/0 is left out: use must be "sig"',
      '/keys/2 is left out: use must be "sig"',
    ]);
    expect(await problemsOf({ keys: [{ ...svid, use: 'jwt-svid', d: 'AA' }] })).toEqual(['key_exposed ']);
  });

  it('gives the first of two keys with one kid, and of one key with two', async () => {
    expect(await problemsOf({ keys: [es, { ...rs, kid: 'es' }, { ...es, kid: 'again' }, ed] })).toEqual([
      'accepted',
      '/keys/1 is left out: an earlier key has its kid "es"',
      '/keys/2 is left out: the same key stands there before, under another name',
    ]);
  });

  it('is read up to its twentieth key', async () => {
    const many = Array.from({ length: 20 }, () => ({ kty: 'future' }));
    expect(await problemsOf({ keys: [...many, es] })).toEqual(many.map((_, index) => `key_unsupported /keys/${index}`));
    const warnings = await problemsOf({ keys: [es, ...many] });
    expect(warnings.at(-1)).toBe('only the first 20 of 21 keys are looked at');
  });

  it.each<[string, object]>([
    ['a private key', { ...es, d: 'AAAA' }],
    ['a secret', { kty: 'oct', k: 'c2VjcmV0' }],
    ['a private key of an unknown kind', { kty: 'future', d: 1 }],
  ])('is refused whole for %s, wherever it stands, with the advice to give it up', async (_, secret) => {
    const last = [...Array.from({ length: 30 }, () => es), secret];
    for (const document of [{ keys: [secret] }, { keys: last }, secret]) {
      const result = await read(document);
      expect(result).toMatchObject({ ok: false, refusal: [{ pointer: '', code: 'key_exposed' }] });
      expect(!result.ok && result.refusal[0]?.detail).toMatch(/treat this key as exposed/);
    }
  });

  it.each<[string, unknown, readonly string[]]>([
    ['no keys', [], ['document_no_keys /keys']],
    ['no usable keys', [weak, { kty: 'future' }], ['key_weak /keys/0', 'key_unsupported /keys/1']],
  ])('with %s is refused, so that it changes nothing', async (_, keys, problems) => {
    expect(await problemsOf({ keys })).toEqual(problems);
  });

  it('repeats little of what stands in it', async () => {
    const kid = `${'x'.repeat(40)}\u202e\n${'y'.repeat(60)}`;
    const [, warning = ''] = await problemsOf({
      keys: [
        { ...es, kid },
        { ...rs, kid },
      ],
    });
    expect(warning).toBe(`/keys/1 is left out: an earlier key has its kid "${'x'.repeat(40)} ${'y'.repeat(23)}"`);
  });
});

describe('a certificate in a JWK', () => {
  const x509 = new X509Certificate(certificate.pem);
  const jwk = { ...x509.publicKey.export({ format: 'jwk' }), kid: 'c', x5c: [certificate.base64] };
  const x5t = Buffer.from(x509.fingerprint.replaceAll(':', ''), 'hex').toString('base64url');
  const x5tS256 = Buffer.from(x509.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
  const contradicts = ['key_malformed /keys/0'];

  it('names the key by its thumbprints too', async () => {
    for (const more of [{}, { x5t }, { x5t, 'x5t#S256': x5tS256 }]) {
      expect(await read({ keys: [{ ...jwk, ...more }] })).toMatchObject({
        ok: true,
        value: { keys: [{ x5t, x5tS256 }] },
      });
    }
  });

  it.each<[string, object]>([
    ['is of another key', { x5c: [other.base64] }],
    ['is none', { x5c: ['AAAA'] }],
    ['is PEM', { x5c: [Buffer.from(certificate.pem).toString('base64')] }],
    ['is not in a list', { x5c: certificate.base64 }],
    ['is in an empty list', { x5c: [] }],
    ['has another thumbprint', { x5t: x5tS256 }],
    ['has another SHA-256 thumbprint', { 'x5t#S256': x5t }],
  ])('takes the key away when it %s', async (_, changes) => {
    expect(await problemsOf({ keys: [{ ...jwk, ...changes }] })).toEqual(contradicts);
  });

  it('is not believed to exist because there is a thumbprint', async () => {
    const result = await read({ keys: [{ ...es, x5t }] });
    expect(result.ok && result.value.keys[0]).not.toHaveProperty('x5t');
  });
});

describe('metadata of an authorization server', () => {
  const good = {
    issuer: 'https://idp.example/tenant',
    jwks_uri: 'https://keys.example:8443/jwks?v=2',
    scopes_supported: [],
  };

  it('is its issuer and where its keys are, letter by letter', async () => {
    expect(await read(good)).toEqual({
      ok: true,
      value: { format: 'oauth', issuer: good.issuer, jwksUri: good.jwks_uri, keys: [], warnings: [] },
    });
  });

  it.each<[string, object, readonly string[]]>([
    ['no issuer', { issuer: undefined }, ['/issuer']],
    ['an issuer that is none', { issuer: { toString: 1 } }, ['/issuer']],
    ['an issuer with a query', { issuer: 'https://idp.example/?a' }, ['/issuer']],
    ['an issuer with an empty query', { issuer: 'https://idp.example/?' }, ['/issuer']],
    ['an issuer with a fragment', { issuer: 'https://idp.example/#' }, ['/issuer']],
    ['an issuer without TLS', { issuer: 'http://idp.example' }, ['/issuer']],
    ['an issuer with a password', { issuer: 'https://a:b@idp.example' }, ['/issuer']],
    ['an issuer with a blank', { issuer: ' https://idp.example' }, ['/issuer']],
    ['an issuer with a line end', { issuer: 'https://idp.exa\nmple' }, ['/issuer']],
    ['an issuer with a backslash', { issuer: 'https://idp.example\\@evil.example' }, ['/issuer']],
    ['an issuer without host', { issuer: 'https://' }, ['/issuer']],
    ['a long issuer', { issuer: `https://idp.example/${'x'.repeat(500)}` }, ['/issuer']],
    ['keys without TLS', { jwks_uri: 'http://idp.example/jwks' }, ['/jwks_uri']],
    ['keys in a file', { jwks_uri: 'file:///etc/passwd' }, ['/jwks_uri']],
    ['keys behind a fragment', { jwks_uri: 'https://idp.example/jwks#a' }, ['/jwks_uri']],
    ['keys behind a password', { jwks_uri: 'https://a@idp.example/jwks' }, ['/jwks_uri']],
    ['nothing right', { issuer: 1, jwks_uri: 1 }, ['/issuer', '/jwks_uri']],
    ['keys here and there', { keys: [es] }, ['']],
    ['keys nowhere', { jwks_uri: undefined }, ['']],
  ])('is refused with %s', async (_, changes, pointers) => {
    expect(await problemsOf({ ...good, ...changes })).toEqual(pointers.map((each) => `document_malformed ${each}`));
  });
});

describe('what is no document', () => {
  it.each([undefined, null, 1, 'text', [], [es], {}, { keys: {} }, { keys: 'x' }, { issuer: 'https://idp.example' }])(
    'is refused: %j',
    async (value) => {
      expect(await problemsOf(value)).toEqual(['document_malformed ']);
    },
  );
});

describe('the text of a document', () => {
  it.each<[string, unknown]>([
    ['{"a":[1,{"b":null}],"b":{"a":"}\\"{:"}}', { a: [1, { b: null }], b: { a: '}"{:' } }],
    ['\ufeff{}', {}],
    [' [ ] ', []],
    ['null', null],
    ['"a:b"', 'a:b'],
    ['[{"a":1},{"a":1}]', [{ a: 1 }, { a: 1 }]],
    ['{"a":{"a":{"a":1}}}', { a: { a: { a: 1 } } }],
    ['{"a":"a","b":"a"}', { a: 'a', b: 'a' }],
  ])('is parsed: %s', (text, value) => {
    expect(parseDocumentText(text)).toEqual(value);
  });

  it.each([
    '',
    'x',
    '{',
    "{'a':1}",
    '{"a":1,}',
    '{"a":1} x',
    '\ufeff\ufeff{}',
    '{"a":1,"a":1}',
    '{"keys":[],"keys":[1]}',
    '{"a":1,"\\u0061":2}',
    '{"a":{"b":1,"c":[{"d":1,"d":2}]}}',
    '{"a":"x\\"","b":[],"a":{}}',
    '{"__proto__":1,"__proto__":2}',
    '{"":1,"":2}',
  ])('is refused: %s', (text) => {
    expect(parseDocumentText(text)).toBeUndefined();
  });

  it('has at most 65536 octets, in whatever alphabet', () => {
    const textOf = (letter: string, count: number) => JSON.stringify(letter.repeat(count));
    expect(parseDocumentText(textOf('x', 65_534))).toHaveLength(65_534);
    expect(parseDocumentText(textOf('x', 65_535))).toBeUndefined();
    expect(parseDocumentText(textOf('ж', 32_767))).toHaveLength(32_767);
    expect(parseDocumentText(textOf('ж', 32_768))).toBeUndefined();
  });

  it('may be as deep as it is long', () => {
    expect(parseDocumentText('['.repeat(32_768) + ']'.repeat(32_768))).toBeInstanceOf(Array);
    expect(parseDocumentText(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`)).toBeInstanceOf(Object);
    expect(parseDocumentText('['.repeat(65_536))).toBeUndefined();
  });
});
