/**
 * Starts all of the examples on this machine: deploys the CDK app into the local runner, and serves `orders` beside it.
 * In AWS, `cdk deploy` and the platform of `orders` do this.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type Deployment, startDeployment } from '../local/deployment.ts';
import { synthesize } from '../local/synth.ts';
import { createOrders } from './orders/orders.ts';
import { listen } from './orders/server.ts';

export interface Examples extends AsyncDisposable {
  readonly issuer: string;
  readonly ordersUrl: string;
  readonly billingUrl: string;
  readonly reportsUrl: string;
  /** The private JWK of `orders`. */
  readonly ordersKeyFile: string;
  readonly deployment: Deployment;
}

/** @param signal ends a start that is under way; what has started by then is stopped again. */
export const startExamples = async (signal?: AbortSignal): Promise<Examples> => {
  await using started = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'countersign-examples-'));
  started.defer(() => rm(directory, { recursive: true, force: true }));
  const server = await listen(0);
  started.defer(() => server.close());

  const { privateFile, publicFile } = await makeKeys(directory);
  const assembly = join(directory, 'cdk.out');
  await synthesize({
    project: dirname(import.meta.dirname),
    app: 'node examples/app.ts',
    output: assembly,
    context: { ordersUrl: server.url, ordersKeys: publicFile },
    environment: process.env,
    logFile: `${directory}-synth.log`,
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  const deployment = await startDeployment({ assembly });
  started.defer(() => deployment.close());

  const issuer = deployment.url.origin;
  const billingUrl = deployment.stackOutputs.Billing?.Url ?? '';
  const reportsUrl = deployment.stackOutputs.Reports?.Url ?? '';
  const key = JSON.parse(await readFile(privateFile, 'utf8')) as JWK;
  server.serve(createOrders({ issuer, billingUrl, key: { key, kid: 'orders-1', alg: 'ES256' } }));

  const running = started.move();
  return {
    ...{ issuer, ordersUrl: server.url, billingUrl, reportsUrl, ordersKeyFile: privateFile, deployment },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};

/** As `countersign keygen` would. */
const makeKeys = async (directory: string) => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const named = { kid: 'orders-1', alg: 'ES256', use: 'sig' };
  const [privateFile, publicFile] = [join(directory, 'orders.private.jwk.json'), join(directory, 'orders.jwks.json')];
  await writeFile(privateFile, JSON.stringify({ ...(await exportJWK(privateKey)), ...named }), { mode: 0o600 });
  await writeFile(publicFile, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), ...named }] }));
  return { privateFile, publicFile };
};
