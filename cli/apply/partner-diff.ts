/**
 * What is different between a partner as it is declared and as it is stored, line by line. Pure but for thumbprints.
 */
import type { Partner } from '../admin-records.ts';
import type { Federation } from '../declaration.ts';
import { type DocumentKeys, documentKeys } from '../document-keys.ts';
import {
  type CredentialIdentity,
  identifyBody,
  identifyStored,
  type PartnerDefinition,
  wireName,
} from '../partner-definition.ts';
import { canonical, compareTexts, type Detail } from './detail.ts';
import { type Subject, settleSpelling } from './tls-name.ts';

type Facts = ReadonlyMap<string, string>;

/** @returns no line when they are the same. `stored` undefined: everything that is not as it would be anyway. */
export async function comparePartner(
  wanted: PartnerDefinition,
  stored: Partner | undefined,
  nowMs: number,
): Promise<readonly Detail[]> {
  const tlsSubject = settleSpelling(wanted.tlsSubject ?? undefined, stored?.tlsSubject);
  const asked = wantedFacts(wanted, tlsSubject);
  const facts = compareFacts(asked, stored === undefined ? DEFAULTS : storedFacts(wanted, stored));
  const federation = compareFederation(wanted.federation ?? [], stored?.federation ?? []);
  return [...facts, ...federation, ...(await compareCredentials(wanted, stored, nowMs))];
}

const DEFAULTS: Facts = new Map([
  ['enabled', 'true'],
  ['trustLevel', '"application"'],
  ['acceptsSecurityIdentifiers', 'false'],
  ['compatibility', '"strict"'],
  ['trustedIssuer', 'false'],
]);

/** Of a partner that takes part in the profile; of another there is none of it. */
const MICROSOFT_DEFAULTS = { issuedBy: 'itself', actors: [], userTokens: false, delegation: false };

function wantedFacts(wanted: PartnerDefinition, tlsSubject: Subject | undefined): Facts {
  const { metadata, enabled = true, trustLevel = 'application', acceptsSecurityIdentifiers = false } = wanted;
  const fromDocument = { issuer: textOf(metadata?.issuer), jwksUri: textOf(metadata?.jwks_uri) };
  return toFacts({
    name: wanted.name,
    contact: wanted.contact,
    enabled,
    trustLevel,
    acceptsSecurityIdentifiers,
    compatibility: wanted.compatibility ?? 'strict',
    issuer: wanted.issuer ?? fromDocument.issuer,
    jwksUri: wanted.jwksUri ?? fromDocument.jwksUri,
    metadataUrl: wanted.metadataUrl,
    tags: wanted.tags,
    tokenPolicy: { ...wanted.tokenPolicy, algorithm: wireName(wanted.tokenPolicy?.algorithm) },
    claims: wanted.claims,
    quota: wanted.quota,
    tlsSubject,
    trustedIssuer: wanted.trustedIssuer ?? false,
    microsoft: wanted.microsoft && { ...MICROSOFT_DEFAULTS, ...wanted.microsoft },
  });
}

