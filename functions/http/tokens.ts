/** The admin API of tokens that are out: ending one of them, or all that a partner or a grant has; and trying one that is not taken. */

import type { DiagnoseToken } from '../flows/diagnose-token.ts';
import type { ManageTokens } from '../flows/manage-tokens.ts';
import { type AdminRoute, handle } from './admin-operation.ts';
import { GRANTS, PARTNERS, TOKENS } from './admin-operations.ts';
import { removed, shown } from './admin-route.ts';
import { diagnosisView, grantView, partnerView } from './admin-views.ts';

export const tokenRoutes = (manage: ManageTokens, diagnose: DiagnoseToken): readonly AdminRoute[] => [
  handle(PARTNERS.revokeTokens, async ({ realm, variable }) =>
    shown(await manage.revokeOfPartner(realm.name, variable('id')), partnerView),
  ),
  handle(GRANTS.revokeTokens, async ({ realm, body: { client, audience } }) =>
    shown(await manage.revokeOfGrant(realm.name, client, audience), grantView),
  ),
  handle(TOKENS.revoke, async ({ realm, body: { tokenId, expiresAt } }) =>
    removed(await manage.revokeOne(realm.name, tokenId, expiresAt)),
  ),
  handle(TOKENS.diagnose, async ({ realm, body: { partner, token } }) =>
    shown(await diagnose(realm, partner, token), diagnosisView),
  ),
];
