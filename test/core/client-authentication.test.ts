/** One proof per request, and what each has to look like (RFC 6749 2.3, RFC 7521 4.2, RFC 8705 2). */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JWT_BEARER_ASSERTION, parseClientAuthentication } from '../../functions/core/client-authentication.ts';
import { refuse } from '../../functions/core/errors.ts';
import { parseForm } from '../../functions/core/request-form.ts';

interface Said {
  readonly form?: Readonly<Record<string, string>>;
  readonly authorization?: string;
  readonly clientCertificate?: string;
}

const parse = ({ form = {}, ...connection }: Said, grantProves = false) => {
  const parsed = parseForm({ parameters: Object.entries(form), queryParameters: [] });
  if (!parsed.ok) throw new Error(parsed.refusal.reason);
  return parseClientAuthentication(parsed.value, connection, grantProves);
};
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

const ASSERTION = { client_assertion_type: JWT_BEARER_ASSERTION, client_assertion: 'a.b.c' };
const SECRET = { client_id: 'crm', client_secret: 's' };

describe('a client proves itself', () => {
  it.each<[string, Said, object]>([
    ['by an assertion', { form: ASSERTION }, { method: 'assertion', assertion: 'a.b.c' }],
    [
      'by an assertion that it names itself beside',
      { form: { ...ASSERTION, client_id: 'crm' } },
      { method: 'assertion', assertion: 'a.b.c', clientId: 'crm' },
    ],
    [
      'by a secret in the header',
      { authorization: basic('crm:s') },
      { method: 'client_secret_basic', clientId: 'crm', secret: 's' },
    ],
    [
      'by a secret in the header, naming itself in the form as well',
      { authorization: basic('crm:s'), form: { client_id: 'crm' } },
      { method: 'client_secret_basic', clientId: 'crm', secret: 's' },
    ],
    ['by a secret in the form', { form: SECRET }, { method: 'client_secret_post', clientId: 'crm', secret: 's' }],
    [
      'by the certificate of its connection',
      { form: { client_id: 'crm' }, clientCertificate: 'pem' },
      { method: 'certificate', clientId: 'crm', pem: 'pem' },
    ],
  ])('%s', (_how, said, value) => {
    expect([parse(said), parse(said, true)]).toEqual([
      { ok: true, value },
      { ok: true, value },
    ]);
  });

  it.each<[string, Said, object]>([
    ['nothing', {}, { method: 'none' }],
    ['its name', { form: { client_id: 'crm' } }, { method: 'none', clientId: 'crm' }],
    ['a certificate without a name', { clientCertificate: 'pem' }, { method: 'none' }],
  ])('by %s only where the grant is a proof already', (_what, said, value) => {
    expect([parse(said), parse(said, true)]).toEqual([refuse({ reason: 'client_auth_missing' }), { ok: true, value }]);
  });

  it.each<[string, Said]>([
    ['an assertion', { form: ASSERTION }],
    ['a secret in the form', { form: SECRET }],
    ['a secret in the header', { authorization: basic('crm:s') }],
  ])('by %s over a connection with a certificate, which then proves nothing but possession', (_what, said) => {
    expect(parse({ ...said, clientCertificate: 'pem' })).toEqual(parse(said));
  });
});

/** What each method adds to a request. A certificate is none beside another, since it may be there for binding alone. */
const METHODS: readonly (readonly [string, Said])[] = [
  ['authorization_header', { authorization: basic('crm:s') }],
  ['client_secret_post', { form: SECRET }],
  ['private_key_jwt', { form: ASSERTION }],
];

describe('two methods at once', () => {
  const pairs = METHODS.flatMap(([name, said], index) =>
    METHODS.slice(index + 1).map(([other, more]) => [name, other, said, more] as const),
  );

  it.each(pairs)('are refused: %s and %s', (name, other, said, more) => {
    const both = { ...said, ...more, form: { ...said.form, ...more.form } };
    const refusal = refuse({ reason: 'client_auth_several', methods: [name, other] });
    expect([parse(both), parse(both, true), parse({ ...both, clientCertificate: 'pem' })]).toEqual([
      refusal,
      refusal,
      refusal,
    ]);
  });

  it('are refused all three as well', () => {
    const said = { authorization: basic('crm:s'), form: { ...SECRET, ...ASSERTION } };
    expect(parse(said)).toEqual(refuse({ reason: 'client_auth_several', methods: METHODS.map(([name]) => name) }));
  });

  it.each([
    ['the type of an assertion', { client_assertion_type: JWT_BEARER_ASSERTION }, 'private_key_jwt'],
    ['an assertion without type', { client_assertion: 'a.b.c' }, 'private_key_jwt'],
  ])('are seen where the other is only begun: %s', (_what, form, name) => {
    expect(parse({ form: { ...SECRET, ...form } })).toEqual(
      refuse({ reason: 'client_auth_several', methods: ['client_secret_post', name] }),
    );
  });

  it('are what a header and a form are that name different clients', () => {
    expect(parse({ authorization: basic('crm:s'), form: { client_id: 'other' } })).toEqual(
      refuse({ reason: 'client_auth_several', methods: ['authorization_header', 'client_id'] }),
    );
  });

  it('are what any scheme in the header is beside another method', () => {
    expect(parse({ authorization: 'Bearer x', form: ASSERTION })).toMatchObject({
      refusal: { reason: 'client_auth_several' },
    });
  });
});

