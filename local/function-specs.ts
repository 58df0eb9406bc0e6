/**
 * The template's Lambda functions: code, settings, and the environment that their processes get.
 */

import { resolve } from 'node:path';
import { z } from 'zod';
import type { StackAssembly } from './assembly.ts';
import type { FunctionSpec } from './functions.ts';
import type { Credentials } from './iam/credentials.ts';
import type { Placement } from './service.ts';
import { StartError } from './start-error.ts';
import { parseProperties } from './template/document.ts';
import type { Resolver } from './template/resolver.ts';

const properties = z.object({
  Code: z.object({ S3Key: z.string({ error: 'only functions bundled as assets can run locally' }) }),
  Handler: z.string(),
  Role: z.string(),
  Runtime: z.string().regex(/^nodejs/, { error: 'only Node.js functions can run locally' }),
  Timeout: z.coerce.number().positive().default(3),
  MemorySize: z.coerce.number().positive().default(128),
  Environment: z.object({ Variables: z.record(z.string(), z.coerce.string()).default({}) }).default({ Variables: {} }),
  LoggingConfig: z.object({ LogGroup: z.string().optional() }).default({}),
  // Where the function runs in a VPC, it runs here like all others.
  VpcConfig: z.unknown().optional(),
  Layers: z.undefined({ error: 'layers are not supported by the local runner' }).optional(),
});

export interface FunctionSpecOptions extends Placement {
  readonly assembly: StackAssembly;
  /** Where the AWS SDK in a function finds the local services. */
  readonly awsUrl: URL;
  /** Credentials of a session of the role. @throws StartError when Lambda may not assume it. */
  readonly assume: (roleArn: string, functionName: string, logicalId: string) => Credentials;
}

/** @throws StartError naming the function that cannot run here. */
export function readFunctions(resolver: Resolver, options: FunctionSpecOptions): FunctionSpec[] {
  return resolver.resources('AWS::Lambda::Function').map(([logicalId]) => {
    const declared = parseProperties(properties, resolver.properties(logicalId), logicalId);
    const name = resolver.values(logicalId, logicalId).ref;
    const base = {
      logicalId,
      name,
      arn: resolver.attribute(logicalId, 'Arn', logicalId),
      roleArn: declared.Role,
      directory: options.assembly.assetDirectory(declared.Code.S3Key, logicalId),
      handler: declared.Handler,
      memoryMegabytes: declared.MemorySize,
      timeoutSeconds: declared.Timeout,
      logGroup: declared.LoggingConfig.LogGroup ?? `/aws/lambda/${name}`,
    };
    const credentials = options.assume(declared.Role, name, logicalId);
    return { ...base, environment: environmentOf(base, declared.Environment.Variables, credentials, options) };
  });
}

const RESERVED = /^(AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|REGION|LAMBDA_.+)|_HANDLER|LAMBDA_TASK_ROOT)$/;

/**
 * Lambda developer guide, "Defined runtime environment variables". Of this process's own environment, only the authorities that
 * its user trusts beside the public ones: functions that fetch documents then reach servers of tests.
 */
function environmentOf(
  spec: Omit<FunctionSpec, 'environment'>,
  variables: Readonly<Record<string, string>>,
  credentials: Credentials,
  options: FunctionSpecOptions,
): Record<string, string> {
  const reserved = Object.keys(variables).find((name) => RESERVED.test(name));
  if (reserved !== undefined) throw new StartError(`${spec.logicalId}: Lambda reserves the variable ${reserved}`);
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    // The user's own home could hold AWS configuration files, which the SDK would read.
    HOME: spec.directory,
    AWS_ENDPOINT_URL: options.awsUrl.origin,
    ...extraAuthorities(process.env.NODE_EXTRA_CA_CERTS),
    ...variables,
    AWS_REGION: options.region,
    AWS_DEFAULT_REGION: options.region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
    AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`,
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMegabytes),
    AWS_LAMBDA_LOG_GROUP_NAME: spec.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local/[$LATEST]',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    LAMBDA_TASK_ROOT: spec.directory,
    _HANDLER: spec.handler,
  };
}

/** The path is relative to our working directory, not to the function's. */
const extraAuthorities = (file: string | undefined): Record<string, string> =>
  file === undefined || file === '' ? {} : { NODE_EXTRA_CA_CERTS: resolve(file) };
