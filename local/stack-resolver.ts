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

/**
 * @param apiEndpoint the base URL of the HTTP API.
 * @param answers what functions have said of custom resources; looked at whenever somebody refers to one.
 * @param mutualTlsHost host and port of the listener that stands for the domain with mutual TLS.
 * @throws StartError naming a resource whose type the runner does not know.
 */
export function createResolver(
  assembly: StackAssembly,
  placement: Placement,
  apiEndpoint: string,
  answers: ReadonlyMap<string, CustomResourceAnswer> = new Map(),
  mutualTlsHost?: string,
): Resolver {
  const { region, account } = placement;
  const stack = assembly.name;
  const naming = { stack, region, account, apiEndpoint: () => apiEndpoint, answers, mutualTlsHost };
  const resolver = new Resolver(assembly.template, {
    pseudoParameters: {
      'AWS::AccountId': account,
      'AWS::Partition': 'aws',
      'AWS::Region': region,
      'AWS::StackId': `arn:aws:cloudformation:${region}:${account}:stack/${stack}/${stableUuid(stack, 'stack')}`,
      'AWS::StackName': stack,
      'AWS::URLSuffix': 'amazonaws.com',
    },
    identify: (logicalId, resource, self) => identifyResource(naming, logicalId, resource, self),
  });
  for (const [logicalId] of resolver.resources()) resolver.values(logicalId, logicalId);
  return resolver;
}

/** The stack's outputs, resolved, by output name. */
export function readOutputs(resolver: Resolver): Record<string, string> {
  const outputs = Object.entries(resolver.template.Outputs).filter(
    ([name, { Condition }]) => Condition === undefined || resolver.condition(Condition, name),
  );
  return Object.fromEntries(outputs.map(([name, { Value }]) => [name, resolver.text(Value, name)]));
}
