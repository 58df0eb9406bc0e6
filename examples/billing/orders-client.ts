/** How `billing` calls `orders`: as itself, by a signature of its KMS key, with tokens that are bound to a key of this process. */

import { KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { createTokenSource, derToRaw, privateKeyJwt } from '../../sdk/index.ts';
import { AUDIENCES } from '../audiences.ts';

/** An order as far as it matters here, and who `orders` took us for. Prices are in cents. */
interface Order {
  readonly lines: readonly { readonly quantity: number; readonly price: number }[];
  readonly readBy: string;
}

interface OrdersClientOptions {
  readonly issuer: string;
  readonly ordersUrl: string;
  readonly keyArn: string;
  readonly keyId: string;
}

/** Make one when the process starts: it keeps its token. */
export const createOrdersClient = ({ issuer, ordersUrl, keyArn, keyId }: OrdersClientOptions) => {
  const kms = new KMSClient();
  const sign = async (input: Uint8Array): Promise<Uint8Array> => {
    const { Signature } = await kms.send(
      new SignCommand({ KeyId: keyArn, Message: input, MessageType: 'RAW', SigningAlgorithm: 'ECDSA_SHA_256' }),
    );
    if (Signature === undefined) throw new Error('KMS gave no signature');
    return derToRaw(Signature, 'ES256');
  };
  const source = createTokenSource({
    issuer,
    clientId: 'billing',
    authentication: privateKeyJwt({ sign, kid: keyId, alg: 'ES256' }),
    resource: AUDIENCES.orders,
    dpop: true,
  });
  return {
    /** @returns undefined when there is no such order. @throws Error when `orders` does not answer as it should. */
    async order(id: string): Promise<Order | undefined> {
      const answer = await source.fetch(`${ordersUrl}/orders/${encodeURIComponent(id)}`);
      if (answer.status === 404) return undefined;
      if (!answer.ok) throw new Error(`orders answered ${answer.status}`);
      return (await answer.json()) as Order;
    },
  };
};
