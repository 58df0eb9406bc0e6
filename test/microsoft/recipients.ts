/**
 * The recipients of the fixtures as realms: what an operator says of each, as bodies of the admin API, and the same in memory, as the core
 * makes it of these bodies.
 */

import type { MicrosoftRealmInput } from '../../functions/core/microsoft-definition.ts';
import type { MicrosoftUser } from '../../functions/core/microsoft-user.ts';
import type { Audience, Grant, Partner, PartnerWithGrants, TrustLevel } from '../../functions/core/partner.ts';
import { definePartner, type PartnerDefinition } from '../../functions/core/partner-definition.ts';
import { changeRealm, type Realm, untouchedRealm } from '../../functions/core/realm.ts';
import { document, fixtureText, REGISTERED_AT, type TrustedPartner, trustConfig } from './fixtures.ts';

/** Owns the audiences, and is called. */
export const OWNER = 'resources';
export const SCOPES = ['read'] as const;

export interface Recipient {
  readonly name: string;
  readonly microsoft: MicrosoftRealmInput;
  readonly partners: readonly (PartnerDefinition & { readonly id: string })[];
  /** URLs of its resources. */
  readonly audiences: readonly string[];
}

const ofCertificate = (file: string) => ({ credentials: [{ certificate: fixtureText(file) }] });

const TENANT = '9b6c1d7e-0c8a-4f0e-8f43-6f1f0a2c7e55';

/** Whoever may speak of users at all is asked for nothing more here: the trust level decides. */
const partnerOf = (trusted: TrustedPartner): Recipient['partners'][number] => ({
  id: trusted.name,
  issuer: trusted.issuer,
  enabled: trusted.enabled,
  trustLevel: trusted.trustLevel.toLowerCase() as TrustLevel,
  acceptsSecurityIdentifiers: trusted.acceptSecurityIdentifierInformation ?? false,
  microsoft: {
    issuedBy: trusted.useOAuthServer === true ? 'authorization-server' : 'itself',
    actors: trusted.actors ?? [],
    userTokens: true,
  },
  ...(trusted.metadata === undefined ? {} : { metadata: document(trusted.metadata) }),
  ...(trusted.certificate === undefined ? {} : ofCertificate(trusted.certificate)),
});

/** An application of the STS's realm that speaks for itself, and one of another realm that has its tokens from a server there. */
const BESIDE_STS: Recipient['partners'] = [
  {
    id: 'calendar',
    issuer: `7557eb47-c689-4224-abcf-aef9bd7573df@${TENANT}`,
    trustLevel: 'full',
    microsoft: { userTokens: true },
  },
  {
    id: 'hrapp-elsewhere',
    issuer: '3d1f9a52-7c4e-4b0d-9a6e-5b2c8f7e1d90@c2a4b9d1-5e33-4d0b-8a21-90f7d6e4b3a2',
    trustLevel: 'full',
    microsoft: { issuedBy: 'authorization-server', userTokens: true },
  },
];

const ofTrustConfig = Object.entries(trustConfig.recipients).map(
  ([name, { applicationId, hosts, realms, authServers, partners }]): Recipient => ({
    name,
    microsoft: { applicationId, hosts, realms },
    partners: [
      ...authServers.map(({ name: id, issuer, enabled, metadata }) => ({
        ...{ id, issuer, enabled, trustedIssuer: true, microsoft: {} },
        metadata: document(metadata ?? ''),
      })),
      ...partners.map(partnerOf),
      ...(name === 'exchange' ? BESIDE_STS : []),
    ],
    audiences: hosts.map((host) => `https://${host}`),
  }),
);

/** What stands for ACS: servers give it assertions that they have made for it, and call a resource with what they get. */
const STS: Recipient = {
  name: 'sts',
  microsoft: {
    applicationId: '00000001-0000-0000-c000-000000000000',
    realms: [TENANT],
    hosts: ['mail.contoso.example'],
    tokenHosts: ['sts.example.net'],
  },
  partners: [
    {
      id: 'exchange',
      issuer: `00000002-0000-0ff1-ce00-000000000000@${TENANT}`,
      trustLevel: 'full',
      microsoft: { userTokens: true },
      ...ofCertificate('exchange-test-cert.pem'),
    },
    // Speaks today's language: a client with a certificate.
    { id: '3d1f9a52-7c4e-4b0d-9a6e-5b2c8f7e1d90', ...ofCertificate('partner-test-cert.pem') },
  ],
  audiences: ['https://mail.contoso.example', 'https://archive.contoso.example'],
};

/** As lync, but for partners that are not to speak of users, whatever their trust level would allow. */
const RESERVED: Recipient = {
  name: 'reserved',
  microsoft: {
    applicationId: '00000004-0000-0ff1-ce00-000000000000',
    realms: ['contoso.example'],
    hosts: ['sfbpool.contoso.example'],
  },
  partners: [
    {
      id: 'exchange',
      issuer: '00000002-0000-0ff1-ce00-000000000000@contoso.example',
      trustLevel: 'full',
      acceptsSecurityIdentifiers: true,
      microsoft: {},
      // In the middle of a roll.
      metadata: document('metadata-exchange-rollover.json'),
    },
  ],
  audiences: ['https://sfbpool.contoso.example'],
};

export const recipients: readonly Recipient[] = [...ofTrustConfig, STS, RESERVED];

export const recipient = (name: string): Recipient => {
  const found = recipients.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no recipient ${name}`);
  return found;
};

const usersOf = (realm: string): readonly MicrosoftUser[] =>
  trustConfig.users.map(({ id, ...identifiers }) => ({ realm, id, identifiers, version: 1 }));

/** A recipient as it is registered. */
export interface RegisteredRecipient {
  readonly realm: Realm;
  readonly owner: Partner;
  readonly partners: readonly PartnerWithGrants[];
  readonly audiences: readonly Audience[];
  readonly users: readonly MicrosoftUser[];
}

/** @throws Error with the problems of what the operator said. */
export const register = async ({ name, microsoft, partners, audiences }: Recipient): Promise<RegisteredRecipient> => {
  const policy = { algorithms: ['RS256'], microsoft };
  const realm = must(changeRealm(untouchedRealm(name), { policy }, REGISTERED_AT));
  const define = async ({ id, ...definition }: Recipient['partners'][number]): Promise<Partner> =>
    must(await definePartner(name, id, definition, ['RS256'], REGISTERED_AT));
  const grantOf = (client: string, audience: string): Grant => ({
    ...{ realm: name, client, audience, scopes: SCOPES, authorizationDetailsTypes: [], version: 1 },
  });
  return {
    realm,
    owner: await define({ id: OWNER }),
    partners: (await Promise.all(partners.map(define))).map((partner) => ({
      partner,
      grants: partner.trustedIssuer ? [] : audiences.map((audience) => grantOf(partner.id, audience)),
      audiences: [],
    })),
    audiences: audiences.map((audience) => ({
      ...{ realm: name, audience, owner: OWNER, ownerEnabled: true, scopes: SCOPES, authorizationDetails: {} },
      ...{ introspectors: [], tokenPolicy: {}, version: 1 },
    })),
    users: usersOf(name),
  };
};

const must = <Value>(result: { ok: true; value: Value } | { ok: false; refusal: unknown }): Value => {
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
};
