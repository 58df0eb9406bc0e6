/** Partners whose documents are followed, and documents that a test may change while one is being fetched. */

import { exportJWK } from 'jose';
import type { PartnerDefinition } from '../../functions/core/partner-definition.ts';
import { refreshPartner } from '../../functions/flows/refresh-partner.ts';
import type { Fetched, PartnerDocuments, RefreshRegistry, Registry } from '../../functions/ports.ts';
import { CLIENT, keyPair, REALM } from '../support/builders.ts';
import { adminWorld, jwkOf, mustBe } from './admin-world.ts';

export const INTERVAL_SECONDS = 3_600;
export const JWKS_URL = 'https://crm.example.com/jwks';
export const METADATA_URL = 'https://crm.example.com/.well-known/oauth-authorization-server';
export const PARTNER_ISSUER = 'https://crm.example.com';

export const refreshWorld = (changes: Partial<Registry & RefreshRegistry> = {}) => {
  const admin = adminWorld();
  /** What lies at each URL: a document, its text, or why there is none. */
  const web = new Map<string, object | string>();
  const fetched: string[] = [];
  /** What happens elsewhere while a document is fetched. */
  const meanwhile: { run: (url: string) => Promise<void> } = { run: async () => undefined };
  const documents: PartnerDocuments = {
    fetch: async (url): Promise<Fetched> => {
      fetched.push(url);
      await meanwhile.run(url);
      const found = web.get(url);
      if (found === undefined) return { ok: false, failure: { code: 'unreachable', detail: 'no answer' } };
      return { ok: true, text: typeof found === 'string' ? found : JSON.stringify(found) };
    },
  };
  const refresher = (over: Partial<Registry & RefreshRegistry> = {}, from: PartnerDocuments = documents) =>
    refreshPartner(
      { registry: { ...admin.registry, ...changes, ...over }, uses: admin.replay, documents: from, clock: admin.clock },
      { intervalSeconds: INTERVAL_SECONDS },
    );
  return { ...admin, web, fetched, meanwhile, refresher, refresh: refresher() };
};

export type RefreshWorld = ReturnType<typeof refreshWorld>;

/** A partner that is there, following its key set. */
export const follow = async (world: RefreshWorld, definition: PartnerDefinition = { jwksUri: JWKS_URL }, id = CLIENT) =>
  mustBe(await world.partners.add(REALM, { id, ...definition })).value;

export const keySet = async (...names: readonly string[]) => ({
  keys: await Promise.all(names.map((name) => jwkOf(name))),
});

/** A key that proves nothing: 1024 bits. */
export const weakJwk = async () => {
  const { publicKey } = await crypto.subtle.generateKey(
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ['sign', 'verify'],
  );
  return { ...(await exportJWK(publicKey)), kid: 'weak' };
};

/** The private half as well, which no document should have. */
export const privateJwk = async () => exportJWK((await keyPair()).privateKey);
