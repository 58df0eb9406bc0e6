/** The one table of endpoints: which parsing, which flow and which rendering go together. */

import type { APIGatewayProxyEventV2WithLambdaAuthorizer } from 'aws-lambda';
import { type AuditRecord, auditRecord, type Decided } from './core/audit.ts';
import type { Result } from './core/errors.ts';
import type { RawTokenRequest } from './core/request-form.ts';
import type { AccessTokenClaims } from './core/token.ts';
import type { DiagnoseToken } from './flows/diagnose-token.ts';
import type { IntrospectToken } from './flows/introspect-token.ts';
import type { IssueToken } from './flows/issue-token.ts';
import type { ManageCertificates } from './flows/manage-certificates.ts';
import type { ManageGrants } from './flows/manage-grants.ts';
import type { ManageKeys } from './flows/manage-keys.ts';
import type { ManagePartners } from './flows/manage-partners.ts';
import type { ManageRealms } from './flows/manage-realms.ts';
import type { ManageSecrets } from './flows/manage-secrets.ts';
import type { ManageTokens } from './flows/manage-tokens.ts';
import type { ManageUsers } from './flows/manage-users.ts';
import type { OnboardPartner } from './flows/onboard-partner.ts';
import type { DeclareResources } from './flows/partner-resource.ts';
import type { PublishRealm, RealmDocuments } from './flows/publish-realm.ts';
import type { RefreshPartner } from './flows/refresh-partner.ts';
import type { RegisterClient } from './flows/register-client.ts';
import type { RevokeToken } from './flows/revoke-token.ts';
import type { RotateRealms } from './flows/rotate-realms.ts';
import type { AdminRoute } from './http/admin-operation.ts';
import { OPERATIONS } from './http/admin-operations.ts';
import { adminRouter, problemFailure, recorded } from './http/admin-route.ts';
import { certificateRoutes } from './http/certificates.ts';
import { customResource } from './http/custom-resource.ts';
import { endpoint, type HttpAnswer, type HttpEvent } from './http/endpoint.ts';
import { grantRoutes } from './http/grants.ts';
import { keyRoutes } from './http/keys.ts';
import { type Observability, recordDecision } from './http/observability.ts';
import { openApiRoute } from './http/openapi.ts';
import { onboardingRoutes, partnerRoutes, refreshRoutes, secretRoutes } from './http/partners.ts';
import { realmRoutes } from './http/realms.ts';
import { routeOrSchedule, scheduledRefresh } from './http/refresh.ts';
import { parseRegistrationRequest, registrationAnswer, removalAnswer } from './http/registration.ts';
import { parseFormRequest } from './http/request.ts';
import {
  JSON_UTF8,
  json,
  noAuthorization,
  oauthFailure,
  problem,
  publicDocument,
  publicJwt,
  tokenAnswer,
} from './http/response.ts';
import { rotation } from './http/rotation.ts';
import { introspectionAnswer, introspectionForm, revocationAnswer } from './http/token-state.ts';
import { tokenRoutes } from './http/tokens.ts';
import { userRoutes } from './http/users.ts';

/** What clients send as a form to an endpoint of a realm (RFC 6749 3.2): read, decided, recorded, answered. */
const formRoute = <Answer>(
  seen: Observability,
  defaultRealm: string,
  action: AuditRecord['action'],
  decide: (realm: string, request: RawTokenRequest, event: HttpEvent) => Promise<Decided<Answer>>,
  render: (result: Result<Answer>, usedAuthorizationHeader: boolean) => HttpAnswer,
) =>
  endpoint(
    seen,
    async (event) => {
      const realm = event.pathParameters?.realm ?? defaultRealm;
      const request = parseFormRequest(event);
      const decided = request.ok ? await decide(realm, request.value, event) : { result: request, facts: {} };
      recordDecision(seen, auditRecord(action, event.requestContext.requestId, decided));
      return render(decided.result, event.headers.authorization !== undefined);
    },
    oauthFailure,
  );

/** `POST /token`, `POST /realms/{realm}/token` */
export const tokenRoute = (
  seen: Observability,
  { issue, defaultRealm }: { readonly issue: IssueToken; readonly defaultRealm: string },
) =>
  formRoute(
    seen,
    defaultRealm,
    'issue-token',
    (realm, request, { requestContext }) => issue(realm, request, requestContext.requestId),
    tokenAnswer,
  );

