/**
 * What proves the partner, and for how long: certificates and keys, secrets, and other ways in.
 */
import type { Credential, Partner, Secret } from '../admin-records.ts';
import { daysLeft, failed, ok, SOON_DAYS, type Step, skipped, warning } from './step.ts';

/** The keys by which its tokens are known; in the Microsoft profile those are certificates. */
export function checkKeys(partner: Partner, nowMs: number): Step {
  const { id, credentials, microsoft, source } = partner;
  const name = microsoft === undefined ? 'keys of the partner' : 'certificates of the partner';
  const remedy = microsoft === undefined ? 'countersign credential add' : renewal(id, source !== undefined);
  if (microsoft?.issuedBy === 'authorization-server')
    return skipped(name, 'it has none: an authorization server signs its tokens', 'Run the doctor on that server too.');
  const usable = microsoft === undefined ? credentials : credentials.filter(({ x5t }) => x5t !== undefined);
  if (usable.length === 0) return withoutKeys(partner, name, remedy);
  const good = usable.filter((each) => isGood(each, nowMs));
  const told = usable.map((each) => describeKey(each, nowMs)).join('; ');
  if (good.length === 0) return failed(name, `none is valid now: ${told}`, remedy);
  const last = Math.max(...good.map(({ expiresAt }) => days(expiresAt, nowMs)));
  const isFollowedByNext = usable.some(({ notBefore }) => notBefore !== undefined && Date.parse(notBefore) > nowMs);
  return last < SOON_DAYS && !isFollowedByNext
    ? warning(name, `the last one ends in ${last} days, and no next one is known: ${told}`, remedy)
    : ok(name, told);
}

const renewal = (id: string, isFollowed: boolean): string =>
  isFollowed
    ? `Have its administrators stage the next certificate (Set-AuthConfig -NewCertificateThumbprint, Set-CsCertificate -Roll); then countersign partner refresh ${id}.`
    : `Have its administrators send the next certificate; then countersign credential add ${id} --certificate FILE.`;

/** Other ways in do without keys; in the Microsoft profile there is none. */
function withoutKeys({ microsoft, secrets, tlsSubject, federation }: Partner, name: string, remedy: string): Step {
  const others = [
    ...(secrets.length > 0 ? ['client secrets'] : []),
    ...(tlsSubject === undefined ? [] : ['a TLS client certificate']),
    ...(federation.length > 0 ? ['tokens of other issuers'] : []),
  ];
  return microsoft === undefined && others.length > 0
    ? ok(name, `none; it is proved by ${others.join(', ')}`)
    : failed(name, 'there is none: it cannot prove itself', remedy);
}

const isGood = ({ notBefore, expiresAt }: Credential, nowMs: number): boolean =>
  (notBefore === undefined || Date.parse(notBefore) <= nowMs) &&
  (expiresAt === undefined || Date.parse(expiresAt) > nowMs);

const days = (time: string | undefined, nowMs: number): number =>
  time === undefined ? Number.POSITIVE_INFINITY : (daysLeft(time, nowMs) ?? Number.POSITIVE_INFINITY);

function describeKey({ kid, label, notBefore, expiresAt }: Credential, nowMs: number): string {
  const name = label ?? kid;
  if (notBefore !== undefined && Date.parse(notBefore) > nowMs) return `${name} is valid from ${notBefore} on`;
  const left = days(expiresAt, nowMs);
  if (left === Number.POSITIVE_INFINITY) return `${name} has no end`;
  return left < 0 ? `${name} has expired` : `${name} for ${left} more days`;
}

/** Only where there are any. */
export function checkSecrets({ id, secrets }: Partner, nowMs: number): Step | undefined {
  if (secrets.length === 0) return undefined;
  const name = 'client secrets';
  const remedy = `countersign secret add ${id}; secret remove when the partner uses the new one`;
  const told = secrets.map((each) => describeSecret(each, nowMs)).join('; ');
  const last = Math.max(...secrets.map(({ expiresAt }) => days(expiresAt, nowMs)));
  if (last < 0) return failed(name, told, remedy);
  return last < 14 ? warning(name, told, remedy) : ok(name, told);
}

function describeSecret({ id, expiresAt }: Secret, nowMs: number): string {
  const left = days(expiresAt, nowMs);
  if (left === Number.POSITIVE_INFINITY) return `${id} has no end`;
  return left < 0 ? `${id} has expired` : `${id} for ${left} more days`;
}

/** Of the document that we follow, after the look at it that the doctor has caused. */
export function describeSource({ url, lastSuccessAt, failure }: NonNullable<Partner['source']>): Step {
  const name = 'document of the partner';
  if (failure === undefined)
    return ok(name, `${url} was read${lastSuccessAt === undefined ? '' : ` at ${lastSuccessAt}`}`);
  return failed(name, `${url}: ${failure.detail} [${failure.code}]`, documentRemedy(failure.code));
}

/** The codes are those of docs/following-documents.md. */
export const documentRemedy = (code: string): string =>
  `docs/following-documents.md says what to do about ${code}. Keys that were read before still count; a server on a private network ` +
  'needs its host among privateHosts, or its document imported by --metadata-file.';
