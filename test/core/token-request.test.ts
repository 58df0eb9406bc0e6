import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuse } from '../../functions/core/errors.ts';
import { JWT_BEARER_ASSERTION, parseTokenRequest, type RawTokenRequest } from '../../functions/core/token-request.ts';
import { tokenParameters, tokenRequest } from '../support/builders.ts';

const reasonOf = (raw: RawTokenRequest): string => {
  const result = parseTokenRequest(raw);
  return result.ok ? 'accepted' : result.refusal.reason;
};
const withMore = (...more: [string, string][]): RawTokenRequest => ({
  parameters: [...tokenParameters('a.b.c'), ...more],
  queryParameters: [],
});

describe('a token request', () => {
  it('is read with all it may say', () => {
    const raw = tokenRequest('a.b.c', { client_id: 'crm', resource: 'https://api.example.com', scope: 'b a b' });
    expect(parseTokenRequest(raw)).toEqual({
      ok: true,
      value: { clientAssertion: 'a.b.c', clientId: 'crm', resource: 'https://api.example.com', scopes: ['b', 'a'] },
    });
  });

  it('is read with the least that it must say', () => {
    expect(parseTokenRequest(tokenRequest('a.b.c'))).toEqual({ ok: true, value: { clientAssertion: 'a.b.c' } });
  });

  it('ignores parameters that no standard knows (RFC 6749 3.2)', () => {
    expect(reasonOf(withMore(['foo', 'x'.repeat(10_000)], ['__proto__', 'x'], ['constructor', 'y'], ['', 'z']))).toBe(
      'accepted',
    );
  });

  it('treats a parameter without a value as left out (RFC 6749 3.2)', () => {
    expect(
      parseTokenRequest(withMore(['scope', ''], ['resource', ''], ['client_id', ''], ['client_secret', ''])),
    ).toEqual({
      ok: true,
      value: { clientAssertion: 'a.b.c' },
    });
  });

  it('may leave a parameter empty and then say it', () => {
    expect(reasonOf(withMore(['scope', ''], ['scope', 'read'], ['scope', '']))).toBe('accepted');
  });
});

