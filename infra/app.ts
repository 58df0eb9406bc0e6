/** Entry of the CDK app: one stack with the settings of the context, held against the AWS Solutions rules of cdk-nag. */
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { SettingError } from './setting-error.ts';
import { parseContext } from './settings.ts';
import { CountersignStack } from './stack.ts';

try {
  const app = new App();
  const { stackName = 'Countersign', mutualTls, ...service } = parseContext(app.node.getAllContext());
  new CountersignStack(app, stackName, { service, ...(mutualTls === undefined ? {} : { mutualTls }) });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
} catch (error) {
  if (!(error instanceof SettingError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
