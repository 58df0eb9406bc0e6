/**
 * Deploys a synthesized assembly on this machine: starts its parts in the order in which they need each other, and
 * stops them in the reverse. Nothing here knows what the service does; everything comes from the template.
 */

import { join } from 'node:path';
import { type AwsCall, type AwsCallRecord, AwsEndpoint, type Interception } from './aws-endpoint.ts';
import { runCustomResources } from './custom-resources.ts';
import { openDataServices } from './data-services.ts';
import { readFunctions } from './function-specs.ts';
import { type FunctionSpec, Functions } from './functions.ts';
import { declaredApis, type HttpApiDefinition, readHttpApis } from './http-api/definition.ts';
import { mutualTlsApi } from './http-api/domain.ts';
import { Gateway } from './http-api/gateway.ts';
import type { FunctionInvoker } from './http-api/invoker.ts';
import { type ListeningApi, listenForApis, listenMutually, type MutualTlsListener } from './http-api/listeners.ts';
import type { HttpApiServer, TlsOptions } from './http-api/server.ts';
import type { Credentials } from './iam/credentials.ts';
import type { InvocationResult } from './instance-protocol.ts';
import { type Permissions, readPermissions } from './permissions.ts';
import { readRoles } from './roles.ts';
import { readSchedules, Schedules } from './schedules.ts';
import type { Clock, Json, Placement } from './service.ts';
import { Sessions } from './sessions.ts';
import { nameResources, readOutputs } from './stack-resolver.ts';
import { openStacks } from './stacks.ts';
import { StartError } from './start-error.ts';
import { readTriggers, runTriggers } from './triggers.ts';

export interface DeploymentOptions {
  /** Directory of the synthesized assembly. */
  readonly assembly: string;
  /** Which stack of the assembly. @default - all of them */
  readonly stack?: string;
  /** Port of the first HTTP API on 127.0.0.1; others take free ones. @default 0 - any free one */
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

/** An HTTP API of the deployment. */
interface DeployedApi {
  readonly stack: string;
  readonly logicalId: string;
  /** Base URL, without a path. */
  readonly url: URL;
}

/** A deployment that runs until it is closed. */
export interface Deployment {
  /** Base URL of the first HTTP API, without a path. */
  readonly url: URL;
  /** All HTTP APIs, the stack that the others depend on first. */
  readonly apis: readonly DeployedApi[];
  /** Where every caller of the API behind the domain has to show a TLS client certificate. */
  readonly mutualTlsUrl?: URL;
  /** The outputs of the stack of the first HTTP API. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The outputs of every stack, by its name. */
  readonly stackOutputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Credentials that may call every route of the APIs, for the IAM-authorized ones. */
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
  const onDefect = (error: unknown): void => log('runner', describe(error));
  const mutualTls = options.mutualTls && (await listenMutually(options.mutualTls, onDefect));
  started.defer(() => mutualTls?.close());
  let listening: readonly ListeningApi[] = [];
  const { placement, stacks } = openStacks({
    directory: options.assembly,
    stack: options.stack,
    apiEndpoint: (stack, logicalId) => endpointOf(listening, stack, logicalId),
    mutualTlsHost: mutualTls?.url.host,
  });
  const resolvers = stacks.map(({ resolver }) => resolver);
  const { port = 0, tls } = options;
  const [first, ...others] = await listenForApis(declaredApis(stacks), { port, tls, onDefect, cleanup: started });
  listening = [first, ...others];
  for (const resolver of resolvers) nameResources(resolver);
  const roles = readRoles(resolvers);
  const sessions = new Sessions(roles, placement);
  const apis = readHttpApis(resolvers);
  const behindDomain = mutualTlsApi(resolvers, apis.values());
  if (behindDomain === undefined && mutualTls !== undefined)
    throw new StartError('the template declares no domain with mutual TLS');
  const schedules = resolvers.flatMap((resolver) => readSchedules(resolver, roles));
  const triggers = new Map(stacks.map(({ name, resolver }) => [name, readTriggers(resolver)]));

  const data = await openDataServices(resolvers, { placement, clock, directory: options.dataDirectory });
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

  const assume = (role: string, name: string, logicalId: string) => sessions.assumeForFunction(role, name, logicalId);
  const specs = stacks.flatMap(({ assembly, resolver }) =>
    readFunctions(resolver, { ...placement, assembly, awsUrl, assume }),
  );
  const functions = new Functions(specs, {
    maxInstances: options.maxInstances ?? MAX_INSTANCES,
    clockShiftMs,
    observeLog: log,
  });
  started.defer(() => functions.close());
  const invoker = gatewayInvoker(functions, readPermissions(resolvers), placement);
  for (const { id, server } of listening) {
    const api = apis.get(id);
    if (api === undefined) throw new Error(`${id} was declared and is not defined`);
    const gateway = createGateway({ api, placement, sessions, invoker, clock });
    const doors = mutualTls !== undefined && api === behindDomain ? [server, mutualTls] : [server];
    for (const door of doors) serveBy(gateway, door);
  }

  const invoke = (functionArn: string, event: Json) => functions.invoke(functionArn, event);
  const scheduler = new Schedules(schedules, {
    ...placement,
    invoke,
    onFailure: (schedule, message) => log('runner', `schedule ${schedule.logicalId} failed: ${message}`),
  });
  for (const { name, resolver, answers } of stacks) {
    await runTriggers(triggers.get(name) ?? [], { ...placement, functions, roles });
    await runCustomResources(resolver, { functions, answers, file: stateFile(options, name) });
  }
  const stackOutputs = Object.fromEntries(stacks.map(({ name, resolver }) => [name, readOutputs(resolver)]));
  scheduler.start();
  started.defer(() => scheduler.close());

  const running = started.move();
  return {
    url: first.server.url,
    apis: listening.map(({ stack, logicalId, server }) => ({ stack, logicalId, url: server.url })),
    ...(mutualTls === undefined ? {} : { mutualTlsUrl: mutualTls.url }),
    outputs: stackOutputs[first.stack] ?? {},
    stackOutputs,
    operator: { ...sessions.registerOperator([...apis.keys()]), region: placement.region },
    awsUrl,
    invoke: async (name, payload) => functions.invoke(oneFunction(specs, name).arn, payload),
    runSchedule: () => scheduler.runNow(),
    sweep: () => data.sweep(),
    close: () => running.disposeAsync(),
  };
}

/** @throws StartError for what is no HTTP API of the deployment. */
function endpointOf(listening: readonly ListeningApi[], stack: string, logicalId: string): string {
  const api = listening.find((each) => each.stack === stack && each.logicalId === logicalId);
  if (api === undefined) throw new StartError(`${logicalId}: its address is not known before it listens`);
  return api.server.url.origin;
}

function serveBy(gateway: Gateway, door: HttpApiServer): void {
  door.handler = (request) => gateway.handle(request, door.url);
}

const stateFile = ({ dataDirectory }: DeploymentOptions, stack: string): string | undefined =>
  dataDirectory === undefined ? undefined : join(dataDirectory, `custom-resources.${stack}.json`);

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
