/**
 * A function's result becomes an HTTP response: payload format 2.0, explicit or inferred.
 * Source: API Gateway developer guide, "Lambda function response for format 2.0".
 */

import { z } from 'zod';

export interface GatewayResponse {
  readonly status: number;
  /** Lower-case names; `set-cookie` may have several values. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

const headerValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);

const explicitResponse = z.object({
  statusCode: z.coerce.number().int().min(100).max(599),
  headers: z.record(z.string(), headerValue).nullish(),
  cookies: z.array(z.string()).nullish(),
  body: z.string().nullish(),
  isBase64Encoded: z.boolean().nullish(),
});

/** Headers that API Gateway sets itself. */
const OWN = new Set(['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding', 'upgrade']);

/** One of the gateway's own answers, `{"message": ...}`. */
export const messageResponse = (status: number, message: string): GatewayResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(JSON.stringify({ message })),
});

export const internalServerError = (): GatewayResponse => messageResponse(500, 'Internal Server Error');

/** @param payload what the function returned, as JSON text. */
export function responseOf(payload: string): GatewayResponse {
  const result: unknown = JSON.parse(payload);
  if (typeof result !== 'object' || result === null || !('statusCode' in result)) return inferred(result, payload);
  const parsed = explicitResponse.safeParse(result);
  if (!parsed.success) return internalServerError();
  const { statusCode, headers, cookies, body, isBase64Encoded } = parsed.data;
  const named = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    status: statusCode,
    headers: {
      'content-type': 'text/plain;charset=UTF-8',
      ...Object.fromEntries(named.filter(([name]) => !OWN.has(name))),
      ...(cookies ? { 'set-cookie': cookies } : {}),
    },
    body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'),
  };
}

/** Without a status code the whole result is the body of a 200 answer. */
function inferred(result: unknown, payload: string): GatewayResponse {
  const body = Buffer.from(typeof result === 'string' ? result : payload);
  return { status: 200, headers: { 'content-type': 'application/json' }, body };
}
