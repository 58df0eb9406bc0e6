/**
 * Identity tokens as the platforms make them: header, claims and lifetimes as their documentation and their tokens show. And what an
 * operator would register for the workload that each speaks of.
 */

import { randomUUID } from 'node:crypto';
import type { FederatedIdentityInput } from '../../functions/core/federation-input.ts';

export interface Workload {
  readonly issuer: string;
  readonly alg: 'RS256' | 'ES256' | 'ES384';
  /** Beside `alg` and `kid`. */
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly federation: FederatedIdentityInput;
}

export type Platform =
  | 'GitHub Actions'
  | 'GitHub Actions with immutable subjects'
  | 'GitLab CI'
  | 'Kubernetes'
  | 'Kubernetes before 1.30'
  | 'Amazon EKS'
  | 'SPIFFE'
  | 'AWS STS';

/**
 * @param audience what the workload asks its platform for, the issuer of our realm.
 * @param now of the token's making, in seconds.
 */
export const workloads = (audience: string, now: number): Readonly<Record<Platform, Workload>> => ({
  'GitHub Actions': github('acme/app', audience, now),
  'GitHub Actions with immutable subjects': github('acme@20201/app@424242', audience, now),
  'GitLab CI': gitlab(audience, now),
  Kubernetes: kubernetes('https://kubernetes.default.svc.cluster.local', audience, now, { jti: randomUUID() }),
  'Kubernetes before 1.30': kubernetes('https://k8s.internal.example', audience, now, {}),
  'Amazon EKS': kubernetes(
    'https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF',
    audience,
    now,
    { jti: randomUUID() },
  ),
  SPIFFE: spiffe(audience, now),
  'AWS STS': sts(audience, now),
});

/** docs.github.com, "OpenID Connect reference". The token is of the hour, `nbf` is before its making. */
const github = (repository: string, audience: string, now: number): Workload => ({
  issuer: 'https://token.actions.githubusercontent.com',
  alg: 'RS256',
  header: { typ: 'JWT', x5t: 'ykNaY4qM_ta4k2TgZOCEYLkcYlA' },
  claims: {
    jti: randomUUID(),
    sub: `repo:${repository}:ref:refs/heads/main`,
    aud: audience,
    ref: 'refs/heads/main',
    sha: 'c040cae0f0dc81641728557b80f09cfa23b83fe5',
    repository: 'acme/app',
    repository_owner: 'acme',
    repository_owner_id: '20201',
    run_id: '22259804324',
    run_number: '42',
    run_attempt: '1',
    repository_visibility: 'private',
    repository_id: '424242',
    actor_id: '1001',
    actor: 'octocat',
    workflow: 'deploy',
    head_ref: '',
    base_ref: '',
    event_name: 'push',
    ref_protected: 'true',
    ref_type: 'branch',
    workflow_ref: 'acme/app/.github/workflows/deploy.yml@refs/heads/main',
    workflow_sha: 'c040cae0f0dc81641728557b80f09cfa23b83fe5',
    job_workflow_ref: 'acme/app/.github/workflows/deploy.yml@refs/heads/main',
    job_workflow_sha: 'c040cae0f0dc81641728557b80f09cfa23b83fe5',
    runner_environment: 'github-hosted',
    iss: 'https://token.actions.githubusercontent.com',
    nbf: now - 300,
    exp: now + 300,
    iat: now,
  },
  federation: {
    issuer: 'https://token.actions.githubusercontent.com',
    claims: {
      sub: { exact: `repo:${repository}:ref:refs/heads/main` },
      repository_id: { exact: '424242' },
      job_workflow_ref: { glob: 'acme/app/.github/workflows/*@refs/heads/main' },
    },
    audited: { runner_environment: { exact: 'self-hosted' } },
  },
});

