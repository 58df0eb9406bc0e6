/**
 * Resolves the intrinsic functions of a template lazily: a value is computed when somebody asks for it, so the order
 * of resources and `DependsOn` do not matter. Source: CloudFormation reference, "Intrinsic functions".
 */

import type { Json, JsonObject } from '../service.ts';
import { StartError } from '../start-error.ts';
import { evaluateCondition } from './conditions.ts';
import type { Resource, Template } from './document.ts';

/** What other parts of the template may ask about a resource. */
export interface ResourceValues {
  /** The value of `Ref`. */
  readonly ref: string;
  /** The values of `Fn::GetAtt`, computed on demand. */
  readonly attributes: Readonly<Record<string, () => string>>;
}

export interface ResolverOptions {
  /** Values of `AWS::Region`, `AWS::AccountId`, `AWS::StackName` ... */
  readonly pseudoParameters: Readonly<Record<string, string>>;
  /** Names a resource. @throws StartError on a resource type that the runner does not know. */
  readonly identify: (logicalId: string, resource: Resource, resolver: Resolver) => ResourceValues;
  /** What another stack exports under a name. @throws StartError when none does. @default - nothing is exported */
  readonly importValue?: (name: string, where: string) => string;
}

type Resolved = Json | undefined;
type Intrinsic = (resolver: Resolver, argument: Json, where: string) => Resolved;

export class Resolver {
  readonly template: Template;
  readonly #options: ResolverOptions;
  readonly #identified = new Map<string, ResourceValues>();
  readonly #underWay = new Set<string>();

  constructor(template: Template, options: ResolverOptions) {
    this.template = template;
    this.#options = options;
  }

  /** The resources whose condition holds, by logical id; of one type if `type` is given. */
  resources(type?: string): [logicalId: string, resource: Resource][] {
    return Object.entries(this.template.Resources).filter(
      ([logicalId, resource]) => (type === undefined || resource.Type === type) && this.isPresent(logicalId),
    );
  }

  /** Whether the resource exists in this deployment, that is, has no condition or one that holds. */
  isPresent(logicalId: string): boolean {
    const condition = this.template.Resources[logicalId]?.Condition;
    return condition === undefined || this.condition(condition, logicalId);
  }

  /** A resource's properties with every intrinsic resolved. @throws StartError naming what cannot be resolved. */
  properties(logicalId: string): JsonObject {
    const resource = this.template.Resources[logicalId];
    if (resource === undefined) throw new StartError(`there is no resource ${logicalId}`);
    const value = this.value(resource.Properties, logicalId);
    if (isObject(value)) return value;
    throw new StartError(`${logicalId}: Properties is not an object`);
  }

  /** Resolves `value`; undefined stands for `AWS::NoValue`. `where` is the logical id that errors name. */
  value(value: Json | undefined, where: string): Resolved {
    if (Array.isArray(value)) return value.map((item) => this.value(item, where)).filter((item) => item !== undefined);
    if (!isObject(value)) return value;
    const [name] = Object.keys(value);
    if (name !== undefined && (name === 'Ref' || name.startsWith('Fn::')) && Object.keys(value).length === 1)
      return this.#call(name, value[name] ?? null, where);
    const members = Object.entries(value).map(([key, member]) => [key, this.value(member, where)] as const);
    return Object.fromEntries(members.filter(([, member]) => member !== undefined));
  }

  /** Resolves a value that must be text; numbers and booleans are written as CloudFormation writes them. */
  text(value: Json | undefined, where: string): string {
    const resolved = this.value(value, where);
    if (typeof resolved === 'string') return resolved;
    if (typeof resolved === 'number' || typeof resolved === 'boolean') return String(resolved);
    throw new StartError(`${where}: expected text, got ${JSON.stringify(resolved) ?? 'nothing'}`);
  }

  reference(name: string, where: string): Resolved {
    if (name === 'AWS::NoValue') return undefined;
    const pseudo = this.#options.pseudoParameters[name];
    if (pseudo !== undefined) return pseudo;
    const parameter = this.template.Parameters[name];
    if (parameter === undefined) return this.values(name, where).ref;
    if (parameter.Default === undefined) throw new StartError(`${where}: parameter ${name} has no default value`);
    return parameter.Default;
  }

  imported(name: string, where: string): string {
    const value = this.#options.importValue?.(name, where);
    if (value === undefined) throw new StartError(`${where}: no stack exports ${name}`);
    return value;
  }

  attribute(logicalId: string, attribute: string, where: string): string {
    const compute = this.values(logicalId, where).attributes[attribute];
    if (compute === undefined) throw new StartError(`${where}: ${logicalId} has no attribute ${attribute}`);
    return compute();
  }

