/**
 * Follows the document in which a partner publishes its keys. A key that has vanished from it stops working; a document that
 * cannot be had or taken changes nothing and is reported; who the partner is never changes by its own word.
 *
 *   note the attempt -> fetch -> read (-> fetch the key set it names -> read) -> write the keys, if they changed -> note the outcome
 */

import { accept, type Result, refuse } from '../core/errors.ts';
import type { EpochSeconds, Partner, PartnerWithGrants } from '../core/partner.ts';
import { isSameCredentials, withDocumentKeys } from '../core/partner-credential.ts';
import { type PartnerDocument, parseDocumentText, readPartnerDocument } from '../core/partner-document.ts';
import {
  attempted,
  coolDownEnd,
  failed,
  type PartnerSource,
  type RefreshFailure,
  succeeded,
} from '../core/partner-source.ts';
import type { InputProblem } from '../core/public-key.ts';
import type { AdminRefusal, AdminResult } from '../core/registration.ts';
import { isMetadataUrlOf } from '../core/server-metadata.ts';
import type { Clock, CredentialUses, PartnerDocuments, PartnerRegistry, RefreshRegistry } from '../ports.ts';
import { isSameSource, type PartnerView } from './manage-partners.ts';
import { findPartner, lostRace } from './remove-partner.ts';
import { takenName } from './taken-name.ts';

export interface RefreshPartnerPorts {
  readonly registry: Pick<PartnerRegistry, 'findPartner' | 'findIssuer' | 'findCertificate' | 'updatePartner'> &
    RefreshRegistry;
  readonly uses: CredentialUses;
  readonly documents: PartnerDocuments;
  readonly clock: Clock;
}

export interface RefreshPartnerSettings {
  /** Between two looks at a document that is well. */
  readonly intervalSeconds: number;
}

/** What a scheduled look came to, for the audit. */
export interface RefreshReport {
  readonly realm: string;
  readonly partner: string;
  readonly outcome: 'unchanged' | 'changed' | 'failed' | 'skipped';
  readonly failure?: RefreshFailure;
  /** Keys of the document that were left out, and why. */
  readonly warnings?: readonly string[];
}

/** A scheduled run. */
export interface RefreshRun {
  readonly reports: readonly RefreshReport[];
  readonly failures: readonly unknown[];
}

/** A partner after a look at its document. */
interface Refreshed {
  readonly partner: PartnerWithGrants;
  readonly changed: boolean;
  readonly warnings: readonly string[];
}

/** What keeps a document from being taken. */
type DocumentRefusal = Extract<AdminRefusal, { readonly reason: 'document_refused' }>;

const conflict = (detail: string, until?: EpochSeconds) =>
  refuse({ reason: 'conflict', detail, ...(until === undefined ? {} : { until }) } as const);

export type RefreshPartner = ReturnType<typeof refreshPartner>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const refreshPartner = (
  { registry, uses, documents, clock }: RefreshPartnerPorts,
  { intervalSeconds }: RefreshPartnerSettings,
) => {
  /** @returns the partner as it is after it, and whether anything changed. */
  const refresh = async (realm: string, id: string): Promise<AdminResult<Refreshed>> => {
    const found = await findPartner(registry, realm, id);
    if (!found.ok) return found;
    const { refresh: status, partner } = found.value;
    if (status === undefined || partner.source === undefined) return conflict('this partner has no document to follow');
    const until = coolDownEnd(status, clock.now());
    if (until !== undefined) return conflict('the document was looked at a moment ago', until);
    const begun = attempted(status, clock.now(), intervalSeconds);
    if ((await registry.saveRefresh(begun)) !== 'saved') return lostRace();
    const document = await readSource(documents, partner.source, clock.now());
    const outcome = document.ok ? await takeOver(found.value, document.value) : document;
    const done = outcome.ok
      ? succeeded(begun, clock.now(), intervalSeconds)
      : failed(begun, failureOf(outcome.refusal), clock.now(), intervalSeconds);
    await registry.saveRefresh(done);
    if (!outcome.ok) return outcome;
    return accept({ ...outcome.value, partner: { ...outcome.value.partner, refresh: done } });
  };

  /** Writes the keys into the partner as it is by now: an administrator may have changed it while the document was fetched. */
  const takeOver = async (before: PartnerWithGrants, document: PartnerDocument): Promise<AdminResult<Refreshed>> => {
    const { warnings } = document;
    let found = before;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const wanted = withDocument(found.partner, document, clock.now());
      if (!wanted.ok) return wanted;
      if (wanted.value === found.partner) return accept({ partner: found, changed: false, warnings });
      if ((await registry.updatePartner(wanted.value, found, undefined)) === 'saved') {
        return accept({ partner: { ...found, partner: wanted.value }, changed: true, warnings });
      }
      const taken = await takenName(registry, wanted.value);
      if (taken !== undefined) return refused(TAKEN[taken.name], `another partner has the ${taken.name} that it names`);
      const again = await findPartner(registry, found.partner.realm, found.partner.id);
      if (!again.ok) return again;
      if (!isSameSource(again.value.partner, before.partner)) return lostRace();
      found = again.value;
    }
    return lostRace();
  };

  return {
    now: async (realm: string, id: string): Promise<AdminResult<PartnerView>> => {
      const done = await refresh(realm, id);
      return done.ok ? accept({ ...done.value.partner, lastUses: await uses.lastUses(realm, id) }) : done;
    },

    /**
     * Looks after those that are due, the longest due first; what a run does not get to the next one does.
     * Failures of ours come with the reports: the others must not wait for them, and nobody must miss them.
     */
    due: async (limit: number): Promise<RefreshRun> => {
      const reports: RefreshReport[] = [];
      const failures: unknown[] = [];
      const waiting = [...(await registry.listDue(clock.now(), limit))];
      while (waiting.length > 0) {
        const batch = waiting.splice(0, SIDE_BY_SIDE);
        const look = async ({ realm, id }: (typeof batch)[number]): Promise<RefreshReport> => ({
          realm,
          partner: id,
          ...outcomeOf(await refresh(realm, id)),
        });
        for (const looked of await Promise.allSettled(batch.map(look))) {
          if (looked.status === 'fulfilled') reports.push(looked.value);
          else failures.push(looked.reason);
        }
      }
      return { reports, failures };
    },
  };
};

