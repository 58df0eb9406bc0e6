/**
 * `orders`: a plain web service, from `Request` to `Response`, so that it runs on Node, Deno, Bun and Workers alike.
 * Customers place orders; `billing` is called for the invoice, and calls back for the lines.
 */

import { randomUUID } from 'node:crypto';
import { protect } from '../../sdk/fetch.ts';
import { createTokenSource, createVerifier, type PrivateKeyJwtOptions, privateKeyJwt } from '../../sdk/index.ts';
import { AUDIENCES } from '../audiences.ts';

export interface OrdersOptions {
  /** Of the token service. */
  readonly issuer: string;
  readonly billingUrl: string;
  /** The private key that it proves itself with, and what the key is registered as. */
  readonly key: PrivateKeyJwtOptions;
}

interface OrderLine {
  readonly item: string;
  readonly quantity: number;
  /** In cents. */
  readonly price: number;
}

export const createOrders = ({ issuer, billingUrl, key }: OrdersOptions) => {
  const orders = new Map<string, readonly OrderLine[]>();
  const verifier = createVerifier({ issuer, audience: AUDIENCES.orders });
  const billing = createTokenSource({
    issuer,
    clientId: 'orders',
    authentication: privateKeyJwt(key),
    resource: AUDIENCES.billing,
    scope: 'invoices:write',
  });

  /** For partners: with a token for this service, and the proof that it belongs to the caller. */
  const readOrder = protect(
    verifier,
    (_request, { clientId }, id: string) => {
      const lines = orders.get(id);
      return lines === undefined
        ? Response.json({ message: 'There is no such order' }, { status: 404 })
        : Response.json({ order: id, lines, readBy: clientId });
    },
    { scopes: ['orders:read'] },
  );

  /** For customers, who have no tokens. */
  const placeOrder = async (): Promise<Response> => {
    const order = randomUUID();
    orders.set(order, [
      { item: 'pencil', quantity: 12, price: 150 },
      { item: 'paper', quantity: 1, price: 700 },
    ]);
    const answer = await billing.fetch(`${billingUrl}/invoices/${order}`, { method: 'POST' });
    if (!answer.ok) return Response.json({ order, message: `billing answered ${answer.status}` }, { status: 502 });
    return Response.json({ order, ...((await answer.json()) as object) }, { status: 201 });
  };

  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (request.method === 'POST' && pathname === '/orders') return placeOrder();
    const [, id] = /^\/orders\/([0-9a-f-]{36})$/.exec(pathname) ?? [];
    if (request.method === 'GET' && id !== undefined) return readOrder(request, id);
    return Response.json({ message: 'Not Found' }, { status: 404 });
  };
};