  /** How a resource is named. @throws StartError for an unknown resource or a circle of names. */
  values(logicalId: string, where: string): ResourceValues {
    const known = this.#identified.get(logicalId);
    if (known !== undefined) return known;
    const resource = this.template.Resources[logicalId];
    if (resource === undefined) throw new StartError(`${where}: nothing in the template is named ${logicalId}`);
    if (!this.isPresent(logicalId)) throw new StartError(`${where}: ${logicalId} is not part of this deployment`);
    const values = this.#once(logicalId, where, () => this.#options.identify(logicalId, resource, this));
    this.#identified.set(logicalId, values);
    return values;
  }

  condition(name: string, where: string): boolean {
    const definition = this.template.Conditions[name];
    if (definition === undefined) throw new StartError(`${where}: nothing in the template is named condition ${name}`);
    return this.#once(`condition ${name}`, where, () => evaluateCondition(this, definition, where));
  }

  #once<T>(name: string, where: string, compute: () => T): T {
    if (this.#underWay.has(name)) throw new StartError(`${where}: circular reference to ${name}`);
    this.#underWay.add(name);
    try {
      return compute();
    } finally {
      this.#underWay.delete(name);
    }
  }

  #call(name: string, argument: Json, where: string): Resolved {
    const intrinsic = INTRINSICS[name];
    if (intrinsic === undefined) throw new StartError(`${where}: ${name} is not supported by the local runner`);
    return intrinsic(this, argument, where);
  }
}

const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  Ref: (resolver, argument, where) => resolver.reference(literal(argument, 'Ref', where), where),
  'Fn::GetAtt': (resolver, argument, where) => {
    const path = typeof argument === 'string' ? argument.split('.') : list(argument, 'Fn::GetAtt', where);
    const [logicalId, ...attribute] = path.map((part) => resolver.text(part, where));
    return resolver.attribute(logicalId ?? '', attribute.join('.'), where);
  },
  'Fn::ImportValue': (resolver, argument, where) => resolver.imported(resolver.text(argument, where), where),
  'Fn::Join': (resolver, argument, where) => {
    const [delimiter, values] = list(argument, 'Fn::Join', where);
    const parts = list(resolver.value(values, where), 'Fn::Join', where);
    return parts.map((part) => resolver.text(part, where)).join(literal(delimiter, 'Fn::Join', where));
  },
  'Fn::Sub': (resolver, argument, where) => {
    const [text, variables] = Array.isArray(argument) ? argument : [argument, {}];
    return substitute(resolver, literal(text, 'Fn::Sub', where), isObject(variables) ? variables : {}, where);
  },
  'Fn::Select': (resolver, argument, where) => {
    const [index, values] = list(argument, 'Fn::Select', where);
    const selected = list(resolver.value(values, where), 'Fn::Select', where)[Number(resolver.text(index, where))];
    if (selected === undefined) throw new StartError(`${where}: Fn::Select is out of range`);
    return selected;
  },
  'Fn::Split': (resolver, argument, where) => {
    const [delimiter, source] = list(argument, 'Fn::Split', where);
    return resolver.text(source, where).split(literal(delimiter, 'Fn::Split', where));
  },
  'Fn::If': (resolver, argument, where) => {
    const [condition, whenTrue, whenFalse] = list(argument, 'Fn::If', where);
    return resolver.value(resolver.condition(literal(condition, 'Fn::If', where), where) ? whenTrue : whenFalse, where);
  },
};

/** `${Name}`, `${Name.Attribute}`, a variable of the second argument, or the literal `${!Name}`. */
function substitute(resolver: Resolver, text: string, variables: JsonObject, where: string): string {
  return text.replaceAll(/\$\{(!?)([^}]+)\}/g, (_, escaped: string, name: string) => {
    if (escaped !== '') return `\${${name}}`;
    if (variables[name] !== undefined) return resolver.text(variables[name], where);
    const dot = name.indexOf('.');
    if (dot > 0) return resolver.attribute(name.slice(0, dot), name.slice(dot + 1), where);
    return resolver.text(resolver.reference(name, where), where);
  });
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function list(value: Json | undefined, name: string, where: string): readonly Json[] {
  if (Array.isArray(value)) return value;
  throw new StartError(`${where}: ${name} wants a list`);
}

function literal(value: Json | undefined, name: string, where: string): string {
  if (typeof value === 'string') return value;
  throw new StartError(`${where}: ${name} wants literal text`);
}
