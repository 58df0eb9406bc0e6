import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress } from '../../functions/core/alternative-name.ts';
import { parseDistinguishedName } from '../../functions/core/distinguished-name.ts';
import type { PresentedCertificate } from '../../functions/core/presented-certificate.ts';
import {
  isSubjectOf,
  parseTlsSubject,
  TLS_SUBJECT_MEMBERS,
  type TlsSubject,
} from '../../functions/core/tls-subject.ts';

const kept = (input: unknown): unknown => {
  const result = parseTlsSubject(input, '/tlsSubject');
  return result.ok ? result.value : result.refusal.pointer;
};

describe('a TLS subject', () => {
  it.each<[input: TlsSubject, subject: TlsSubject]>([
    [{ subjectDn: 'cn=billing, o=Example' }, { subjectDn: 'CN=billing,O=Example' }],
    [{ subjectDn: '2.5.4.3=billing' }, { subjectDn: 'CN=billing' }],
    [{ subjectDn: 'CN=#130162' }, { subjectDn: 'CN=b' }],
    [{ sanDns: 'Billing.Example.com' }, { sanDns: 'billing.example.com' }],
    [{ sanDns: 'xn--bcher-kva.example' }, { sanDns: 'xn--bcher-kva.example' }],
    [{ sanDns: '_billing.example.com' }, { sanDns: '_billing.example.com' }],
    [{ sanUri: 'SPIFFE://Example.com/Billing' }, { sanUri: 'spiffe://example.com/Billing' }],
    [{ sanUri: 'https://u@EXAMPLE.com:8443/A?b=C#d' }, { sanUri: 'https://u@example.com:8443/A?b=C#d' }],
    [{ sanUri: 'urn:uuid:7E' }, { sanUri: 'urn:uuid:7E' }],
    [{ sanIp: '192.0.2.7' }, { sanIp: '192.0.2.7' }],
    [{ sanIp: '2001:0DB8:0:0::0007' }, { sanIp: '2001:db8::7' }],
    [{ sanIp: '::ffff:192.0.2.7' }, { sanIp: '::ffff:c000:207' }],
    [{ sanEmail: 'Ops@Example.com' }, { sanEmail: 'Ops@example.com' }],
  ])('%j is kept as %j', (input, subject) => {
    expect(kept(input)).toEqual(subject);
  });

  it.each([
    [undefined],
    [null],
    ['CN=billing'],
    [[]],
    [{}],
    [{ sanDns: undefined }],
    [{ sanDns: 'a.example', sanIp: '192.0.2.7' }],
    [{ subject_dn: 'CN=a' }],
    [{ toString: 'CN=a' }],
  ])('is not %j: it has exactly one member', (input) => {
    expect(kept(input)).toBe('/tlsSubject');
  });

  it.each([
    [{ subjectDn: '' }],
    [{ subjectDn: 'billing' }],
    [{ subjectDn: '/CN=billing' }],
    [{ subjectDn: `CN=${'a'.repeat(1_022)}` }],
    [{ subjectDn: 7 }],
    [{ subjectDn: null }],
    [{ sanDns: '' }],
    [{ sanDns: '*.example.com' }],
    [{ sanDns: 'example.com.' }],
    [{ sanDns: 'a b.example' }],
    [{ sanDns: 'bücher.example' }],
    [{ sanDns: '192.0.2.7' }],
    [{ sanDns: `${'a'.repeat(64)}.example` }],
    [{ sanDns: `${'a.'.repeat(127)}a` }],
    [{ sanUri: '' }],
    [{ sanUri: 'billing' }],
    [{ sanUri: '//example.com/' }],
    [{ sanUri: 'spiffe:' }],
    [{ sanUri: 'https://exa mple.com' }],
    [{ sanUri: 'https://example.com/ä' }],
    [{ sanUri: 'https://a@b@c/' }],
    [{ sanUri: `urn:${'a'.repeat(509)}` }],
    [{ sanIp: '' }],
    [{ sanIp: '192.0.2' }],
    [{ sanIp: '192.0.2.256' }],
    [{ sanIp: '192.0.2.07' }],
    [{ sanIp: '0xC0000207' }],
    [{ sanIp: '192.0.2.0/24' }],
    [{ sanIp: '[2001:db8::7]' }],
    [{ sanIp: 'fe80::1%eth0' }],
    [{ sanIp: '2001:db8:::7' }],
    [{ sanEmail: '' }],
    [{ sanEmail: 'example.com' }],
    [{ sanEmail: 'a@' }],
    [{ sanEmail: 'a..b@example.com' }],
    [{ sanEmail: '"a b"@example.com' }],
    [{ sanEmail: `${'a'.repeat(65)}@example.com` }],
    [{ sanEmail: 'ä@example.com' }],
  ])('is not %j: the name is none', (input) => {
    expect(kept(input)).toBe(`/tlsSubject/${Object.keys(input)[0]}`);
  });

  it('says what a name has to look like', () => {
    const details = TLS_SUBJECT_MEMBERS.map((member) => {
      const result = parseTlsSubject({ [member]: '' }, '');
      return result.ok ? '' : result.refusal.detail;
    });
    expect(details).toEqual([
      expect.stringContaining('RFC 4514'),
      expect.stringContaining('without wildcard'),
      expect.stringContaining('absolute URI'),
      expect.stringContaining('IPv4 or IPv6'),
      expect.stringContaining('e-mail'),
    ]);
  });

  it('is kept as it is when it is read again', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    const input = fc.oneof(
      address.map((sanIp) => ({ sanIp })),
      fc.domain().map((sanDns) => ({ sanDns })),
      fc.webUrl().map((sanUri) => ({ sanUri })),
      fc.emailAddress().map((sanEmail) => ({ sanEmail })),
    );
    fc.assert(
      fc.property(input, (given) => {
        const first = parseTlsSubject(given, '');
        if (!first.ok) return;
        expect(parseTlsSubject(first.value, '')).toEqual(first);
      }),
    );
  });

  it('has one spelling for each address', () => {
    const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(groups, (address) => {
        const long = address.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':');
        const short = address.map((group) => group.toString(16)).join(':');
        expect(canonicalAddress(long)).toBe(canonicalAddress(short));
        expect(canonicalAddress(long)).toMatch(/^[0-9a-f:]+$/);
      }),
    );
  });
});

