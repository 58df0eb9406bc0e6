/** The admin API of partners, their credentials and secrets, and of the tokens with which they register by themselves. */

import type { Realm } from '../core/realm.ts';
import type { ManagePartners } from '../flows/manage-partners.ts';
import type { ManageSecrets } from '../flows/manage-secrets.ts';
import type { OnboardPartner } from '../flows/onboard-partner.ts';
import type { RefreshPartner } from '../flows/refresh-partner.ts';
import { type AdminRoute, handle } from './admin-operation.ts';
import { PARTNERS } from './admin-operations.ts';
import { created, made, paged, removed, shown } from './admin-route.ts';
import { addedSecretView, openedOnboardingView, partnerSummary, partnerView } from './admin-views.ts';

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

export const secretRoutes = (manage: ManageSecrets): readonly AdminRoute[] => [
  handle(PARTNERS.addSecret, async ({ realm, variable, body }) =>
    made(await manage.addSecret(realm.name, variable('id'), body), addedSecretView),
  ),
  handle(PARTNERS.removeSecret, async ({ realm, variable, query: { id } }) =>
    removed(await manage.removeSecret(realm.name, variable('id'), id)),
  ),
];

/** @param issuerOf of a realm: its partners register below it. */
export const onboardingRoutes = (
  onboarding: OnboardPartner,
  issuerOf: (realm: Realm) => string,
): readonly AdminRoute[] => [
  handle(PARTNERS.openOnboarding, async ({ realm, variable, body }) =>
    made(await onboarding.open(realm.name, variable('id'), body), openedOnboardingView(issuerOf(realm))),
  ),
  handle(PARTNERS.closeOnboarding, async ({ realm, variable }) => {
    const closed = await onboarding.close(realm.name, variable('id'));
    return removed(closed.ok ? { ok: true, value: undefined } : closed);
  }),
];

/** Its own list: the function behind it is the only one that calls partners. */
export const refreshRoutes = (refresh: RefreshPartner): readonly AdminRoute[] => [
  handle(PARTNERS.refresh, async ({ realm, variable }) =>
    shown(await refresh.now(realm.name, variable('id')), partnerView),
  ),
];
