/**
 * Carries out planned changes one after the other, and stops at the first that fails.
 */
import type { AdminClient } from '../admin-client.ts';
import { audience, grant, partner } from '../admin-records.ts';
import { Failure } from '../failure.ts';
import { readFirstDocument, readNextDocument } from '../following.ts';
import { changeKnown } from '../lost-update.ts';
import type { Change } from './plan.ts';

export interface Outcome {
  readonly done: readonly Change[];
  /** The change that failed, and why. */
  readonly failed?: { readonly change: Change; readonly failure: Failure };
  readonly notDone: readonly Change[];
  /** What is to be known about changes that were made. */
  readonly notes: readonly string[];
}

/** @param versions of the audiences as they were read; each is sent with the change that was made from it. */
export async function perform(
  client: AdminClient,
  changes: readonly Change[],
  versions: ReadonlyMap<string, number>,
): Promise<Outcome> {
  const run = new Run(client, versions);
  for (const [index, change] of changes.entries()) {
    try {
      await run.make(change);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const rest = { done: changes.slice(0, index), notDone: changes.slice(index + 1) };
      return { ...rest, failed: { change, failure: error }, notes: run.notes };
    }
  }
  return { done: changes, notDone: [], notes: run.notes };
}

class Run {
  readonly notes: string[] = [];
  readonly #client: AdminClient;
  readonly #versions: Map<string, number>;

  constructor(client: AdminClient, versions: ReadonlyMap<string, number>) {
    this.#client = client;
    this.#versions = new Map(versions);
  }

  make(change: Change): Promise<void> {
    switch (change.kind) {
      case 'partner':
        return change.action === 'remove' ? this.#client.delete(['partners', change.id]) : this.#savePartner(change);
      case 'audience':
        return change.action === 'remove'
          ? this.#client.delete(['audiences'], { audience: change.audience })
          : this.#saveAudience(change);
      case 'grant':
        return change.action === 'remove'
          ? this.#client.delete(['grants'], { client: change.client, audience: change.audience })
          : this.#saveGrant(change);
    }
  }

  /** A new one by POST, which replaces nothing: somebody may have made one of that name a moment ago. */
  async #savePartner({ id, definition, stored }: Change & { readonly kind: 'partner' }): Promise<void> {
    const client = this.#client;
    if (stored === undefined) {
      const { record, created } = await client.post(['partners'], { id, ...definition }, partner);
      return created ? this.#remember(await readFirstDocument(client, record)) : undefined;
    }
    const path = ['partners', id];
    const saved = await changeKnown(
      stored,
      () => client.put(path, { ...definition, version: stored.version }, partner),
      () => client.find(path, partner),
      `partner ${id}`,
    );
    if (saved.source?.url !== stored.source?.url) this.#remember(await readNextDocument(client, saved));
  }

  #remember({ note }: { readonly note?: string }): void {
    if (note !== undefined) this.notes.push(note);
  }

  async #saveAudience({
    action,
    audience: uri,
    owner,
    members,
  }: Change & { readonly kind: 'audience' }): Promise<void> {
    const client = this.#client;
    const version = this.#versions.get(uri) ?? 0;
    const body = { audience: uri, ...members };
    const find = async () => (await client.list(['audiences'], { audience: uri }, audience))[0];
    const saved =
      action === 'add'
        ? (await client.post(['audiences'], { ...body, owner }, audience)).record
        : await changeKnown(
            { version },
            () => client.patch(['audiences'], { ...body, version }, audience),
            find,
            `audience ${uri}`,
          );
    this.#versions.set(uri, saved.version);
  }

  async #saveGrant(change: Change & { readonly kind: 'grant' }): Promise<void> {
    const { client, audience: uri, scopes, authorizationDetailsTypes: types } = change;
    const details = types === undefined ? {} : { authorizationDetailsTypes: types };
    await this.#client.post(['grants'], { client, audience: uri, scopes, ...details }, grant);
  }
}

/** @throws Failure telling what failed and how much was done before, when something did. */
export function requireSuccess({ done, failed, notDone }: Outcome): void {
  if (failed === undefined) return;
  const total = done.length + 1 + notDone.length;
  const text = `${failed.change.kind} ${failed.change.name}: ${failed.failure.message}`;
  throw new Failure(failed.failure.exitCode, `${text}; ${done.length} of ${total} changes were made before that`);
}
