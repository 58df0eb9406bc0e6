import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizeTargetUri, targetUris } from '../../functions/core/target-uri.ts';

const TARGET = 'https://api.example.com/orders/a~b';

describe('a target URI', () => {
  it.each([
    'https://api.example.com/orders/a~b',
    'HTTPS://API.Example.COM/orders/a~b',
    'https://api.example.com:443/orders/a~b',
    'https://api.example.com:/orders/a~b',
    'https://api.example.com/orders/a%7Eb',
    'https://api.example.com/orders/a%7eb',
    'https://api.example.com/%6Frders/%61~b',
    'https://api.example.com/x/../orders/./a~b',
    'https://api.example.com/x/%2E%2e/orders/a~b',
    'https://api.example.com/orders/a~b?x=1',
    'https://api.example.com/orders/a~b?',
    'https://api.example.com/orders/a~b#part',
    'https://api.example.com/orders/a~b?x=1#part',
  ])('is the same spelled as %s', (uri) => {
    expect(normalizeTargetUri(uri)).toBe(TARGET);
  });

  it.each([
    'http://api.example.com/orders/a~b',
    'https://api.example.com:8443/orders/a~b',
    'https://api.example.com./orders/a~b',
    'https://example.com/orders/a~b',
    'https://api.example.com.evil.example/orders/a~b',
    'https://api.example.com/orders/a~b/',
    'https://api.example.com/orders/a~b/c',
    'https://api.example.com/orders/a~',
    'https://api.example.com/orders//a~b',
    'https://api.example.com/Orders/a~b',
    'https://api.example.com/orders%2Fa~b',
    'https://api.example.com/orders/a%257Eb',
    'https://api.example.com/orders/a~b;x',
    'https://api.example.com/orders/a~b%20',
  ])('is another one spelled as %s', (uri) => {
    const normalized = normalizeTargetUri(uri);
    expect(normalized).toBeDefined();
    expect(normalized).not.toBe(TARGET);
  });

  it.each([
    ['an empty path is /', 'https://api.example.com', 'https://api.example.com/'],
    ['an empty path with a query, too', 'https://api.example.com?x', 'https://api.example.com/'],
    ['hexadecimal is upper case', 'https://a.example/%c3%a9', 'https://a.example/%C3%A9'],
    [
      'reserved characters stay as they are',
      "https://a.example/%2f%3a/:@!$&'()*+,;=",
      "https://a.example/%2F%3A/:@!$&'()*+,;=",
    ],
    ['the default port of http is 80', 'http://127.0.0.1:80/x', 'http://127.0.0.1/x'],
    ['other ports stay', 'http://127.0.0.1:8787/x', 'http://127.0.0.1:8787/x'],
    ['an IPv6 host has one spelling', 'https://[2001:DB8::0:1]/x', 'https://[2001:db8::1]/x'],
  ])('%s', (_rule, uri, normalized) => {
    expect(normalizeTargetUri(uri)).toBe(normalized);
  });

  it.each([
    '',
    '/orders',
    '//api.example.com/orders',
    'api.example.com/orders',
    'ftp://api.example.com/orders',
    'https:api.example.com/orders',
    'https:/api.example.com/orders',
    'https://',
    'https:///orders',
    'https://user@api.example.com/orders',
    'https://user:word@api.example.com/orders',
    'https://api.example.com:99999/orders',
    'https://api.example.com/a b',
    'https://api.example.com/a\tb',
    'https://api.example.com/a\n',
    ' https://api.example.com/a',
    'https:\\\\api.example.com\\orders',
    'https://api.example.com/\\orders',
    'https://api.example.com/é',
    'https://api.example.com/%',
    'https://api.example.com/%4',
    'https://api.example.com/%zz',
    'https://api.example.com/<a>',
    'https://api.example.com/{a}',
    'https://bücher.example/',
  ])('is not %j', (uri) => {
    expect(normalizeTargetUri(uri)).toBeUndefined();
  });

  it('is normalized once and for all, and never throws', () => {
    const text = fc.oneof(fc.webUrl({ withFragments: true, withQueryParameters: true }), fc.string(), fc.webPath());
    fc.assert(
      fc.property(text, (uri) => {
        const normalized = normalizeTargetUri(uri);
        if (normalized !== undefined) expect(normalizeTargetUri(normalized)).toBe(normalized);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the names of a resource', () => {
  const named = (path: string) => targetUris('http://127.0.0.1:8787', 'api.example.com', path);

  it('are those below the address of the deployment and below the domain that was called', () => {
    expect(named('/whoami')).toEqual(['http://127.0.0.1:8787/whoami', 'https://api.example.com/whoami']);
  });

  it.each([
    ['/a b', '/a%20b'],
    ['/é', '/%c3%a9'],
    ['/a?b#c', '/a%3Fb%23c'],
    ['/100%', '/100%25'],
    ['/%2e', '/%252e'],
    ['/\u{1f511}', '/%F0%9F%94%91'],
    ["/a~b/:@!$&'()*+,;=", "/a%7Eb/:@!$&'()*+,;="],
    ['/"<>\\^`{|}', '/%22%3C%3E%5C%5E%60%7B%7C%7D'],
  ])('of the path %j, which API Gateway has decoded, are what a client may have sent: %s', (path, sent) => {
    expect(named(path).map(normalizeTargetUri)[1]).toBe(normalizeTargetUri(`https://api.example.com${sent}`));
    expect(named(path).map(normalizeTargetUri)[1]).toBeDefined();
  });

  it('are URIs for any path at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (path) => {
        expect(named(`/${path}`).map(normalizeTargetUri)).not.toContain(undefined);
      }),
    );
  });
});
