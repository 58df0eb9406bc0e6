/**
 * Is a token of another issuer about an application? RFC 9068 2.2 says how to see it, and few do as it says: these are the ways of the
 * authorization servers and platforms that are in use.
 */

import type { ForeignJwt } from './federated-assertion.ts';

/** Claims that name the client; where that is the subject, no user is involved (RFC 9068 2.2; Keycloak, Okta, Ory Hydra). */
const CLIENT_CLAIMS = ['client_id', 'azp', 'cid', 'appid'];

/** Kubernetes, SPIFFE, AWS, GitHub and GitLab, Auth0: their workloads, by what their names look like. */
const WORKLOAD = /^(?:system:serviceaccount:|spiffe:\/\/|arn:aws|repo:|project_path:)|@clients$/;

export const isAboutApplication = ({ payload, claims: { sub } }: ForeignJwt): boolean =>
  CLIENT_CLAIMS.some((name) => payload[name] === sub) ||
  // Keycloak names the client of a service account twice, and that of a user once.
  (payload.client_id !== undefined && payload.client_id === payload.azp) ||
  // Microsoft Entra and Auth0 say it outright.
  payload.idtyp === 'app' ||
  payload.gty === 'client-credentials' ||
  payload['kubernetes.io'] !== undefined ||
  // Keycloak gives its clients a user of their own.
  isServiceAccount(payload.preferred_username) ||
  // Microsoft Entra, without idtyp: the subject is the object, and nobody has signed in.
  (payload.oid === sub && payload.scp === undefined) ||
  WORKLOAD.test(sub);

const isServiceAccount = (name: unknown): boolean => typeof name === 'string' && name.startsWith('service-account-');
