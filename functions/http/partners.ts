/** The admin API of partners and their credentials. */

import type { ManagePartners } from '../flows/manage-partners.ts';
import type { RefreshPartner } from '../flows/refresh-partner.ts';
import { type AdminRoute, handle } from './admin-operation.ts';
import { PARTNERS } from './admin-operations.ts';
import { created, paged, removed, shown } from './admin-route.ts';
import { partnerSummary, partnerView } from './admin-views.ts';

export const partnerRoutes = (manage: ManagePartners): readonly AdminRoute[] => [
  handle(PARTNERS.list, async ({ realm, query }) => paged(await manage.list(realm.name, query), partnerSummary)),
  handle(PARTNERS.add, async ({ realm, body }) => created(await manage.add(realm.name, body), partnerView)),
  handle(PARTNERS.show, async ({ realm, variable }) =>
    shown(await manage.show(realm.name, variable('id')), partnerView),
  ),
  handle(PARTNERS.declare, async ({ realm, variable, body: { version, ...definition } }) =>
    created(await manage.declare(realm.name, variable('id'), version, definition), partnerView),
  ),
  handle(PARTNERS.change, async ({ realm, variable, body: { version, ...change } }) =>
    shown(await manage.change(realm.name, variable('id'), version, change), partnerView),
  ),
  handle(PARTNERS.remove, async ({ realm, variable }) => removed(await manage.remove(realm.name, variable('id')))),
  handle(PARTNERS.addCredential, async ({ realm, variable, body }) =>
    shown(await manage.addCredential(realm.name, variable('id'), body), partnerView),
  ),
  handle(PARTNERS.changeCredential, async ({ realm, variable, body: { version, kid, ...change } }) =>
    shown(await manage.changeCredential(realm.name, variable('id'), version, kid, change), partnerView),
  ),
  handle(PARTNERS.removeCredential, async ({ realm, variable, query: { kid } }) => {
    const without = await manage.removeCredential(realm.name, variable('id'), kid);
    return removed(without.ok ? { ok: true, value: undefined } : without);
  }),
];

/** Its own list: the function behind it is the only one that calls partners. */
export const refreshRoutes = (refresh: RefreshPartner): readonly AdminRoute[] => [
  handle(PARTNERS.refresh, async ({ realm, variable }) =>
    shown(await refresh.now(realm.name, variable('id')), partnerView),
  ),
];
