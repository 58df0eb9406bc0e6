/**
 * `countersign partner export`: partners as a declarative file, so that applying it elsewhere gives the same ones.
 */
import type { Command } from 'commander';
import { createAdminClient, LONG_PAGES } from '../admin-client.ts';
import { type Audience, audience, type Credential, type Partner, partnerSummary } from '../admin-records.ts';
import { readPartners } from '../apply/current.ts';
import type {
  DeclaredAudience,
  DeclaredCredential,
  DeclaredGrant,
  DeclaredPartner,
  DetailTypes,
  Federation,
  MicrosoftPartner,
  Quota,
  TlsSubject,
  TokenPolicy,
} from '../declaration.ts';
import { writeYaml } from '../declaration-file.ts';
import { refused } from '../failure.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import { defined } from '../option-values.ts';
import { show } from '../output.ts';
import { readSettings } from '../settings.ts';

export function addPartnerExport(group: Command, io: Io): void {
  group
    .command('export')
    .description('print partners with their public keys, audiences and grants as a file for countersign apply')
    .argument('[id...]', 'the partners; all of the realm if none is named')
    .addHelpText(
      'after',
      examples(
        'partner export > partners.yaml',
        'partner export billing ledger',
        'partner export | countersign apply -f - --endpoint https://elsewhere.example.com --dry-run',
      ),
    )
    .action(async (ids: readonly string[], _options: object, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const wanted =
        ids.length > 0 ? ids : (await client.list(['partners'], LONG_PAGES, partnerSummary)).map(({ id }) => id);
      const [partners, audiences] = await Promise.all([
        readPartners(client, wanted),
        client.list(['audiences'], LONG_PAGES, audience),
      ]);
      const missing = ids.filter((id) => !partners.some((one) => one.id === id));
      if (missing.length > 0) throw refused(`no partner ${missing.join(', ')}`);
      partners.sort((a, b) => (a.id < b.id ? -1 : 1));
      const content = { realm: settings.realm, partners: partners.map((one) => declare(one, audiences)) };
      show(io, settings.json, content, () => writeYaml(content, 'Written by countersign partner export').trimEnd());
    });
}

/** What is as it would be anyway is left out: the file says what somebody has decided. */
function declare(stored: Partner, audiences: readonly Audience[]): DeclaredPartner {
  const { id, name, contact, tags, enabled, trustLevel, acceptsSecurityIdentifiers, source, tokenPolicy, claims } =
    stored;
  const followed = source?.selfRegistered ? undefined : source;
  const registered = stored.credentials.filter((each) => each.source === 'registered');
  const owned = audiences.filter(({ owner }) => owner === id);
  // Whoever follows a metadata document takes the issuer from there as well.
  const issuer = source?.type === 'metadata' ? undefined : stored.issuer;
  return {
    id,
    ...defined({
      name,
      contact,
      tags: unlessEmpty(tags),
      enabled: enabled ? undefined : false,
      trustLevel: trustLevel === 'application' ? undefined : (trustLevel as DeclaredPartner['trustLevel']),
      acceptsSecurityIdentifiers: acceptsSecurityIdentifiers || undefined,
      compatibility:
        stored.compatibility === 'strict' ? undefined : (stored.compatibility as DeclaredPartner['compatibility']),
      issuer,
      credentials: unlessEmpty(registered.map((each) => declareCredential(id, each))),
      jwksUri: followed?.type === 'jwks_uri' ? followed.url : undefined,
      metadataUrl: followed?.type === 'metadata' ? followed.url : undefined,
      tlsSubject: stored.tlsSubject as TlsSubject | undefined,
      federation: unlessEmpty(stored.federation.map(declareIdentity)),
      trustedIssuer: stored.trustedIssuer || undefined,
      microsoft: stored.microsoft && declareMicrosoft(stored.microsoft),
      tokenPolicy: unlessEmpty(tokenPolicy) as TokenPolicy | undefined,
      claims: unlessEmpty(claims) as DeclaredPartner['claims'],
      quota: stored.quota as Quota | undefined,
      audiences: unlessEmpty(owned.map(declareAudience)),
      grants: unlessEmpty(stored.grants.map(declareGrant)),
    }),
  };
}

const unlessEmpty = <T extends object>(value: T): T | undefined =>
  Object.keys(value).length === 0 ? undefined : value;

const declareAudience = ({ audience: uri, scopes, tokenPolicy, ...more }: Audience): DeclaredAudience => ({
  audience: uri,
  scopes,
  ...defined({
    authorizationDetails: unlessEmpty(more.authorizationDetails) as DetailTypes | undefined,
    tokenPolicy: unlessEmpty(tokenPolicy) as TokenPolicy | undefined,
    introspectors: unlessEmpty(more.introspectors),
  }),
});

const declareGrant = ({
  audience: uri,
  scopes,
  authorizationDetailsTypes,
}: Partner['grants'][number]): DeclaredGrant => ({
  audience: uri,
  scopes,
  ...defined({ authorizationDetailsTypes: unlessEmpty(authorizationDetailsTypes) }),
});

const declareIdentity = ({ audited = {}, reusable, ...rest }: Partner['federation'][number]): Federation[number] => {
  const more = defined({ audited: unlessEmpty(audited), reusable: reusable || undefined });
  return { ...rest, ...more } as Federation[number];
};

/** Left empty it says that the partner takes part, and nothing more. */
const declareMicrosoft = ({ issuedBy, actors, userTokens, delegation }: NonNullable<Partner['microsoft']>) =>
  defined({
    issuedBy: issuedBy === 'itself' ? undefined : (issuedBy as MicrosoftPartner['issuedBy']),
    actors: unlessEmpty(actors),
    userTokens: userTokens || undefined,
    delegation: delegation || undefined,
  });

/** @throws Failure (1) when the service does not tell the key: a file without it would take the key away elsewhere. */
function declareCredential(id: string, { jwk, kid, alg, label, notBefore, expiresAt }: Credential): DeclaredCredential {
  if (jwk === undefined) throw refused(`the service does not show the public key ${kid} of partner ${id}`);
  const key = { ...jwk, kid, alg } as DeclaredCredential['jwk'];
  return { ...defined({ jwk: key, label, notBefore, expiresAt }) };
}
