/** Every operation of the admin API. Routes take theirs from here; the OpenAPI document is made of all. */

import * as answers from './admin-answers.ts';
import { NO_QUERY, operation } from './admin-operation.ts';
import * as takes from './admin-schemas.ts';
import { KEYS } from './key-operations.ts';
import { USERS } from './user-operations.ts';

const REALM = '/realms/{realm}';

export const REALMS = {
  list: operation({
    id: 'listRealms',
    method: 'GET',
    path: '/realms',
    summary: 'List the realms',
    query: takes.pageSchema,
    answer: answers.realmsAnswer,
  }),
  add: operation({
    id: 'addRealm',
    method: 'POST',
    path: '/realms',
    summary: 'Create a realm',
    query: NO_QUERY,
    body: takes.realmSchema,
    answer: answers.realmAnswer,
    creates: true,
  }),
  show: operation({
    id: 'showRealm',
    method: 'GET',
    path: REALM,
    summary: 'Show a realm',
    query: NO_QUERY,
    answer: answers.realmAnswer,
  }),
  change: operation({
    id: 'changeRealm',
    method: 'PATCH',
    path: REALM,
    summary: 'Change a realm',
    query: NO_QUERY,
    body: takes.realmChangeSchema,
    answer: answers.realmAnswer,
  }),
} as const;

const PARTNER = `${REALM}/partners/{id}`;

export const PARTNERS = {
  list: operation({
    id: 'listPartners',
    method: 'GET',
    path: `${REALM}/partners`,
    summary: 'List the partners of a realm',
    query: takes.pageSchema,
    answer: answers.partnersAnswer,
  }),
  add: operation({
    id: 'addPartner',
    method: 'POST',
    path: `${REALM}/partners`,
    summary: 'Register a partner',
    query: NO_QUERY,
    body: takes.partnerSchema,
    answer: answers.partnerAnswer,
    creates: true,
  }),
  show: operation({
    id: 'showPartner',
    method: 'GET',
    path: PARTNER,
    summary: 'Show a partner with its credentials, audiences and grants',
    query: NO_QUERY,
    answer: answers.partnerAnswer,
  }),
  declare: operation({
    id: 'declarePartner',
    method: 'PUT',
    path: PARTNER,
    summary: 'Make a partner exactly what is said, whether or not it exists',
    query: NO_QUERY,
    body: takes.declaredPartnerSchema,
    answer: answers.partnerAnswer,
    creates: true,
  }),
  change: operation({
    id: 'changePartner',
    method: 'PATCH',
    path: PARTNER,
    summary: 'Change members of a partner',
    query: NO_QUERY,
    body: takes.partnerChangeSchema,
    answer: answers.partnerAnswer,
  }),
  remove: operation({
    id: 'removePartner',
    method: 'DELETE',
    path: PARTNER,
    summary: 'Remove a partner with its grants and unused audiences',
    query: NO_QUERY,
  }),
  addCredential: operation({
    id: 'addCredential',
    method: 'POST',
    path: `${PARTNER}/credentials`,
    summary: 'Give a partner one more credential',
    query: NO_QUERY,
    body: takes.credentialSchema,
    answer: answers.partnerAnswer,
  }),
  changeCredential: operation({
    id: 'changeCredential',
    method: 'PATCH',
    path: `${PARTNER}/credentials`,
    summary: 'Change label or times of a credential',
    query: NO_QUERY,
    body: takes.credentialChangeSchema,
    answer: answers.partnerAnswer,
  }),
  removeCredential: operation({
    id: 'removeCredential',
    method: 'DELETE',
    path: `${PARTNER}/credentials`,
    summary: 'Take a credential away',
    query: takes.credentialQuery,
  }),
  addSecret: operation({
    id: 'addSecret',
    method: 'POST',
    path: `${PARTNER}/secrets`,
    summary: 'Make a client secret, shown in this answer only',
    query: NO_QUERY,
    body: takes.secretSchema,
    answer: answers.addedSecretAnswer,
    creates: 'always',
  }),
  removeSecret: operation({
    id: 'removeSecret',
    method: 'DELETE',
    path: `${PARTNER}/secrets`,
    summary: 'Take a client secret away',
    query: takes.secretQuery,
  }),
  openOnboarding: operation({
    id: 'openOnboarding',
    method: 'POST',
    path: `${PARTNER}/onboarding`,
    summary: 'Issue a token, shown in this answer only, with which the partner registers its key by itself',
    query: NO_QUERY,
    body: takes.onboardingSchema,
    answer: answers.onboardingAnswer,
    creates: 'always',
  }),
  closeOnboarding: operation({
    id: 'closeOnboarding',
    method: 'DELETE',
    path: `${PARTNER}/onboarding`,
    summary: 'Take back the tokens with which the partner registers and changes its key',
    query: NO_QUERY,
  }),
  revokeTokens: operation({
    id: 'revokePartnerTokens',
    method: 'POST',
    path: `${PARTNER}/revoke-tokens`,
    summary: 'Refuse all tokens of a partner that were issued so far',
    query: NO_QUERY,
    answer: answers.partnerAnswer,
  }),
  refresh: operation({
    id: 'refreshPartner',
    method: 'POST',
    path: `${PARTNER}/refresh`,
    summary: "Look at the partner's document now",
    query: NO_QUERY,
    answer: answers.partnerAnswer,
  }),
} as const;