/** Documents fetched at the same time. */
const SIDE_BY_SIDE = 25;

const MAX_ATTEMPTS = 4;

const TAKEN = { issuer: 'issuer_taken', certificate: 'certificate_taken' } as const;

const outcomeOf = (done: AdminResult<Refreshed>): Omit<RefreshReport, 'realm' | 'partner'> => {
  if (done.ok) {
    const { changed, warnings } = done.value;
    return { outcome: changed ? 'changed' : 'unchanged', ...(warnings.length === 0 ? {} : { warnings }) };
  }
  if (done.refusal.reason !== 'document_refused') return { outcome: 'skipped' };
  return { outcome: 'failed', failure: failureOf(done.refusal) };
};

const MAX_DETAIL_LENGTH = 256;

const failureOf = (refusal: AdminRefusal): RefreshFailure =>
  refusal.reason === 'document_refused'
    ? { code: refusal.code, detail: refusal.detail.slice(0, MAX_DETAIL_LENGTH) }
    : { code: refusal.reason, detail: 'the partner was being changed at the same time' };

const refused = (code: string, detail: string, problems: readonly InputProblem[] = []) =>
  refuse({ reason: 'document_refused', code, detail, problems } as const);

const readSource = async (
  documents: PartnerDocuments,
  source: PartnerSource,
  now: EpochSeconds,
): Promise<Result<PartnerDocument, DocumentRefusal>> => {
  const by = source.selfRegistered === true ? 'partner' : 'operator';
  const first = await readFrom(documents, source.url, by, now);
  if (!first.ok) return first;
  const isKeySet = first.value.format === 'jwks';
  if (source.type === 'jwks_uri') return isKeySet ? first : refused('not_a_key_set', 'this is not a JSON Web Key Set');
  if (isKeySet) return refused('not_metadata', 'this is a key set, and says nothing of whose it is');
  const { format, issuer, jwksUri } = first.value;
  if (format === 'oauth' && issuer !== undefined && !isMetadataUrlOf(issuer, source.url)) {
    return refused('issuer_elsewhere', 'the metadata of this issuer belongs at another URL (RFC 8414 3.3)');
  }
  if (jwksUri === undefined) return first;
  const keys = await readFrom(documents, jwksUri, by, now);
  if (!keys.ok) return keys;
  if (keys.value.format !== 'jwks') return refused('not_a_key_set', 'jwks_uri leads to no JSON Web Key Set');
  return accept({ ...first.value, keys: keys.value.keys, warnings: [...first.value.warnings, ...keys.value.warnings] });
};

const readFrom = async (
  documents: PartnerDocuments,
  url: string,
  by: 'operator' | 'partner',
  now: EpochSeconds,
): Promise<Result<PartnerDocument, DocumentRefusal>> => {
  const fetched = await documents.fetch(url, by);
  if (!fetched.ok) return refused(fetched.failure.code, fetched.failure.detail);
  const value = parseDocumentText(fetched.text);
  if (value === undefined) return refused('not_json', 'the document is not JSON');
  const read = await readPartnerDocument(value, now);
  if (read.ok) return read;
  const [first] = read.refusal;
  return refused(first?.code ?? 'document_malformed', first?.detail ?? 'the document is malformed', read.refusal);
};

/** The partner with the document's keys; the very same value if nothing changes. */
const withDocument = (partner: Partner, document: PartnerDocument, now: EpochSeconds): AdminResult<Partner> => {
  const { issuer } = document;
  if (issuer !== undefined && partner.issuer !== undefined && issuer !== partner.issuer) {
    return refused('issuer_changed', 'the document names another issuer than before; an administrator has to decide');
  }
  const credentials = withDocumentKeys(partner.credentials, document.keys);
  const isSame = isSameCredentials(credentials, partner.credentials);
  if (isSame && (issuer === undefined || partner.issuer !== undefined)) return accept(partner);
  return accept({
    ...partner,
    ...(issuer === undefined ? {} : { issuer }),
    credentials,
    version: partner.version + 1,
    updatedAt: now,
  });
};
