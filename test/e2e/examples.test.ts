/**
 * The examples, as `npm run examples` starts them: the app is synthesized, deployed into the local runner with all of its HTTP APIs, and the
 * plain server listens beside it. Real tokens, both ways.
 */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUDIENCES } from '../../examples/audiences.ts';
import { type Examples, startExamples } from '../../examples/start.ts';
import { createTokenSource, privateKeyJwt, type TokenSource } from '../../sdk/index.ts';
import { blocksOf } from './docs-page.ts';

const root = join(import.meta.dirname, '../..');
const readme = await readFile(join(root, 'examples/README.md'), 'utf8');
const ORDER = '00000000-0000-4000-8000-000000000000';

let examples: Examples;
let key: JWK;
beforeAll(async () => {
  examples = await startExamples();
  key = JSON.parse(await readFile(examples.ordersKeyFile, 'utf8')) as JWK;
}, 120_000);
afterAll(() => examples[Symbol.asyncDispose]());

/** As `orders`, with its key. */
const sourceFor = (resource: string, scope?: string): TokenSource =>
  createTokenSource({
    issuer: examples.issuer,
    clientId: 'orders',
    authentication: privateKeyJwt({ key, kid: 'orders-1', alg: 'ES256' }),
    resource,
    ...(scope === undefined ? {} : { scope }),
  });

describe('two partners that call one another', () => {
  it('know each other by their tokens, both ways', async () => {
    const answer = await fetch(`${examples.ordersUrl}/orders`, { method: 'POST' });
    expect([answer.status, await answer.json()]).toEqual([
      201,
      {
        order: expect.stringMatching(/^[0-9a-f-]{36}$/),
        invoice: expect.stringMatching(/^I-/),
        total: 2500,
        requestedBy: 'orders',
        readBy: 'billing',
      },
    ]);
  });

  it('let nobody in without a token', async () => {
    const billing = await fetch(`${examples.billingUrl}/invoices/1`, { method: 'POST' });
    const orders = await fetch(`${examples.ordersUrl}/orders/${ORDER}`);
    expect([billing.status, orders.status]).toEqual([401, 401]);
    expect(orders.headers.get('www-authenticate')).toMatch(/^Bearer/);
  });

  it('let nobody in with a token for somebody else', async () => {
    const { token } = await sourceFor(AUDIENCES.reports).token();
    const headers = { authorization: `Bearer ${token}` };
    const billing = await fetch(`${examples.billingUrl}/invoices/1`, { method: 'POST', headers });
    const orders = await fetch(`${examples.ordersUrl}/orders/${ORDER}`, { headers });
    expect([billing.status, orders.status]).toEqual([403, 401]);
    expect(orders.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it('let nobody do more than the scopes of the token say', async () => {
    const reading = sourceFor(AUDIENCES.billing, 'invoices:read');
    const read = await reading.fetch(`${examples.billingUrl}/invoices/${ORDER}`);
    const written = await reading.fetch(`${examples.billingUrl}/invoices/${ORDER}`, { method: 'POST' });
    expect([read.status, written.status]).toEqual([404, 403]);
  });

  it('get no token for what nobody has granted them', async () => {
    await expect(sourceFor(AUDIENCES.orders).token()).rejects.toMatchObject({ error: 'invalid_target' });
    await expect(sourceFor(AUDIENCES.reports, 'reports:write').token()).rejects.toMatchObject({
      error: 'invalid_scope',
    });
  });
});

describe('a service behind the JWT authorizer of API Gateway', () => {
  const ask = async (method: string, source?: TokenSource): Promise<Response> =>
    (source ?? globalThis).fetch(`${examples.reportsUrl}/reports`, { method });

  it('answers who has a token for it, and learns who that is', async () => {
    const answer = await ask('GET', sourceFor(AUDIENCES.reports));
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { report: 'turnover', readBy: 'orders', scopes: ['reports:read'] },
    ]);
  });

  it('turns away who has none, or one for somebody else, or not the scope of the route', async () => {
    const answers = [
      await ask('GET'),
      await ask('GET', sourceFor(AUDIENCES.billing)),
      await ask('POST', sourceFor(AUDIENCES.reports)),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 403]);
    expect(answers.map(({ headers }) => headers.get('www-authenticate'))).toEqual([
      'Bearer',
      expect.stringContaining('error_description="the token does not have a valid audience"'),
      expect.stringContaining('scope="reports:write" error="insufficient_scope"'),
    ]);
  });
});

describe('examples/README.md', () => {
  const shell = blocksOf(readme)
    .filter(({ language }) => language === 'sh')
    .map(({ text }) => text)
    .join('\n');

  it('prints what it says that its commands print', async () => {
    const env = {
      ...process.env,
      NODE: process.execPath,
      ORDERS: examples.ordersUrl,
      BILLING: examples.billingUrl,
      REPORTS: examples.reportsUrl,
      KEY: examples.ordersKeyFile,
      COUNTERSIGN_ENDPOINT: examples.issuer,
    };
    const script = shell.replaceAll('npx countersign', '"$NODE" cli/countersign.mjs');
    const { stdout } = await promisify(execFile)('bash', ['-euc', script], { cwd: root, env });
    const [answer = '', ...statuses] = [...shell.matchAll(/ # (.+)$/gm)].map(([, comment]) => comment ?? '');
    expect(stdout).toContain('"requestedBy":"orders","readBy":"billing"');
    expect(stdout).toContain(answer);
    expect(statuses).toHaveLength(8);
    expect(stdout.match(/\d{3}$/gm)).toEqual(statuses);
  }, 60_000);
});
