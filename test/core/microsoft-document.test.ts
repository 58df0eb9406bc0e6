import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { KeyRing, KeyState, SigningKey } from '../../functions/core/key-ring.ts';
import { jwks } from '../../functions/core/metadata.ts';
import { microsoftDocument } from '../../functions/core/microsoft-document.ts';
import { readPartnerDocument } from '../../functions/core/partner-document.ts';
import { ISSUER, keyPair, NOW, ring, signingKey } from '../support/builders.ts';
import { issue } from '../support/certificate-authority.ts';
import { readAsExchange, readAsSharePointHelper } from '../support/microsoft-readers.ts';

const APPLICATION = '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34';
const PROFILE = { applicationId: APPLICATION, realms: ['contoso.example', 'fabrikam.example'] } as const;
const PRINCIPAL = `${APPLICATION}@contoso.example`;

const RSA = {
  ...{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: Uint8Array.of(1, 0, 1), modulusLength: 2_048 },
};
const pair = await keyPair('RS256');
const certificate = async (name: string) => (await issue({ name, algorithm: RSA })).base64;
const CERTIFICATES = {
  active: await certificate('active'),
  standby: await certificate('standby'),
  retiring: await certificate('retiring'),
  older: await certificate('older'),
};
const key = (state: KeyState, certificates: readonly string[], kid: string = state): SigningKey =>
  signingKey(pair, { kid, state, certificates });
/** As rings are: the oldest key first. */
const KEYS = [
  key('retiring', [CERTIFICATES.older], 'older'),
  key('retiring', [CERTIFICATES.retiring]),
  key('active', [CERTIFICATES.active, 'MIIBissuer']),
  key('standby', [CERTIFICATES.standby]),
];

interface Document {
  readonly id: string;
  readonly keys: readonly {
    readonly keyinfo: { readonly x5t: string };
    readonly keyvalue: { readonly value: string };
  }[];
}
const documentOf = (...rings: readonly KeyRing[]) => microsoftDocument(ISSUER, PROFILE, rings) as Document | undefined;
const DOCUMENT = documentOf(ring('RS256', KEYS));

describe('the document for servers of the Microsoft profile', () => {
  it('has the shape and the spelling in which Exchange publishes its own', () => {
    expect(DOCUMENT).toEqual({
      id: expect.stringMatching(/^_[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      version: '1.0',
      name: 'Countersign',
      realm: 'contoso.example',
      serviceName: APPLICATION,
      issuer: PRINCIPAL,
      allowedAudiences: [PRINCIPAL, `${APPLICATION}@fabrikam.example`],
      keys: (['active', 'standby', 'retiring', 'older'] as const).map((name) => ({
        usage: 'signing',
        keyinfo: { x5t: Buffer.from(sha1(CERTIFICATES[name]), 'hex').toString('base64url') },
        keyvalue: { type: 'x509Certificate', value: CERTIFICATES[name] },
      })),
      endpoints: [{ location: `${ISSUER}/token`, protocol: 'OAuth2', usage: 'issuance' }],
    });
  });

  it('is always the same document of the same realm, and of another realm another', () => {
    expect(documentOf(ring('RS256', KEYS.slice(2)))?.id).toBe(DOCUMENT?.id);
    const other = microsoftDocument(`${ISSUER}/realms/acme`, PROFILE, [ring('RS256', KEYS)]) as Document | undefined;
    expect(other?.id).not.toBe(DOCUMENT?.id);
  });

  it('leaves out keys without a certificate, those that are not public, and rings that such servers cannot use', () => {
    const more = [key('standby', []), key('created', [CERTIFICATES.standby]), key('revoked', [CERTIFICATES.retiring])];
    const keys = [key('active', [CERTIFICATES.active]), ...more];
    const elliptic = ring('ES256', [key('active', [CERTIFICATES.older])]);
    expect(documentOf(elliptic, ring('RS256', keys))?.keys.map(({ keyvalue }) => keyvalue.value)).toEqual([
      CERTIFICATES.active,
    ]);
  });

  it.each<[string, readonly KeyRing[]]>([
    ['no ring', []],
    ['no RSA ring', [ring('ES256', [key('active', [CERTIFICATES.active])])]],
    ['no key that signs', [ring('RS256', [key('standby', [CERTIFICATES.standby])])]],
    [
      'a certificate for the next key only',
      [ring('RS256', [key('active', []), key('standby', [CERTIFICATES.standby])])],
    ],
  ])('is not there with %s: its first key would not be the one that signs', (_what, rings) => {
    expect(documentOf(...rings)).toBeUndefined();
  });

  it('names the same certificates as the key set', () => {
    const published = jwks([ring('RS256', KEYS)]).keys.map(({ x5t }) => x5t);
    expect(DOCUMENT?.keys.map(({ keyinfo }) => keyinfo.x5t).sort()).toEqual([...published].sort());
  });
});

describe('readers of that document', () => {
  it('are we ourselves: every key, nothing left out', async () => {
    expect(await readPartnerDocument(DOCUMENT, NOW)).toMatchObject({
      ok: true,
      value: {
        format: 'microsoft',
        issuer: PRINCIPAL,
        warnings: [],
        keys: DOCUMENT?.keys.map(({ keyinfo }) => keyinfo),
      },
    });
  });

  it('are those that take the first key for the certificate, and the only endpoint for the token endpoint', () => {
    expect(readAsSharePointHelper(JSON.stringify(DOCUMENT))).toEqual({
      certificate: CERTIFICATES.active,
      tokenEndpoint: `${ISSUER}/token`,
    });
  });

  it('are those that look up a certificate by its thumbprint, and compare issuer and audience by the letter', () => {
    const partner = readAsExchange(JSON.stringify(DOCUMENT));
    expect(partner).toMatchObject({ applicationIdentifier: APPLICATION, realm: 'contoso.example', issuer: PRINCIPAL });
    expect([...partner.certificates.keys()]).toEqual(DOCUMENT?.keys.map(({ keyinfo }) => keyinfo.x5t));
  });
});

function sha1(base64: string): string {
  return new X509Certificate(Buffer.from(base64, 'base64')).fingerprint.replaceAll(':', '').toLowerCase();
}