export const AUDIENCES = {
  list: operation({
    id: 'listAudiences',
    method: 'GET',
    path: `${REALM}/audiences`,
    summary: 'List the audiences of a realm, or the one that is named',
    query: takes.audienceListSchema,
    answer: answers.audiencesAnswer,
  }),
  add: operation({
    id: 'addAudience',
    method: 'POST',
    path: `${REALM}/audiences`,
    summary: 'Declare an audience that a partner owns',
    query: NO_QUERY,
    body: takes.audienceSchema,
    answer: answers.audienceAnswer,
    creates: true,
  }),
  change: operation({
    id: 'changeAudience',
    method: 'PATCH',
    path: `${REALM}/audiences`,
    summary: 'Change scopes, token policy, authorization details or introspectors of an audience',
    query: NO_QUERY,
    body: takes.audienceChangeSchema,
    answer: answers.audienceAnswer,
  }),
  remove: operation({
    id: 'removeAudience',
    method: 'DELETE',
    path: `${REALM}/audiences`,
    summary: 'Remove an audience that is granted to nobody',
    query: takes.audienceQuery,
  }),
} as const;

export const GRANTS = {
  list: operation({
    id: 'listGrants',
    method: 'GET',
    path: `${REALM}/grants`,
    summary: 'List the grants that a client holds, or those on an audience',
    query: takes.grantListSchema,
    answer: answers.grantsAnswer,
  }),
  add: operation({
    id: 'addGrant',
    method: 'POST',
    path: `${REALM}/grants`,
    summary: 'Let a client call an audience with these scopes and types of authorization details',
    query: NO_QUERY,
    body: takes.grantSchema,
    answer: answers.grantAnswer,
    creates: true,
  }),
  remove: operation({
    id: 'removeGrant',
    method: 'DELETE',
    path: `${REALM}/grants`,
    summary: 'Take a grant away',
    query: takes.grantQuery,
  }),
  revokeTokens: operation({
    id: 'revokeGrantTokens',
    method: 'POST',
    path: `${REALM}/grants/revoke-tokens`,
    summary: 'Refuse all tokens that were issued by a grant so far',
    query: NO_QUERY,
    body: takes.grantNameSchema,
    answer: answers.grantAnswer,
  }),
} as const;

export const TOKENS = {
  revoke: operation({
    id: 'revokeToken',
    method: 'POST',
    path: `${REALM}/tokens/revoke`,
    summary: 'Refuse one token, by its jti',
    query: NO_QUERY,
    body: takes.tokenSchema,
  }),
  diagnose: operation({
    id: 'diagnoseToken',
    method: 'POST',
    path: `${REALM}/tokens/diagnose`,
    summary: 'Try a token of the Microsoft profile dry: what it proves, or why it is refused and what to do',
    query: NO_QUERY,
    body: takes.diagnosisSchema,
    answer: answers.diagnosisAnswer,
  }),
} as const;

export const OPERATIONS = [REALMS, PARTNERS, AUDIENCES, GRANTS, USERS, TOKENS, KEYS].flatMap((group) =>
  Object.values(group),
);
