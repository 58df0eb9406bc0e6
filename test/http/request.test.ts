import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refuse } from '../../functions/core/errors.ts';
import type { HttpEvent } from '../../functions/http/endpoint.ts';
import { accessToken, decodeBody, MAX_FORM_BYTES, parseFormRequest } from '../../functions/http/request.ts';
import { tokenEvent } from '../support/builders.ts';

const parametersOf = (event: HttpEvent): unknown => {
  const request = parseFormRequest(event);
  return request.ok ? request.value.parameters : request.refusal.reason;
};

describe('a form', () => {
  it.each([
    ['', []],
    ['&&', []],
    ['a=b', [['a', 'b']]],
    [
      'a=b&c=d&',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['a', [['a', '']]],
    ['a=', [['a', '']]],
    ['=b', [['', 'b']]],
    ['=', [['', '']]],
    ['a=b=c', [['a', 'b=c']]],
    [
      'a=1&a=2',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['a+b=c+d', [['a b', 'c d']]],
    ['a=%2B+%20', [['a', '+  ']]],
    ['%61=%62', [['a', 'b']]],
    ['a=%26%3D', [['a', '&=']]],
    ['a=%00', [['a', '\u0000']]],
    ['a=%E2%82%AC', [['a', '€']]],
    ['a=€', [['a', '€']]],
    ['a;b=c', [['a;b', 'c']]],
    ['__proto__=x', [['__proto__', 'x']]],
    ['\ufeffa=b', [['\ufeffa', 'b']]],
  ])('%j is %j', (body, parameters) => {
    expect(parametersOf(tokenEvent(body))).toEqual(parameters);
  });

  it.each(['a=%', 'a=%4', 'a=%zz', '%=b', 'a=%E2%82', 'a=%FF', 'a=%C0%80', 'a=%ED%A0%80', 'a=b&c=%G0', 'a=%u0041'])(
    '%j is malformed: two readers must not see two things',
    (body) => {
      expect(parametersOf(tokenEvent(body))).toBe('body_malformed');
    },
  );

  it('is read as every browser would have written it', () => {
    const pair = fc.tuple(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }));
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 8 }), (pairs) => {
        const wellFormed = pairs.map(([name, value]): [string, string] => [name.toWellFormed(), value.toWellFormed()]);
        expect(parametersOf(tokenEvent(new URLSearchParams(wellFormed).toString()))).toEqual(wellFormed);
      }),
      { numRuns: 300 },
    );
  });

  it('is answered, never thrown at, and read as URLSearchParams reads it or refused', () => {
    const wild = fc.string({ unit: fc.constantFrom(...'ab=&+%024fFzE2', '€', '\ufeff'), maxLength: 40 });
    fc.assert(
      fc.property(wild, (body) => {
        const parameters = parametersOf(tokenEvent(body));
        expect(
          parameters === 'body_malformed' ||
            JSON.stringify(parameters) === JSON.stringify([...new URLSearchParams(body)]),
        ).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the content type', () => {
  it.each([
    'application/x-www-form-urlencoded',
    'Application/X-WWW-Form-Urlencoded',
    'application/x-www-form-urlencoded;charset=UTF-8',
    ' application/x-www-form-urlencoded ; charset=utf-8',
  ])('is accepted as %j', (contentType) => {
    expect(parametersOf(tokenEvent('a=b', { 'content-type': contentType }))).toEqual([['a', 'b']]);
  });

  it.each([
    '',
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencodedx',
    'application/json; application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded, text/plain',
  ])('is refused as %j', (contentType) => {
    expect(parseFormRequest(tokenEvent('a=b', { 'content-type': contentType }))).toEqual(
      refuse({ reason: 'content_type_unsupported', contentType }),
    );
  });

  it('is refused where it is missing, and recorded with 64 characters at most', () => {
    const event = tokenEvent('a=b');
    expect(parseFormRequest({ ...event, headers: {} })).toEqual(
      refuse({ reason: 'content_type_unsupported', contentType: '' }),
    );
    expect(parseFormRequest({ ...event, headers: { 'content-type': 'x'.repeat(99) } })).toEqual(
      refuse({ reason: 'content_type_unsupported', contentType: 'x'.repeat(64) }),
    );
  });
});

describe('the body', () => {
  it('is decoded where API Gateway encoded it', () => {
    const body = Buffer.from('a=€').toString('base64');
    expect(parametersOf({ ...tokenEvent(body), isBase64Encoded: true })).toEqual([['a', '€']]);
  });

  it('is not decoded where API Gateway did not', () => {
    expect(parametersOf(tokenEvent(Buffer.from('a=b').toString('base64')))).toEqual([['YT1i', '']]);
  });

  it('is empty where there is none', () => {
    const { body: _, ...event } = tokenEvent('');
    expect(parametersOf(event)).toEqual([]);
  });

  it.each([
    ['a lone continuation byte', [0x61, 0x3d, 0x80]],
    ['an overlong form', [0x61, 0x3d, 0xc0, 0x80]],
    ['a surrogate', [0x61, 0x3d, 0xed, 0xa0, 0x80]],
    ['Latin-1', [0x61, 0x3d, 0xe4]],
  ])('is malformed with %s', (_what, bytes) => {
    const body = Buffer.from(bytes).toString('base64');
    expect(parseFormRequest({ ...tokenEvent(body), isBase64Encoded: true })).toEqual(
      refuse({ reason: 'body_malformed', detail: 'not UTF-8' }),
    );
  });

  it.each([false, true])('has 16 KB of octets and no more (base64: %s)', (isBase64Encoded) => {
    const of = (bytes: number) => {
      const text = 'x'.repeat(bytes);
      const body = isBase64Encoded ? Buffer.from(text).toString('base64') : text;
      return decodeBody({ ...tokenEvent(body), isBase64Encoded }, MAX_FORM_BYTES);
    };
    expect([of(16_384).ok, of(16_385)]).toEqual([
      true,
      refuse({ reason: 'body_too_large', bytes: 16_385, maxBytes: 16_384 }),
    ]);
  });

  it('is measured in octets, not in characters', () => {
    expect(decodeBody(tokenEvent('€'.repeat(6_000)), MAX_FORM_BYTES)).toEqual(
      refuse({ reason: 'body_too_large', bytes: 18_000, maxBytes: 16_384 }),
    );
  });
});

describe('what stands beside the body', () => {
  it('is the authorization header as it came, and the names of query parameters', () => {
    const event = {
      ...tokenEvent('', { authorization: 'Basic eA==' }),
      rawQueryString: 'client%5Fsecret=x&scope=y&scope=z',
    };
    expect(parseFormRequest(event)).toEqual({
      ok: true,
      value: { parameters: [], authorization: 'Basic eA==', queryParameters: ['client_secret', 'scope', 'scope'] },
    });
  });
});

describe('the certificate of the connection', () => {
  const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
  const event = tokenEvent('');
  const certificateOf = (given: HttpEvent): unknown => {
    const request = parseFormRequest(given);
    if (!request.ok) throw new Error(request.refusal.reason);
    return request.value.clientCertificate;
  };

  it('is the one that API Gateway has verified in the handshake', () => {
    const validity = { notBefore: '', notAfter: '' };
    const clientCert = { clientCertPem: pem, subjectDN: 'CN=a', issuerDN: 'CN=b', serialNumber: '1', validity };
    const requestContext = { ...event.requestContext, authentication: { clientCert } };
    expect(certificateOf({ ...event, requestContext })).toBe(pem);
  });

  it.each([
    'x-amzn-mtls-clientcert',
    'x-amzn-mtls-clientcert-leaf',
    'x-forwarded-client-cert',
    'x-client-cert',
    'x-ssl-client-cert',
    'ssl-client-cert',
    'client-cert',
    'authentication',
  ])('is not what a header %s says', (name) => {
    for (const value of [pem, encodeURIComponent(pem)]) {
      expect(certificateOf({ ...event, headers: { ...event.headers, [name]: value } })).toBeUndefined();
    }
  });

  it('is not what the form or the query says', () => {
    const body = new URLSearchParams({ client_certificate: pem, clientCertificate: pem }).toString();
    const rawQueryString = `clientCertificate=${encodeURIComponent(pem)}`;
    expect(certificateOf({ ...tokenEvent(body), rawQueryString })).toBeUndefined();
  });
});

describe('a DPoP header', () => {
  it('is handed on as it came', () => {
    const event = tokenEvent('', { dpop: 'a.b.c' });
    expect(parseFormRequest(event)).toMatchObject({ ok: true, value: { dpop: 'a.b.c' } });
  });
});

describe('an access token', () => {
  it.each([
    ['Bearer abc', 'bearer', 'abc'],
    ['bearer abc', 'bearer', 'abc'],
    ['BEARER   abc', 'bearer', 'abc'],
    ['Bearer a.b-c_d~e+f/g==', 'bearer', 'a.b-c_d~e+f/g=='],
    ['DPoP abc', 'dpop', 'abc'],
    ['dpop abc', 'dpop', 'abc'],
    ['DPOP   a.b.c', 'dpop', 'a.b.c'],
  ])('of the header %j is presented as %s: %j', (header, scheme, jws) => {
    expect(accessToken(header)).toEqual({ scheme, jws });
  });

  it.each([
    undefined,
    '',
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer a, Bearer b',
    'Bearer a,DPoP b',
    'DPoP a, DPoP a',
    'Bearer a\n',
    'Bearer =',
    'Bearer a=b',
    'xBearer a',
    ' Bearer a',
    'Bearer\ta',
    'DPoP',
    'DPoPa',
    'DPoP a b',
    'Basic abc',
  ])('is not in the header %j', (header) => {
    expect(accessToken(header)).toBeUndefined();
  });
});
