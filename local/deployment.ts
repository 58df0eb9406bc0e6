/**
 * Deploys a synthesized assembly on this machine: starts its parts in the order in which they need each other, and
 * stops them in the reverse. Nothing here knows what the service does; everything comes from the template.
 */

import { join } from 'node:path';
import { readAssembly } from './assembly.ts';
import { type AwsCall, type AwsCallRecord, AwsEndpoint, type Interception } from './aws-endpoint.ts';
import { runCustomResources } from './custom-resources.ts';
import { openDataServices } from './data-services.ts';
import { readFunctions } from './function-specs.ts';
import { type FunctionSpec, Functions } from './functions.ts';
import { type HttpApiDefinition, readHttpApi } from './http-api/definition.ts';
import { hasMutualTlsDomain } from './http-api/domain.ts';
import { Gateway } from './http-api/gateway.ts';
import type { FunctionInvoker } from './http-api/invoker.ts';
import { HttpApiServer, type TlsOptions } from './http-api/server.ts';
import type { Credentials } from './iam/credentials.ts';
import type { InvocationResult } from './instance-protocol.ts';
import { type Permissions, readPermissions } from './permissions.ts';
import { readRoles } from './roles.ts';
import { readSchedules, Schedules } from './schedules.ts';
import type { Clock, Json, Placement } from './service.ts';
import { Sessions } from './sessions.ts';
import { createResolver, placementOf, readOutputs } from './stack-resolver.ts';
import { StartError } from './start-error.ts';
import type { CustomResourceAnswer } from './template/resource-types.ts';
import { readTriggers, runTriggers } from './triggers.ts';

export interface DeploymentOptions {
  /** Directory of the synthesized assembly. */
  readonly assembly: string;
  /** Which stack of the assembly. @default - its only one */
  readonly stack?: string;
  /** Port of the HTTP API on 127.0.0.1. @default 0 - any free one */
  readonly port?: number;
  /** @default - plain HTTP */
  readonly tls?: TlsOptions;
  /** For the domain with mutual TLS, which the template then has to declare. @default - none */
  readonly mutualTls?: MutualTlsListener;
  /** Where tables and keys are kept, and which custom resources there are. @default - in memory, gone on close */
  readonly dataDirectory?: string;
  /** What time the whole service, its functions included, believes that it is when it starts. @default - now */
  readonly startAt?: Date;
  /**
   * The time of the tables, the keys and the authorizer cache only. Functions and signatures live by the real time, or `startAt`.
   * @default - the time of the functions
   */
  readonly clock?: Clock;
  /** Most instances of one function at the same time. @default 4 */
  readonly maxInstances?: number;
  /** Called once for each AWS call that a function makes. */
  readonly observeCall?: (call: AwsCallRecord) => void;
  /** Decides what becomes of an AWS call, for tests of failure. */
  readonly interceptCall?: (call: AwsCall) => Interception | Promise<Interception>;
  /** Called with each line that a function writes, and with what goes wrong outside of functions (`runner`). */
  readonly observeLog?: (functionName: string, line: string) => void;
}

/** The listener that stands for the domain with mutual TLS. All but the port are PEM texts. */
interface MutualTlsListener extends TlsOptions {
  readonly truststore: string;
  /** On 127.0.0.1. @default 0 - any free one */
  readonly port?: number;
}

/** A deployment that runs until it is closed. */
export interface Deployment {
  /** Base URL of the HTTP API, without a path. */
  readonly url: URL;
  /** The same where every caller has to show a TLS client certificate. */
  readonly mutualTlsUrl?: URL;
  /** The stack's outputs. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Credentials that may call every route of the API, for the IAM-authorized ones. */
  readonly operator: Credentials & { readonly region: string };
  /** The endpoint that the functions' AWS SDK talks to. */
  readonly awsUrl: URL;
  /**
   * Invokes a function directly, as `aws lambda invoke` would.
   * @param name its logical id, its name, or a part that only one function's has. @throws Error when none or several match.
   */
  invoke(name: string, payload: Json): Promise<InvocationResult>;
  /** Runs every schedule once, now. */
  runSchedule(): Promise<InvocationResult[]>;
  /** Deletes the items of the tables whose time to live has passed by the deployment's clock. */
  sweep(): Promise<void>;
  /** Stops servers, functions and timers. */
  close(): Promise<void>;
}

const MAX_INSTANCES = 4;

