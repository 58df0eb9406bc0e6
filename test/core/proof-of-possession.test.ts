import { describe, expect, it } from 'vitest';
import { bindingsOf, checkPossession, type Presented } from '../../functions/core/proof-of-possession.ts';
import type { Confirmation } from '../../functions/core/token.ts';
import { NOW } from '../support/builders.ts';

const JKT = 'thumbprint-of-a-key';
const X5T = 'thumbprint-of-a-certificate';
const proofBy = (jkt: string) => ({ jkt, jti: 'j', issuedAt: NOW, forgetAfter: NOW + 65 });

const BEARER: Presented = { scheme: 'bearer' };
const DPOP: Presented = { scheme: 'dpop', proof: proofBy(JKT) };
const MTLS: Presented = { scheme: 'bearer', certificateThumbprint: X5T };
const BOTH: Presented = { ...DPOP, certificateThumbprint: X5T };

const outcomeOf = (cnf: unknown, presented: Presented): string => {
  // A token may hold anything that its issuer once put there.
  const result = checkPossession(cnf as Confirmation | undefined, presented);
  if (result.ok) return 'accepted';
  return 'binding' in result.refusal ? `${result.refusal.reason} ${result.refusal.binding}` : result.refusal.reason;
};

describe('a token that is bound to nothing', () => {
  it.each([
    ['as a bearer token', BEARER, 'accepted'],
    ['over mutual TLS', MTLS, 'accepted'],
    ['as a bearer token with a proof', { ...BEARER, proof: proofBy(JKT) }, 'accepted'],
    ['under the DPoP scheme with a good proof', DPOP, 'token_unbound dpop'],
    ['under the DPoP scheme without', { scheme: 'dpop' } as const, 'token_unbound dpop'],
  ])('presented %s is %s', (_how, presented, outcome) => {
    expect(outcomeOf(undefined, presented)).toBe(outcome);
  });
});

describe('a token that is bound to a DPoP key', () => {
  it.each([
    ['with a proof by that key', DPOP, 'accepted'],
    ['with a proof by that key over mutual TLS', BOTH, 'accepted'],
    ['as a bearer token', BEARER, 'token_binding dpop'],
    ['as a bearer token with a good proof', { ...BEARER, proof: proofBy(JKT) }, 'token_binding dpop'],
    ['without a proof', { scheme: 'dpop' } as const, 'token_binding dpop'],
    ['with a proof by another key', { scheme: 'dpop', proof: proofBy('other') } as const, 'token_binding dpop'],
    ['with a certificate instead', MTLS, 'token_binding dpop'],
    [
      'with a certificate of that thumbprint',
      { scheme: 'dpop', certificateThumbprint: JKT } as const,
      'token_binding dpop',
    ],
  ])('presented %s is %s', (_how, presented, outcome) => {
    expect(outcomeOf({ jkt: JKT }, presented)).toBe(outcome);
  });
});

describe('a token that is bound to a certificate', () => {
  it.each([
    ['over a connection with it', MTLS, 'accepted'],
    ['over another connection', { ...MTLS, certificateThumbprint: 'other' }, 'token_binding mtls'],
    ['over a connection without one', BEARER, 'token_binding mtls'],
    ['under the DPoP scheme', BOTH, 'token_unbound dpop'],
    ['with a proof instead', { ...BEARER, proof: proofBy(X5T) }, 'token_binding mtls'],
  ])('presented %s is %s', (_how, presented, outcome) => {
    expect(outcomeOf({ 'x5t#S256': X5T }, presented)).toBe(outcome);
  });
});

describe('a token that is bound to both', () => {
  it.each([
    ['with both', BOTH, 'accepted'],
    ['with the proof only', DPOP, 'token_binding mtls'],
    ['with the certificate only', MTLS, 'token_binding dpop'],
    ['with neither', BEARER, 'token_binding dpop'],
  ])('presented %s is %s', (_how, presented, outcome) => {
    expect(outcomeOf({ jkt: JKT, 'x5t#S256': X5T }, presented)).toBe(outcome);
  });
});

describe('a binding that is not understood', () => {
  const strange: readonly object[] = [
    {},
    { jwk: { kty: 'EC' } },
    { kid: JKT },
    { jkt: JKT, kid: 'k' },
    { jkt: JKT, 'x5t#S512': X5T },
    { jkt: 1 },
    { jkt: '' },
    { jkt: null },
    { 'x5t#S256': [X5T] },
    { constructor: 'x' },
    { toString: JKT },
  ];

  it.each(strange)('makes the token useless: %j', (cnf) => {
    expect([BEARER, DPOP, MTLS, BOTH].map((presented) => outcomeOf(cnf, presented))).toEqual(
      Array.from({ length: 4 }, () => 'token_binding unknown'),
    );
    expect(bindingsOf(cnf as Confirmation)).toBeUndefined();
  });
});