describe('the grant type', () => {
  it.each([
    [undefined, 'parameter_missing'],
    ['', 'parameter_missing'],
    ['password', 'grant_type_unsupported'],
    ['authorization_code', 'grant_type_unsupported'],
    ['refresh_token', 'grant_type_unsupported'],
    ['Client_Credentials', 'grant_type_unsupported'],
    ['client_credentials ', 'grant_type_unsupported'],
    ['urn:ietf:params:oauth:grant-type:jwt-bearer', 'grant_type_unsupported'],
    ['__proto__', 'grant_type_unsupported'],
    ['x'.repeat(129), 'parameter_too_long'],
  ])('%j is answered with %s', (grantType, reason) => {
    expect(reasonOf(tokenRequest('a.b.c', { grant_type: grantType }))).toBe(reason);
  });

  it.each([
    ['password', 'password'],
    ['urn:ietf:params:oauth:grant-type:token-exchange', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ['eyJhbGciOiJFUzI1NiJ9', 'other'],
    ['S3cret!', 'other'],
  ])('%j is recorded as %s: what is no word of a standard may be a secret', (grantType, recorded) => {
    expect(parseTokenRequest(tokenRequest('a.b.c', { grant_type: grantType }))).toEqual(
      refuse({ reason: 'grant_type_unsupported', grantType: recorded }),
    );
  });
});

describe('the bounds of a request', () => {
  it.each([
    'grant_type',
    'client_id',
    'client_assertion_type',
    'client_assertion',
    'scope',
    'audience',
    'resource',
    'client_secret',
  ])('refuse %s twice, unless it is resource', (name) => {
    const raw: RawTokenRequest = {
      parameters: [
        [name, 'https://a.example'],
        [name, 'https://a.example'],
      ],
      queryParameters: [],
    };
    expect(reasonOf(raw)).toBe(name === 'resource' ? 'parameter_missing' : 'parameter_duplicated');
  });

  it('refuse an unknown parameter twice without repeating its name', () => {
    expect(parseTokenRequest(withMore(['eyJhbGciOi', 'x'], ['eyJhbGciOi', 'x']))).toEqual(
      refuse({ reason: 'parameter_duplicated', parameter: 'unknown' }),
    );
  });

  it.each([
    ['grant_type', 128],
    ['client_id', 256],
    ['client_secret', 256],
    ['client_assertion_type', 128],
    ['client_assertion', 8_192],
    ['resource', 512],
    ['audience', 512],
    ['scope', 4_096],
  ])('let %s have %i characters and no more', (name, length) => {
    const of = (size: number): string => reasonOf({ parameters: [[name, 'x'.repeat(size)]], queryParameters: [] });
    expect([of(length) === 'parameter_too_long', of(length + 1)]).toEqual([false, 'parameter_too_long']);
  });

  it('let a request have 32 parameters and no more', () => {
    const filler = (count: number): [string, string][] =>
      Array.from({ length: count }, (_, index) => [`p${index}`, 'x']);
    expect([reasonOf(withMore(...filler(29))), parseTokenRequest(withMore(...filler(30)))]).toEqual([
      'accepted',
      refuse({ reason: 'parameters_too_many', count: 33 }),
    ]);
  });

  it.each(['client_assertion', 'client_secret', 'grant_type', 'scope', 'resource'])(
    'refuse %s in the URL, where it ends up in logs (RFC 6749 2.3.1)',
    (parameter) => {
      expect(parseTokenRequest({ ...tokenRequest('a.b.c'), queryParameters: ['x', parameter] })).toEqual(
        refuse({ reason: 'parameter_in_query', parameter }),
      );
    },
  );

  it('let other words stand in the URL', () => {
    expect(reasonOf({ ...tokenRequest('a.b.c'), queryParameters: ['utm', '__proto__', 'toString'] })).toBe('accepted');
  });
});

describe('client authentication', () => {
  const none = { client_assertion: undefined, client_assertion_type: undefined };

  it.each([
    ['nothing', none, undefined, 'client_auth_missing'],
    ['a client_id alone', { ...none, client_id: 'crm' }, undefined, 'client_auth_missing'],
    ['an assertion without its type', { client_assertion_type: undefined }, undefined, 'parameter_missing'],
    ['a type without assertion', { client_assertion: undefined }, undefined, 'parameter_missing'],
    [
      'a SAML assertion',
      { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
      undefined,
      'client_auth_method_unsupported',
    ],
    [
      'a type in other letters',
      { client_assertion_type: JWT_BEARER_ASSERTION.toUpperCase() },
      undefined,
      'client_auth_method_unsupported',
    ],
    ['a secret', { ...none, client_id: 'crm', client_secret: 's' }, undefined, 'client_auth_method_unsupported'],
    ['the header', none, 'Basic Y3JtOnM=', 'client_auth_scheme_unsupported'],
    ['a bearer token', none, 'Bearer x', 'client_auth_scheme_unsupported'],
    ['header and assertion', {}, 'Basic Y3JtOnM=', 'client_auth_several'],
    ['header and secret', { ...none, client_secret: 's' }, 'Basic Y3JtOnM=', 'client_auth_several'],
    ['secret and assertion', { client_secret: 's' }, undefined, 'client_auth_several'],
    ['header, secret and assertion', { client_secret: 's' }, 'Basic Y3JtOnM=', 'client_auth_several'],
  ])('by %s is refused', (_what, changes, authorization, reason) => {
    const raw = tokenRequest('a.b.c', changes);
    expect(reasonOf(authorization === undefined ? raw : { ...raw, authorization })).toBe(reason);
  });

  it.each([
    ['Basic Y3JtOnNlY3JldA==', 'basic'],
    ['DPoP eyJ0eXAiOiJhdCtqd3QifQ', 'dpop'],
    ['eyJ0eXAiOiJhdCtqd3QifQ.e30.c2ln', 'other'],
    ['S3cret hunter2', 'other'],
    ['', 'other'],
  ])('by the header %j is recorded as scheme %s, never with what may be a credential', (authorization, scheme) => {
    const raw = tokenRequest('', { client_assertion_type: undefined });
    expect(parseTokenRequest({ ...raw, authorization })).toEqual(
      refuse({ reason: 'client_auth_scheme_unsupported', scheme }),
    );
  });

  it('records no secret that was sent as the assertion type', () => {
    expect(parseTokenRequest(tokenRequest('a.b.c', { client_assertion_type: 'S3cret!' }))).toEqual(
      refuse({ reason: 'client_auth_method_unsupported', method: 'other' }),
    );
  });
});

describe('the resource', () => {
  const A = 'https://a.example';
  it.each([
    ['resource', [['resource', A]], A],
    ['its other name', [['audience', A]], A],
    [
      'both names',
      [
        ['resource', A],
        ['audience', A],
      ],
      A,
    ],
    [
      'the same resource three times',
      [
        ['resource', A],
        ['resource', A],
        ['resource', A],
      ],
      A,
    ],
    ['an URN', [['resource', 'urn:example:api']], 'urn:example:api'],
  ] as [string, [string, string][], string][])('is known by %s', (_what, more, resource) => {
    expect(parseTokenRequest(withMore(...more))).toEqual({ ok: true, value: { clientAssertion: 'a.b.c', resource } });
  });

  it.each([
    [
      'two resources',
      [
        ['resource', A],
        ['resource', 'https://b.example'],
      ],
      'resource_several',
    ],
    [
      'two names that disagree',
      [
        ['resource', A],
        ['audience', 'https://b.example'],
      ],
      'resource_several',
    ],
    [
      'one that differs in a slash',
      [
        ['resource', A],
        ['resource', `${A}/`],
      ],
      'resource_several',
    ],
    ['a fragment', [['resource', `${A}#f`]], 'resource_malformed'],
    ['a relative reference', [['resource', '/api']], 'resource_malformed'],
    ['a blank', [['resource', `${A}/ x`]], 'resource_malformed'],
    ['no host', [['resource', 'https://']], 'resource_malformed'],
    ['a letter beyond ASCII', [['resource', 'https://ä.example']], 'resource_malformed'],
    ['no URI', [['audience', 'billing']], 'resource_malformed'],
  ] as [string, [string, string][], string][])('is refused with %s', (_what, more, reason) => {
    expect(reasonOf(withMore(...more))).toBe(reason);
  });
});

describe('the scope', () => {
  it.each([' ', 'a  b', ' a', 'a ', 'a\tb', 'a"b', 'a\\b', 'ä', 'x'.repeat(129), 'x '.repeat(64).concat('x')])(
    'is refused as %j',
    (scope) => {
      expect(reasonOf(withMore(['scope', scope]))).toBe('scope_malformed');
    },
  );
});

describe('any list of parameters', () => {
  const known = fc.constantFrom(
    ...[
      'grant_type',
      'client_id',
      'client_secret',
      'client_assertion_type',
      'client_assertion',
      'resource',
      'audience',
    ],
    ...['scope', '__proto__', 'constructor', 'toString', 'hasOwnProperty'],
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 600 }),
    fc.constantFrom('client_credentials', JWT_BEARER_ASSERTION, 'https://a.example', 'a b', 'x.y.z'),
  );
  const parameters = fc.array(fc.tuple(fc.oneof(known, text), text), { maxLength: 40 });

  it('is answered, never thrown at', () => {
    fc.assert(
      fc.property(
        parameters,
        fc.array(fc.oneof(known, text)),
        fc.option(text, { nil: undefined }),
        (form, query, header) => {
          const raw = {
            parameters: form,
            queryParameters: query,
            ...(header === undefined ? {} : { authorization: header }),
          };
          const result = parseTokenRequest(raw);
          expect(result.ok ? typeof result.value.clientAssertion : typeof result.refusal.reason).toBe('string');
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('is never refused with a word of its own in the record, unless it is one of the standards', () => {
    const secret = fc.string({
      unit: fc.constantFrom(...'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'),
      minLength: 20,
      maxLength: 60,
    });
    const anywhere = fc.array(fc.tuple(fc.oneof(known, secret), secret), { maxLength: 8 });
    fc.assert(
      fc.property(anywhere, fc.option(secret, { nil: undefined }), (form, header) => {
        const raw = {
          parameters: form,
          queryParameters: [],
          ...(header === undefined ? {} : { authorization: header }),
        };
        const result = parseTokenRequest(raw);
        if (result.ok) return;
        const record = JSON.stringify(result.refusal);
        for (const word of [...form.flat(), header ?? ''])
          if (word.length >= 20 && !word.includes('_')) expect(record).not.toContain(word);
      }),
      { numRuns: 500 },
    );
  });
});
