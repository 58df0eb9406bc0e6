/**
 * Members of rows that say how a partner may prove who it is besides with a key, and what may be asked for beyond scopes. Rows that
 * were written before there was any of it lack them.
 */

import type { DetailType, DetailTypes } from '../core/authorization-details.ts';
import { type Onboarding, REGISTRABLE_METHODS, type Registration } from '../core/client-registration.ts';
import type { ClientSecret } from '../core/client-secret.ts';
import type { ClaimPredicate, ClaimPredicates, FederatedIdentity } from '../core/federated-identity.ts';
import { MICROSOFT_ISSUERS, type MicrosoftPartner } from '../core/microsoft-profile.ts';
import type { Partner } from '../core/partner.ts';
import type { TlsSubject } from '../core/tls-subject.ts';
import type { Row } from './registry-keys.ts';
import { entries, flag, list, nested, oneOf, optionalText, optionalTimes, text, texts, whole } from './row-members.ts';

type WaysIn = Pick<
  Partner,
  'secrets' | 'tlsSubject' | 'federation' | 'trustedIssuer' | 'microsoft' | 'onboarding' | 'registration'
>;

export const parseWaysIn = (row: Row): WaysIn => ({
  secrets: optionalList(row, 'secrets').map(parseSecret),
  ...(row.tlsSubject === undefined ? {} : { tlsSubject: parseTlsSubject(nested(row, 'tlsSubject')) }),
  federation: optionalList(row, 'federation').map(parseFederation),
  trustedIssuer: row.trustedIssuer === undefined ? false : flag(row, 'trustedIssuer'),
  ...(row.microsoft === undefined ? {} : { microsoft: parseMicrosoft(nested(row, 'microsoft')) }),
  ...(row.onboarding === undefined ? {} : { onboarding: parseOnboarding(nested(row, 'onboarding')) }),
  ...(row.registration === undefined ? {} : { registration: parseRegistration(nested(row, 'registration')) }),
});

const optionalList = (row: Row, member: string): readonly Row[] => (row[member] === undefined ? [] : list(row, member));

const parseSecret = (row: Row): ClientSecret => ({
  id: text(row, 'id'),
  hash: text(row, 'hash'),
  ...optionalText(row, 'label'),
  addedAt: whole(row, 'addedAt'),
  ...optionalTimes(row, ['expiresAt']),
});

const parseTlsSubject = (row: Row): TlsSubject => ({
  ...optionalText(row, 'subjectDn'),
  ...optionalText(row, 'sanDns'),
  ...optionalText(row, 'sanUri'),
  ...optionalText(row, 'sanIp'),
  ...optionalText(row, 'sanEmail'),
});

const parseFederation = (row: Row): FederatedIdentity => ({
  issuer: text(row, 'issuer'),
  ...optionalText(row, 'audience'),
  claims: parsePredicates(row, 'claims'),
  ...(row.audited === undefined ? {} : { audited: parsePredicates(row, 'audited') }),
  ...optionalTimes(row, ['maxSeconds']),
  reusable: flag(row, 'reusable'),
});

const parseMicrosoft = (row: Row): MicrosoftPartner => ({
  issuedBy: oneOf(row, 'issuedBy', MICROSOFT_ISSUERS),
  actors: texts(row, 'actors'),
  userTokens: flag(row, 'userTokens'),
  delegation: flag(row, 'delegation'),
});

const parsePredicates = (row: Row, member: string): ClaimPredicates =>
  Object.fromEntries(entries(row, member).map(([name, predicate]) => [name, parsePredicate(predicate)]));

const parsePredicate = (row: Row): ClaimPredicate => {
  if (row.exact !== undefined) return { exact: text(row, 'exact') };
  return row.glob === undefined ? { oneOf: texts(row, 'oneOf') } : { glob: text(row, 'glob') };
};

const registrable = (row: Row) => REGISTRABLE_METHODS.filter((each) => texts(row, 'methods').includes(each));

const parseOnboarding = (row: Row): Onboarding => ({
  hash: text(row, 'hash'),
  expiresAt: whole(row, 'expiresAt'),
  createdAt: whole(row, 'createdAt'),
  methods: registrable(row),
});

const parseRegistration = (row: Row): Registration => ({
  hash: text(row, 'hash'),
  createdAt: whole(row, 'createdAt'),
  methods: registrable(row),
  method: oneOf(row, 'method', REGISTRABLE_METHODS),
});

/** What an audience lets clients ask for, by type. */
export const parseDetailTypes = (row: Row): DetailTypes =>
  row.authorizationDetails === undefined
    ? {}
    : Object.fromEntries(
        entries(row, 'authorizationDetails').map(([type, declared]) => [type, parseDetailType(declared)]),
      );

const parseDetailType = (row: Row): DetailType => ({
  ...optionalTexts(row, 'actions'),
  ...optionalTexts(row, 'datatypes'),
  ...optionalTexts(row, 'privileges'),
  ...optionalTexts(row, 'fields'),
});

const optionalTexts = <Member extends string>(
  row: Row,
  member: Member,
): { readonly [name in Member]?: readonly string[] } =>
  row[member] === undefined
    ? {}
    : ({ [member]: texts(row, member) } as { readonly [name in Member]?: readonly string[] });
