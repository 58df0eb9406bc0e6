/**
 * The resolver of one stack as it is deployed on this machine: its pseudo parameters and the names of its resources.
 */

import type { StackAssembly } from './assembly.ts';
import type { Placement } from './service.ts';
import { stableUuid } from './template/names.ts';
import { Resolver } from './template/resolver.ts';
import { type CustomResourceAnswer, identifyResource } from './template/resource-types.ts';

/** Where an environment-agnostic stack lives here: the default region of the SDKs and the account of AWS's own examples. */
const DEFAULT_PLACEMENT: Placement = { region: 'us-east-1', account: '111122223333' };

export const placementOf = (assembly: StackAssembly): Placement => ({
  region: assembly.region ?? DEFAULT_PLACEMENT.region,
  account: assembly.account ?? DEFAULT_PLACEMENT.account,
});

export interface StackOptions {
  /** What functions have said of custom resources; looked at whenever somebody refers to one. @default - nothing */
  readonly answers?: ReadonlyMap<string, CustomResourceAnswer>;
  /** Host and port of the listener that stands for the domain with mutual TLS. @default - there is none */
  readonly mutualTlsHost?: string | undefined;
  /** What other stacks export. @default - nothing */
  readonly importValue?: (name: string, where: string) => string;
}

/** @param apiEndpoint the base URL of an HTTP API of the stack, by logical id; or of the only one. */
export function createResolver(
  assembly: StackAssembly,
  placement: Placement,
  apiEndpoint: string | ((logicalId: string) => string),
  { answers = new Map(), mutualTlsHost, importValue }: StackOptions = {},
): Resolver {
  const { region, account } = placement;
  const stack = assembly.name;
  const endpointOf = typeof apiEndpoint === 'string' ? () => apiEndpoint : apiEndpoint;
  const naming = { stack, region, account, apiEndpoint: endpointOf, answers, mutualTlsHost };
  return new Resolver(assembly.template, {
    pseudoParameters: {
      'AWS::AccountId': account,
      'AWS::Partition': 'aws',
      'AWS::Region': region,
      'AWS::StackId': `arn:aws:cloudformation:${region}:${account}:stack/${stack}/${stableUuid(stack, 'stack')}`,
      'AWS::StackName': stack,
      'AWS::URLSuffix': 'amazonaws.com',
    },
    identify: (logicalId, resource, self) => identifyResource(naming, logicalId, resource, self),
    ...(importValue === undefined ? {} : { importValue }),
  });
}

/** @throws StartError naming a resource whose type the runner does not know. */
export function nameResources(resolver: Resolver): void {
  for (const [logicalId] of resolver.resources()) resolver.values(logicalId, logicalId);
}

/** The stack's outputs, resolved, by output name. */
export const readOutputs = (resolver: Resolver): Record<string, string> =>
  Object.fromEntries(presentOutputs(resolver).map(([name, { Value }]) => [name, resolver.text(Value, name)]));

/** What a stack exports, by the name of the export: computed when it is asked for. */
export const readExports = (resolver: Resolver): ReadonlyMap<string, () => string> =>
  new Map(
    presentOutputs(resolver).flatMap(([name, { Value, Export }]) =>
      Export === undefined ? [] : [[resolver.text(Export.Name, name), () => resolver.text(Value, name)]],
    ),
  );

const presentOutputs = (resolver: Resolver) =>
  Object.entries(resolver.template.Outputs).filter(
    ([name, { Condition }]) => Condition === undefined || resolver.condition(Condition, name),
  );
