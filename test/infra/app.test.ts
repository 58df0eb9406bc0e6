import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deploy, ofType, plain, resourcesOf, testApp } from './deployment.ts';

const REPOSITORY = dirname(dirname(import.meta.dirname));
const SLOW = 120_000;

const scratch = mkdtempSync(join(tmpdir(), 'countersign-app-'));
const outdir = join(scratch, 'some', 'where', 'else');
afterAll(() => rmSync(scratch, { recursive: true }));

interface Run {
  readonly code: number;
  readonly output: string;
}

/** Runs the CDK's own command with the real app, in an environment without credentials. */
const synth = async (...options: string[]): Promise<Run> => {
  const cdk = join(REPOSITORY, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  const command = [cdk, 'synth', '--quiet', '--app', `${process.execPath} infra/app.ts`, ...options];
  const run = promisify(execFile)(process.execPath, command, { cwd: REPOSITORY, env: { HOME: scratch } });
  try {
    const { stdout, stderr } = await run;
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
};

describe('cdk synth', () => {
  let run: Run;
  beforeAll(async () => {
    run = await synth('--output', outdir, '-c', 'stackName=tokens-eu', '-c', 'accessTokenSeconds=900');
  }, SLOW);

  const reportOf = () => JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8'));

  it('succeeds without credentials, with nothing for cdk-nag or the rules of CloudFormation to find', () => {
    expect(run).toMatchObject({ code: 0 });
    expect(reportOf()).toMatchObject({ pluginReports: [] });
  });

  it('takes the name of the stack and the settings from the context', () => {
    const template = readFileSync(join(outdir, 'tokens-eu.template.json'), 'utf8');

    expect(template).toContain(String.raw`\"accessTokenSeconds\":900`);
    expect(template).toContain('"AlarmName": "tokens-eu/Service/TokenErrors"');
  });

  it('puts no source map into the assembly', () => {
    const files = readdirSync(outdir, { recursive: true }).map(String);

    expect(files.filter((file) => file.endsWith('.map'))).toEqual([]);
    expect(files.filter((file) => file.endsWith('index.mjs'))).toHaveLength(12);
  });

  it('gives assets the same hashes wherever the assembly lies', () => {
    const template = JSON.parse(readFileSync(join(outdir, 'tokens-eu.template.json'), 'utf8'));
    const keys = Object.entries<{ Type: string; Properties: { Code: { S3Key: string } } }>(template.Resources)
      .filter(([, { Type }]) => Type === 'AWS::Lambda::Function')
      .map(([, { Properties }]) => Properties.Code.S3Key);
    const elsewhere = ofType(resourcesOf(deploy()), 'AWS::Lambda::Function');

    expect(keys).toEqual(elsewhere.map(({ properties }) => (plain(properties.Code) as { S3Key: string }).S3Key));
    expect(new Set(keys).size).toBe(13);
  });

  it.skipIf(spawnSync('cfn-lint', ['--version']).status !== 0)(
    'satisfies cfn-lint',
    () => {
      // W3005: the CDK names dependencies that a reference implies as well.
      const lint = spawnSync('cfn-lint', ['-i', 'W3005', '--', join(outdir, 'tokens-eu.template.json')], {
        encoding: 'utf8',
      });

      expect(lint).toMatchObject({ status: 0, stdout: '' });
    },
    SLOW,
  );
});

it(
  'says in one line which setting cannot be used',
  async () => {
    const { code, output } = await synth('--output', join(scratch, 'refused'), '-c', 'accessTokenSeconds=5');

    expect(code).toBe(1);
    expect(output.split('\n').slice(0, 2)).toEqual([
      'Setting accessTokenSeconds=5: must be a whole number from 60 to 86400 (lifetime of access tokens)',
      expect.not.stringContaining('    at '),
    ]);
  },
  SLOW,
);

it('fails the synth on a finding of cdk-nag', () => {
  const app = testApp();
  new Bucket(new Stack(app, 'Careless'), 'Bucket');
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

  expect(() => app.synth()).toThrow(/[Vv]alidation/);
});