/** docs.gitlab.com, "ID token authentication". One of the claims is a number, one a list. */
const gitlab = (audience: string, now: number): Workload => ({
  issuer: 'https://gitlab.com',
  alg: 'RS256',
  header: { typ: 'JWT' },
  claims: {
    namespace_id: '72',
    namespace_path: 'acme',
    project_id: '20',
    project_path: 'acme/app',
    user_id: '1',
    user_login: 'dev',
    user_access_level: 'maintainer',
    groups_direct: ['acme', 'acme/platform'],
    pipeline_id: '574',
    pipeline_source: 'push',
    job_id: '302',
    ref: 'main',
    ref_type: 'branch',
    ref_path: 'refs/heads/main',
    ref_protected: 'true',
    runner_id: 12_270_835,
    runner_environment: 'gitlab-hosted',
    sha: '714a629c0b401fdce83e847fc9589983fc6f46bc',
    project_visibility: 'private',
    ci_config_ref_uri: 'gitlab.com/acme/app//.gitlab-ci.yml@refs/heads/main',
    jti: randomUUID(),
    iss: 'https://gitlab.com',
    iat: now,
    nbf: now - 5,
    exp: now + 3_600,
    sub: 'project_path:acme/app:ref_type:branch:ref:main',
    aud: audience,
  },
  federation: {
    issuer: 'https://gitlab.com',
    claims: {
      sub: { glob: 'project_path:acme/app:ref_type:branch:ref:*' },
      project_id: { exact: '20' },
      ref_protected: { exact: 'true' },
      runner_id: { oneOf: ['7', '12270835'] },
      groups_direct: { glob: 'acme/*' },
    },
  },
});

/** kubernetes.io, "Managing Service Accounts": a list of audiences, private claims in an object; `jti` since 1.30. */
const kubernetes = (issuer: string, audience: string, now: number, more: object): Workload => ({
  issuer,
  alg: 'RS256',
  header: {},
  claims: {
    aud: [audience],
    exp: now - 60 + 3_600,
    iat: now - 60,
    iss: issuer,
    ...more,
    'kubernetes.io': {
      namespace: 'billing',
      node: { name: 'node-1', uid: '646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1' },
      pod: { name: 'invoicer-7d4b9', uid: '5e0bd49b-f040-43b0-99b7-22765a53f7f3' },
      serviceaccount: { name: 'invoicer', uid: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
    },
    nbf: now - 60,
    sub: 'system:serviceaccount:billing:invoicer',
  },
  federation: {
    issuer,
    claims: {
      sub: { exact: 'system:serviceaccount:billing:invoicer' },
      '/kubernetes.io/serviceaccount/uid': { exact: '14ee3fa4-a7e2-420f-9f9a-dbc4507c3798' },
    },
    reusable: true,
  },
});

/** SPIFFE JWT-SVID: no `iss`, no `jti`, and a life of five minutes as SPIRE makes it. */
const spiffe = (audience: string, now: number): Workload => ({
  issuer: 'spiffe://prod.acme.example',
  alg: 'ES256',
  header: { typ: 'JWT' },
  claims: { aud: [audience], exp: now + 300, iat: now, sub: 'spiffe://prod.acme.example/ns/billing/sa/invoicer' },
  federation: {
    issuer: 'spiffe://prod.acme.example',
    claims: { sub: { glob: 'spiffe://prod.acme.example/ns/billing/sa/*' } },
    maxSeconds: 600,
    reusable: true,
  },
});

/** IAM User Guide, "Understanding token claims" of outbound identity federation: what AWS knows stands in a claim named by a URL. */
const sts = (audience: string, now: number): Workload => ({
  issuer: 'https://0a1b2c3d-1234-4abc-8def-0123456789ab.tokens.sts.global.api.aws',
  alg: 'ES384',
  header: { typ: 'JWT' },
  claims: {
    aud: audience,
    sub: 'arn:aws:iam::111122223333:role/InvoiceRole',
    'https://sts.amazonaws.com/': {
      aws_account: '111122223333',
      source_region: 'eu-central-1',
      org_id: 'o-abc1234567',
      principal_tags: { environment: 'production' },
      lambda_source_function_arn: 'arn:aws:lambda:eu-central-1:111122223333:function:invoicer',
      request_tags: { 'job-id': 'job-2027-001' },
    },
    iss: 'https://0a1b2c3d-1234-4abc-8def-0123456789ab.tokens.sts.global.api.aws',
    exp: now + 300,
    iat: now,
    jti: randomUUID(),
  },
  federation: {
    issuer: 'https://0a1b2c3d-1234-4abc-8def-0123456789ab.tokens.sts.global.api.aws',
    claims: {
      sub: { exact: 'arn:aws:iam::111122223333:role/InvoiceRole' },
      '/https:~1~1sts.amazonaws.com~1/aws_account': { exact: '111122223333' },
      '/https:~1~1sts.amazonaws.com~1/lambda_source_function_arn': { glob: 'arn:aws:lambda:*:111122223333:function:*' },
    },
    maxSeconds: 600,
  },
});
