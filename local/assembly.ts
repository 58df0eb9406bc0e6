/**
 * Reads a synthesized cloud assembly: which stacks it holds, a stack's template, and where its function code lies.
 * Source: cloud assembly schema (`manifest.json`, `*.assets.json`) of the CDK.
 */

import { readFileSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { z } from 'zod';
import { StartError } from './start-error.ts';
import { firstProblem, parseTemplate, type Template } from './template/document.ts';

const manifestSchema = z.object({
  artifacts: z.record(
    z.string(),
    z.object({
      type: z.string(),
      environment: z.string().optional(),
      dependencies: z.array(z.string()).default([]),
      properties: z.object({ templateFile: z.string(), stackName: z.string(), file: z.string() }).partial().default({}),
    }),
  ),
});

const assetsSchema = z.object({
  files: z.record(
    z.string(),
    z.object({
      source: z.object({ path: z.string().optional(), packaging: z.string().optional() }),
      destinations: z.record(z.string(), z.object({ objectKey: z.string() })),
    }),
  ),
});

type Manifest = z.output<typeof manifestSchema>;
type Artifact = Manifest['artifacts'][string];

/** One stack of an assembly. */
export interface StackAssembly {
  readonly name: string;
  /** The region and account that the stack is bound to; undefined where it is environment-agnostic. */
  readonly region: string | undefined;
  readonly account: string | undefined;
  readonly template: Template;
  /** The directory that the asset with this S3 object key was bundled into. @throws StartError if there is none. */
  assetDirectory(objectKey: string, where: string): string;
}

/**
 * Reads the stack `stackName` of the assembly in `directory`, or its only stack.
 * @throws StartError when there is no such stack, several to choose from, or an asset outside the directory.
 */
export function readAssembly(directory: string, stackName?: string): StackAssembly {
  const [first, ...others] = readStacks(directory, stackName);
  if (first === undefined) throw new StartError(`${directory} holds no stack`);
  if (others.length === 0) return first;
  const names = [first, ...others].map(({ name }) => name).join(', ');
  throw new StartError(`${directory} holds several stacks, name one of: ${names}`);
}

/**
 * Reads the stack `stackName` of the assembly in `directory`, or all of its stacks: each after those that it depends on.
 * @throws StartError when there is no such stack, or an asset outside the directory.
 */
export function readStacks(directory: string, stackName?: string): StackAssembly[] {
  const root = realDirectory(directory);
  const manifest = readJson(join(root, 'manifest.json'), manifestSchema);
  const assets = readAssets(root, manifest);
  return chooseStacks(manifest, directory, stackName).map((stack) => readStack(root, stack, assets));
}

function readStack(root: string, stack: StackArtifact, assets: ReadonlyMap<string, string>): StackAssembly {
  const templateFile = inside(root, stack.properties.templateFile ?? '');
  const [, account, region] = /^aws:\/\/([^/]+)\/(.+)$/.exec(stack.environment ?? '') ?? [];
  return {
    name: stack.properties.stackName ?? stack.id,
    account: account === 'unknown-account' ? undefined : account,
    region: region === 'unknown-region' ? undefined : region,
    template: parseTemplate(readJson(templateFile, z.unknown()), templateFile),
    assetDirectory: (objectKey, where) => {
      const path = assets.get(objectKey);
      if (path === undefined) throw new StartError(`${where}: the assembly has no asset ${objectKey}`);
      return path;
    },
  };
}

type StackArtifact = Artifact & { readonly id: string };

function chooseStacks(manifest: Manifest, directory: string, wanted?: string): StackArtifact[] {
  const stacks = Object.entries(manifest.artifacts)
    .filter(([, artifact]) => artifact.type === 'aws:cloudformation:stack')
    .map(([id, artifact]) => ({ ...artifact, id }));
  const chosen = stacks.filter(
    (stack) => wanted === undefined || stack.id === wanted || stack.properties.stackName === wanted,
  );
  const names = stacks.map((stack) => stack.id).join(', ');
  if (chosen.length === 0)
    throw new StartError(`${directory} holds no stack${wanted ? ` ${wanted}` : ''}; it holds: ${names || 'none'}`);
  return inOrder(chosen);
}

/** Each after those that it depends on, otherwise as the manifest has them. The CDK lets nobody make a circle. */
function inOrder(stacks: readonly StackArtifact[]): StackArtifact[] {
  const ordered = new Set<StackArtifact>();
  const visit = (stack: StackArtifact, above: readonly StackArtifact[]): void => {
    if (above.includes(stack)) return;
    for (const other of stacks) if (stack.dependencies.includes(other.id)) visit(other, [...above, stack]);
    ordered.add(stack);
  };
  for (const stack of stacks) visit(stack, []);
  return [...ordered];
}

function readAssets(root: string, manifest: Manifest): Map<string, string> {
  const paths = new Map<string, string>();
  for (const artifact of Object.values(manifest.artifacts)) {
    if (artifact.type !== 'cdk:asset-manifest' || artifact.properties.file === undefined) continue;
    const { files } = readJson(inside(root, artifact.properties.file), assetsSchema);
    for (const { source, destinations } of Object.values(files)) {
      if (source.path === undefined) continue;
      const path = inside(root, source.path);
      for (const { objectKey } of Object.values(destinations)) paths.set(objectKey, path);
    }
  }
  return paths;
}

/**
 * Resolves a path of the manifest. `cdk ls` and `cdk bootstrap` rewrite an assembly with the project root as
 * every function's asset; such an assembly, or a link out of it, must not run.
 */
function inside(root: string, path: string): string {
  const real = realPath(join(root, path));
  if (real === undefined) throw new StartError(`${root} is incomplete: ${path} is missing; synthesize it again`);
  if (real.startsWith(root + sep)) return real;
  throw new StartError(`${root} refers to ${path} outside itself; synthesize it again with "cdk synth"`);
}

function realDirectory(directory: string): string {
  const real = realPath(directory);
  if (real === undefined) throw new StartError(`there is no cloud assembly in ${directory}`);
  return real;
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function readJson<T>(file: string, schema: z.ZodType<T>): T {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new StartError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new StartError(`${file} is not what the CDK writes: ${firstProblem(parsed.error)}`);
}