describe('the subject of a certificate', () => {
  const certificate: PresentedCertificate = {
    x5tS256: 'x',
    subjectDn: parseDistinguishedName('CN=billing,O=Example\\, Inc.,C=DE') ?? [],
    names: {
      dns: ['billing.example.com', 'other.example.com'],
      uri: ['spiffe://example.com/Billing'],
      ip: ['192.0.2.7', '2001:db8::7'],
      email: ['Ops@example.com'],
    },
    isSelfSigned: false,
    notBefore: 0,
    notAfter: 1,
  };

  it.each<TlsSubject>([
    { subjectDn: 'CN=billing,O=Example\\, Inc.,C=DE' },
    { subjectDn: 'cn=BILLING,o=example\\, inc.,c=de' },
    { sanDns: 'billing.example.com' },
    { sanDns: 'Other.Example.com' },
    { sanUri: 'spiffe://EXAMPLE.com/Billing' },
    { sanIp: '192.0.2.7' },
    { sanIp: '2001:0db8:0::7' },
    { sanEmail: 'Ops@EXAMPLE.com' },
  ])('is %j', (subject) => {
    expect(isSubjectOf(certificate, subject)).toBe(true);
  });

  it.each<TlsSubject>([
    {},
    { subjectDn: 'CN=billing' },
    { subjectDn: 'C=DE,O=Example\\, Inc.,CN=billing' },
    { subjectDn: 'CN=billing,O=Example' },
    { subjectDn: '' },
    { subjectDn: 'not a name' },
    { sanDns: 'example.com' },
    { sanDns: 'a.billing.example.com' },
    { sanDns: '192.0.2.7' },
    { sanDns: '' },
    { sanUri: 'spiffe://example.com/billing' },
    { sanUri: 'spiffe://example.com/Billing/' },
    { sanIp: '192.0.2.8' },
    { sanIp: '::ffff:192.0.2.7' },
    { sanEmail: 'ops@example.com' },
    // One of them is right, but a subject has one name.
    { sanDns: 'billing.example.com', sanIp: '192.0.2.7' },
  ])('is not %j', (subject) => {
    expect(isSubjectOf(certificate, subject)).toBe(false);
  });

  it('is nobody where a certificate names nobody', () => {
    const nameless = { ...certificate, subjectDn: [], names: { dns: [], uri: [], ip: [], email: [] } };
    const subjects: TlsSubject[] = [{ subjectDn: '' }, { sanDns: '' }, { sanUri: '' }, { sanIp: '' }, { sanEmail: '' }];
    expect(subjects.map((subject) => isSubjectOf(nameless, subject))).toEqual(subjects.map(() => false));
  });

  it('is not a name of another kind', () => {
    const values = ['billing.example.com', 'spiffe://example.com/Billing', '192.0.2.7', 'Ops@example.com'];
    const right = TLS_SUBJECT_MEMBERS.flatMap((member) =>
      values.filter((value) => isSubjectOf(certificate, { [member]: value })).map((value) => [member, value]),
    );
    expect(right).toEqual([
      ['sanDns', 'billing.example.com'],
      ['sanUri', 'spiffe://example.com/Billing'],
      ['sanIp', '192.0.2.7'],
      ['sanEmail', 'Ops@example.com'],
    ]);
  });
});
