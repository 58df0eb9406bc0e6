/** Partners that a CDK app declares, with the real functions: they get tokens for what was granted, until they leave the app. */

import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { decodeJwt } from 'jose';
import { expect, it, onTestFinished } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { type Bundles, bundleFunctions } from '../../infra/bundle.ts';
import { FUNCTIONS } from '../../infra/functions.ts';
import type { IPartnerApplication } from '../../infra/partner-reference.ts';
import { CountersignStack } from '../../infra/stack.ts';
import type { TokenService } from '../../infra/token-service.ts';
import { startDeployment } from '../../local/deployment.ts';
import { assertionOf, makePartner, postToken, type Service, tokenForm } from '../support/service.ts';
import { introspect } from '../support/token-state.ts';
import { temporaryDirectory } from './support/fixture.ts';

interface Place {
  readonly directory: string;
  readonly bundles: Bundles;
  runs: number;
}

/** A deployment of the app on the data of the ones before, until the callback is done. */
const deployWith = async (
  place: Place,
  define: (service: TokenService) => void,
  use: (service: Service) => Promise<void>,
): Promise<void> => {
  place.runs += 1;
  const outdir = join(place.directory, `cdk.out-${place.runs}`);
  const app = new App({ context: cdkJson.context, outdir, builtinCloudFormationValidation: false });
  define(new CountersignStack(app, 'Countersign', { service: { bundles: place.bundles } }).service);
  const dataDirectory = join(place.directory, 'data');
  const deployment = await startDeployment({ assembly: app.synth().directory, dataDirectory });
  onTestFinished(() => deployment.close());
  const issuer = deployment.outputs.Issuer ?? '';
  await use({ deployment, issuer, calls: [], logs: [], [Symbol.asyncDispose]: () => deployment.close() });
  await deployment.close();
};

it('gives a declared partner a token for what it may call, and none once the grant has left the app', async () => {
  const directory = temporaryDirectory();
  const bundles = bundleFunctions(FUNCTIONS, { output: join(directory, 'build') });
  const place: Place = { directory, bundles, runs: 0 };
  const crm = await makePartner('crm');
  const resource = 'https://billing.example.com';
  const declare = (service: TokenService) => ({
    crm: service.addPartner('Crm', {
      partnerId: 'crm',
      jwks: { keys: [{ ...crm.publicJwk }] },
      tokenPolicy: { accessTokenSeconds: 120, algorithm: 'ES256' },
      claims: { team: 'sales', level: 3 },
    }),
    billing: service.addPartner('Billing', {
      partnerId: 'billing',
      audiences: [{ audience: resource, scopes: ['read', 'write'] }],
    }),
  });
  const ask = async (service: Service) =>
    postToken(service, tokenForm(await assertionOf(crm, service.issuer), { resource }));

  await deployWith(
    place,
    (service) => {
      const partners = declare(service);
      partners.crm.mayCall(partners.billing, ['read']);
    },
    async (service) => {
      const { status, body } = await ask(service);
      expect(status).toBe(200);
      const claims = decodeJwt(String(body.access_token));
      expect(claims).toMatchObject({ client_id: 'crm', scope: 'read', team: 'sales', level: 3 });
      expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(120);
    },
  );
  await deployWith(place, declare, async (service) => {
    expect((await ask(service)).status).toBe(400);
  });
});

it('lets a partner introspect that an audience of the app names, and lets both go in one deployment', async () => {
  const directory = temporaryDirectory();
  const bundles = bundleFunctions(FUNCTIONS, { output: join(directory, 'build') });
  const place: Place = { directory, bundles, runs: 0 };
  const [crm, gateway] = [await makePartner('crm'), await makePartner('gateway')];
  const resource = { audience: 'https://billing.example.com', scopes: ['read'] };
  const declare = (service: TokenService, introspectors?: IPartnerApplication[]) => {
    const audiences = [{ ...resource, ...(introspectors && { introspectors }) }];
    const billing = service.addPartner('Billing', { partnerId: 'billing', audiences });
    service.addPartner('Crm', { partnerId: 'crm', jwks: { keys: [{ ...crm.publicJwk }] } }).mayCall(billing, ['read']);
  };
  const stateOf = async (service: Service) => {
    const form = tokenForm(await assertionOf(crm, service.issuer), { resource: resource.audience });
    const { body } = await postToken(service, form);
    const { status, text } = await introspect(service, gateway, String(body.access_token));
    return [status, JSON.parse(text)];
  };

  await deployWith(
    place,
    (service) =>
      declare(service, [
        service.addPartner('Gateway', { partnerId: 'gateway', jwks: { keys: [{ ...gateway.publicJwk }] } }),
      ]),
    async (service) => {
      expect(await stateOf(service)).toEqual([200, expect.objectContaining({ active: true, client_id: 'crm' })]);
    },
  );
  await deployWith(place, declare, async (service) => {
    expect(await stateOf(service)).toEqual([401, expect.objectContaining({ error: 'invalid_client' })]);
  });
});