function storedFacts(wanted: PartnerDefinition, stored: Partner): Facts {
  // An address that the partner's own people have registered is not ours to say, as their keys are not.
  const source = stored.source?.selfRegistered ? undefined : stored.source;
  // Whoever follows a document takes the issuer from there, unless told.
  const isFollowed = wanted.issuer === undefined && wanted.metadataUrl !== undefined && source?.type === 'metadata';
  return toFacts({
    name: stored.name,
    contact: stored.contact,
    enabled: stored.enabled,
    trustLevel: stored.trustLevel,
    acceptsSecurityIdentifiers: stored.acceptsSecurityIdentifiers,
    compatibility: stored.compatibility,
    issuer: isFollowed ? undefined : stored.issuer,
    jwksUri: source?.type === 'jwks_uri' ? source.url : undefined,
    metadataUrl: source?.type === 'metadata' ? source.url : undefined,
    tags: stored.tags,
    tokenPolicy: { ...stored.tokenPolicy, algorithm: wireName(stored.tokenPolicy.algorithm) },
    claims: stored.claims,
    quota: stored.quota,
    tlsSubject: stored.tlsSubject,
    trustedIssuer: stored.trustedIssuer,
    microsoft: stored.microsoft,
  });
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Members by name, with those of `tags`, `tokenPolicy`, `claims`, `quota` and `microsoft` one by one: `tags.team`. */
function toFacts(members: Readonly<Record<string, unknown>>): Facts {
  const pairs = Object.entries(members).flatMap(([name, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null
      ? Object.entries(value).map(([inner, each]) => [`${name}.${inner}`, each])
      : [[name, value]],
  );
  return new Map(pairs.filter(([, value]) => value !== undefined).map(([name, value]) => [name, canonical(value)]));
}

function compareFacts(wanted: Facts, stored: Facts): readonly Detail[] {
  return [...new Set([...stored.keys(), ...wanted.keys()])].flatMap((name) =>
    compareTexts(name, wanted.get(name), stored.get(name)),
  );
}

type Federated = Partner['federation'][number];

/** Whole identities: one that differs in a word proves somebody else. Their order says nothing. */
function compareFederation(wanted: Federation, stored: readonly Federated[]): readonly Detail[] {
  const [after, before] = [wanted.map(identityText), stored.map(identityText)];
  return [
    ...before
      .filter((each) => !after.includes(each))
      .map((each): Detail => ({ sign: '-', text: `federation: ${each}` })),
    ...after
      .filter((each) => !before.includes(each))
      .map((each): Detail => ({ sign: '+', text: `federation: ${each}` })),
  ];
}

/** Without what is as it would be anyway. */
function identityText({ audited = {}, reusable = false, ...rest }: Federation[number] | Federated): string {
  const more = { ...(Object.keys(audited).length === 0 ? {} : { audited }), ...(reusable ? { reusable } : {}) };
  return canonical({ ...rest, ...more });
}

/** Keys that are read from an address, or registered by the partner's own people, are not compared: they are not ours to say. */
async function compareCredentials(
  { credentials, metadata }: PartnerDefinition,
  stored: Partner | undefined,
  nowMs: number,
): Promise<readonly Detail[]> {
  const wanted = await Promise.all(credentials.map(identifyBody));
  const pasted = metadata === undefined ? NO_KEYS : await documentKeys(metadata, nowMs);
  const kept = (stored?.credentials ?? []).filter(({ source }) => source === 'registered').map(identifyStored);
  const isSame = (a: CredentialIdentity) => (b: CredentialIdentity) => a.kid === b.kid && a.thumbprint === b.thumbprint;
  const isPasted = ({ thumbprint }: CredentialIdentity): boolean => pasted.all.has(thumbprint);
  const unknown = [...pasted.good].filter((thumbprint) => !kept.some((each) => each.thumbprint === thumbprint));
  return [
    ...kept
      .filter((each) => !wanted.some(isSame(each)) && !isPasted(each))
      .map((each): Detail => ({ sign: '-', text: `credential ${describe(each)}` })),
    ...wanted.flatMap((each) => compareTerms(each, kept.find(isSame(each)))),
    ...unknown.map((thumbprint): Detail => ({ sign: '+', text: `credential of the document ${thumbprint}` })),
  ];
}

const NO_KEYS: DocumentKeys = { good: new Set(), all: new Set() };

function compareTerms(wanted: CredentialIdentity, stored: CredentialIdentity | undefined): readonly Detail[] {
  if (stored === undefined) return [{ sign: '+', text: `credential ${describe(wanted)}` }];
  const now = toFacts(terms({ ...stored, alg: wanted.alg === undefined ? undefined : stored.alg }));
  return compareFacts(toFacts(terms(wanted)), now).map(({ sign, text }) => ({
    sign,
    text: `credential ${wanted.kid}: ${text}`,
  }));
}

const terms = ({ alg, label, notBefore, expiresAt }: CredentialIdentity): Readonly<Record<string, unknown>> => ({
  alg,
  label,
  notBefore: notBefore && time(notBefore),
  expiresAt: expiresAt && time(expiresAt),
});

const describe = ({ kid, alg, label, expiresAt }: CredentialIdentity): string =>
  [
    kid,
    alg,
    label === undefined ? undefined : JSON.stringify(label),
    expiresAt === undefined ? undefined : `until ${time(expiresAt)}`,
  ]
    .filter((part) => part !== undefined)
    .join(' ');

const time = (epochSeconds: number): string => new Date(epochSeconds * 1000).toISOString().replace('.000Z', 'Z');
