/**
 * What can be said about a partner application: input becomes a partner of the registry, or a list of everything that is
 * wrong with it. One definition serves registration, replacement and change.
 */

import type { JwsAlgorithm } from './algorithms.ts';
import type { CompatibilityProfile } from './compatibility.ts';
import type { CustomClaims } from './custom-claims.ts';
import { accept, type Result, refuse } from './errors.ts';
import { canonicalJson } from './json-object.ts';
import { microsoftIssuerProblems } from './microsoft-definition.ts';
import { type EpochSeconds, isPartnerId, type Partner, type PartnerCredential, type TrustLevel } from './partner.ts';
import { type CredentialInput, credentialConflicts, parseCredential, withDocumentKeys } from './partner-credential.ts';
import { readPartnerDocument } from './partner-document.ts';
import { memberProblems } from './partner-members.ts';
import type { PartnerSource } from './partner-source.ts';
import { changeWaysIn, trustProblems, type WaysInChange } from './partner-ways-in.ts';
import type { InputProblem } from './public-key.ts';
import { parseQuota, type Quota, type QuotaInput } from './quota.ts';
import { parseTokenPolicy, type TokenPolicy, type TokenPolicyInput } from './token-policy.ts';

/** Members that can be changed one by one; `null` takes an optional one away. */
export interface PartnerChange extends WaysInChange {
  readonly name?: string | null | undefined;
  readonly contact?: string | null | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly enabled?: boolean | undefined;
  readonly trustLevel?: TrustLevel | undefined;
  readonly acceptsSecurityIdentifiers?: boolean | undefined;
  readonly issuer?: string | null | undefined;
  readonly compatibility?: CompatibilityProfile | undefined;
  readonly tokenPolicy?: TokenPolicyInput | undefined;
  readonly claims?: CustomClaims | undefined;
  readonly quota?: QuotaInput | null | undefined;
  /** At most one of the two: setting one takes the other away. */
  readonly jwksUri?: string | null | undefined;
  readonly metadataUrl?: string | null | undefined;
}

/** A whole partner. Key material comes in any of the ways that there are, and from one document at most. */
export interface PartnerDefinition extends PartnerChange {
  readonly credentials?: readonly CredentialInput[] | undefined;
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] } | undefined;
  /** A pasted document: RFC 8414, OpenID Connect Discovery, or Microsoft's metadata/json/1. */
  readonly metadata?: unknown;
}

type Problems = readonly InputProblem[];

/** A partner as it is before anything is said about it. */
export const newPartner = (realm: string, id: string, now: EpochSeconds): Partner => ({
  realm,
  id,
  tags: {},
  enabled: true,
  trustLevel: 'application',
  acceptsSecurityIdentifiers: false,
  credentials: [],
  secrets: [],
  federation: [],
  trustedIssuer: false,
  compatibility: 'strict',
  tokenPolicy: {},
  claims: {},
  version: 1,
  createdAt: now,
  updatedAt: now,
});

/**
 * The partner that the definition describes, keys and all.
 * @param algorithms the rings of the realm that sign.
 */
export const definePartner = async (
  realm: string,
  id: string,
  definition: PartnerDefinition,
  algorithms: readonly JwsAlgorithm[],
  now: EpochSeconds,
): Promise<Result<Partner, Problems>> => {
  const [credentials, document] = await Promise.all([readCredentials(definition, now), readDocument(definition, now)]);
  const several = severalDocuments(definition.metadata, definition.jwksUri ?? definition.metadataUrl);
  const fromDocument = document.ok && several.length === 0 ? document.value : {};
  const changed = changePartner(newPartner(realm, id, now), { ...fromDocument, ...definition }, algorithms, now);
  const problems = [
    ...(isPartnerId(id) ? [] : [{ pointer: '/id', detail: ID_RULE }]),
    ...several,
    ...(credentials.ok ? [] : credentials.refusal),
    ...(document.ok ? [] : document.refusal),
    ...(changed.ok ? [] : changed.refusal),
    ...(document.ok ? contradiction(definition, document.value) : []),
  ];
  if (problems.length > 0 || !credentials.ok || !document.ok || !changed.ok) return refuse(problems);
  const all = [...credentials.value, ...(document.value.keys ?? [])];
  const conflicts = credentialConflicts(all, '/credentials');
  return conflicts.length > 0 ? refuse(conflicts) : accept({ ...changed.value, credentials: all, version: 1 });
};

const ID_RULE = 'an id is 1 to 128 letters, digits and ._~- and starts with a letter or digit';

