/** The admin API of realms. */

import type { ManageRealms } from '../flows/manage-realms.ts';
import { type AdminRoute, handle } from './admin-operation.ts';
import { REALMS } from './admin-operations.ts';
import { created, paged, shown } from './admin-route.ts';
import { realmView } from './admin-views.ts';
import { json } from './response.ts';

export const realmRoutes = (manage: ManageRealms): readonly AdminRoute[] => [
  handle(REALMS.list, async ({ query }) => paged(await manage.list(query), realmView)),
  handle(REALMS.add, async ({ body: { name, ...input } }) => created(await manage.add(name, input), realmView)),
  handle(REALMS.show, async ({ realm }) => json(200, realmView(manage.show(realm)))),
  handle(REALMS.change, async ({ realm, body: { version, ...input } }) =>
    shown(await manage.change(realm, version, input), realmView),
  ),
];
