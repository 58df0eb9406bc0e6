/**
 * Collects what an importer finds: clients, audiences, grants and notes, each under the name that it has in the export.
 */
import { findExposure } from './exposure.ts';
import { type AudienceDraft, type ClientDraft, type ImportedPartners, type NoteDraft, quoted } from './imported.ts';
import { settle } from './settling.ts';

/** Bounds of `tokenPolicy.accessTokenSeconds`. */
const TOKEN_SECONDS = { min: 60, max: 86_400 };

const SECRET_LEFT =
  'its client secret was not carried over: partners prove themselves with a key, or where the realm allows it with a new secret (countersign secret add)';

export class Collector {
  readonly #clients = new Map<string, ClientDraft>();
  readonly #audiences = new Map<string, AudienceDraft>();
  readonly #grants: { readonly client: string; readonly audience: string; readonly scopes: Set<string> }[] = [];
  readonly #notes: NoteDraft[] = [];
  #holdsSecrets = false;

  /** @param client whom it is about; a client that is not collected, or none, makes it a note about the whole. */
  note(text: string, client?: string): void {
    this.#notes.push({ client, text });
  }

  client(name: string, draft: ClientDraft): void {
    if (this.#clients.has(name)) this.note('stands in the export more than once; the first was taken', name);
    else this.#clients.set(name, draft);
  }

  hasClient(name: string): boolean {
    return this.#clients.has(name);
  }

  hasAudience(name: string): boolean {
    return this.#audiences.has(name);
  }

  /** Told again, an audience keeps its first owner and has the scopes of both. */
  audience(name: string, draft: AudienceDraft): void {
    const known = this.#audiences.get(name);
    this.#audiences.set(name, { ...draft, ...known, scopes: [...(known?.scopes ?? []), ...draft.scopes] });
  }

  /** Scopes of several calls add up; without any, the client may have tokens for the audience that carry none. */
  grant(client: string, audience: string, scopes: readonly string[]): void {
    const known = this.#grants.find((each) => each.client === client && each.audience === audience);
    if (known === undefined) this.#grants.push({ client, audience, scopes: new Set(scopes) });
    else for (const scope of scopes) known.scopes.add(scope);
  }

  /**
   * Notes where a part of the export holds private keys or a client secret.
   * @param client whose part it is; absent: of none that is carried over.
   */
  noteExposure(part: unknown, client?: string): void {
    const { privateKeys, secrets } = findExposure(part);
    this.#holdsSecrets ||= privateKeys.length + secrets.length > 0;
    if (privateKeys.length > 0) {
      const places = [...privateKeys.slice(0, 3), ...(privateKeys.length > 3 ? ['...'] : [])].join(', ');
      const where = client === undefined ? 'the export' : 'its entry';
      const text = `private key material in ${where} (${places}) was not carried over: treat it as exposed and replace it where it is used`;
      this.note(text, client);
    }
    if (secrets.length > 0 && client !== undefined) {
      this.note(SECRET_LEFT, client);
    }
  }

  /** A lifetime in seconds as a token policy takes it; `undefined` where the export sets none. */
  lifetime(seconds: number | null | undefined, client?: string): number | undefined {
    if (typeof seconds !== 'number' || !(seconds > 0)) return undefined;
    const bounded = Math.round(Math.min(Math.max(seconds, TOKEN_SECONDS.min), TOKEN_SECONDS.max));
    if (bounded !== seconds) this.note(`a token lifetime of ${seconds} s became ${bounded} s`, client);
    return bounded;
  }

  finish(): ImportedPartners {
    const grants = this.#grants.filter(({ client }) => this.#clients.has(client));
    for (const { audience } of grants) {
      if (this.#audiences.has(audience)) continue;
      this.audience(audience, { owner: { resource: audience }, scopes: [] });
      this.note(`the export does not describe ${quoted(audience)}: its audience has the scopes that its clients hold`);
    }
    if (this.#holdsSecrets) this.note('the export holds secrets: delete it when the import is done');
    return settle({ clients: this.#clients, audiences: this.#audiences, grants, notes: this.#notes });
  }
}
