/** The admin API of partners, audiences and grants. */

import type { ManagePartners } from '../flows/manage-partners.ts';
import { type AdminRoute, adminRoute, created, paged, shown, withBody, withQuery } from './admin-route.ts';
import {
  audienceSchema,
  grantListSchema,
  grantSchema,
  pageSchema,
  partnerChangeSchema,
  partnerSchema,
} from './admin-schemas.ts';
import { audienceView, grantView, partnerSummary, partnerView } from './admin-views.ts';

export const partnerRoutes = (manage: ManagePartners): readonly AdminRoute[] => [
  adminRoute('POST', '/partners', (event, realm) =>
    withBody(event, partnerSchema, async (input) => created(await manage.addPartner(realm, input), partnerView)),
  ),
  adminRoute('GET', '/partners', (event, realm) =>
    withQuery(event, pageSchema, async (page) => paged(await manage.listPartners(realm, page), partnerSummary)),
  ),
  adminRoute('GET', '/partners/{id}', async (event, realm) =>
    shown(await manage.showPartner(realm, event.pathParameters?.id ?? ''), partnerView),
  ),
  adminRoute('PATCH', '/partners/{id}', (event, realm) =>
    withBody(event, partnerChangeSchema, async (change) =>
      shown(await manage.changePartner(realm, event.pathParameters?.id ?? '', change), partnerView),
    ),
  ),
  adminRoute('POST', '/audiences', (event, realm) =>
    withBody(event, audienceSchema, async (input) => created(await manage.addAudience(realm, input), audienceView)),
  ),
  adminRoute('GET', '/audiences', (event, realm) =>
    withQuery(event, pageSchema, async (page) => paged(await manage.listAudiences(realm, page), audienceView)),
  ),
  adminRoute('POST', '/grants', (event, realm) =>
    withBody(event, grantSchema, async (input) => created(await manage.addGrant(realm, input), grantView)),
  ),
  adminRoute('GET', '/grants', (event, realm) =>
    withQuery(event, grantListSchema, async (query) => {
      if ('audience' in query) return paged(await manage.listGrantsOn(realm, query.audience, query), grantView);
      return shown(await manage.listGrantsOf(realm, query.client), (page) => ({
        items: page.items.map(grantView),
      }));
    }),
  ),
];
