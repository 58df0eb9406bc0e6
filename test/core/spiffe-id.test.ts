import { describe, expect, it } from 'vitest';
import { isTrustDomain, trustDomainOf } from '../../functions/core/spiffe-id.ts';

describe('the ID of a workload', () => {
  it.each([
    ['spiffe://acme.example/ns/billing/sa/invoicer', 'spiffe://acme.example'],
    ['spiffe://prod_1.acme-x.example/A/b.c_d-e', 'spiffe://prod_1.acme-x.example'],
    ['spiffe://acme/...', 'spiffe://acme'],
  ])('%s is of the trust domain %s', (id, domain) => {
    expect(trustDomainOf(id)).toBe(domain);
  });

  it.each([
    ...[
      '',
      'acme.example',
      'https://acme.example/x',
      'SPIFFE://acme.example/x',
      'spiffe:/acme.example/x',
      'spiffe:///x',
    ],
    ...['spiffe://acme.example', 'spiffe://acme.example/', 'spiffe://acme.example/x/', 'spiffe://acme.example//x'],
    ...[
      'spiffe://acme.example/./x',
      'spiffe://acme.example/x/..',
      'spiffe://Acme.example/x',
      'spiffe://acme.example:8443/x',
    ],
    ...[
      'spiffe://u@acme.example/x',
      'spiffe://acme.example/x?a',
      'spiffe://acme.example/x#a',
      'spiffe://acme.example/%78',
    ],
    ...['spiffe://acme.example/x\n', ' spiffe://acme.example/x', `spiffe://acme.example/${'x'.repeat(2_048)}`],
    `spiffe://${'a'.repeat(256)}/x`,
  ])('%j is none', (id) => {
    expect(trustDomainOf(id)).toBeUndefined();
  });
});

describe('a trust domain', () => {
  it('is a name and nothing behind it', () => {
    expect(['spiffe://acme.example', `spiffe://${'a'.repeat(255)}`].map(isTrustDomain)).toEqual([true, true]);
    const others = ['spiffe://', 'spiffe://acme.example/', 'spiffe://Acme', 'spiffe://*', 'https://acme.example'];
    expect(others.map(isTrustDomain)).toEqual(others.map(() => false));
  });
});
