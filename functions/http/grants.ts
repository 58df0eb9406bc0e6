/** The admin API of audiences and grants. */

import type { ManageGrants } from '../flows/manage-grants.ts';
import { type AdminRoute, handle } from './admin-operation.ts';
import { AUDIENCES, GRANTS } from './admin-operations.ts';
import { created, paged, removed, shown } from './admin-route.ts';
import { audienceView, grantView } from './admin-views.ts';

export const grantRoutes = (manage: ManageGrants): readonly AdminRoute[] => [
  handle(AUDIENCES.list, async ({ realm, query: { audience, ...page } }) =>
    paged(
      audience === undefined
        ? await manage.listAudiences(realm.name, page)
        : await manage.findAudience(realm.name, audience),
      audienceView,
    ),
  ),
  handle(AUDIENCES.add, async ({ realm, body }) => created(await manage.addAudience(realm.name, body), audienceView)),
  handle(AUDIENCES.change, async ({ realm, body: { audience, version, ...change } }) =>
    shown(await manage.changeAudience(realm.name, audience, version, change), audienceView),
  ),
  handle(AUDIENCES.remove, async ({ realm, query: { audience } }) =>
    removed(await manage.removeAudience(realm.name, audience)),
  ),
  handle(GRANTS.list, async ({ realm, query }) => {
    if ('audience' in query) return paged(await manage.listGrantsOn(realm.name, query.audience, query), grantView);
    return shown(await manage.listGrantsOf(realm.name, query.client), (page) => ({ items: page.items.map(grantView) }));
  }),
  handle(GRANTS.add, async ({ realm, body }) => created(await manage.addGrant(realm.name, body), grantView)),
  handle(GRANTS.remove, async ({ realm, query: { client, audience } }) =>
    removed(await manage.removeGrant(realm.name, client, audience)),
  ),
];
