/**
 * Bundles the Lambda functions, all in one esbuild run: each to its own asset directory, source maps to a place of their own.
 * What a bundle contains depends on the sources alone, so neither do asset hashes depend on where `cdk.out` lies.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { buildSync, type Metafile } from 'esbuild';

const REPOSITORY = dirname(import.meta.dirname);
const ENTRY = 'index.mjs';

/** Where bundles come from and go to. */
export interface BundleOptions {
  /**
   * Directory with `<name>.lambda.ts` for every name.
   * @default - `functions/` of this repository
   */
  readonly sources?: string;
  /**
   * Directory for `functions/<name>/index.mjs` (the assets), `source-maps/<name>.mjs.map` and `metafile.json`.
   * @default - `build/` of this repository
   */
  readonly output?: string;
}

/** What one run of the bundler made. */
export interface Bundles {
  /** Asset directory of each function, by its name: holds `index.mjs` and nothing else. */
  readonly directories: ReadonlyMap<string, string>;
  /** esbuild's account of which source file went into which bundle, in how many bytes. */
  readonly metafile: Metafile;
}

/**
 * Replaces a file in one step, and only if it changes: another synth may be reading it at the same moment. The draft lies
 * outside the asset directories, so that nobody takes it for a part of one.
 */
const place = (output: string, path: string, content: Uint8Array): void => {
  if (existsSync(path) && readFileSync(path).equals(content)) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = join(output, `${randomUUID()}.draft`);
  writeFileSync(draft, content);
  renameSync(draft, path);
};

const removeOthers = (directory: string): void => {
  for (const name of readdirSync(directory)) if (name !== ENTRY) rmSync(join(directory, name), { recursive: true });
};

const entryPoint = (sources: string, name: string): string => {
  const path = join(sources, `${name}.lambda.ts`);
  if (existsSync(path)) return path;
  throw new Error(`The function "${name}" has no entry file: ${path} does not exist`);
};

/**
 * The SDK's ways to credentials other than the environment, where Lambda puts them. It loads each only when the one before
 * found nothing, so none is ever loaded; bundled they would be a quarter of the code and of a cold start.
 */
const UNUSED_CREDENTIAL_PROVIDERS = [
  ...['http', 'ini', 'login', 'process', 'sso', 'web-identity'].map((name) => `@aws-sdk/credential-provider-${name}`),
  '@smithy/credential-provider-imds',
];

const build = (names: readonly string[], sources: string, outdir: string) =>
  buildSync({
    absWorkingDir: REPOSITORY,
    entryPoints: names.map((name) => ({ in: entryPoint(sources, name), out: `${name}/index` })),
    outdir,
    outExtension: { '.js': '.mjs' },
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // The packages' ES modules first: what is not used falls away, which halves the code.
    mainFields: ['module', 'main'],
    external: UNUSED_CREDENTIAL_PROVIDERS,
    sourcemap: 'external',
    legalComments: 'none',
    metafile: true,
    logLevel: 'silent',
  });

/**
 * Bundles the named functions.
 * @throws Error naming the missing file when a function has no entry file; esbuild's own errors for code that does not build.
 */
export const bundleFunctions = (names: readonly string[], options: BundleOptions = {}): Bundles => {
  const output = options.output ?? join(REPOSITORY, 'build');
  const assets = join(output, 'functions');
  const { outputFiles, metafile } = build(names, options.sources ?? join(REPOSITORY, 'functions'), assets);
  for (const { path, contents } of outputFiles) {
    const name = basename(dirname(path));
    place(output, path.endsWith('.map') ? join(output, 'source-maps', `${name}.mjs.map`) : path, contents);
  }
  place(output, join(output, 'metafile.json'), Buffer.from(JSON.stringify(metafile)));
  const directories = new Map(names.map((name) => [name, join(assets, name)]));
  for (const directory of directories.values()) removeOthers(directory);
  return { directories, metafile };
};

/** @throws Error when the function was not among the bundled ones. */
export const assetDirectory = (bundles: Bundles, name: string): string => {
  const directory = bundles.directories.get(name);
  if (directory === undefined) throw new Error(`The function "${name}" was not bundled`);
  return directory;
};
