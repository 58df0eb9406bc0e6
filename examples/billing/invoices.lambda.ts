/**
 * `billing`: makes an invoice of an order. The authorizer in front has verified the token; this function sees only requests that
 * were let in, and who sent them.
 */

import middy from '@middy/core';
import httpRouterHandler from '@middy/http-router';
import type { APIGatewayProxyEventV2WithLambdaAuthorizer, APIGatewayProxyResultV2 } from 'aws-lambda';
import { createOrdersClient } from './orders-client.ts';

const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
};

const orders = createOrdersClient({
  issuer: setting('TOKEN_ISSUER'),
  ordersUrl: setting('ORDERS_URL'),
  keyArn: setting('KEY_ARN'),
  keyId: setting('KEY_ID'),
});

/** The claims that matter here; there are all those of the token. */
type Event = APIGatewayProxyEventV2WithLambdaAuthorizer<{ readonly client_id: string }>;

const json = (statusCode: number, body: object): APIGatewayProxyResultV2 => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const invoiceOf = async ({ pathParameters, requestContext }: Event): Promise<object | undefined> => {
  const id = pathParameters?.order ?? '';
  const order = await orders.order(id);
  if (order === undefined) return undefined;
  const total = order.lines.reduce((sum, { quantity, price }) => sum + quantity * price, 0);
  return { invoice: `I-${id}`, total, requestedBy: requestContext.authorizer.lambda.client_id, readBy: order.readBy };
};

const answer = (status: number) => async (event: Event) => {
  const invoice = await invoiceOf(event);
  return invoice === undefined ? json(404, { message: 'There is no such order' }) : json(status, invoice);
};

export const handler = middy<Event, APIGatewayProxyResultV2>().handler(
  httpRouterHandler<Event, APIGatewayProxyResultV2>([
    { method: 'GET', path: '/invoices/{order}', handler: answer(200) },
    { method: 'POST', path: '/invoices/{order}', handler: answer(201) },
  ]),
);
