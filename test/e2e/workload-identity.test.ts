/** Workloads that prove themselves with what their platform gives them: no key and no secret of ours, over HTTP. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { synthesizeApp } from '../support/assembly.ts';
import { decisionOn, notAuthenticated, tokenOutcome } from '../support/decisions.ts';
import { federatedForm, identityToken, registerWorkload, trustIssuer } from '../support/federation.ts';
import {
  administer,
  changePartner,
  makePartner,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  type TestPartner,
} from '../support/service.ts';
import { type Platform, type Workload, workloads } from '../support/workload-tokens.ts';

const seconds = (): number => Math.floor(Date.now() / 1_000);
/** A client id that names the platform. */
const idOf = (platform: string): string => platform.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

let directory: string;
/** Without caches, so that what an operator changes counts at once. */
let service: Service;
let audience: string;
const issuers = new Map<string, TestPartner>();

const workloadOf = (platform: Platform): Workload => workloads(service.issuer, seconds())[platform];
const issuerOf = ({ issuer }: Workload): TestPartner => {
  const platform = issuers.get(issuer);
  if (platform === undefined) throw new Error(`no issuer ${issuer}`);
  return platform;
};
/** A new token of the platform's, with the changes that a test makes. */
const newToken = (platform: Platform, claims: object = {}): Promise<string> => {
  const workload = workloadOf(platform);
  return identityToken(issuerOf(workload), workload, { claims });
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-workloads-'));
  await synthesizeApp(join(directory, 'cdk.out'), { registryCacheSeconds: '0' });
  service = await startService({ assembly: join(directory, 'cdk.out') });
  ({ audience } = await populate(service));
  for (const [platform, workload] of Object.entries(workloads(service.issuer, seconds()))) {
    if (!issuers.has(workload.issuer)) {
      const id = `issuer-${issuers.size}`;
      issuers.set(workload.issuer, await trustIssuer(service, id, workload));
    }
    await registerWorkload(service, idOf(platform), audience, workload.federation);
  }
}, 120_000);
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

