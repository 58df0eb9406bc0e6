/** A CDK project without the CDK library: its app copies an assembly made by hand to where the CDK wants it. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './fixture.ts';

/** The app prints the context value `fail` and ends with an error when there is one. */
const app = (assembly: string): string => `
import { cpSync } from 'node:fs';
const context = JSON.parse(process.env.CDK_CONTEXT_JSON ?? '{}');
if (context.fail !== undefined) throw new RangeError('the setting fail may not be ' + context.fail);
if (context.quiet !== undefined) { process.stderr.write(context.quiet + '\\n'); process.exit(1); }
cpSync(${JSON.stringify(assembly)}, process.env.CDK_OUTDIR, { recursive: true });
`;

export function writeProject(assembly: string): string {
  const project = temporaryDirectory();
  writeFileSync(join(project, 'app.mjs'), app(assembly));
  const settings = {
    app: 'node app.mjs',
    versionReporting: false,
    notices: false,
    context: { 'cli-telemetry': false },
  };
  writeFileSync(join(project, 'cdk.json'), JSON.stringify(settings));
  return project;
}
