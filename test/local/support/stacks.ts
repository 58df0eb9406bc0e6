/** Builds assemblies of several stacks by hand; the parts of each as a fixture of one has them. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Deployment, type DeploymentOptions, startDeployment } from '../../../local/deployment.ts';
import { type Fixture, resourcesOf, temporaryDirectory } from './fixture.ts';

export interface FixtureStack extends Fixture {
  /** Names of other stacks. */
  readonly dependsOn?: readonly string[];
  /** Of the fixture's own resources, those that this stack does without. */
  readonly without?: readonly string[];
  /** @default - no certain account and Region */
  readonly environment?: string;
}

export function writeStacks(stacks: Readonly<Record<string, FixtureStack>>): string {
  const directory = temporaryDirectory();
  const write = (file: string, content: object): void => writeFileSync(join(directory, file), JSON.stringify(content));
  const artifacts: Record<string, object> = {};
  for (const [name, stack] of Object.entries(stacks)) {
    const { dependsOn = [], without = [], environment = 'aws://unknown-account/unknown-region' } = stack;
    const properties = { templateFile: `${name}.template.json` };
    artifacts[`${name}.assets`] = { type: 'cdk:asset-manifest', properties: { file: `${name}.assets.json` } };
    artifacts[name] = { type: 'aws:cloudformation:stack', environment, dependencies: dependsOn, properties };
    const resources = Object.entries(resourcesOf(stack)).filter(([logicalId]) => !without.includes(logicalId));
    write(`${name}.template.json`, { ...stack.template, Resources: Object.fromEntries(resources) });
    write(`${name}.assets.json`, { files: writeAssets(directory, name, stack) });
  }
  write('manifest.json', { version: '43.0.0', artifacts });
  return directory;
}

/** Object keys are those of the fixture's template, so functions of all stacks need names of their own. */
function writeAssets(directory: string, stack: string, { functions }: FixtureStack): object {
  const files = Object.entries(functions).map(([name, { code }]) => {
    const path = `asset.${stack}.${name}`;
    mkdirSync(join(directory, path));
    writeFileSync(join(directory, path, 'index.mjs'), code);
    const destinations = { current: { objectKey: `${name}.zip` } };
    return [name, { source: { path, packaging: 'zip' }, destinations }];
  });
  return Object.fromEntries(files);
}

/** Starts them; they are closed at the end of the test. */
export async function startStacks(
  stacks: Readonly<Record<string, FixtureStack>>,
  options: Partial<DeploymentOptions> = {},
): Promise<Deployment> {
  const deployment = await startDeployment({ assembly: writeStacks(stacks), ...options });
  onTestFinished(() => deployment.close());
  return deployment;
}
