/** The admin API of the users that old servers speak of. */

import type { ManageUsers } from '../flows/manage-users.ts';
import { type AdminRoute, handle } from './admin-operation.ts';
import { created, paged, removed, shown } from './admin-route.ts';
import { userView } from './admin-views.ts';
import { USERS } from './user-operations.ts';

export const userRoutes = (manage: ManageUsers): readonly AdminRoute[] => [
  handle(USERS.list, async ({ realm, query }) => paged(await manage.list(realm.name, query), userView)),
  handle(USERS.show, async ({ realm, variable }) => shown(await manage.show(realm.name, variable('id')), userView)),
  handle(USERS.declare, async ({ realm, variable, body: { version, ...input } }) =>
    created(await manage.declare(realm.name, variable('id'), version, input), userView),
  ),
  handle(USERS.remove, async ({ realm, variable }) => removed(await manage.remove(realm.name, variable('id')))),
];
