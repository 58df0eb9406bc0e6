/** What a token request shows that its client holds: a DPoP key (RFC 9449 5), a TLS certificate (RFC 8705 3), both, or nothing. */

import { describe, expect, it } from 'vitest';
import { tokenEndpoint } from '../../functions/core/metadata.ts';
import { type RealmDefaults, type RealmPolicy, realmTerms, untouchedRealm } from '../../functions/core/realm.ts';
import { type PossessionContext, provePossession } from '../../functions/flows/prove-possession.ts';
import { Outage } from '../../functions/ports.ts';
import { ISSUER, keyPair, NOW, realmDefaults } from '../support/builders.ts';
import { dpopProof } from '../support/dpop.ts';
import { CERTIFICATES, presented } from './ways-in-world.ts';

const DOOR = 'https://mtls.example.com';
const pair = await keyPair('ES256', 'dpop');
const NONCES = { current: 'nonce-2', accepted: ['nonce-2', 'nonce-1'] };

const proof = (claims: object = {}, header: object = {}): string =>
  dpopProof(pair, { htm: 'POST', htu: `${ISSUER}/realms/emea/token`, nonce: 'nonce-2', ...claims }, header);

const prove = (
  held: Parameters<typeof provePossession>[2],
  {
    policy = {},
    defaults = {},
    asked = 'emea',
    name = 'emea',
  }: {
    policy?: RealmPolicy;
    defaults?: Partial<RealmDefaults>;
    asked?: string;
    name?: string;
  } = {},
) => {
  const settings = realmDefaults(defaults);
  const realm = realmTerms({ ...untouchedRealm(name), policy }, settings);
  const context: PossessionContext = {
    asked,
    endpoint: tokenEndpoint,
    realm,
    settings,
    toleranceSeconds: 60,
    now: NOW,
  };
  return provePossession(
    { read: async (realmName) => (realmName === name ? NONCES : { current: 'x', accepted: [] }) },
    context,
    held,
  );
};
const reasonOf = async (proven: ReturnType<typeof prove>): Promise<string> => {
  const result = await proven;
  return result.ok ? 'proven' : result.refusal.reason;
};

describe('what a client holds', () => {
  const { x5tS256 } = presented(CERTIFICATES.selfSigned);
  const byProof = {
    ...{ jkt: pair.thumbprint, nonce: 'nonce-2' },
    proofUse: { kind: 'dpop', maker: pair.thumbprint, jti: 'proof-1', forgetAfter: NOW + 60 + 60 },
  };

  it('is nothing where it shows nothing', async () => {
    expect(await prove({})).toEqual({ ok: true, value: {} });
  });

  it('is the key of its proof, which is used up, and it is told the nonce for the next', async () => {
    expect(await prove({ dpop: proof() })).toEqual({ ok: true, value: byProof });
  });

  it('is the certificate of its connection, whoever has issued that', async () => {
    expect(await prove({ clientCertificate: CERTIFICATES.selfSigned })).toEqual({ ok: true, value: { x5tS256 } });
  });

  it('is both', async () => {
    expect(await prove({ dpop: proof(), clientCertificate: CERTIFICATES.selfSigned })).toEqual({
      ok: true,
      value: { ...byProof, x5tS256 },
    });
  });

  it('is not known for sure where either cannot be read', async () => {
    expect([
      await reasonOf(prove({ dpop: 'x', clientCertificate: CERTIFICATES.selfSigned })),
      await reasonOf(prove({ dpop: proof(), clientCertificate: 'x' })),
    ]).toEqual(['dpop_malformed', 'certificate_malformed']);
  });
});

