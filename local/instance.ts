/**
 * The process that runs one function's code: what Lambda's Node.js runtime is to a handler.
 * Imports the handler once, then handles one event at a time, and dies with its parent.
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FunctionError, InstanceMessage, InvokeMessage } from './instance-protocol.ts';
import { shiftClock } from './shifted-clock.ts';

type Handler = (event: unknown, context: object) => unknown;

/** The machine's time, by which our parent counts timeouts. */
const machineNow = Date.now;

/** Lambda's limit on a synchronous response, 6 MB (Lambda developer guide, "Lambda quotas"). */
const MAX_RESPONSE_BYTES = 6 * 1024 * 1024;

const send = (message: InstanceMessage): void => {
  process.send?.(message);
};

/** `index.handler` is export `handler` of index.mjs, index.js or index.cjs in the function's directory. */
async function loadHandler(directory: string, name: string): Promise<Handler> {
  const dot = name.lastIndexOf('.');
  const [module, exported] = [name.slice(0, dot), name.slice(dot + 1)];
  const file = ['js', 'mjs', 'cjs'].map((suffix) => join(directory, `${module}.${suffix}`)).find(existsSync);
  if (file === undefined) throw named('Runtime.ImportModuleError', `Error: Cannot find module '${module}'`);
  const loaded: Record<string, unknown> = await import(pathToFileURL(file).href);
  const handler = loaded[exported];
  if (typeof handler !== 'function') throw named('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  return (event, context) => handler(event, context);
}

function named(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

function describe(error: unknown): FunctionError {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

function contextOf(message: InvokeMessage): object {
  return {
    callbackWaitsForEmptyEventLoop: true,
    ...message.context,
    awsRequestId: message.requestId,
    getRemainingTimeInMillis: () => Math.max(0, message.deadline - machineNow()),
  };
}

async function answer(handler: Handler, message: InvokeMessage): Promise<InstanceMessage> {
  const { requestId } = message;
  try {
    const result: unknown = await handler(JSON.parse(message.event), contextOf(message));
    const payload = JSON.stringify(result) ?? 'null';
    const bytes = Buffer.byteLength(payload);
    if (bytes <= MAX_RESPONSE_BYTES) return { kind: 'result', requestId, payload };
    const text = `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`;
    return { kind: 'error', requestId, error: describe(named('Function.ResponseSizeTooLarge', text)) };
  } catch (error) {
    return { kind: 'error', requestId, error: describe(error) };
  }
}

/** Lambda passes the trace of each invocation in the environment; SDK and loggers read it there. */
function setTrace(requestId: string): void {
  const id = createHash('sha256').update(requestId).digest('hex');
  const root = `Root=1-${Math.floor(Date.now() / 1000).toString(16)}-${id.slice(0, 24)}`;
  process.env._X_AMZN_TRACE_ID = `${root};Parent=${id.slice(24, 40)};Sampled=0`;
}

async function main(directory: string, handlerName: string): Promise<void> {
  process.once('disconnect', () => process.exit(0));
  let handler: Handler;
  try {
    handler = await loadHandler(directory, handlerName);
  } catch (error) {
    process.send?.({ kind: 'init-error', error: describe(error) } satisfies InstanceMessage, () => process.exit(1));
    return;
  }
  process.on('message', async (message: InvokeMessage) => {
    setTrace(message.requestId);
    send(await answer(handler, message));
  });
  send({ kind: 'ready' });
}

const [directory = '', handlerName = '', shiftMs = '0'] = process.argv.slice(2);
// Before the function's code is loaded, so that it never sees another time.
if (shiftMs !== '0') shiftClock(Number(shiftMs));
await main(directory, handlerName);
