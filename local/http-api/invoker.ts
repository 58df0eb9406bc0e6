/**
 * How the gateway reaches functions: allowed by the function's resource policy, and within a time limit.
 */

import type { InvocationResult } from '../instance-protocol.ts';
import type { Json } from '../service.ts';

/** Invokes a function on behalf of a route or authorizer. */
export interface FunctionInvoker {
  /** Whether the function's resource policy lets API Gateway invoke it for this source. */
  mayInvoke(functionArn: string, sourceArn: string): boolean;
  invoke(functionArn: string, event: Json): Promise<InvocationResult>;
}

/** What an invocation came to, as far as the gateway cares. */
export type GatewayInvocation =
  | { readonly kind: 'answered'; readonly payload: string }
  /** The function failed, or may not be invoked. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'timed-out' };

/** Invokes and stops waiting after `timeoutMs`; like the real gateway it does not stop the function then. */
export async function invokeWithin(
  invoker: FunctionInvoker,
  call: { readonly functionArn: string; readonly sourceArn: string; readonly event: Json; readonly timeoutMs: number },
): Promise<GatewayInvocation> {
  if (!invoker.mayInvoke(call.functionArn, call.sourceArn)) return { kind: 'failed' };
  const timeout = Promise.withResolvers<'timed-out'>();
  const timer = setTimeout(() => timeout.resolve('timed-out'), call.timeoutMs);
  try {
    const result = await Promise.race([invoker.invoke(call.functionArn, call.event), timeout.promise]);
    if (result === 'timed-out') return { kind: 'timed-out' };
    return result.ok ? { kind: 'answered', payload: result.payload } : { kind: 'failed' };
  } finally {
    clearTimeout(timer);
  }
}
