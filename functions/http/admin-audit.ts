/**
 * What the audit keeps of an administrative change: members that say who may do what, by name. None of them holds key
 * material or a secret, and each is bounded.
 */

import { MAX_BODY_BYTES, parseJson } from './admin-operation.ts';
import type { HttpAnswer, HttpEvent } from './endpoint.ts';
import { decodeBody } from './request.ts';

const RECORDED: ReadonlySet<string> = new Set([
  ...[
    'id',
    'name',
    'contact',
    'tags',
    'enabled',
    'trustLevel',
    'acceptsSecurityIdentifiers',
    'issuer',
    'version',
    'compatibility',
  ],
  ...[
    'tokenPolicy',
    'quota',
    'label',
    'notBefore',
    'expiresAt',
    'client',
    'audience',
    'owner',
    'scopes',
    'introspectors',
  ],
  ...['description', 'aliases', 'algorithm', 'breakGlass', 'days', 'kid'],
  ...['tlsSubject', 'trustedIssuer', 'microsoft', 'authorizationDetailsTypes', 'expiresInSeconds', 'methods'],
  ...['tokenId', 'partner', 'upn', 'smtp', 'sip', 'sid', 'puid'],
]);

/** Their queries may hold what lets somebody read the document. */
const RECORDED_URLS: ReadonlySet<string> = new Set(['jwksUri', 'metadataUrl']);

const isScalar = (member: unknown): boolean =>
  member === null || ['string', 'boolean', 'number'].includes(typeof member);

const isFlat = (member: unknown): boolean =>
  isScalar(member) || (Array.isArray(member) && member.every((each) => typeof each === 'string'));

const isRecordable = (member: unknown): boolean =>
  isFlat(member) || (typeof member === 'object' && !Array.isArray(member) && Object.values(member ?? {}).every(isFlat));

const isRecordableMap = (member: unknown): boolean =>
  typeof member === 'object' && member !== null && Object.values(member).every(isRecordable);

const IDENTITY_TERMS: ReadonlySet<string> = new Set(['issuer', 'audience', 'maxSeconds', 'reusable']);
const IDENTITY_CLAIMS: ReadonlySet<string> = new Set(['claims', 'audited']);

const isIdentity = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).every(([name, member]) =>
    IDENTITY_CLAIMS.has(name) ? isRecordableMap(member) : IDENTITY_TERMS.has(name) && isScalar(member),
  );

/** Flat but for the profile in it. */
const isPolicy = (value: unknown): boolean =>
  typeof value === 'object' &&
  !Array.isArray(value) &&
  Object.entries(value ?? {}).every(([name, member]) => (name === 'microsoft' ? isRecordable(member) : isFlat(member)));

/** Members with a depth of their own: who may prove a partner, what may be asked for, and what holds for all is what an auditor looks for. */
const STRUCTURED: Readonly<Record<string, (member: unknown) => boolean>> = {
  federation: (member) => Array.isArray(member) && member.every(isIdentity),
  policy: isPolicy,
  authorizationDetails: (member) => !Array.isArray(member) && isRecordableMap(member),
};

const isRecorded = (name: string, member: unknown): boolean =>
  RECORDED.has(name) ? isRecordable(member) : Object.hasOwn(STRUCTURED, name) && STRUCTURED[name]?.(member) === true;

export const changeOf = (event: HttpEvent): Readonly<Record<string, unknown>> | undefined => {
  // A removal says in its query what goes; a listing's query changes nothing.
  const isRemoval = event.requestContext.http.method === 'DELETE';
  const query = isRemoval ? Object.fromEntries(new URLSearchParams(event.rawQueryString)) : {};
  const kept = { ...recordedMembers(query), ...recordedMembers(bodyOf(event)) };
  return Object.keys(kept).length === 0 ? undefined : kept;
};

const bodyOf = (event: HttpEvent): object => {
  const body = decodeBody(event, MAX_BODY_BYTES);
  const value = body.ok ? parseJson(body.value) : undefined;
  return typeof value === 'object' && value !== null ? value : {};
};

const recordedMembers = (value: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      if (RECORDED_URLS.has(name)) return [[name, withoutQuery(member)]];
      return isRecorded(name, member) ? [[name, member]] : [];
    }),
  );

const withoutQuery = (member: unknown): string | null => {
  if (typeof member !== 'string' || !URL.canParse(member)) return null;
  const { origin, pathname } = new URL(member);
  return `${origin}${pathname}`;
};

/** What the answer says is there now: which one, in which version, until when, with which keys and claims by name. */
export const outcomeOf = ({ statusCode = 200, body }: HttpAnswer): Readonly<Record<string, unknown>> | undefined => {
  const answer = statusCode < 300 && body !== undefined ? parseJson(body) : undefined;
  if (typeof answer !== 'object' || answer === null) return undefined;
  const { id, version, expiresAt, tokensNotBefore, credentials, claims, fault } = answer as Readonly<
    Record<string, unknown>
  >;
  const outcome = {
    ...(typeof id === 'string' ? { id } : {}),
    ...(typeof version === 'number' ? { version } : {}),
    ...(typeof expiresAt === 'string' ? { expiresAt } : {}),
    ...(typeof tokensNotBefore === 'string' ? { tokensNotBefore } : {}),
    ...(typeof fault === 'string' ? { fault } : {}),
    ...(Array.isArray(credentials) ? { keys: credentials.map(({ kid, thumbprint }) => ({ kid, thumbprint })) } : {}),
    ...(typeof claims === 'object' && claims !== null ? { claims: Object.keys(claims) } : {}),
  };
  return Object.keys(outcome).length === 0 ? undefined : outcome;
};