const severalDocuments = (one: unknown, other: unknown): Problems =>
  (one ?? undefined) === undefined || (other ?? undefined) === undefined
    ? []
    : [{ pointer: '', detail: 'metadata, jwksUri and metadataUrl exclude one another' }];

const readCredentials = async (
  { credentials = [], jwks }: PartnerDefinition,
  now: EpochSeconds,
): Promise<Result<readonly PartnerCredential[], Problems>> => {
  const parsed = await Promise.all([
    ...credentials.map((each, index) => parseCredential(each, `/credentials/${index}`, now)),
    ...(jwks?.keys ?? []).map(async (jwk, index) => {
      const credential = await parseCredential({ jwk }, '', now);
      return credential.ok
        ? credential
        : refuse({
            ...credential.refusal,
            pointer: credential.refusal.pointer.replace(/^\/jwk/, `/jwks/keys/${index}`),
          });
    }),
  ]);
  const problems = parsed.flatMap((each) => (each.ok ? [] : [each.refusal]));
  return problems.length > 0 ? refuse(problems) : accept(parsed.flatMap((each) => (each.ok ? [each.value] : [])));
};

interface FromDocument {
  readonly issuer?: string;
  readonly jwksUri?: string;
  readonly keys?: readonly PartnerCredential[];
}

/** Keys of a pasted document are registered like any others: there is nothing that could change them later. */
const readDocument = async (
  { metadata }: PartnerDefinition,
  now: EpochSeconds,
): Promise<Result<FromDocument, Problems>> => {
  if (metadata === undefined) return accept({});
  const read = await readPartnerDocument(metadata, now);
  if (!read.ok) {
    return refuse(read.refusal.map((problem) => ({ ...problem, pointer: `/metadata${problem.pointer}` })));
  }
  const { issuer, jwksUri, keys } = read.value;
  return accept({
    ...(issuer === undefined ? {} : { issuer }),
    ...(jwksUri === undefined ? {} : { jwksUri }),
    keys: keys.map((key) => ({ ...key, source: 'registered' as const })),
  });
};

/** A document must not speak for anybody else than the operator thinks. */
const contradiction = ({ issuer }: PartnerDefinition, document: FromDocument): Problems =>
  typeof issuer === 'string' && document.issuer !== undefined && issuer !== document.issuer
    ? [{ pointer: '/issuer', detail: 'the document names another issuer' }]
    : [];

/** The partner with these members in place of its own. The version goes up by one. */
export const changePartner = (
  partner: Partner,
  change: PartnerChange,
  algorithms: readonly JwsAlgorithm[],
  now: EpochSeconds,
): Result<Partner, Problems> => {
  const policy =
    change.tokenPolicy === undefined ? accept(partner.tokenPolicy) : parseTokenPolicy(change.tokenPolicy, algorithms);
  const quota = parseQuotaChange(partner.quota, change.quota);
  const waysIn = changeWaysIn(partner, change);
  const problems = [
    ...severalDocuments(change.jwksUri, change.metadataUrl),
    ...memberProblems(change),
    ...(policy.ok ? [] : policy.refusal),
    ...(quota.ok ? [] : quota.refusal),
    ...(waysIn.ok ? [] : waysIn.refusal),
  ];
  if (problems.length > 0 || !policy.ok || !quota.ok || !waysIn.ok) return refuse(problems);
  const parsed = { tokenPolicy: policy.value, quota: quota.value, waysIn: waysIn.value };
  const after = withMembers(partner, change, parsed, now);
  const untrusted = [...trustProblems(after), ...microsoftIssuerProblems(after)];
  return untrusted.length > 0 ? refuse(untrusted) : accept(after);
};

/** What was said in words that had to be read first. */
interface ParsedMembers {
  readonly tokenPolicy: TokenPolicy;
  readonly quota: Quota | undefined;
  readonly waysIn: Pick<Partner, 'tlsSubject' | 'federation' | 'trustedIssuer' | 'microsoft'>;
}

const parseQuotaChange = (
  before: Quota | undefined,
  change: QuotaInput | null | undefined,
): Result<Quota | undefined, Problems> => {
  if (change === undefined) return accept(before);
  return change === null ? accept(undefined) : parseQuota(change);
};

