/** The admin API of signing keys. API Gateway's IAM check is the same as for the rest; the function behind it may use KMS. */

import type { ManageKeys } from '../flows/manage-keys.ts';
import { type AdminRoute, adminRoute, shown, withBody } from './admin-route.ts';
import { revocationSchema, ringCommandSchema } from './admin-schemas.ts';
import type { HttpEvent } from './endpoint.ts';
import { revocationView, ringView } from './key-views.ts';
import { json } from './response.ts';

export const keyRoutes = (manage: ManageKeys): readonly AdminRoute[] => [
  adminRoute('GET', '/keys', async (_event, realm) => json(200, { items: (await manage.list(realm)).map(ringView) })),
  adminRoute('POST', '/keys', (event, realm) =>
    withBody(event, ringCommandSchema, async ({ algorithm }) =>
      json(200, ringView(await manage.add(realm, algorithm))),
    ),
  ),
  adminRoute('POST', '/keys/rotate', (event, realm) =>
    withBody(event, ringCommandSchema, async ({ algorithm }) =>
      shown(await manage.rotateNow(realm, algorithm), ringView),
    ),
  ),
  adminRoute('POST', '/keys/{kid}/revoke', (event, realm) =>
    withBody(event, revocationSchema, async ({ breakGlass }) =>
      shown(await manage.revoke(realm, kidOf(event), breakGlass), revocationView),
    ),
  ),
  adminRoute('POST', '/keys/{kid}/hold', async (event, realm) =>
    shown(await manage.hold(realm, kidOf(event)), ringView),
  ),
  adminRoute('POST', '/keys/{kid}/release', async (event, realm) =>
    shown(await manage.release(realm, kidOf(event)), ringView),
  ),
];

const kidOf = (event: HttpEvent): string => event.pathParameters?.kid ?? '';
