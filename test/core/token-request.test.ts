import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JWT_BEARER_ASSERTION } from '../../functions/core/client-authentication.ts';
import { refuse } from '../../functions/core/errors.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import type { RawTokenRequest } from '../../functions/core/request-form.ts';
import { ACCESS_TOKEN_TYPE_URN, JWT_TYPE_URN, parseTokenRequest } from '../../functions/core/token-request.ts';
import { tokenParameters, tokenRequest } from '../support/builders.ts';

/** What a request with the usual assertion says of client and grant. */
const LEAST = {
  client: { method: 'assertion', assertion: 'a.b.c' },
  grant: { type: CLIENT_CREDENTIALS },
} as const;

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
    const raw = tokenRequest('a.b.c', {
      ...{ client_id: 'crm', resource: 'https://api.example.com', scope: 'b a b' },
      authorization_details: '[{"type":"payment"}]',
    });
    expect(parseTokenRequest(raw)).toEqual({
      ok: true,
      value: {
        client: { method: 'assertion', assertion: 'a.b.c', clientId: 'crm' },
        grant: { type: CLIENT_CREDENTIALS },
        resource: 'https://api.example.com',
        scopes: ['b', 'a'],
        details: [{ type: 'payment' }],
      },
    });
  });

  it('is read with the least that it must say', () => {
    expect(parseTokenRequest(tokenRequest('a.b.c'))).toEqual({ ok: true, value: LEAST });
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
      value: LEAST,
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
    ['urn:ietf:params:oauth:grant-type:saml2-bearer', 'grant_type_unsupported'],
    ['urn:ietf:params:oauth:grant-type:JWT-bearer', 'grant_type_unsupported'],
    ['__proto__', 'grant_type_unsupported'],
    ['x'.repeat(129), 'parameter_too_long'],
  ])('%j is answered with %s', (grantType, reason) => {
    expect(reasonOf(tokenRequest('a.b.c', { grant_type: grantType }))).toBe(reason);
  });

  it.each([
    ['password', 'password'],
    ['urn:ietf:params:oauth:grant-type:device_code', 'urn:ietf:params:oauth:grant-type:device_code'],
    ['eyJhbGciOiJFUzI1NiJ9', 'other'],
    ['S3cret!', 'other'],
  ])('%j is recorded as %s: what is no word of a standard may be a secret', (grantType, recorded) => {
    expect(parseTokenRequest(tokenRequest('a.b.c', { grant_type: grantType }))).toEqual(
      refuse({ reason: 'grant_type_unsupported', grantType: recorded }),
    );
  });
});

describe('the JWT bearer grant', () => {
  it('brings its assertion, beside the proof of the client or alone (RFC 7523 2.1)', () => {
    const grant = { type: JWT_BEARER, assertion: 'd.e.f', isLegacy: false };
    const form = { grant_type: JWT_BEARER, assertion: 'd.e.f' };
    const alone = { ...form, client_assertion: undefined, client_assertion_type: undefined };
    expect([
      parseTokenRequest(tokenRequest('a.b.c', form)),
      parseTokenRequest(tokenRequest('', alone)),
      parseTokenRequest(tokenRequest('', { ...alone, client_id: 'crm' })),
    ]).toEqual([
      { ok: true, value: { client: LEAST.client, grant } },
      { ok: true, value: { client: { method: 'none' }, grant } },
      { ok: true, value: { client: { method: 'none', clientId: 'crm' }, grant } },
    ]);
  });

  it('goes by its name of before the standard as well, and remembers that it does (MS-XOAUTH 3.2.5.2)', () => {
    const form = { grant_type: 'http://oauth.net/grant_type/jwt/1.0/bearer', assertion: 'd.e.f' };
    expect(
      parseTokenRequest(tokenRequest('', { ...form, client_assertion: undefined, client_assertion_type: undefined })),
    ).toEqual({
      ok: true,
      value: { client: { method: 'none' }, grant: { type: JWT_BEARER, assertion: 'd.e.f', isLegacy: true } },
    });
  });

  it('names a resource as servers of that time do, too, and asks for delegation with one word', () => {
    const target = '00000004-0000-0ff1-ce00-000000000000/pool.contoso.example@contoso.example';
    const asked = (form: Record<string, string>) => parseTokenRequest(tokenRequest('a.b.c', form));
    expect(asked({ resource: target })).toMatchObject({ value: { resource: target } });
    expect(asked({ resource: target.replace('/', '//') })).toEqual(refuse({ reason: 'resource_malformed' }));
    expect(asked({ trusted_for_delegation: 'true' })).toMatchObject({ value: { trustedForDelegation: true } });
    expect(asked({ trusted_for_delegation: 'false' })).toEqual(
      refuse({ reason: 'parameter_malformed', parameter: 'trusted_for_delegation' }),
    );
  });

  it.each([undefined, ''])('cannot do without it: %j', (assertion) => {
    expect(parseTokenRequest(tokenRequest('a.b.c', { grant_type: JWT_BEARER, assertion }))).toEqual(
      refuse({ reason: 'parameter_missing', parameter: 'assertion' }),
    );
  });

  it('is the only one whose assertion proves a client', () => {
    const none = { client_assertion: undefined, client_assertion_type: undefined, assertion: 'd.e.f' };
    const exchange = { ...none, subject_token: 'x', subject_token_type: JWT_TYPE_URN };
    expect([
      reasonOf(tokenRequest('', none)),
      reasonOf(tokenRequest('', { ...exchange, grant_type: TOKEN_EXCHANGE })),
    ]).toEqual(['client_auth_missing', 'client_auth_missing']);
  });
});

