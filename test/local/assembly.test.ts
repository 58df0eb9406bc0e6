import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAssembly } from '../../local/assembly.ts';
import { ECHO, temporaryDirectory, writeAssembly } from './support/fixture.ts';

function edit(file: string, change: (content: ReturnType<typeof JSON.parse>) => void): void {
  const content = JSON.parse(readFileSync(file, 'utf8'));
  change(content);
  writeFileSync(file, JSON.stringify(content));
}

const echoAssembly = (): string => writeAssembly({ functions: { F: { code: ECHO } } });

describe('an assembly', () => {
  it('gives the stack, its template and the directory of an asset', () => {
    const directory = echoAssembly();
    const assembly = readAssembly(directory);
    expect(assembly).toMatchObject({ name: 'Test', region: undefined, account: undefined });
    expect(Object.keys(assembly.template.Resources)).toContain('F');
    expect(assembly.assetDirectory('F.zip', 'F')).toMatch(/asset\.F$/);
  });

  it('gives the region and account that the stack is bound to', () => {
    const directory = echoAssembly();
    edit(join(directory, 'manifest.json'), (manifest) => {
      manifest.artifacts.Test.environment = 'aws://123456789012/eu-north-1';
    });
    expect(readAssembly(directory)).toMatchObject({ region: 'eu-north-1', account: '123456789012' });
  });

  it('refuses an asset path that leads out of it, as "cdk ls" leaves behind', () => {
    const directory = echoAssembly();
    edit(join(directory, 'Test.assets.json'), (assets) => {
      assets.files.F.source.path = '..';
    });
    expect(() => readAssembly(directory)).toThrow(/refers to \.\. outside itself; synthesize it again/);
  });

  it('refuses a link that leads out of it', () => {
    const directory = echoAssembly();
    const outside = temporaryDirectory();
    mkdirSync(join(outside, 'code'));
    rmSync(join(directory, 'asset.F'), { recursive: true });
    symlinkSync(join(outside, 'code'), join(directory, 'asset.F'));
    expect(() => readAssembly(directory)).toThrow(/refers to asset\.F outside itself/);
  });

  it('refuses an assembly with a missing asset', () => {
    const directory = echoAssembly();
    rmSync(join(directory, 'asset.F'), { recursive: true });
    expect(() => readAssembly(directory)).toThrow(/is incomplete: asset\.F is missing/);
  });

  it('wants to know which of several stacks is meant', () => {
    const directory = echoAssembly();
    edit(join(directory, 'manifest.json'), (manifest) => {
      manifest.artifacts.Second = { ...manifest.artifacts.Test };
    });
    expect(() => readAssembly(directory)).toThrow(/holds several stacks, name one of: Test, Second/);
    expect(readAssembly(directory, 'Second').name).toBe('Second');
    expect(() => readAssembly(directory, 'Third')).toThrow(/holds no stack Third; it holds: Test, Second/);
  });

  it.each([
    ['nothing there', (directory: string) => rmSync(directory, { recursive: true }), /there is no cloud assembly in/],
    ['no manifest', (directory: string) => rmSync(join(directory, 'manifest.json')), /cannot read .*manifest\.json/],
    [
      'a broken manifest',
      (directory: string) => writeFileSync(join(directory, 'manifest.json'), '{'),
      /cannot read .*manifest\.json/,
    ],
    [
      'a manifest of another shape',
      (directory: string) => writeFileSync(join(directory, 'manifest.json'), '{}'),
      /manifest\.json is not what the CDK writes: artifacts/,
    ],
    [
      'a template of another shape',
      (directory: string) => writeFileSync(join(directory, 'Test.template.json'), '[]'),
      /is not a CloudFormation template/,
    ],
  ])('is refused in one line for %s', (_, harm, message) => {
    const directory = echoAssembly();
    harm(directory);
    expect(() => readAssembly(directory)).toThrow(message);
  });
});
