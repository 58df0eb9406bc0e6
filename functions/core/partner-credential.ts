/**
 * Credentials as they are registered and as they count at a moment: a key from a JWK or from a certificate, and the time in
 * which it is good.
 */

import { accept, type Result, refuse } from './errors.ts';
import type { EpochSeconds, PartnerCredential } from './partner.ts';
import { certificateEnd, parsePartnerCertificate } from './partner-certificate.ts';
import { type InputProblem, parsePublicKey } from './public-key.ts';
import { isLine } from './realm.ts';

/** Either `jwk` or `certificate` (PEM, or base64 of the DER). */
export interface CredentialInput {
  readonly jwk?: Readonly<Record<string, unknown>> | undefined;
  readonly certificate?: string | undefined;
  /** What the key of the certificate signs with; a JWK says so by itself. */
  readonly alg?: string | undefined;
  readonly label?: string | undefined;
  readonly notBefore?: EpochSeconds | undefined;
  readonly expiresAt?: EpochSeconds | undefined;
}

export const MAX_CREDENTIALS = 10;
export const MAX_LABEL_LENGTH = 64;

export const parseCredential = async (
  input: CredentialInput,
  pointer: string,
  now: EpochSeconds,
): Promise<Result<PartnerCredential, InputProblem>> => {
  const wrong = (member: string, detail: string) => refuse({ pointer: `${pointer}${member}`, detail });
  const { label, notBefore, expiresAt } = input;
  if (label !== undefined && !isLine(label, MAX_LABEL_LENGTH)) {
    return wrong('/label', LABEL_RULE);
  }
  const key = await parseKey(input, pointer, now);
  if (!key.ok) return key;
  const from = latest(notBefore, key.value.notBefore);
  const until = earliest(expiresAt, key.value.expiresAt);
  if (from !== undefined && until !== undefined && from >= until) return wrong('/expiresAt', 'ends before it begins');
  const { notBefore: _from, expiresAt: _until, ...material } = key.value;
  return accept({
    ...material,
    source: 'registered',
    ...(label === undefined ? {} : { label }),
    ...(from === undefined ? {} : { notBefore: from }),
    ...(until === undefined ? {} : { expiresAt: until }),
  });
};

type ParsedKey = Omit<PartnerCredential, 'source' | 'label'>;

const parseKey = async (
  { jwk, certificate, alg }: CredentialInput,
  pointer: string,
  now: EpochSeconds,
): Promise<Result<ParsedKey, InputProblem>> => {
  if ((jwk === undefined) === (certificate === undefined)) {
    return refuse({ pointer, detail: 'a credential is either a jwk or a certificate' });
  }
  if (jwk !== undefined && alg !== undefined)
    return refuse({ pointer: `${pointer}/alg`, detail: 'a jwk has its own alg' });
  if (jwk !== undefined) return parseNamedKey(jwk, `${pointer}/jwk`, now);
  const parsed = await parsePartnerCertificate(
    certificate ?? '',
    `${pointer}/certificate`,
    now,
    alg === undefined ? {} : { alg },
  );
  if (!parsed.ok) return parsed;
  // A certificate says by itself until when it is good; an operator can only say less.
  const { key, x5t, x5tS256, notBefore, notAfter } = parsed.value;
  return accept({ ...key, x5t, x5tS256, notBefore, ...certificateEnd(notAfter) });
};

/** SHA-1 and SHA-256 of a certificate, base64url. */
const CERTIFICATE_NAMES = { x5t: /^[A-Za-z0-9_-]{27}$/, 'x5t#S256': /^[A-Za-z0-9_-]{43}$/ } as const;

/**
 * A JWK may say by which certificate thumbprints it is known (RFC 7517 4.8, 4.9). They are names, and prove nothing: what they
 * lead to is this key.
 */
const parseNamedKey = async (
  jwk: Readonly<Record<string, unknown>>,
  pointer: string,
  now: EpochSeconds,
): Promise<Result<ParsedKey, InputProblem>> => {
  const key = await parsePublicKey(jwk, pointer, now);
  if (!key.ok) return key;
  for (const [name, form] of Object.entries(CERTIFICATE_NAMES)) {
    const value = jwk[name];
    if (value !== undefined && !(typeof value === 'string' && form.test(value))) {
      return refuse({ pointer, detail: `${name} is not the thumbprint of a certificate` });
    }
  }
  const { x5t, 'x5t#S256': x5tS256 } = jwk;
  return accept({
    ...key.value,
    ...(typeof x5t === 'string' ? { x5t } : {}),
    ...(typeof x5tS256 === 'string' ? { x5tS256 } : {}),
  });
};

