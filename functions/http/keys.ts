/** The admin API of signing keys. API Gateway's IAM check is the same as for the rest; the function behind it may use KMS. */

import type { ManageKeys } from '../flows/manage-keys.ts';
import { type AdminRoute, handle } from './admin-operation.ts';
import { shown } from './admin-route.ts';
import { KEYS } from './key-operations.ts';
import { revocationView, ringView } from './key-views.ts';
import { json } from './response.ts';

export const keyRoutes = (manage: ManageKeys): readonly AdminRoute[] => [
  handle(KEYS.list, async ({ realm }) => json(200, { items: (await manage.list(realm.name)).map(ringView) })),
  handle(KEYS.add, async ({ realm, body: { algorithm } }) =>
    json(200, ringView(await manage.add(realm.name, algorithm))),
  ),
  handle(KEYS.rotate, async ({ realm, body: { algorithm, at } }) =>
    shown(
      at === undefined
        ? await manage.rotateNow(realm.name, algorithm)
        : await manage.rotateAt(realm.name, algorithm, at),
      ringView,
    ),
  ),
  handle(KEYS.revoke, async ({ realm, variable, body: { breakGlass } }) =>
    shown(await manage.revoke(realm.name, variable('kid'), breakGlass), revocationView),
  ),
  handle(KEYS.hold, async ({ realm, variable }) => shown(await manage.hold(realm.name, variable('kid')), ringView)),
  handle(KEYS.release, async ({ realm, variable }) =>
    shown(await manage.release(realm.name, variable('kid')), ringView),
  ),
];
