/**
 * The CDK app of the examples: the token service, two services behind API Gateway, and who may call whom.
 * Each team has a stack of its own; the last one says in one place which partners there are and what they may do.
 */

import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { PartnerApplication } from '../infra/partner-application.ts';
import { TokenService } from '../infra/token-service.ts';
import { AUDIENCES } from './audiences.ts';
import { BillingStack } from './billing/stack.ts';
import { ReportsStack } from './reports/stack.ts';

const app = new App();
/** Where `orders` answers: it is no part of this app. */
const ordersUrl: string = app.node.getContext('ordersUrl');
/** Its public keys, which its team has handed over. */
const ordersKeys: { keys: Record<string, unknown>[] } = JSON.parse(
  readFileSync(app.node.getContext('ordersKeys'), 'utf8'),
);

const service = new TokenService(new Stack(app, 'Tokens'), 'Tokens');
const billingStack = new BillingStack(app, 'Billing', { service, ordersUrl });
new ReportsStack(app, 'Reports', { service });

const partners = new Stack(app, 'Partners');
const orders = new PartnerApplication(partners, 'Orders', {
  service,
  partnerId: 'orders',
  jwks: ordersKeys,
  // Its tokens are good for who holds the key that they are bound to, and nobody else.
  audiences: [{ audience: AUDIENCES.orders, scopes: ['orders:read'], tokenPolicy: { binding: 'dpop' } }],
});
const billing = new PartnerApplication(partners, 'Billing', {
  service,
  partnerId: 'billing',
  jwks: { keys: [billingStack.publicJwk] },
  audiences: [{ audience: AUDIENCES.billing, scopes: ['invoices:read', 'invoices:write'] }],
});
const reports = new PartnerApplication(partners, 'Reports', {
  service,
  partnerId: 'reports',
  audiences: [{ audience: AUDIENCES.reports, scopes: ['reports:read', 'reports:write'] }],
});

orders.mayCall(billing, ['invoices:read', 'invoices:write']);
orders.mayCall(reports, ['reports:read']);
billing.mayCall(orders, ['orders:read']);
