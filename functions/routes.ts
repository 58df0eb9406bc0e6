/** The one table of endpoints: which parsing, which flow and which rendering go together. */

import type { APIGatewayProxyEventV2WithLambdaAuthorizer } from 'aws-lambda';
import { auditRecord } from './core/audit.ts';
import type { AccessTokenClaims } from './core/token.ts';
import type { IssueToken } from './flows/issue-token.ts';
import type { ManageCertificates } from './flows/manage-certificates.ts';
import type { ManageKeys } from './flows/manage-keys.ts';
import type { ManagePartners } from './flows/manage-partners.ts';
import type { PublishKeys } from './flows/publish-keys.ts';
import type { RotateKeys, RotationReport } from './flows/rotate-keys.ts';
import { adminRouter, problemFailure, recorded } from './http/admin-route.ts';
import { certificateRoutes } from './http/certificates.ts';
import { endpoint, type HttpEvent } from './http/endpoint.ts';
import { keyRoutes } from './http/keys.ts';
import { type Observability, recordDecision } from './http/observability.ts';
import { partnerRoutes } from './http/partners.ts';
import { parseFormRequest } from './http/request.ts';
import { json, oauthFailure, problem, publicDocument, publicJwt, tokenAnswer } from './http/response.ts';
import { rotation } from './http/rotation.ts';

/** `POST /token` */
export const tokenRoute = (seen: Observability, issue: IssueToken) =>
  endpoint(
    seen,
    async (event) => {
      const { requestId } = event.requestContext;
      const request = parseFormRequest(event);
      const decided = request.ok ? await issue(request.value, requestId) : { result: request, facts: {} };
      recordDecision(seen, auditRecord('issue-token', requestId, decided));
      return tokenAnswer(decided.result, event.headers.authorization !== undefined);
    },
    oauthFailure,
  );

export interface PublishedDocuments {
  readonly publishKeys: PublishKeys;
  /** The signed list of revoked keys. */
  readonly revokedKeys: () => Promise<string>;
  /** Metadata documents by path. */
  readonly metadata: Readonly<Record<string, object>>;
  readonly jwksMaxAgeSeconds: number;
  readonly metadataMaxAgeSeconds: number;
}

/** Short: a revocation should be known soon, and a list that cannot be fetched is good for an hour all the same. */
const REVOKED_KEYS_MAX_AGE_SECONDS = 60;

/** `GET /jwks`, `GET /revoked-keys` and the documents under `/.well-known` */
export const discoveryRoute = (seen: Observability, documents: PublishedDocuments) =>
  endpoint(
    seen,
    async (event) => {
      const ifNoneMatch = event.headers['if-none-match'];
      const metadata = documents.metadata[event.rawPath];
      if (metadata !== undefined) return publicDocument(metadata, documents.metadataMaxAgeSeconds, ifNoneMatch);
      if (event.rawPath === '/revoked-keys') {
        return publicJwt(await documents.revokedKeys(), REVOKED_KEYS_MAX_AGE_SECONDS, ifNoneMatch);
      }
      if (event.rawPath !== '/jwks') return problem(404, 'Not Found');
      return publicDocument(await documents.publishKeys(), documents.jwksMaxAgeSeconds, ifNoneMatch);
    },
    problemFailure,
  );

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

/** `/admin/...`: partners, audiences, grants */
export const adminEndpoint = (seen: Observability, manage: ManagePartners, realms: readonly string[]) =>
  endpoint(seen, recorded(seen, adminRouter(partnerRoutes(manage), realms)), problemFailure);

/** `/admin/realms/{realm}/keys...` */
export const keysEndpoint = (
  seen: Observability,
  manage: ManageKeys,
  certificates: ManageCertificates,
  realms: readonly string[],
) =>
  endpoint(
    seen,
    recorded(seen, adminRouter([...keyRoutes(manage), ...certificateRoutes(certificates)], realms)),
    problemFailure,
  );

/** The schedule and the deploy-time trigger. */
export const rotateKeysRoute = (seen: Observability, rotate: RotateKeys) =>
  rotation(seen, (run): Promise<readonly RotationReport[]> => rotate(run === 'one-step' ? 1 : MAX_STEPS));

/** Settling a new ring takes eight steps; the bound only keeps a planner gone wrong from making keys without end. */
const MAX_STEPS = 12;