const withMembers = (
  partner: Partner,
  change: PartnerChange,
  { tokenPolicy, quota, waysIn }: ParsedMembers,
  now: EpochSeconds,
): Partner => {
  const { name, contact, issuer, quota: _quota, source, tlsSubject: _subject, microsoft: _profile, ...rest } = partner;
  const after = {
    name: changed(name, change.name),
    contact: changed(contact, change.contact),
    issuer: changed(issuer, change.issuer),
    source: changedSource(source, change),
  };
  const followed = after.source?.url === source?.url && after.source?.type === source?.type;
  return {
    ...rest,
    tags: change.tags ?? partner.tags,
    enabled: change.enabled ?? partner.enabled,
    trustLevel: change.trustLevel ?? partner.trustLevel,
    acceptsSecurityIdentifiers: change.acceptsSecurityIdentifiers ?? partner.acceptsSecurityIdentifiers,
    claims: change.claims ?? partner.claims,
    compatibility: change.compatibility ?? partner.compatibility,
    tokenPolicy,
    ...waysIn,
    ...(after.name === undefined ? {} : { name: after.name }),
    ...(after.contact === undefined ? {} : { contact: after.contact }),
    ...(after.issuer === undefined ? {} : { issuer: after.issuer }),
    ...(quota === undefined ? {} : { quota }),
    ...(after.source === undefined ? {} : { source: after.source }),
    // Keys of a document that is no longer followed must not outlive it.
    credentials: followed ? partner.credentials : withDocumentKeys(partner.credentials, []),
    version: partner.version + 1,
    updatedAt: now,
  };
};

const changed = <Value>(before: Value | undefined, after: Value | null | undefined): Value | undefined =>
  after === undefined ? before : (after ?? undefined);

const changedSource = (
  before: PartnerSource | undefined,
  { jwksUri, metadataUrl }: PartnerChange,
): PartnerSource | undefined => {
  if (typeof metadataUrl === 'string') return { type: 'metadata', url: metadataUrl };
  if (typeof jwksUri === 'string') return { type: 'jwks_uri', url: jwksUri };
  const removed = before?.type === 'metadata' ? metadataUrl === null : jwksUri === null;
  return removed ? undefined : before;
};

/**
 * What an operator has said about a partner, in one canonical text: two partners with the same are the same to a repeated
 * create. Left out is what the registry adds (versions, times, and keys that come from the partner's document), what is made
 * here and not declared (secrets, the tokens of dynamic registration, the mark of a revocation), and the keys that the partner has
 * registered by itself.
 */
export const definitionOf = (partner: Partner): string => {
  const { version: _version, createdAt: _created, updatedAt: _updated, credentials, ...rest } = partner;
  const { secrets: _secrets, onboarding: _onboarding, registration: _registration, ...most } = rest;
  const { tokensNotBefore: _mark, source: followed, ...said } = most;
  const registered = credentials
    .filter(({ source }) => source === 'registered')
    .map(({ addedAt: _added, jwk: _jwk, ...credential }) => credential)
    .sort((a, b) => (a.kid < b.kid ? -1 : 1));
  const source = followed?.selfRegistered ? undefined : followed;
  return canonicalJson({ ...said, source, credentials: registered });
};

/**
 * `wanted` in place of `stored`: versions counted on, keys from the document kept as long as the same document is followed, and
 * an issuer that was learnt from it. What was made here stays too: nobody could declare a secret of which only the hash is known.
 * So do the keys that the partner has registered by itself, but for those that the operator names now.
 */
export const replacePartner = (stored: Partner, wanted: Partner, now: EpochSeconds): Partner => {
  const source = wanted.source ?? (stored.source?.selfRegistered ? stored.source : undefined);
  const followed =
    stored.source !== undefined && stored.source.type === source?.type && stored.source.url === source.url;
  const kept = followed ? stored.credentials.filter(({ source }) => source === 'document') : [];
  const known = new Map(stored.credentials.map((each) => [each.thumbprint, each.addedAt]));
  const registered = wanted.credentials.map((each) => ({
    ...each,
    addedAt: known.get(each.thumbprint) ?? each.addedAt,
  }));
  const isNamed = (key: PartnerCredential): boolean =>
    registered.some(({ kid, thumbprint }) => kid === key.kid || thumbprint === key.thumbprint);
  const own = stored.credentials.filter((each) => each.source === 'self-registered' && !isNamed(each));
  return {
    ...wanted,
    ...(source === undefined ? {} : { source }),
    ...(followed && wanted.issuer === undefined && stored.issuer !== undefined ? { issuer: stored.issuer } : {}),
    credentials: withDocumentKeys([...registered, ...own], kept),
    secrets: stored.secrets,
    ...(stored.onboarding === undefined ? {} : { onboarding: stored.onboarding }),
    ...(stored.registration === undefined ? {} : { registration: stored.registration }),
    ...(stored.tokensNotBefore === undefined ? {} : { tokensNotBefore: stored.tokensNotBefore }),
    version: stored.version + 1,
    createdAt: stored.createdAt,
    updatedAt: now,
  };
};
