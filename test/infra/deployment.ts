/**
 * A synthesized deployment to look at: the real stack with the real bundles and the flags of cdk.json, bundled once per file.
 * Reads templates as people do: logical ids without their hash, `Ref` and `Fn::GetAtt` as names.
 */
import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { type Bundles, bundleFunctions } from '../../infra/bundle.ts';
import { FUNCTIONS } from '../../infra/functions.ts';
import { CountersignStack } from '../../infra/stack.ts';
import type { TokenServiceProps } from '../../infra/token-service.ts';

/** What a template holds: text, numbers, lists and records, nested. */
export type Node = string | number | boolean | readonly Node[] | { readonly [name: string]: Node };
export interface Resource {
  /** Logical id without its hash, e.g. `ServiceTokenFunction`. */
  readonly name: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, Node>>;
  readonly deletionPolicy: string | undefined;
  /** Names of the resources that have to exist first, beside those referred to. */
  readonly dependsOn: readonly string[];
}

let bundled: Bundles | undefined;

/** The CDK app of a test; its own templates' validation by the CDK is left to the test that runs the real app. */
export const testApp = (): App => new App({ context: cdkJson.context, builtinCloudFormationValidation: false });

export const deploy = (props: TokenServiceProps = {}, app: App = testApp()): CountersignStack => {
  bundled ??= bundleFunctions(FUNCTIONS);
  return new CountersignStack(app, 'Countersign', { service: { bundles: bundled, ...props } });
};

const nameOf = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '');

interface RawResource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, Node>>;
  readonly DeletionPolicy?: string;
  readonly DependsOn?: readonly string[];
}

/** Resources of a stack, in the order of the template. */
export const resourcesOf = (stack: Stack): readonly Resource[] => {
  const { Resources } = Template.fromStack(stack).toJSON() as {
    Resources: Record<string, RawResource>;
  };
  return Object.entries(Resources).map(([id, { Type, Properties = {}, DeletionPolicy, DependsOn = [] }]) => ({
    name: nameOf(id),
    type: Type,
    properties: Properties,
    deletionPolicy: DeletionPolicy,
    dependsOn: DependsOn.map(nameOf),
  }));
};

export const ofType = (resources: readonly Resource[], type: string): readonly Resource[] =>
  resources.filter((resource) => resource.type === type);

const isRecord = (node: Node): node is { readonly [name: string]: Node } =>
  typeof node === 'object' && !Array.isArray(node);

/** A template value with its intrinsic functions written out: `{Ref: X}` is `<X>`, `{Fn::GetAtt: [X, Arn]}` is `<X.Arn>`. */
export const plain = (node: Node | undefined): unknown => {
  if (Array.isArray(node)) return node.map(plain);
  if (node === undefined || !isRecord(node)) return node;
  const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = node;
  if (typeof ref === 'string') return `<${nameOf(ref)}>`;
  if (Array.isArray(attribute)) return `<${nameOf(String(attribute[0]))}.${String(attribute[1])}>`;
  if (Array.isArray(join) && Array.isArray(join[1])) return join[1].map(plain).join(String(join[0]));
  return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, plain(value)]));
};

/** The properties of the one resource of that name, and what becomes of it with the stack. */
export const resourceNamed = (
  among: readonly Resource[],
  name: string,
): Record<string, unknown> & { readonly deletion: string | undefined } => {
  const found = among.filter((resource) => resource.name === name);
  if (found.length !== 1) throw new Error(`${found.length} resources are named ${name}`);
  return { ...(plain(found[0]?.properties) as object), deletion: found[0]?.deletionPolicy };
};