describe('token exchange', () => {
  const exchange = (changes: Record<string, string | undefined> = {}) =>
    parseTokenRequest(
      tokenRequest('a.b.c', {
        ...{ grant_type: TOKEN_EXCHANGE, subject_token: 's', subject_token_type: ACCESS_TOKEN_TYPE_URN },
        ...changes,
      }),
    );
  const subject = { token: 's', type: ACCESS_TOKEN_TYPE_URN };

  it('is read with the least that it must say, and gives an access token (RFC 8693 2.1)', () => {
    const grant = { type: TOKEN_EXCHANGE, subject, requestedType: ACCESS_TOKEN_TYPE_URN };
    expect(exchange()).toEqual({ ok: true, value: { ...LEAST, grant } });
  });

  it('is read with all it may say', () => {
    const more = { actor_token: 'a', actor_token_type: JWT_TYPE_URN, requested_token_type: JWT_TYPE_URN };
    expect(exchange({ ...more, subject_token_type: JWT_TYPE_URN })).toMatchObject({
      value: {
        grant: {
          ...{ subject: { token: 's', type: JWT_TYPE_URN }, actor: { token: 'a', type: JWT_TYPE_URN } },
          requestedType: JWT_TYPE_URN,
        },
      },
    });
  });

  it.each([
    ['subject_token', { subject_token: undefined }],
    ['subject_token', { subject_token: undefined, subject_token_type: undefined }],
    ['subject_token', { subject_token: '' }],
    ['subject_token_type', { subject_token_type: undefined }],
    ['subject_token_type', { subject_token_type: '' }],
    ['actor_token', { actor_token_type: JWT_TYPE_URN }],
    ['actor_token_type', { actor_token: 'a' }],
  ])('misses %s in %j: a token comes with its type, and a type with its token', (parameter, changes) => {
    expect(exchange(changes)).toEqual(refuse({ reason: 'parameter_missing', parameter }));
  });

  const OTHERS = ['refresh_token', 'id_token', 'saml1', 'saml2', 'ACCESS_TOKEN', 'jwt '];
  const typed = (parameter: string) => OTHERS.map((name) => [parameter, `urn:ietf:params:oauth:token-type:${name}`]);
  it.each([
    ...typed('subject_token_type'),
    ...typed('actor_token_type'),
    ...typed('requested_token_type'),
    ['subject_token_type', 'jwt'],
    ['requested_token_type', '__proto__'],
  ])('knows no %s of %s', (parameter = '', type) => {
    const actor = parameter === 'actor_token_type' ? { actor_token: 'a' } : {};
    expect(exchange({ ...actor, [parameter]: type })).toEqual(refuse({ reason: 'token_type_unsupported', parameter }));
  });
});

describe('authorization details', () => {
  it.each(['x', '{}', '[]', '[1]', '[{"type":"a","type":"b"}]', '[{"action":"x"}]'])('are refused as %j', (text) => {
    expect(reasonOf(tokenRequest('a.b.c', { authorization_details: text }))).toBe('authorization_details_malformed');
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
    expect(parseTokenRequest(withMore(...more))).toEqual({ ok: true, value: { ...LEAST, resource } });
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
    ...['scope', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'assertion', 'subject_token'],
    ...['subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type', 'authorization_details'],
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 600 }),
    fc.constantFrom(CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE, JWT_BEARER_ASSERTION, JWT_TYPE_URN),
    fc.constantFrom('https://a.example', 'a b', 'x.y.z', '[{"type":"a"}]'),
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
          expect(result.ok ? typeof result.value.client.method : typeof result.refusal.reason).toBe('string');
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