/** @throws StartError with one clear line when the assembly cannot run here. */
export async function startDeployment(options: DeploymentOptions): Promise<Deployment> {
  await using started = new AsyncDisposableStack();
  const clockShiftMs = options.startAt === undefined ? 0 : options.startAt.getTime() - Date.now();
  const functionClock: Clock = () => Date.now() + clockShiftMs;
  const clock = options.clock ?? functionClock;
  const log = options.observeLog ?? (() => undefined);
  const assembly = readAssembly(options.assembly, options.stack);
  const placement = placementOf(assembly);

  const onDefect = (error: unknown): void => log('runner', describe(error));
  const { port = 0, tls } = options;
  const server = await HttpApiServer.listen({ port, tls, portOption: '--port' }, onDefect);
  started.defer(() => server.close());
  const mutualTls = options.mutualTls && (await listenMutually(options.mutualTls, onDefect));
  started.defer(() => mutualTls?.close());
  const answers = new Map<string, CustomResourceAnswer>();
  const resolver = createResolver(assembly, placement, server.url.origin, answers, mutualTls?.url.host);
  const roles = readRoles(resolver);
  const sessions = new Sessions(roles, placement);
  const api = readHttpApi(resolver);
  if (!hasMutualTlsDomain(resolver, api) && mutualTls !== undefined)
    throw new StartError('the template declares no domain with mutual TLS');
  const schedules = readSchedules(resolver, roles);
  const triggers = readTriggers(resolver);

  const data = await openDataServices(resolver, { placement, clock, directory: options.dataDirectory });
  started.defer(() => data.close());
  const aws = new AwsEndpoint({
    services: data.services,
    principals: sessions.principals,
    // Functions sign by their own time of day, whatever the clock of the tables says.
    clock: functionClock,
    region: placement.region,
    ...(options.observeCall === undefined ? {} : { observe: options.observeCall }),
    ...(options.interceptCall === undefined ? {} : { intercept: options.interceptCall }),
  });
  const awsUrl = await aws.listen();
  started.defer(() => aws.close());

  const specs = readFunctions(resolver, {
    ...placement,
    assembly,
    awsUrl,
    assume: (role, name, logicalId) => sessions.assumeForFunction(role, name, logicalId),
  });
  const functions = new Functions(specs, {
    maxInstances: options.maxInstances ?? MAX_INSTANCES,
    clockShiftMs,
    observeLog: log,
  });
  started.defer(() => functions.close());
  const invoker = gatewayInvoker(functions, readPermissions(resolver), placement);
  const gateway = createGateway({ api, placement, sessions, invoker, clock });
  for (const listener of mutualTls === undefined ? [server] : [server, mutualTls])
    listener.handler = (request) => gateway.handle(request, listener.url);

  const invoke = (functionArn: string, event: Json) => functions.invoke(functionArn, event);
  const scheduler = new Schedules(schedules, {
    ...placement,
    invoke,
    onFailure: (schedule, message) => log('runner', `schedule ${schedule.logicalId} failed: ${message}`),
  });
  await runTriggers(triggers, { ...placement, functions, roles });
  await runCustomResources(resolver, { functions, answers, file: stateFile(options) });
  const outputs = readOutputs(resolver);
  scheduler.start();
  started.defer(() => scheduler.close());

  const running = started.move();
  return {
    url: server.url,
    ...(mutualTls === undefined ? {} : { mutualTlsUrl: mutualTls.url }),
    outputs,
    operator: { ...sessions.registerOperator(api.id), region: placement.region },
    awsUrl,
    invoke: async (name, payload) => functions.invoke(oneFunction(specs, name).arn, payload),
    runSchedule: () => scheduler.runNow(),
    sweep: () => data.sweep(),
    close: () => running.disposeAsync(),
  };
}

const listenMutually = (
  { cert, key, truststore, port = 0 }: MutualTlsListener,
  onDefect: (error: unknown) => void,
): Promise<HttpApiServer> =>
  HttpApiServer.listen({ port, tls: { cert, key }, truststore, portOption: '--mutual-tls-port' }, onDefect);

const stateFile = ({ dataDirectory }: DeploymentOptions): string | undefined =>
  dataDirectory === undefined ? undefined : join(dataDirectory, 'custom-resources.json');

function gatewayInvoker(functions: Functions, permissions: Permissions, { account }: Placement): FunctionInvoker {
  return {
    mayInvoke: (functionArn, sourceArn) =>
      permissions({ service: 'apigateway.amazonaws.com', functionArn, sourceArn, sourceAccount: account }),
    invoke: (functionArn, event) => functions.invoke(functionArn, event),
  };
}

interface GatewayParts {
  readonly api: HttpApiDefinition;
  readonly placement: Placement;
  readonly sessions: Sessions;
  readonly invoker: FunctionInvoker;
  readonly clock: Clock;
}

function createGateway({ placement, sessions, ...parts }: GatewayParts): Gateway {
  const iam = {
    principals: sessions.principals,
    region: placement.region,
    roleIdOf: (roleArn: string) => sessions.roleIdOf(roleArn),
  };
  return new Gateway({ ...parts, ...placement, iam });
}

/** @throws Error when no function or more than one goes by this name. */
function oneFunction(specs: readonly FunctionSpec[], name: string): FunctionSpec {
  const exact = specs.find((spec) => spec.logicalId === name || spec.name === name);
  if (exact !== undefined) return exact;
  const matches = specs.filter((spec) => spec.name.includes(name));
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  const known = specs.map((spec) => spec.logicalId).join(', ');
  throw new Error(`${matches.length} functions are called ${name}; there are: ${known}`);
}

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