describe('a proof at the token endpoint', () => {
  it.each([
    ['the endpoint', `${ISSUER}/realms/emea/token`, 'proven'],
    ['the endpoint by the alias that was called', `${ISSUER}/realms/europe/token`, 'proven'],
    ['the endpoint behind the door for certificates', `${DOOR}/realms/emea/token`, 'proven'],
    ['an alias that was not called', `${ISSUER}/realms/other/token`, 'dpop_url'],
    ['the endpoint of the default realm', `${ISSUER}/token`, 'dpop_url'],
    ['the issuer', `${ISSUER}/realms/emea`, 'dpop_url'],
    ['another path', `${ISSUER}/realms/emea/token/x`, 'dpop_url'],
    ['another host', 'https://evil.example/realms/emea/token', 'dpop_url'],
    ['another scheme', `${ISSUER.replace('https', 'http')}/realms/emea/token`, 'dpop_url'],
  ])('may be for %s: %s is %s', async (_what, htu, outcome) => {
    const proven = prove({ dpop: proof({ htu }) }, { asked: 'europe', defaults: { mutualTlsUrl: DOOR } });
    expect(await reasonOf(proven)).toBe(outcome);
  });

  it('may be for no door that is not there', async () => {
    expect(await reasonOf(prove({ dpop: proof({ htu: `${DOOR}/realms/emea/token` }) }))).toBe('dpop_url');
  });

  it('of the default realm is for its short path', async () => {
    const here = { asked: 'default', name: 'default' };
    expect([
      await reasonOf(prove({ dpop: proof({ htu: `${ISSUER}/token` }) }, here)),
      await reasonOf(prove({ dpop: proof({ htu: `${ISSUER}/realms/default/token` }) }, here)),
    ]).toEqual(['proven', 'dpop_url']);
  });

  it.each([
    ['GET', 'dpop_method'],
    ['post', 'dpop_method'],
    ['POST', 'proven'],
  ])('is for the method %s: %s', async (htm, outcome) => {
    expect(await reasonOf(prove({ dpop: proof({ htm }) }))).toBe(outcome);
  });

  it.each([
    ['required', 'nonce-2', 'proven'],
    ['required', 'nonce-1', 'proven'],
    ['required', 'nonce-0', 'dpop_nonce'],
    ['required', undefined, 'dpop_nonce'],
    ['optional', undefined, 'proven'],
    ['optional', 'nonce-1', 'proven'],
    ['optional', 'nonce-0', 'dpop_nonce'],
  ] as const)('in a realm where nonces are %s, with %s, is %s', async (dpopNonces, nonce, outcome) => {
    const result = await prove({ dpop: proof({ nonce }) }, { policy: { dpopNonces } });
    expect(result.ok ? 'proven' : result.refusal).toEqual(
      outcome === 'proven' ? outcome : { reason: outcome, nonce: 'nonce-2' },
    );
  });

  it('needs a nonce unless the realm says otherwise', async () => {
    expect(await reasonOf(prove({ dpop: proof({ nonce: undefined }) }))).toBe('dpop_nonce');
  });

  it.each([
    [NOW - 120, 'proven'],
    [NOW - 121, 'dpop_untimely'],
    [NOW + 60, 'proven'],
    [NOW + 61, 'dpop_untimely'],
  ])('made at %i is %s', async (iat, outcome) => {
    expect(await reasonOf(prove({ dpop: proof({ iat }) }))).toBe(outcome);
  });

  it('is for one key', async () => {
    const other = await keyPair('ES256', 'other');
    expect(await reasonOf(prove({ dpop: proof({}, { jwk: other.publicJwk }) }))).toBe('dpop_signature');
    expect(await reasonOf(prove({ dpop: `${proof()},${proof()}` }))).toBe('dpop_malformed');
  });
});

describe('the nonces', () => {
  const context: PossessionContext = {
    ...{ asked: 'emea', endpoint: tokenEndpoint, settings: realmDefaults(), toleranceSeconds: 60, now: NOW },
    realm: realmTerms(untouchedRealm('emea'), realmDefaults()),
  };
  const down = { read: () => Promise.reject(new Outage('dynamodb:PutItem', new Error('down'))) };

  it('are needed by proofs only', async () => {
    expect(await provePossession(down, context, { clientCertificate: CERTIFICATES.issued })).toMatchObject({
      ok: true,
    });
  });

  it('that cannot be told are an outage, and no refusal', async () => {
    await expect(provePossession(down, context, { dpop: proof() })).rejects.toBeInstanceOf(Outage);
  });
});
