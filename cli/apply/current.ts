/**
 * What the realm holds now, as far as a comparison needs it.
 */
import { type AdminClient, LONG_PAGES } from '../admin-client.ts';
import { type Audience, audience, type Partner, partner, partnerSummary } from '../admin-records.ts';

export interface Current {
  /** Everybody in full who is named, and everybody else too where that was asked for. */
  readonly partners: ReadonlyMap<string, Partner>;
  readonly audiences: ReadonlyMap<string, Audience>;
  /** Partners of the realm that are not named, by id. */
  readonly others: readonly string[];
}

/** The service has a limit on requests at once, and a terminal has no need to reach it. */
const AT_ONCE = 8;

/** @param everybody reads the partners in full that are not named as well. */
export async function readCurrent(client: AdminClient, named: readonly string[], everybody: boolean): Promise<Current> {
  const [summaries, audiences] = await Promise.all([
    client.list(['partners'], LONG_PAGES, partnerSummary),
    client.list(['audiences'], LONG_PAGES, audience),
  ]);
  const ids = summaries.map(({ id }) => id).sort();
  const isNamed = new Set(named);
  const others = ids.filter((id) => !isNamed.has(id));
  const found = await readPartners(client, everybody ? [...named, ...others] : named);
  return {
    partners: new Map(found.map((one) => [one.id, one])),
    audiences: new Map(audiences.map((one) => [one.audience, one])),
    others,
  };
}

/** Those that exist. Named ones are asked for by name: a listing may lag behind. */
export async function readPartners(client: AdminClient, ids: readonly string[]): Promise<Partner[]> {
  const found: (Partner | undefined)[] = [];
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const batch = ids.slice(start, start + AT_ONCE);
    found.push(...(await Promise.all(batch.map((id) => client.find(['partners', id], partner)))));
  }
  return found.filter((one) => one !== undefined);
}
