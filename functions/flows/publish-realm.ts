/** What a realm publishes about itself: its metadata, its keys, its revoked keys. By its own name or an alias. */

import type { JWK } from 'jose';
import { authorizationServerMetadata, openidConfiguration } from '../core/metadata.ts';
import { microsoftDocument } from '../core/microsoft-document.ts';
import type { MicrosoftRealm } from '../core/microsoft-profile.ts';
import { type RealmDefaults, type RealmTerms, realmTerms } from '../core/realm.ts';
import { Outage, type RealmReader, type RevocationListStore, type RingReader } from '../ports.ts';
import { publishKeys } from './publish-keys.ts';
import { currentRevocations } from './publish-revocations.ts';

export interface PublishRealmPorts {
  readonly realms: RealmReader;
  readonly rings: RingReader;
  readonly lists: RevocationListStore;
}

/** The documents of one realm. A disabled realm publishes as before: its tokens have to be verifiable until they end. */
export interface RealmDocuments {
  readonly authorizationServer: () => Promise<object>;
  readonly openid: () => Promise<object>;
  readonly keys: () => Promise<{ readonly keys: readonly JWK[] }>;
  /** The signed list of revoked keys. */
  readonly revokedKeys: () => Promise<string>;
  /** There if the realm takes part in the Microsoft profile. */
  readonly microsoft?: MicrosoftDocuments;
}

interface MicrosoftDocuments {
  /** By which names of that profile the document may be asked for. */
  readonly realms: readonly string[];
  /** The trust document. Throws Outage while the key that signs has no certificate. */
  readonly document: () => Promise<object>;
}

export type PublishRealm = (nameOrAlias: string) => Promise<RealmDocuments | undefined>;

/** @returns `undefined`: no such realm. @throws Outage when DynamoDB did not answer. */
export const publishRealm =
  ({ realms, rings, lists }: PublishRealmPorts, defaults: RealmDefaults): PublishRealm =>
  async (nameOrAlias) => {
    const realm = await realms.find(nameOrAlias);
    if (realm === undefined) return undefined;
    const terms = realmTerms(realm, defaults);
    return {
      authorizationServer: async () => authorizationServerMetadata(terms, await rings.list(terms.name)),
      openid: async () => openidConfiguration(terms, await rings.list(terms.name)),
      keys: publishKeys(rings, terms.name),
      revokedKeys: currentRevocations(lists, terms.name),
      ...(terms.microsoft === undefined ? {} : { microsoft: microsoftDocuments(rings, terms, terms.microsoft) }),
    };
  };

const microsoftDocuments = (
  rings: RingReader,
  { name, issuer }: RealmTerms,
  profile: MicrosoftRealm,
): MicrosoftDocuments => ({
  realms: profile.realms,
  document: async () => {
    const document = microsoftDocument(issuer, profile, await rings.list(name));
    if (document === undefined) throw new Outage('key-ring', new Error(`realm ${name} has no certificate yet`));
    return document;
  },
});
