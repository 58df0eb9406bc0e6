import { describe, expect, it } from 'vitest';
import { accept, type Refusal, refuse } from '../../functions/core/errors.ts';
import { json, oauthFailure, problem, publicDocument, tokenAnswer } from '../../functions/http/response.ts';

const NO_STORE = { 'content-type': 'application/json', 'cache-control': 'no-store', pragma: 'no-cache' };

describe('the answer to a token request', () => {
  const ANSWER = { access_token: 't', token_type: 'Bearer', expires_in: 60, scope: 'a' } as const;
  const LIMITS = [
    { name: 'minute', limit: 10, windowSeconds: 60, remaining: 7, resetSeconds: 50 },
    { name: 'day', limit: 100, windowSeconds: 86_400, remaining: 0, resetSeconds: 57_590 },
  ] as const;
  const RATE_LIMITS = {
    'ratelimit-policy': '"minute";q=10;w=60, "day";q=100;w=86400',
    ratelimit: '"minute";r=7;t=50, "day";r=0;t=57590',
  };

  it('is kept by nobody on the way (RFC 6749 5.1)', () => {
    expect(tokenAnswer(accept({ answer: ANSWER, limits: [] }), false)).toEqual({
      statusCode: 200,
      headers: NO_STORE,
      body: JSON.stringify(ANSWER),
    });
  });

  it('says what is left of a quota, window by window (draft-ietf-httpapi-ratelimit-headers)', () => {
    expect(tokenAnswer(accept({ answer: ANSWER, limits: LIMITS }), false)).toEqual({
      statusCode: 200,
      headers: { ...NO_STORE, ...RATE_LIMITS },
      body: JSON.stringify(ANSWER),
    });
    expect(tokenAnswer(accept({ answer: ANSWER, limits: LIMITS.slice(1) }), false).headers).toMatchObject({
      'ratelimit-policy': '"day";q=100;w=86400',
      ratelimit: '"day";r=0;t=57590',
    });
  });

  it('of a quota that is used up is 429, and says when to come back (RFC 6585 4)', () => {
    const refusal = { reason: 'quota_exceeded', retryAfterSeconds: 57_590, limits: LIMITS } as const;
    expect(tokenAnswer(refuse(refusal), true)).toEqual({
      statusCode: 429,
      headers: { ...NO_STORE, ...RATE_LIMITS, 'retry-after': '57590' },
      body: expect.stringMatching(/^\{"error":"temporarily_unavailable","error_description":"The quota/),
    });
  });

  it.each([
    [{ reason: 'assertion_signature' }, false, 401, 'invalid_client', undefined],
    [{ reason: 'client_auth_missing' }, false, 401, 'invalid_client', undefined],
    [
      { reason: 'client_auth_scheme_unsupported', scheme: 'x' },
      true,
      401,
      'invalid_client',
      'Basic realm="countersign"',
    ],
    [{ reason: 'scope_malformed' }, true, 400, 'invalid_scope', undefined],
    [{ reason: 'client_auth_several', methods: [] }, true, 400, 'invalid_request', undefined],
  ] as [Refusal, boolean, number, string, string | undefined][])(
    'of %j names a scheme only to who used the header (%s)',
    (refusal, usedHeader, status, error, challenge) => {
      const answer = tokenAnswer(refuse(refusal), usedHeader);
      expect([answer.statusCode, JSON.parse(answer.body ?? ''), answer.headers]).toEqual([
        status,
        { error, error_description: expect.any(String) },
        { ...NO_STORE, ...(challenge === undefined ? {} : { 'www-authenticate': challenge }) },
      ]);
    },
  );

  it('of an outage has the form of every other error', () => {
    expect(oauthFailure({ status: 503, error: 'temporarily_unavailable', description: 'Later.' })).toEqual({
      statusCode: 503,
      headers: NO_STORE,
      body: '{"error":"temporarily_unavailable","error_description":"Later."}',
    });
  });
});

describe('a public document', () => {
  const DOCUMENT = { keys: [{ kid: 'a' }] };
  const etag = String(publicDocument(DOCUMENT, 300, undefined).headers?.etag);
  const status = (ifNoneMatch: string | undefined) => publicDocument(DOCUMENT, 300, ifNoneMatch).statusCode;

  it('is cacheable, with a strong tag of its bytes', () => {
    expect(publicDocument(DOCUMENT, 300, undefined)).toEqual({
      statusCode: 200,
      headers: {
        'content-type': 'application/json',
        'cache-control': 'public, max-age=300, stale-if-error=3600',
        etag,
      },
      body: JSON.stringify(DOCUMENT),
    });
    expect(etag).toMatch(/^"[A-Za-z0-9_-]{43}"$/);
  });

  it('has one tag for equal bytes and another for others', () => {
    expect(publicDocument({ keys: [{ kid: 'a' }] }, 60, undefined).headers?.etag).toBe(etag);
    expect(publicDocument({ keys: [{ kid: 'b' }] }, 300, undefined).headers?.etag).not.toBe(etag);
  });

  it('is not sent again to who has it, but its age is (RFC 9110 15.4.5)', () => {
    expect(publicDocument(DOCUMENT, 300, etag)).toEqual({
      statusCode: 304,
      headers: { 'cache-control': 'public, max-age=300, stale-if-error=3600', etag },
    });
  });

  it.each([
    ['the tag', etag],
    ['the tag, weakened by a proxy', `W/${etag}`],
    ['a list with the tag last', `"x", ${etag}`],
    ['a list without blanks', `"x",W/"y",${etag},"z"`],
    ['a list with the tag weakened', `W/"x" , W/${etag}`],
    ['a list with empty elements', `, ,${etag},`],
    ['any', '*'],
    ['any, with blanks', ' * '],
  ])('is not sent again for %s: comparison is weak (RFC 9110 13.1.2)', (_what, header) => {
    expect(status(header)).toBe(304);
  });

  it.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['another tag', '"x"'],
    ['the tag without quotes', etag.slice(1, -1)],
    ['a prefix of the tag', `${etag.slice(0, 20)}"`],
    ['a small w', `w/${etag}`],
    ['the tag within another', `"x${etag.slice(1)}`],
    ['a star in quotes', '"*"'],
  ])('is sent for %s', (_what, header) => {
    expect(status(header)).toBe(200);
  });
});

describe('an answer of the admin API', () => {
  it('is JSON that nobody keeps', () => {
    expect(json(201, { id: 'crm' })).toEqual({
      statusCode: 201,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      body: '{"id":"crm"}',
    });
  });

  it('is a problem where it is a no (RFC 9457)', () => {
    expect(problem(404, 'Not Found', { detail: 'x' })).toEqual({
      statusCode: 404,
      headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
      body: '{"type":"about:blank","title":"Not Found","status":404,"detail":"x"}',
    });
  });
});
