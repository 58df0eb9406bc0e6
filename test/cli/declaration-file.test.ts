import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Declaration } from '../../cli/declaration.ts';
import { readDeclaration, writeYaml } from '../../cli/declaration-file.ts';
import { definePartner } from '../../cli/declared-partner.ts';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const privateJwk = pair.privateKey.export({ format: 'jwk' });
const privatePem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const quiet = { write: () => undefined };
const io = (text: string) => ({
  env: {},
  stdin: (async function* () {
    yield text;
  })(),
  stdout: quiet,
  stderr: quiet,
});
const read = (text: string): Promise<Declaration> => readDeclaration(io(text), '-');
const partner = (...lines: readonly string[]): string =>
  ['partners:', '  - id: crm', ...lines.map((line) => `    ${line}`)].join('\n');

describe('a declarative file', () => {
  it('may be YAML or JSON', async () => {
    const expected = { realm: 'default', partners: [{ id: 'crm', tags: { env: '1' } }] };
    expect(await read('realm: default\npartners:\n  - id: crm\n    tags: { env: "1" }\n')).toEqual(expected);
    expect(await read(JSON.stringify(expected, null, '\t'))).toEqual(expected);
  });

  it.each([
    ['a misspelt member', partner('name: CRM', 'naem: CRM'), ':4: partners[0] has no member "naem"'],
    [
      'a misspelt member deep inside',
      partner('quota:', '  mode: observe', '  perHour: 1'),
      ':5: partners[0].quota has no',
    ],
    ['a missing member', partner('quota:', '  perDay: 1'), ':3: partners[0].quota.mode '],
    ['a missing id', 'partners:\n  - name: CRM', ':2: partners[0].id is missing'],
    [
      'a number where text must be',
      partner('tags:', '  team: a', '  version: 1.10'),
      ':5: partners[0].tags.version must be text',
    ],
    ['an id that is none', 'partners:\n  - id: a b', ':2: partners[0].id must be letters, digits and'],
    ['a word that is none', partner('trustLevel: much'), ':3: partners[0].trustLevel Invalid option'],
    ['an address without TLS', partner('jwksUri: http://a'), ':3: partners[0].jwksUri must be an https URL'],
    [
      'a time that is none',
      partner('credentials:', '  - jwk: {}', '    expiresAt: tomorrow'),
      ':5: partners[0].credentials[0].expiresAt must be an RFC 3339 time',
    ],
    [
      'two kinds of keys',
      partner('jwksFile: a', 'credentials: []'),
      ':2: partners[0] must have at most one of credentials',
    ],
    [
      'two documents',
      partner('jwksUri: https://a', 'metadataFile: b'),
      ':2: partners[0] must have at most one of metadata,',
    ],
    [
      'a credential of nothing',
      partner('credentials:', '  - label: a'),
      ':4: partners[0].credentials[0] must have exactly one',
    ],
    ['a member twice', partner('name: a', 'name: b'), ':4: Map keys must be unique'],
    ['broken YAML', 'partners: [', ':1: '],
    ['two documents in one', 'partners: []\n---\npartners: []', ':2: Source contains multiple documents'],
    ['no mapping', '- a', ':1: the file '],
    ['a mapping of something else', 'a: 1', ':1: '],
    ['nothing', '', ':1: the file '],
  ])('is refused with the line of %s', async (_, text, message) => {
    await expect(read(text)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(`standard input${message}`),
    });
  });

  it('is refused when its aliases grow without end', async () => {
    const lines = ['a: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 9; level++) {
      lines.push(`b${level}: &a${level} [${Array.from({ length: 9 }, () => `*a${level - 1}`).join(', ')}]`);
    }
    await expect(read(lines.join('\n'))).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('alias'),
    });
  });

  it.each([
    ['a private JWK', partner(`credentials: [{ jwk: ${JSON.stringify(privateJwk)} }]`)],
    ['a private key in a JWKS', partner(`jwks: { keys: [${JSON.stringify(privateJwk)}] }`)],
    ['a private key in a pasted document', partner(`metadata: { a: { b: [${JSON.stringify(privateJwk)}] } }`)],
    ['a symmetric key', partner('jwks: { keys: [{ kty: oct, k: c2VjcmV0 }] }')],
    [
      'a PEM key',
      partner('credentials:', '  - certificate: |', ...privatePem.split('\n').map((line) => `      ${line}`)),
    ],
    ['a PEM key in one line', partner(`credentials: [{ certificate: ${JSON.stringify(privatePem)} }]`)],
    ['a private key where nothing is right', `nonsense: ${JSON.stringify(privateJwk)}`],
  ])('is refused with the advice to replace the key when it holds %s', async (_, text) => {
    const failure = await read(text).catch((error: Error) => error);
    expect(failure).toMatchObject({ exitCode: 2, message: expect.stringContaining('treat this one as exposed') });
    expect(String(failure)).not.toContain(String(privateJwk.d));
  });

  it('is read as it was written', async () => {
    const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => value.isWellFormed());
    const name = fc.stringMatching(/^[a-z][a-z0-9:. -]{0,8}$/);
    const content = fc.record({
      id: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._~-]{0,10}$/),
      name: text,
      tags: fc.dictionary(name, text, { noNullPrototype: true }),
      claims: fc.dictionary(name, fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.array(text)), {
        noNullPrototype: true,
      }),
    });
    await fc.assert(
      fc.asyncProperty(content, async (one) => {
        const declared = { realm: 'default', partners: [one] };
        const yaml = writeYaml(declared, 'made by a test');
        expect(await read(yaml)).toEqual(declared);
        expect(yaml).not.toMatch(/[[\p{Cc}\u202a-\u202e\u2066-\u2069]--\n]/v);
      }),
      // A text of several lines with a tab would be written as a block, which escapes nothing.
      { examples: [[{ id: 'a', name: '\n\t!', tags: { a: '\n\t!' }, claims: {} }]] },
    );
  });

  it('may write keys in a shorter form, which becomes credentials', async () => {
    const publicJwk = pair.publicKey.export({ format: 'jwk' });
    const { partners } = await read(partner(`jwks: { keys: [${JSON.stringify(publicJwk)}] }`));
    const [declared] = partners;
    const defined = declared && (await definePartner(io(''), declared, '.'));
    expect(defined).toEqual({
      credentials: [{ jwk: { ...publicJwk, alg: 'ES256', use: 'sig', kid: expect.any(String) } }],
    });
  });
});