describe('a workload of another platform', () => {
  it.each(Object.keys(workloads('', 0)) as Platform[])(
    'gets a token with the one that it has from %s',
    async (platform) => {
      const answer = await postToken(service, federatedForm(idOf(platform), await newToken(platform)));
      expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer', scope: 'read' } });
      const claims = decodeJwt(String(answer.body.access_token));
      expect(claims).toMatchObject({
        iss: service.issuer,
        sub: idOf(platform),
        client_id: idOf(platform),
        aud: audience,
      });
      expect(claims).not.toHaveProperty('act');
      expect(claims).not.toHaveProperty('sub_id');
      const { facts } = await decisionOn(service, answer.headers.get('apigw-requestid'));
      expect(facts).toMatchObject({ client: idOf(platform), method: 'federated' });
    },
  );

  it('may use its token once, unless it is registered as one that the platform hands out for a while', async () => {
    const once = await newToken('GitHub Actions');
    const often = await newToken('Kubernetes before 1.30');
    expect((await postToken(service, federatedForm('github-actions', once))).status).toBe(200);
    expect(await tokenOutcome(service, federatedForm('github-actions', once))).toEqual(
      notAuthenticated('assertion_replayed'),
    );
    for (const _again of [1, 2]) {
      expect((await postToken(service, federatedForm('kubernetes-before-1-30', often))).status).toBe(200);
    }
  });

  it('may use a token without jti once as well', async () => {
    const token = await newToken('GitLab CI', { jti: undefined });
    expect((await postToken(service, federatedForm('gitlab-ci', token))).status).toBe(200);
    expect(await tokenOutcome(service, federatedForm('gitlab-ci', token))).toEqual(
      notAuthenticated('assertion_replayed'),
    );
  });

  it('names itself: without client_id it is nobody', async () => {
    const form = federatedForm('github-actions', await newToken('GitHub Actions'));
    form.delete('client_id');
    expect(await tokenOutcome(service, form)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });

  it('follows a trust domain by its bundle', async () => {
    const platform = await makePartner('spire', 'ES256');
    const { use: _use, alg: _alg, ...key } = platform.publicJwk;
    const other = (await makePartner('x509')).publicJwk;
    await mustCreate(service, '/partners', {
      id: 'spire',
      issuer: 'spiffe://bundle.example',
      trustedIssuer: true,
      metadata: {
        spiffe_sequence: 1,
        keys: [
          { ...other, use: 'x509-svid' },
          { ...key, use: 'jwt-svid' },
        ],
      },
    });
    const federation = {
      issuer: 'spiffe://bundle.example',
      claims: { sub: { glob: 'spiffe://bundle.example/ns/*/sa/web' } },
    };
    await registerWorkload(service, 'web', audience, federation);
    const svid = (sub: string) =>
      identityToken(platform, { header: {}, claims: { sub, aud: [service.issuer], exp: seconds() + 300 } });
    expect(
      (await postToken(service, federatedForm('web', await svid('spiffe://bundle.example/ns/a/sa/web')))).status,
    ).toBe(200);
    const elsewhere = federatedForm('web', await svid('spiffe://bundle.example/ns/a/b/sa/web'));
    expect(await tokenOutcome(service, elsewhere)).toEqual(notAuthenticated('federation_claims'));
  });
});

describe('claims on trial', () => {
  it('refuse nothing and are recorded, until they are enforced', async () => {
    const github = workloadOf('GitHub Actions');
    const answer = await postToken(service, federatedForm('github-actions', await newToken('GitHub Actions')));
    expect(answer.status).toBe(200);
    const { facts } = await decisionOn(service, answer.headers.get('apigw-requestid'));
    expect(facts).toMatchObject({ federationAudited: ['runner_environment'] });

    const { audited, ...enforced } = {
      ...github.federation,
      claims: { ...github.federation.claims, ...github.federation.audited },
    };
    expect(audited).toBeDefined();
    await registerWorkload(service, 'enforced', audience, enforced);
    const refused = await tokenOutcome(service, federatedForm('enforced', await newToken('GitHub Actions')));
    expect(refused).toEqual(notAuthenticated('federation_claims'));
    const fitting = await newToken('GitHub Actions', { runner_environment: 'self-hosted' });
    expect((await postToken(service, federatedForm('enforced', fitting))).status).toBe(200);
  });
});

describe('what an operator takes back', () => {
  const outcomeOf = async (client: string) =>
    (await tokenOutcome(service, federatedForm(client, await newToken('AWS STS')))).reason;

  it('counts for the workloads of the issuer, whichever it is', async () => {
    const workload = workloadOf('AWS STS');
    const { id } = issuerOf(workload);
    expect(await outcomeOf('aws-sts')).toBe('granted');
    for (const [change, back, reason] of [
      [{ trustedIssuer: false }, { trustedIssuer: true }, 'issuer_untrusted'],
      [{ enabled: false }, { enabled: true }, 'issuer_disabled'],
      [{ issuer: 'https://other.example' }, { issuer: workload.issuer }, 'issuer_unknown'],
    ] as const) {
      expect((await changePartner(service, id, change)).status).toBe(200);
      expect(await outcomeOf('aws-sts')).toBe(reason);
      expect((await changePartner(service, id, back)).status).toBe(200);
    }
  });

  it('counts for one workload: its federation, or itself', async () => {
    const { federation } = workloadOf('AWS STS');
    await registerWorkload(service, 'worker', audience, federation);
    expect(await outcomeOf('worker')).toBe('granted');
    expect((await changePartner(service, 'worker', { federation: [] })).body).toMatchObject({ federation: [] });
    expect(await outcomeOf('worker')).toBe('federation_missing');
    expect((await administer(service, 'GET', '/partners/worker')).body).toMatchObject({
      federation: [],
      credentials: [],
    });
  });
});
