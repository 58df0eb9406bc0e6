/**
 * The stacks of an assembly side by side, as one account and Region would have them: what one exports, another can import.
 * Source: CloudFormation user guide, "Get exported outputs from a deployed CloudFormation stack".
 */

import { isDeepStrictEqual } from 'node:util';
import { readStacks, type StackAssembly } from './assembly.ts';
import type { Placement } from './service.ts';
import { createResolver, placementOf, readExports } from './stack-resolver.ts';
import { StartError } from './start-error.ts';
import type { Resolver } from './template/resolver.ts';
import type { CustomResourceAnswer } from './template/resource-types.ts';

/** One stack of the deployment. */
interface DeployedStack {
  readonly name: string;
  readonly assembly: StackAssembly;
  readonly resolver: Resolver;
  /** What functions have said of its custom resources so far, by logical id. */
  readonly answers: Map<string, CustomResourceAnswer>;
}

export interface StackSet {
  readonly placement: Placement;
  /** Each after those that it depends on. */
  readonly stacks: readonly [DeployedStack, ...DeployedStack[]];
}

export interface StackSetOptions {
  readonly directory: string;
  /** @default - all that there are */
  readonly stack: string | undefined;
  /** Base URL of an HTTP API; asked for only after its server listens. */
  readonly apiEndpoint: (stack: string, logicalId: string) => string;
  readonly mutualTlsHost: string | undefined;
}

/** @throws StartError when the assembly cannot be read, or its stacks do not live in one place. */
export function openStacks({ directory, stack, apiEndpoint, mutualTlsHost }: StackSetOptions): StackSet {
  const [first, ...others] = readStacks(directory, stack);
  if (first === undefined) throw new StartError(`${directory} holds no stack`);
  const placement = commonPlacement(first, others);
  const exported = (name: string, where: string): string => {
    const found = all.flatMap(({ resolver }) => readExports(resolver).get(name) ?? []);
    if (found.length > 1) throw new StartError(`${where}: ${found.length} stacks export ${name}`);
    const [value] = found;
    if (value === undefined) throw new StartError(`${where}: no stack exports ${name}`);
    return value();
  };
  const open = (assembly: StackAssembly): DeployedStack => {
    const answers = new Map<string, CustomResourceAnswer>();
    const options = { answers, mutualTlsHost, importValue: exported };
    const resolver = createResolver(assembly, placement, (id) => apiEndpoint(assembly.name, id), options);
    return { name: assembly.name, assembly, resolver, answers };
  };
  const all: StackSet['stacks'] = [open(first), ...others.map(open)];
  return { placement, stacks: all };
}

function commonPlacement(first: StackAssembly, others: readonly StackAssembly[]): Placement {
  const placement = placementOf(first);
  const elsewhere = others.find((other) => !isDeepStrictEqual(placementOf(other), placement));
  if (elsewhere === undefined) return placement;
  throw new StartError(`the stacks ${first.name} and ${elsewhere.name} are not in one account and Region; start one`);
}