const latest = (a: EpochSeconds | undefined, b: EpochSeconds | undefined): EpochSeconds | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
const earliest = (a: EpochSeconds | undefined, b: EpochSeconds | undefined): EpochSeconds | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);

/** Members that can be changed; `null` takes one away, what is not named stays. */
export interface CredentialChange {
  readonly label?: string | null | undefined;
  readonly notBefore?: EpochSeconds | null | undefined;
  readonly expiresAt?: EpochSeconds | null | undefined;
}

/** The credential on other terms. What came in a certificate never outlasts it: its time can only get shorter. */
export const changeCredential = (
  credential: PartnerCredential,
  change: CredentialChange,
): Result<PartnerCredential, InputProblem> => {
  const wrong = (member: string, detail: string) => refuse({ pointer: `/${member}`, detail });
  const { label: _label, notBefore: _from, expiresAt: _until, ...material } = credential;
  const label = changed(credential.label, change.label);
  const notBefore = changed(credential.notBefore, change.notBefore);
  const expiresAt = changed(credential.expiresAt, change.expiresAt);
  if (label !== undefined && !isLine(label, MAX_LABEL_LENGTH)) return wrong('label', LABEL_RULE);
  if (credential.x5tS256 !== undefined) {
    if (latest(notBefore, credential.notBefore) !== notBefore) return wrong('notBefore', CERTIFICATE_RULE);
    if (earliest(expiresAt, credential.expiresAt) !== expiresAt) return wrong('expiresAt', CERTIFICATE_RULE);
  }
  if (notBefore !== undefined && expiresAt !== undefined && notBefore >= expiresAt) {
    return wrong('expiresAt', 'ends before it begins');
  }
  return accept({
    ...material,
    ...(label === undefined ? {} : { label }),
    ...(notBefore === undefined ? {} : { notBefore }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
};

export const LABEL_RULE = `1 to ${MAX_LABEL_LENGTH} printable characters`;
const CERTIFICATE_RULE = 'a key that came in a certificate can only be given a shorter time';

const changed = <Value>(before: Value | undefined, after: Value | null | undefined): Value | undefined =>
  after === undefined ? before : (after ?? undefined);

/** By an operator or by the partner's own people; what stands in its document comes and goes with that. */
const isRegistered = ({ source }: Pick<PartnerCredential, 'source'>): boolean => source !== 'document';

/** What keeps these credentials from standing side by side. */
export const credentialConflicts = (
  credentials: readonly PartnerCredential[],
  pointer: string,
): readonly InputProblem[] => {
  const registered = credentials.filter(isRegistered);
  const problems: InputProblem[] = [];
  if (registered.length > MAX_CREDENTIALS) {
    problems.push({ pointer, detail: `a partner has at most ${MAX_CREDENTIALS} registered credentials` });
  }
  if (new Set(credentials.map(({ kid }) => kid)).size < credentials.length) {
    problems.push({ pointer, detail: 'two keys have the same kid' });
  }
  // RFC 8725 3.1: a key serves one algorithm. Under two names it could serve two.
  if (new Set(credentials.map(({ thumbprint }) => thumbprint)).size < credentials.length) {
    problems.push({ pointer, detail: 'the same key stands there twice' });
  }
  return problems;
};

/** Keys of the partner's document that can stand beside what was registered, which goes first. */
export const withDocumentKeys = (
  credentials: readonly PartnerCredential[],
  documentKeys: readonly Omit<PartnerCredential, 'source' | 'label'>[],
): readonly PartnerCredential[] => {
  const registered = credentials.filter(isRegistered);
  const isFree = (key: Pick<PartnerCredential, 'kid' | 'thumbprint'>): boolean =>
    !registered.some(({ kid, thumbprint }) => kid === key.kid || thumbprint === key.thumbprint);
  const known = new Map(credentials.map((credential) => [credential.thumbprint, credential.addedAt]));
  return [
    ...registered,
    ...documentKeys.filter(isFree).map((key) => ({
      ...key,
      source: 'document' as const,
      addedAt: known.get(key.thumbprint) ?? key.addedAt,
    })),
  ];
};

/** Whether two lists say the same, whenever it was first said. */
export const isSameCredentials = (a: readonly PartnerCredential[], b: readonly PartnerCredential[]): boolean => {
  const names = (credentials: readonly PartnerCredential[]): string =>
    credentials.map(credentialName).sort().join('\n');
  return names(a) === names(b);
};

const credentialName = (credential: PartnerCredential): string =>
  JSON.stringify([
    credential.kid,
    credential.algorithm,
    credential.thumbprint,
    credential.source,
    credential.label,
    credential.x5tS256,
    credential.notBefore,
    credential.expiresAt,
  ]);
