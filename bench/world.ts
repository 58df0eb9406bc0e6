/**
 * What the measured functions run against: the synthesized assembly's tables, keys and permissions behind the local AWS
 * endpoint, all in this process, whose CPU time is not counted; and one partner with a grant.
 */

import { readAssembly } from '../local/assembly.ts';
import { AwsEndpoint } from '../local/aws-endpoint.ts';
import { openDataServices } from '../local/data-services.ts';
import { readFunctions } from '../local/function-specs.ts';
import { type FunctionSpec, Functions } from '../local/functions.ts';
import { readRoles } from '../local/roles.ts';
import type { Json, JsonObject } from '../local/service.ts';
import { Sessions } from '../local/sessions.ts';
import { createResolver, placementOf } from '../local/stack-resolver.ts';
import { readTriggers, runTriggers } from '../local/triggers.ts';
import { type Client, createClient } from './client.ts';
import { adminEvent } from './events.ts';

/** As long as a real one. */
const ISSUER = 'https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com';

export interface World extends AsyncDisposable {
  readonly issuer: string;
  /** The audience that the authorizer accepts and that the client has a grant for. */
  readonly audience: string;
  readonly client: Client;
  /** The functions whose code is ours. */
  readonly functions: readonly FunctionSpec[];
  /** The only function with this word in its logical id. @throws Error when there is none or there are several. */
  function(word: string): FunctionSpec;
  /** Runs a function as an instance of its own would. @returns its answer. @throws Error when it fails. */
  invoke(word: string, event: Json): Promise<JsonObject>;
  /** Every AWS call so far, as `service:Operation`. */
  readonly calls: readonly string[];
  /** Ends the functions' own instances. @returns bytes that the function has logged. */
  finishLogs(word: string): Promise<number>;
}

/** @throws StartError when the assembly cannot run here. */
export async function createWorld(assemblyDirectory: string): Promise<World> {
  await using started = new AsyncDisposableStack();
  const calls: string[] = [];
  const { specs, deployTime } = await startAws(assemblyDirectory, calls, started);
  const logged = new Map<string, number>();
  const functions = new Functions(specs, {
    maxInstances: 1,
    // The newline was cut off.
    observeLog: (name, line) => logged.set(name, (logged.get(name) ?? 0) + Buffer.byteLength(line) + 1),
  });
  started.defer(() => functions.close());
  await deployTime(functions);

  const find = (word: string): FunctionSpec => oneFunction(specs, word);
  const invoke = async (word: string, event: Json): Promise<JsonObject> => {
    const result = await functions.invoke(find(word).arn, event);
    if (!result.ok) throw new Error(`${word} failed: ${result.error.errorType}: ${result.error.errorMessage}`);
    return JSON.parse(result.payload) as JsonObject;
  };
  const client = createClient('bench-client');
  const audience = `${ISSUER}/whoami`;
  await register(invoke, client, audience);

  const running = started.move();
  return {
    issuer: ISSUER,
    audience,
    client,
    functions: specs.filter(({ handler }) => handler === 'index.handler'),
    function: find,
    invoke,
    calls,
    finishLogs: async (word) => {
      await functions.close();
      return logged.get(find(word).name) ?? 0;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

interface Aws {
  readonly specs: readonly FunctionSpec[];
  /** Runs what the template runs at deploy time: the first signing keys come from it. */
  readonly deployTime: (functions: Functions) => Promise<void>;
}

/** As local/deployment.ts does, but without an HTTP API: the measured functions are called in processes of their own. */
async function startAws(directory: string, calls: string[], started: AsyncDisposableStack): Promise<Aws> {
  const assembly = readAssembly(directory);
  const placement = placementOf(assembly);
  const resolver = createResolver(assembly, placement, ISSUER);
  const roles = readRoles(resolver);
  const sessions = new Sessions(roles, placement);
  const data = await openDataServices(resolver, { placement, clock: Date.now, directory: undefined });
  started.defer(() => data.close());
  const aws = new AwsEndpoint({
    services: data.services,
    principals: sessions.principals,
    clock: Date.now,
    region: placement.region,
    observe: ({ service, operation }) => calls.push(`${service}:${operation}`),
  });
  const awsUrl = await aws.listen();
  started.defer(() => aws.close());
  const specs = readFunctions(resolver, {
    ...placement,
    assembly,
    awsUrl,
    assume: (role, name, logicalId) => sessions.assumeForFunction(role, name, logicalId),
  });
  return {
    specs,
    deployTime: (functions) => runTriggers(readTriggers(resolver), { ...placement, functions, roles }),
  };
}

function oneFunction(specs: readonly FunctionSpec[], word: string): FunctionSpec {
  const [spec, ...others] = specs.filter(({ logicalId }) => logicalId.includes(word));
  if (spec === undefined || others.length > 0) throw new Error(`${word} names no function or several`);
  return spec;
}

async function register(invoke: World['invoke'], client: Client, audience: string): Promise<void> {
  const owner = createClient('bench-owner');
  const create = async (path: string, body: object): Promise<void> => {
    const answer = await invoke('Admin', adminEvent(path, body));
    if (answer.statusCode !== 201) throw new Error(`POST ${path} answered ${JSON.stringify(answer)}`);
  };
  for (const { id, publicKey } of [client, owner]) await create('/partners', { id, jwks: { keys: [publicKey] } });
  await create('/audiences', { audience, owner: owner.id, scopes: ['read', 'write'] });
  await create('/grants', { client: client.id, audience, scopes: ['read'] });
}
