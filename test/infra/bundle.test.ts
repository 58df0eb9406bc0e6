import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assetDirectory, bundleFunctions } from '../../infra/bundle.ts';
import { FUNCTIONS } from '../../infra/functions.ts';

const scratch = mkdtempSync(join(tmpdir(), 'countersign-bundle-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const output = join(scratch, 'all');
const bundles = bundleFunctions(FUNCTIONS, { output });

const sourcesWith = (functions: Readonly<Record<string, string>>): string => {
  const sources = mkdtempSync(join(scratch, 'sources-'));
  for (const [name, code] of Object.entries(functions)) writeFileSync(join(sources, `${name}.lambda.ts`), code);
  return sources;
};

/** What esbuild says of the bundle of a function. */
const outputOf = (name: string) => {
  const found = Object.entries(bundles.metafile.outputs).filter(([path]) => path.endsWith(`/${name}/index.mjs`));
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} outputs for ${name}`);
  return found[0][1];
};

const bundlesWith = (part: string): readonly string[] =>
  FUNCTIONS.filter((name) => Object.keys(outputOf(name).inputs).some((input) => input.includes(part)));

describe('the bundles of the functions', () => {
  it.each(FUNCTIONS)('%s is one ES module with a handler, and no source map beside or inside it', (name) => {
    const directory = assetDirectory(bundles, name);
    const code = readFileSync(join(directory, 'index.mjs'), 'utf8');

    expect(readdirSync(directory)).toEqual(['index.mjs']);
    expect(code).not.toContain('sourceMappingURL');
    expect(outputOf(name).exports).toEqual(['handler']);
  });

  it.each(FUNCTIONS)('%s has its source map in another place, with the sources in it', (name) => {
    const map = JSON.parse(readFileSync(join(output, 'source-maps', `${name}.mjs.map`), 'utf8'));

    expect(map.sources.some((source: string) => source.endsWith(`functions/${name}.lambda.ts`))).toBe(true);
    expect(map.sourcesContent).toHaveLength(map.sources.length);
  });

  it.each(FUNCTIONS)(
    '%s brings everything it imports at once, and needs no require, which an ES module does not have',
    (name) => {
      const { imports } = outputOf(name);

      // Left out on purpose: other ways to credentials than the environment, which the SDK would import only for lack of it.
      const isLeftOut = (path: string) => /\/credential-provider-/.test(path);
      expect(imports.filter(({ path }) => !isBuiltin(path) && !isLeftOut(path))).toEqual([]);
      expect(imports.filter(({ path, kind }) => isLeftOut(path) && kind !== 'dynamic-import')).toEqual([]);
      expect(imports.map(({ kind }) => kind)).not.toContain('require-call');
    },
  );

  it('contain a KMS client only where keys are used', () => {
    expect(bundlesWith('/@aws-sdk/client-kms/')).toEqual(['token', 'introspect', 'keys', 'rotate-keys']);
  });

  it('contain a DynamoDB client only where the registry is used', () => {
    expect(bundlesWith('/@aws-sdk/client-dynamodb/')).toEqual(FUNCTIONS.filter((name) => name !== 'whoami'));
  });

  it.each(['/aws-cdk-lib/', '/constructs/', '/esbuild/', 'infra/', 'local/', 'cli/', 'test/'])(
    'contain nothing of %s',
    (part) => {
      const own = part.startsWith('/') ? `node_modules${part}` : part;
      const inputs = FUNCTIONS.flatMap((name) => Object.keys(outputOf(name).inputs));

      expect(inputs.filter((input) => (part.startsWith('/') ? input.includes(own) : input.startsWith(own)))).toEqual(
        [],
      );
      expect(inputs.length).toBeGreaterThan(100);
    },
  );

  it('keep the authorizer, which starts in the way of requests, small', () => {
    const { bytes, inputs } = outputOf('authorizer');
    expect(Object.keys(inputs).filter((path) => /node_modules\/(zod|yaml|@peculiar)\//.test(path))).toEqual([]);
    expect(bytes).toBeLessThan(380_000);
  });

  it('are the same bytes wherever they are put', () => {
    const elsewhere = bundleFunctions(FUNCTIONS, { output: join(scratch, 'some', 'where', 'else') });

    for (const name of FUNCTIONS) {
      const [here, there] = [bundles, elsewhere].map((made) =>
        readFileSync(join(assetDirectory(made, name), 'index.mjs')),
      );
      expect(there?.equals(here ?? Buffer.of())).toBe(true);
    }
  });
});

describe('the bundler', () => {
  it('reports a require of one of the packages, which would fail in an ES module', () => {
    const sources = sourcesWith({ token: "export const handler = () => require('node:fs');" });
    const { metafile } = bundleFunctions(['token'], { sources, output: join(scratch, 'requiring') });

    expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toContainEqual(
      expect.objectContaining({ kind: 'require-call', path: 'node:fs' }),
    );
  });

  it('names the file that a function lacks', () => {
    const sources = sourcesWith({ token: 'export const handler = () => 1;' });

    expect(() => bundleFunctions(['token', 'whoami'], { sources, output: join(scratch, 'lacking') })).toThrow(
      `The function "whoami" has no entry file: ${join(sources, 'whoami.lambda.ts')} does not exist`,
    );
  });

  it('passes on where code does not build', () => {
    const sources = sourcesWith({ token: 'export const handler = ;' });

    expect(() => bundleFunctions(['token'], { sources, output: join(scratch, 'broken') })).toThrow(
      /token\.lambda\.ts:1:23/,
    );
  });

  it('does not hand out a function that it did not bundle', () => {
    expect(() => assetDirectory(bundles, 'authorize')).toThrow('The function "authorize" was not bundled');
  });

  it('removes what an earlier build left in an asset directory', () => {
    const sources = sourcesWith({ token: 'export const handler = () => 1;' });
    const directory = join(scratch, 'reused', 'functions', 'token');
    mkdirSync(join(directory, 'old'), { recursive: true });
    writeFileSync(join(directory, 'index.mjs.map'), '{}');
    bundleFunctions(['token'], { sources, output: join(scratch, 'reused') });

    expect(readdirSync(directory)).toEqual(['index.mjs']);
  });

  it('replaces a bundle whose source has changed, and its map with it', () => {
    const output = join(scratch, 'changed');
    const bundle = (answer: string) => {
      const sources = sourcesWith({ token: `export const handler = () => '${answer}';` });
      const made = bundleFunctions(['token'], { sources, output });
      const map = readFileSync(join(output, 'source-maps', 'token.mjs.map'), 'utf8');
      return [readFileSync(join(assetDirectory(made, 'token'), 'index.mjs'), 'utf8'), map];
    };

    for (const text of bundle('first')) expect(text).toContain('first');
    for (const text of bundle('second')) expect(text).toContain('second');
  });
});