/** `POST /introspect`, `POST /realms/{realm}/introspect` */
export const introspectionRoute = (
  seen: Observability,
  { introspect, defaultRealm }: { readonly introspect: IntrospectToken; readonly defaultRealm: string },
) =>
  formRoute(
    seen,
    defaultRealm,
    'introspect-token',
    (realm, request, { headers, requestContext }) =>
      introspect(realm, request, introspectionForm(headers.accept), requestContext.requestId),
    introspectionAnswer,
  );

/** `POST /revoke`, `POST /realms/{realm}/revoke` */
export const revocationRoute = (
  seen: Observability,
  { revoke, defaultRealm }: { readonly revoke: RevokeToken; readonly defaultRealm: string },
) =>
  formRoute(
    seen,
    defaultRealm,
    'revoke-token',
    (realm, request, { requestContext }) => revoke(realm, request, requestContext.requestId),
    revocationAnswer,
  );

/** `POST /register`, and `GET`, `PUT` and `DELETE /register/{id}`; the same below `/realms/{realm}` */
export const registrationRoute = (
  seen: Observability,
  { clients, defaultRealm }: { readonly clients: RegisterClient; readonly defaultRealm: string },
) =>
  endpoint(
    seen,
    async (event) => {
      const { requestId, http } = event.requestContext;
      const request = parseRegistrationRequest(event, defaultRealm);
      const record = <Value>(decided: Decided<Value>): Decided<Value>['result'] => {
        recordDecision(seen, auditRecord('register-client', requestId, decided));
        return decided.result;
      };
      switch (http.method) {
        case 'POST':
          return registrationAnswer(201, record(await clients.register(request)));
        case 'GET':
          return registrationAnswer(200, record(await clients.read(request)));
        case 'PUT':
          return registrationAnswer(200, record(await clients.update(request)));
        default:
          return removalAnswer(record(await clients.remove(request)));
      }
    },
    oauthFailure,
  );

export interface Publisher {
  readonly publish: PublishRealm;
  readonly defaultRealm: string;
  readonly jwksMaxAgeSeconds: number;
  readonly metadataMaxAgeSeconds: number;
}

/** Short: a revocation should be known soon, and a list that cannot be fetched is good for an hour all the same. */
const REVOKED_KEYS_MAX_AGE_SECONDS = 60;

/** Keys, revoked keys and metadata of both kinds, of the default realm and of those under `/realms` (RFC 8414 3.1 for the latter's metadata) */
export const discoveryRoute = (seen: Observability, publisher: Publisher) =>
  endpoint(
    seen,
    async (event) => {
      const realm = event.pathParameters?.realm;
      const documents = await publisher.publish(realm ?? publisher.defaultRealm);
      if (documents === undefined) return problem(404, 'Not Found', { detail: 'there is no such realm' });
      return documentAt(publisher, documents, realm === undefined ? event.rawPath : withoutRealm(event.rawPath), event);
    },
    problemFailure,
  );

/** `/realms/<name>` stands in front of a realm's own paths, and behind those that RFC 8414 3.1 puts first. */
const withoutRealm = (path: string): string => path.replace(/^\/realms\/[^/]+(?=\/)|\/realms\/[^/]+$/, '');

const documentAt = async (
  { jwksMaxAgeSeconds, metadataMaxAgeSeconds }: Publisher,
  documents: RealmDocuments,
  path: string,
  event: HttpEvent,
): Promise<HttpAnswer> => {
  const ifNoneMatch = event.headers['if-none-match'];
  switch (path) {
    case '/jwks':
      return publicDocument(await documents.keys(), jwksMaxAgeSeconds, ifNoneMatch);
    case '/revoked-keys':
      return publicJwt(await documents.revokedKeys(), REVOKED_KEYS_MAX_AGE_SECONDS, ifNoneMatch);
    case '/authorize':
      return noAuthorization();
    case '/.well-known/oauth-authorization-server':
      return publicDocument(await documents.authorizationServer(), metadataMaxAgeSeconds, ifNoneMatch);
    case '/.well-known/openid-configuration':
      return publicDocument(await documents.openid(), metadataMaxAgeSeconds, ifNoneMatch);
    case '/metadata/json/1':
      return microsoftDocument(documents, jwksMaxAgeSeconds, event);
    default:
      return problem(404, 'Not Found');
  }
};

