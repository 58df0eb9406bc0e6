/**
 * What the other side needs of us: the document that it imports, the certificates in it and the ones to come, and the time.
 */
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import type { Realm, Ring } from '../admin-records.ts';
import { Failure } from '../failure.ts';
import { type Answer, send } from '../http.ts';
import { principalOf } from './names.ts';
import { daysLeft, failed, ok, SOON_DAYS, type Step, warning } from './step.ts';

/** How the products read it; the certificates in base64 of DER. */
const document = z.looseObject({
  issuer: z.string(),
  keys: z.array(z.looseObject({ keyvalue: z.looseObject({ value: z.string() }) })).min(1),
});

const NAME = 'our document';
const NO_CERTIFICATE =
  'Without a certificate there is none: the rotation gives the key that signs one within 15 minutes.';

type MicrosoftRealm = NonNullable<Realm['policy']['microsoft']>;

/** @param issuer URL of the realm. */
export async function lookAtOurDocument(issuer: string, realm: MicrosoftRealm): Promise<Step> {
  const url = new URL(`${issuer}/metadata/json/1`);
  try {
    return checkOurDocument(
      await send(async () => ({ method: 'GET', url, headers: { accept: 'application/json' } })),
      realm,
    );
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return failed(NAME, error.message, NO_CERTIFICATE);
  }
}

export function checkOurDocument({ status, json }: Answer, realm: MicrosoftRealm): Step {
  const read = document.safeParse(json);
  if (status !== 200 || !read.success) {
    return failed(NAME, `/metadata/json/1 answers HTTP ${status} without keys`, NO_CERTIFICATE);
  }
  const { issuer, keys } = read.data;
  if (issuer !== principalOf(realm)) {
    const remedy = 'Both are cached for minutes: try again. If it stays, the endpoint is another deployment or realm.';
    return failed(NAME, `it says ${issuer}, and the realm is ${principalOf(realm)}`, remedy);
  }
  const unreadable = keys.filter(({ keyvalue }) => !isCertificate(keyvalue.value)).length;
  return unreadable === 0
    ? ok(NAME, `${issuer}, certificates: ${keys.length}`)
    : failed(
        NAME,
        `${unreadable} of its certificates cannot be read`,
        'Assign the certificate anew: countersign key certificate',
      );
}

function isCertificate(base64: string): boolean {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64')).subject !== '';
  } catch {
    return false;
  }
}

/** Before a roll the next one has to be known to whoever reads the document once a day. */
export function checkOurCertificates(rings: readonly Ring[], nowMs: number): Step {
  const name = 'our certificates';
  const keys = rings.find(({ algorithm }) => algorithm === 'RS256')?.keys ?? [];
  const active = keys.find(({ state }) => state === 'active')?.certificate;
  const next = keys.find(({ state }) => state === 'standby')?.certificate;
  const assign = 'The rotation gives it one within 15 minutes; if not, look at RotationErrors in docs/runbook.md.';
  if (active === undefined)
    return failed(name, 'the RS256 key that signs has none: no server knows its tokens', assign);
  const left = daysLeft(active.notAfter, nowMs) ?? 0;
  const told = `the one that signs is valid for ${left} more days`;
  if (left < 0) return failed(name, 'the one that signs has expired', 'countersign key rotate --algorithm RS256');
  if (next === undefined) return warning(name, `${told}, and there is no next one in the document`, assign);
  const later = daysLeft(next.notAfter, nowMs) ?? 0;
  const both = `${told}, the next one for ${later}`;
  if (later < SOON_DAYS) return warning(name, both, assign);
  return left < SOON_DAYS ? warning(name, both, 'countersign key rotate --algorithm RS256 --at TIME') : ok(name, both);
}

const MAX_SKEW_SECONDS = 300;
const NOTABLE_SECONDS = 30;

/** @param date `Date` of an answer of the service (RFC 9110 6.6.1). */
export function checkClock(date: string | null, nowMs: number): Step {
  const name = 'clock of this machine';
  const theirs = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(theirs)) return warning(name, 'the service did not say what time it has', 'Look at both clocks.');
  const seconds = Math.round((nowMs - theirs) / 1000);
  const told =
    Math.abs(seconds) <= 1
      ? 'as the service has it'
      : `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the service`;
  const remedy = 'Set the clock by NTP: assertions and AWS signatures that are made here depend on it.';
  if (Math.abs(seconds) > MAX_SKEW_SECONDS) return failed(name, told, remedy);
  return Math.abs(seconds) > NOTABLE_SECONDS ? warning(name, told, remedy) : ok(name, told);
}
