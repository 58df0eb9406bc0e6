/**
 * In which order resources come into being: what a resource names in `DependsOn`, `Ref`, `Fn::GetAtt` or `Fn::Sub` comes before it.
 * Source: CloudFormation reference, "DependsOn attribute".
 */

import type { Json } from '../service.ts';
import { StartError } from '../start-error.ts';
import type { Resource } from './document.ts';
import type { Resolver } from './resolver.ts';

/**
 * The chosen resources, each after those of them that it depends on, be it by way of resources that are not chosen.
 * Otherwise in the order of the template. @throws StartError naming a resource that depends on itself.
 */
export function inDependencyOrder(
  resolver: Resolver,
  isChosen: (resource: Resource) => boolean,
): [logicalId: string, resource: Resource][] {
  const resources = new Map(resolver.resources());
  const ordered: [string, Resource][] = [];
  const done = new Set<string>();
  const visit = (logicalId: string, path: readonly string[]): void => {
    const resource = resources.get(logicalId);
    if (resource === undefined || done.has(logicalId)) return;
    if (path.includes(logicalId)) throw new StartError(`circular dependency: ${[...path, logicalId].join(' -> ')}`);
    for (const dependency of dependenciesOf(resource)) visit(dependency, [...path, logicalId]);
    done.add(logicalId);
    if (isChosen(resource)) ordered.push([logicalId, resource]);
  };
  for (const logicalId of resources.keys()) visit(logicalId, []);
  return ordered;
}

/** Names that a resource refers to; those of parameters and pseudo parameters among them. */
const dependenciesOf = ({ DependsOn, Properties }: Resource): string[] => [...DependsOn, ...referencesIn(Properties)];

function referencesIn(value: Json | undefined): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (typeof value !== 'object' || value === null) return [];
  const { Ref: reference, 'Fn::GetAtt': attribute, 'Fn::Sub': substitution } = value;
  if (typeof reference === 'string') return [reference];
  if (typeof attribute === 'string') return [beforeDot(attribute)];
  if (Array.isArray(attribute)) return typeof attribute[0] === 'string' ? [attribute[0]] : [];
  const text = Array.isArray(substitution) ? substitution[0] : substitution;
  const names = typeof text === 'string' ? [...text.matchAll(/\$\{([^!}][^}]*)\}/g)].map(([, name = '']) => name) : [];
  return [...names.map(beforeDot), ...Object.values(value).flatMap(referencesIn)];
}

const beforeDot = (name: string): string => name.split('.')[0] ?? name;
