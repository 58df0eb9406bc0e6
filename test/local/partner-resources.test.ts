/** Partners and grants of a CDK app, from the construct to the function behind them: what it is asked, in which order. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { expect, it, onTestFinished } from 'vitest';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { bundleFunctions } from '../../infra/bundle.ts';
import { FUNCTIONS } from '../../infra/functions.ts';
import { CountersignStack } from '../../infra/stack.ts';
import type { TokenService } from '../../infra/token-service.ts';
import { startDeployment } from '../../local/deployment.ts';
import { temporaryDirectory } from './support/fixture.ts';

/** Functions that write down that they were called, and with what; the one behind the custom resources also answers. */
const functionsIn = (directory: string, record: string) => {
  const sources = join(directory, 'functions');
  mkdirSync(sources);
  for (const name of FUNCTIONS) {
    writeFileSync(
      join(sources, `${name}.lambda.ts`),
      `import { appendFileSync } from 'node:fs';
      export const handler = async (event: any): Promise<void> => {
        const { RequestType = 'run', ResponseURL, ResourceProperties: it = {} } = event;
        const what = [it.Realm, it.PartnerId ?? it.Client, it.Audience, it.Scopes, it.Definition, it.Audiences];
        appendFileSync(${JSON.stringify(record)}, JSON.stringify([${JSON.stringify(name)}, RequestType, ...what.filter(Boolean)]) + '\\n');
        if (ResponseURL === undefined) return;
        const { StackId, RequestId, LogicalResourceId } = event;
        const answer = { Status: 'SUCCESS', StackId, RequestId, LogicalResourceId, PhysicalResourceId: what.slice(0, 3).join('/') };
        await fetch(ResponseURL, { method: 'PUT', body: JSON.stringify(answer) });
      };`,
    );
  }
  return bundleFunctions(FUNCTIONS, { sources, output: join(directory, 'build') });
};

it('makes partners after the first keys and grants after partners, and takes them back in the reverse order', async () => {
  const directory = temporaryDirectory();
  const record = join(directory, 'calls');
  const bundles = functionsIn(directory, record);
  let runs = 0;
  const deployWith = async (define: (service: TokenService) => void) => {
    writeFileSync(record, '');
    runs += 1;
    const outdir = join(directory, `cdk.out-${runs}`);
    const app = new App({ context: cdkJson.context, outdir, builtinCloudFormationValidation: false });
    define(new CountersignStack(app, 'Countersign', { service: { bundles } }).service);
    const { directory: assembly } = app.synth();
    const deployment = await startDeployment({ assembly, dataDirectory: join(directory, 'data') });
    onTestFinished(() => deployment.close());
    await deployment.close();
    return readFileSync(record, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  };
  const audiences = [{ audience: 'https://billing.example.com', scopes: ['read', 'write'] }];

  const made = await deployWith((service) => {
    const crm = service.addPartner('Crm', { partnerId: 'crm', quota: { perDay: 5, mode: 'enforce' } });
    crm.mayCall(service.addPartner('Billing', { partnerId: 'billing', audiences }), ['read']);
  });
  expect(made).toEqual([
    ['rotate-keys', 'run'],
    ['partner-resources', 'Create', 'default', 'crm', '{"quota":{"perDay":5,"mode":"enforce"}}', '[]'],
    ['partner-resources', 'Create', 'default', 'billing', '{}', JSON.stringify(audiences)],
    ['partner-resources', 'Create', 'default', 'crm', 'https://billing.example.com', ['read']],
  ]);

  const changed = await deployWith((service) => {
    service.addPartner('Billing', { partnerId: 'billing', name: 'Billing', audiences });
  });
  expect(changed).toEqual([
    ['rotate-keys', 'run'],
    ['partner-resources', 'Update', 'default', 'billing', '{"name":"Billing"}', JSON.stringify(audiences)],
    ['partner-resources', 'Delete', 'default', 'crm', 'https://billing.example.com', ['read']],
    ['partner-resources', 'Delete', 'default', 'crm', '{"quota":{"perDay":5,"mode":"enforce"}}', '[]'],
  ]);
});
