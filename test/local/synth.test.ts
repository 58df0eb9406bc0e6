import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lastMeaningfulLine, synthesize } from '../../local/synth.ts';
import { ECHO, temporaryDirectory, writeAssembly } from './support/fixture.ts';
import { writeProject } from './support/project.ts';

function arrange(context: Record<string, string>) {
  const directory = temporaryDirectory();
  const project = writeProject(writeAssembly({ functions: { F: { code: ECHO } } }));
  const output = join(directory, 'cdk.out');
  return { project, output, context, environment: process.env, logFile: join(directory, 'synth.log') };
}

describe('synth', () => {
  it('puts a fresh assembly where it is wanted', async () => {
    const options = arrange({});
    mkdirSync(options.output);
    writeFileSync(join(options.output, 'left-over'), '');
    await synthesize(options);
    expect(existsSync(join(options.output, 'manifest.json'))).toBe(true);
    expect(existsSync(join(options.output, 'left-over'))).toBe(false);
    expect(existsSync(options.logFile)).toBe(false);
  });

  it.each([
    [{ fail: '7' }, 'RangeError: the setting fail may not be 7'],
    [{ quiet: 'issuer must be an https URL' }, 'issuer must be an https URL'],
  ])('turns a failure with %o into one line, and keeps the rest in a file', async (context, reason) => {
    const options = arrange(context);
    await expect(synthesize(options)).rejects.toThrow(
      `cdk synth failed: ${reason} (all of its output: ${options.logFile})`,
    );
    expect(readFileSync(options.logFile, 'utf8')).toContain(reason);
  });
});

describe('the line that says why a synth failed', () => {
  it.each([
    ['TypeError: bad\n    at f (x.ts:1:2)\n\nNode.js v24.21.0\n', 'TypeError: bad'],
    ['issuer must be https\nSubprocess exited with error 1\n', 'issuer must be https'],
    ['a\nError: one\n    at x\n{\n}\n', 'Error: one'],
  ])('of %j', (output, line) => expect(lastMeaningfulLine(output)).toBe(line));

  it('is nothing when nothing was said', () => expect(lastMeaningfulLine('\n  \n')).toBeUndefined());
});
