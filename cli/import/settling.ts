/**
 * Turns what an importer collected into partners of ours: names that can be registered, an owner for every audience, grants
 * that fit the audiences, and notes under the partners' new ids.
 */
import type { DeclaredAudience, DeclaredGrant, DeclaredPartner } from '../declaration.ts';
import { settleScopes } from './granted-scopes.ts';
import {
  type AudienceDraft,
  type ClientDraft,
  type GrantDraft,
  type ImportedPartners,
  type ImportNote,
  type NoteDraft,
  type OwnerDraft,
  quoted,
} from './imported.ts';
import { assignAudiences, assignIds, lineOf } from './naming.ts';

export interface Collected {
  readonly clients: ReadonlyMap<string, ClientDraft>;
  readonly audiences: ReadonlyMap<string, AudienceDraft>;
  /** Of clients that are in `clients`, on audiences that are in `audiences`. */
  readonly grants: readonly GrantDraft[];
  readonly notes: readonly NoteDraft[];
}

interface PartnerDraft {
  readonly definition: ClientDraft;
  readonly audiences: DeclaredAudience[];
  readonly grants: DeclaredGrant[];
}

const MAX_CREDENTIALS = 10;

export const settle = ({ clients, audiences, grants, notes: collectedNotes }: Collected): ImportedPartners => {
  const resources = resourcesOf([...audiences.values()]);
  const taken = new Set<string>();
  const clientIds = assignIds([...clients.keys()], taken);
  const resourceIds = assignIds([...resources.keys()], taken);
  const partners = new Map([...partnerDrafts(clients, clientIds), ...partnerDrafts(resources, resourceIds)]);
  const ownerOf = ({ owner }: AudienceDraft): PartnerDraft | undefined =>
    partners.get((isResource(owner) ? resourceIds.get(owner.resource) : clientIds.get(owner.client)) ?? '');

  const notes = [...collectedNotes, ...idNotes(clientIds), ...keyNotes(clients, clientIds)];
  const uris = assignAudiences([...audiences.keys()]);
  for (const [name, draft] of audiences) {
    const audience = uris.get(name) ?? name;
    const onIt = grants.filter((grant) => grant.audience === name);
    const settled = settleScopes(name, draft, onIt);
    notes.push(...uriNote(name, audience), ...settled.notes);
    const { tokenPolicy } = draft;
    ownerOf(draft)?.audiences.push({ audience, scopes: settled.scopes, ...present({ tokenPolicy }) });
    for (const [client, scopes] of settled.grants) {
      partners.get(clientIds.get(client) ?? '')?.grants.push({ audience, scopes });
    }
  }
  return { partners: declared(partners), notes: settledNotes(notes, clientIds) };
};

const partnerDrafts = (
  definitions: ReadonlyMap<string, ClientDraft>,
  ids: ReadonlyMap<string, string>,
): readonly [string, PartnerDraft][] =>
  [...definitions].map(([name, { name: title, contact, ...rest }]) => {
    const definition = { name: lineOf(title), contact: lineOf(contact), ...rest };
    return [ids.get(name) ?? name, { definition, audiences: [], grants: [] }];
  });

/** Partners that exist only to own audiences. */
const resourcesOf = (audiences: readonly AudienceDraft[]): ReadonlyMap<string, ClientDraft> => {
  const asResource = ({ owner }: AudienceDraft): [string, ClientDraft][] =>
    isResource(owner) ? [[owner.resource, resourceDraft(owner)]] : [];
  return new Map(audiences.flatMap(asResource));
};

const isResource = (owner: OwnerDraft): owner is Extract<OwnerDraft, { resource: string }> => 'resource' in owner;
const resourceDraft = ({ name, enabled }: Extract<OwnerDraft, { resource: string }>): ClientDraft => ({
  name,
  enabled,
});

const declared = (partners: ReadonlyMap<string, PartnerDraft>): readonly DeclaredPartner[] =>
  [...partners].sort(byName).map(([id, { definition, audiences, grants }]) => ({
    id,
    ...present(definition),
    ...(audiences.length === 0 ? {} : { audiences: audiences.sort(byAudience) }),
    ...(grants.length === 0 ? {} : { grants: grants.sort(byAudience) }),
  }));

const idNotes = (ids: ReadonlyMap<string, string>): readonly NoteDraft[] =>
  [...ids]
    .filter(([name, id]) => name !== id)
    .map(([client]) => ({
      client,
      text: `is ${quoted(client)} in the export, which cannot be an id: tell its owner this one`,
    }));

const uriNote = (name: string, uri: string): readonly NoteDraft[] => {
  if (name === uri) return [];
  const map = `--map ${uri}=URI for another`;
  return [
    { text: `${quoted(name)} is not a URI: its audience is ${uri} (${map}), and what checks "aud" has to know that` },
  ];
};

const keyNotes = (clients: ReadonlyMap<string, ClientDraft>, ids: ReadonlyMap<string, string>): readonly NoteDraft[] =>
  [...clients].flatMap(([client, { credentials = [], jwksUri, tlsSubject }]) => {
    if (credentials.length > MAX_CREDENTIALS) {
      return [
        { client, text: `has ${credentials.length} keys, and a partner holds ${MAX_CREDENTIALS}: take some out` },
      ];
    }
    if (credentials.length > 0 || jwksUri !== undefined || tlsSubject !== undefined) return [];
    const command = `countersign credential add ${ids.get(client)} --public-key FILE`;
    return [{ client, text: `no public key came along, so it gets no tokens until: ${command}` }];
  });

/** Those about the whole first, then by partner; within one, as they came. */
const settledNotes = (notes: readonly NoteDraft[], ids: ReadonlyMap<string, string>): readonly ImportNote[] =>
  notes
    .map(({ client, text }): ImportNote => {
      const partner = client === undefined ? undefined : ids.get(client);
      return { ...present({ partner }), text };
    })
    .sort((a, b) => compare(a.partner ?? '', b.partner ?? ''));

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => compare(a, b);
const byAudience = (a: DeclaredGrant, b: DeclaredGrant): number => compare(a.audience, b.audience);

/** Without the members that are `undefined`: a declaration tells "absent" by the member itself. */
const present = <Value extends object>(value: Value): { [Name in keyof Value]: Exclude<Value[Name], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [Name in keyof Value]: Exclude<Value[Name], undefined>;
  };
