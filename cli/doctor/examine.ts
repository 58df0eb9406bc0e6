/**
 * The whole examination: what is read and asked, and in which order the steps come.
 */
import { type AdminClient, LONG_PAGES } from '../admin-client.ts';
import { audience, grant, type Partner, partner, type Realm, ring, user } from '../admin-records.ts';
import type { ClientProof } from '../client-proof.ts';
import { CLIENT_CREDENTIALS } from '../grant-type.ts';
import type { Issuer } from '../issuer.ts';
import { ServiceRefusal } from '../service-refusal.ts';
import { decodeToken } from '../token-view.ts';
import { checkKeys, checkSecrets, describeSource, documentRemedy } from './credentials.ts';
import { checkCallsToThem, checkCallsToUs, checkName, checkPartner, checkRealm, checkUsers } from './names.ts';
import { checkClock, checkOurCertificates, lookAtOurDocument } from './ours.ts';
import { failed, type Step, skipped } from './step.ts';
import { checkByKeys, checkTheirClock, diagnose, fromPartner, getToken, toPartner } from './tokens.ts';

export interface Examination {
  readonly admin: AdminClient;
  readonly realm: Realm;
  readonly issuer: Issuer;
  /** As the service answered when it was asked for its metadata. */
  readonly date: string | null;
  readonly id: string;
  /** Whether the service may be asked to look at the partner's document. */
  readonly refreshes: boolean;
  readonly client: string | undefined;
  readonly proof: ClientProof | undefined;
  readonly resource: string | undefined;
  readonly trustedForDelegation: boolean;
  /** Captured from the partner's server. */
  readonly captured: string | undefined;
  readonly nowMs: number;
}

/** @throws Failure when the admin API does not answer, or there is no such partner. */
export async function examine(examination: Examination): Promise<readonly Step[]> {
  const { admin, realm, issuer, date, id, nowMs } = examination;
  const before = await admin.get(['partners', id], partner);
  const source = await lookAtSource(examination, before);
  const found = source === undefined ? before : await admin.get(['partners', id], partner);
  const secrets = checkSecrets(found, nowMs);
  const steps = [
    checkClock(date, nowMs),
    checkRealm(realm, found),
    checkPartner(found),
    source ??
      skipped(
        'document of the partner',
        'none is followed: its keys are given by hand',
        `countersign partner set ${id} --metadata URL`,
      ),
    checkKeys(found, nowMs),
    ...(secrets === undefined ? [] : [secrets]),
  ];
  const microsoft = found.microsoft === undefined ? undefined : realm.policy.microsoft;
  if (found.microsoft !== undefined) steps.push(checkName(found, microsoft));
  if (microsoft !== undefined) {
    steps.push(await lookAtOurDocument(issuer.issuer, microsoft));
    steps.push(checkOurCertificates(await admin.list(['keys'], {}, ring), nowMs));
  }
  steps.push(checkCallsToUs(found, microsoft));
  if (microsoft !== undefined) steps.push(checkUsers(found, microsoft, await countUsers(admin, found)));
  const owned = await Promise.all(found.audiences.map((uri) => ownedBy(admin, uri)));
  steps.push(checkCallsToThem(found, owned.flat()));
  return [...steps, ...(await tokens(examination, found))];
}

async function lookAtSource({ admin, id, refreshes }: Examination, { source }: Partner): Promise<Step | undefined> {
  if (source === undefined) return undefined;
  if (!refreshes) return describeSource(source);
  try {
    const { record } = await admin.post(['partners', id, 'refresh'], undefined, partner);
    return describeSource(record.source ?? source);
  } catch (error) {
    if (!(error instanceof ServiceRefusal)) throw error;
    const code = /\[([a-z0-9_]+)\]/.exec(error.message)?.[1] ?? 'it';
    return failed('document of the partner', `${source.url}: ${error.message}`, documentRemedy(code));
  }
}

/** Whether there is any is what is asked, and only where it matters. */
const countUsers = async (admin: AdminClient, { microsoft }: Partner): Promise<number> =>
  microsoft?.userTokens === true ? (await admin.list(['users'], LONG_PAGES, user)).length : 0;

const ownedBy = async (admin: AdminClient, uri: string) => {
  const [found, grants] = await Promise.all([
    admin.list(['audiences'], { audience: uri }, audience),
    admin.list(['grants'], { ...LONG_PAGES, audience: uri }, grant),
  ]);
  return found.map((each) => ({ audience: each, grants }));
};

async function tokens(examination: Examination, found: Partner): Promise<readonly Step[]> {
  if (found.microsoft === undefined) return [await tokenOfPartner(examination, found)];
  return [await tokenTo(examination, found), ...(await tokenFrom(examination, found))];
}

const parametersOf = ({ trustedForDelegation }: Examination, resource: string | undefined) => ({
  grant_type: CLIENT_CREDENTIALS,
  ...(resource === undefined ? {} : { resource }),
  ...(trustedForDelegation ? { trusted_for_delegation: 'true' } : {}),
});

/** As the partner gets one. */
async function tokenOfPartner(examination: Examination, { id }: Partner): Promise<Step> {
  const { issuer, client = id, proof, resource } = examination;
  const name = 'token of the partner';
  if (proof === undefined) return skipped(name, 'none was asked for', 'With the key of the partner: --key FILE');
  const token = await getToken(name, issuer, { client, proof, parameters: parametersOf(examination, resource) });
  return typeof token === 'string' ? checkByKeys(token, issuer) : token;
}

/** As a partner of ours that calls it gets one. */
async function tokenTo(examination: Examination, { id, audiences }: Partner): Promise<Step> {
  const { admin, issuer, client, proof } = examination;
  const [only, ...more] = audiences;
  const resource = examination.resource ?? (more.length === 0 ? only : undefined);
  const name = 'token to the partner';
  const remedy = 'Say who calls it: --client ID --key FILE --resource URL';
  if (client === undefined || proof === undefined || resource === undefined)
    return skipped(name, 'none was asked for', remedy);
  const token = await getToken(name, issuer, { client, proof, parameters: parametersOf(examination, resource) });
  return typeof token === 'string' ? toPartner(await diagnose(admin, id, token)) : token;
}

async function tokenFrom({ admin, captured, nowMs }: Examination, found: Partner): Promise<readonly Step[]> {
  if (captured === undefined) {
    const remedy =
      'Have the server call (Test-OAuthConnectivity does), capture its Authorization header: --token-file FILE';
    return [skipped('token from the partner', 'none was given', remedy)];
  }
  const step = fromPartner(found, await diagnose(admin, found.id, captured));
  const claims = signedClaims(captured);
  return claims === undefined ? [step] : [step, checkTheirClock(claims, nowMs)];
}

function signedClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const { claims, actor } = decodeToken(token);
    return actor?.claims ?? claims;
  } catch {
    // The step before has said what is wrong with it.
    return undefined;
  }
}
