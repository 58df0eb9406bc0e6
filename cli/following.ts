/**
 * Partners whose keys come from an address: the first reading right after the address was set, and what to do when it fails.
 */
import type { AdminClient } from './admin-client.ts';
import { type Partner, partner } from './admin-records.ts';
import { Failure } from './failure.ts';
import { describeTimestamp } from './output.ts';
import { ServiceRefusal } from './service-refusal.ts';

export interface Followed {
  readonly partner: Partner;
  /** Why the document was not read now, where that is no failure. */
  readonly note?: string;
}

/**
 * Has the service read the partner's document now.
 * @returns a note instead where the last reading was too recent for another: the schedule will do it.
 * @throws Failure when the document cannot be had or is refused.
 */
async function readDocumentNow(client: AdminClient, stored: Partner): Promise<Followed> {
  if (stored.source === undefined) return { partner: stored };
  try {
    const { record } = await client.post(['partners', stored.id, 'refresh'], undefined, partner);
    return { partner: record };
  } catch (error) {
    if (!(error instanceof ServiceRefusal) || error.status !== 409 || error.until === undefined) throw error;
    const until = describeTimestamp(error.until, Date.now());
    return {
      partner: stored,
      note: `${stored.source.url} is not read again before ${until}; the schedule reads it then`,
    };
  }
}

/**
 * As `readDocumentNow`, for a partner that was created a moment ago: one whose document is refused must not stay behind.
 * @throws Failure with the reason, and with what became of the partner.
 */
export async function readFirstDocument(client: AdminClient, created: Partner): Promise<Followed> {
  try {
    return await readDocumentNow(client, created);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.exitCode, `${error.message}; ${await takeBack(client, created.id)}`);
  }
}

/**
 * As `readDocumentNow`, for a partner that has got another address: the change stands, whatever is found there.
 * @throws Failure with the reason, and that the address is kept.
 */
export async function readNextDocument(client: AdminClient, changed: Partner): Promise<Followed> {
  try {
    return await readDocumentNow(client, changed);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const kept = `partner ${changed.id} was changed and its new address is tried again on schedule`;
    throw new Failure(error.exitCode, `${error.message}; ${kept}`);
  }
}

async function takeBack(client: AdminClient, id: string): Promise<string> {
  try {
    await client.delete(['partners', id]);
    return `partner ${id} was not added`;
  } catch {
    return `partner ${id} was added without keys and could not be taken back: countersign partner remove ${id}`;
  }
}