describe('an assertion', () => {
  it.each([
    ['client_assertion_type', { client_assertion: 'a.b.c' }],
    ['client_assertion', { client_assertion_type: JWT_BEARER_ASSERTION }],
  ])('cannot do without %s', (parameter, form) => {
    expect(parse({ form })).toEqual(refuse({ reason: 'parameter_missing', parameter }));
  });

  it.each([
    [
      'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
      'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
    ],
    [JWT_BEARER_ASSERTION.toUpperCase(), 'other'],
    ['S3cret!', 'other'],
  ])('has no other type: %s, recorded as %s', (type, method) => {
    expect(parse({ form: { ...ASSERTION, client_assertion_type: type } })).toEqual(
      refuse({ reason: 'client_auth_method_unsupported', method }),
    );
  });
});

describe('a secret in the form', () => {
  it('needs a client to be the secret of', () => {
    expect(parse({ form: { client_secret: 's' } })).toEqual(
      refuse({ reason: 'parameter_missing', parameter: 'client_id' }),
    );
  });
});

describe('a secret in the header', () => {
  const secret = (clientId: string, text: string) => ({
    ok: true,
    value: { method: 'client_secret_basic', clientId, secret: text },
  });

  it.each([
    ['crm:s', 'crm', 's'],
    ['crm:a:b', 'crm', 'a:b'],
    ['crm::', 'crm', ':'],
    ['crm:a%3Ab', 'crm', 'a:b'],
    ['crm:a+b', 'crm', 'a b'],
    ['crm:a%2Bb', 'crm', 'a+b'],
    ['crm:a%25b', 'crm', 'a%b'],
    ['c%3Arm:s', 'c:rm', 's'],
    ['c+rm:%C3%A4', 'c rm', 'ä'],
  ])(
    'is decoded as a form is, and the first colon ends the name (RFC 6749 2.3.1, RFC 7617 2): %s',
    (pair, id, text) => {
      expect(parse({ authorization: basic(pair) })).toEqual(secret(id, text));
    },
  );

  it.each(['basic', 'BASIC', 'bAsIc'])('comes under the scheme %s as well (RFC 9110 11.1)', (scheme) => {
    expect(parse({ authorization: basic('crm:s').replace('Basic', scheme) })).toEqual(secret('crm', 's'));
    expect(parse({ authorization: basic('crm:s').replace('Basic ', `${scheme}   `) })).toEqual(secret('crm', 's'));
  });

  it.each([
    ['no colon', basic('crm')],
    ['no name', basic(':s')],
    ['no secret', basic('crm:')],
    ['neither', basic(':')],
    ['nothing', 'Basic '],
    ['the scheme alone', 'Basic'],
    ['a percent sign that encodes nothing', basic('crm:100%')],
    ['a percent sign that encodes no UTF-8', basic('crm:%ff')],
    ['a name that is not encoded', basic('c%rm:s')],
    ['a character that base64 does not have', 'Basic Y3JtOnM*'],
    ['the alphabet of base64url', 'Basic Y3JtOi1f-_'],
    ['a blank within', 'Basic Y3Jt OnM='],
    ['padding within', 'Basic Y3Jt==OnM='],
    ['more padding than there is', 'Basic Y3JtOnM==='],
    ['a line break behind', `${basic('crm:s')}\n`],
    ['a tab after the scheme', basic('crm:s').replace(' ', '\t')],
    ['more than fits', `Basic ${'A'.repeat(1_028)}`],
    ['another scheme beside', `${basic('crm:s')}, Bearer x`],
  ])('is none with %s', (_what, authorization) => {
    expect(parse({ authorization })).toEqual(
      refuse({ reason: 'client_auth_scheme_unsupported', scheme: expect.stringMatching(/^(basic|other)$/) as string }),
    );
  });

  it.each([
    ['Bearer eyJ0eXAiOiJhdCtqd3QifQ', 'bearer'],
    ['DPoP eyJ0eXAiOiJhdCtqd3QifQ', 'dpop'],
    ['Digest username=crm', 'digest'],
    ['AWS4-HMAC-SHA256 Credential=x', 'aws4-hmac-sha256'],
    ['eyJ0eXAiOiJhdCtqd3QifQ.e30.c2ln', 'other'],
    ['S3cret hunter2', 'other'],
    ['', 'other'],
  ])('is none as %j, which is recorded as %s: it may be a secret in the wrong place', (authorization, scheme) => {
    expect(parse({ authorization })).toEqual(refuse({ reason: 'client_auth_scheme_unsupported', scheme }));
    expect(parse({ authorization }, true)).toEqual(refuse({ reason: 'client_auth_scheme_unsupported', scheme }));
  });

  it('comes back as it was sent, whatever it holds, by any client that encodes it', () => {
    const encoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(text, text, (id, word) => {
        expect(parse({ authorization: basic(`${encoded(id)}:${encoded(word)}`) })).toEqual(secret(id, word));
      }),
      { numRuns: 500 },
    );
  });

  it('is never repeated in a refusal, whatever the header is', () => {
    const word = fc.stringMatching(/^[A-Z2-7]{12,40}$/);
    const header = fc.oneof(
      word,
      word.map((each) => `Basic ${each}`),
      word.map((each) => basic(each)),
      word.map((each) => basic(`${each}:`)),
      word.map((each) => `Bearer ${each}`),
    );
    fc.assert(
      fc.property(header, (authorization) => {
        const result = parse({ authorization });
        const [, parameters = authorization] = authorization.split(' ');
        if (!result.ok) expect(JSON.stringify(result.refusal)).not.toContain(parameters);
      }),
      { numRuns: 500 },
    );
  });
});