/** Certificates go by the same deadlines as keys, and so are kept for as long. */
const microsoftDocument = async (
  { microsoft }: RealmDocuments,
  maxAgeSeconds: number,
  { queryStringParameters, headers }: HttpEvent,
): Promise<HttpAnswer> => {
  const asked = queryStringParameters?.realm;
  if (microsoft === undefined || (asked !== undefined && !microsoft.realms.includes(asked)))
    return problem(404, 'Not Found', { detail: 'there is no such realm in the Microsoft profile' });
  return publicDocument(await microsoft.document(), maxAgeSeconds, headers['if-none-match'], JSON_UTF8);
};

/** `GET /whoami`: the claims that the authorizer verified. */
export const whoamiRoute = (seen: Observability) =>
  endpoint(seen, async (event) => json(200, verifiedClaims(event)), problemFailure);

const verifiedClaims = (event: HttpEvent): object => {
  const { authorizer } = event.requestContext as Partial<
    APIGatewayProxyEventV2WithLambdaAuthorizer<AccessTokenClaims>['requestContext']
  >;
  // Only a route that was deployed without its authorizer gets here without claims; that must not look like an answer.
  if (authorizer?.lambda === undefined) throw new Error('the route has no authorizer');
  return authorizer.lambda;
};

/** What every part of the admin API needs: which realms there are. */
interface Realms {
  readonly realms: ManageRealms;
  readonly defaultRealm: string;
}

const admin = (seen: Observability, { realms, defaultRealm }: Realms, routes: readonly AdminRoute[]) =>
  endpoint(seen, recorded(seen, adminRouter(routes, realms.find, defaultRealm)), problemFailure);

/** `/admin/...`: realms, partners, audiences, grants, users, tokens */
export const adminEndpoint = (
  seen: Observability,
  managers: Realms & {
    readonly partners: ManagePartners;
    readonly secrets: ManageSecrets;
    readonly onboarding: OnboardPartner;
    readonly grants: ManageGrants;
    readonly users: ManageUsers;
    readonly tokens: ManageTokens;
    readonly diagnose: DiagnoseToken;
  },
) =>
  admin(seen, managers, [
    ...realmRoutes(managers.realms),
    ...partnerRoutes(managers.partners),
    ...secretRoutes(managers.secrets),
    ...onboardingRoutes(managers.onboarding, (realm) => managers.realms.show(realm).issuer),
    ...grantRoutes(managers.grants),
    ...userRoutes(managers.users),
    ...tokenRoutes(managers.tokens, managers.diagnose),
    openApiRoute(OPERATIONS),
  ]);

/** `/admin/realms/{realm}/keys...` */
export const keysEndpoint = (
  seen: Observability,
  managers: Realms & { readonly manage: ManageKeys; readonly certificates: ManageCertificates },
) => admin(seen, managers, [...keyRoutes(managers.manage), ...certificateRoutes(managers.certificates)]);

/** As many as one run gets through at the worst: each takes ten seconds at most, 25 side by side. */
const MAX_REFRESHES = 250;

/** `POST /admin/realms/{realm}/partners/{id}/refresh`, and the schedule. */
export const refreshPartnersRoute = (seen: Observability, managers: Realms & { readonly refresh: RefreshPartner }) =>
  routeOrSchedule(
    admin(seen, managers, refreshRoutes(managers.refresh)),
    scheduledRefresh(seen, () => managers.refresh.due(MAX_REFRESHES)),
  );

/** Custom resources of CloudFormation. */
export const partnerResourcesRoute = (
  seen: Observability,
  { declare, realms }: { readonly declare: DeclareResources; readonly realms: ManageRealms },
) => customResource(seen, declare, realms.find);

/** The schedule and the deploy-time trigger. */
export const rotateKeysRoute = (seen: Observability, rotate: RotateRealms) =>
  rotation(seen, (run) => rotate(run === 'one-step' ? 1 : MAX_STEPS));

/** Settling a new ring takes ten steps; the bound only keeps a planner gone wrong from making keys without end. */
const MAX_STEPS = 12;
