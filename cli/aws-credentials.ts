/**
 * Where the AWS credentials of admin calls come from: the ordinary chain of the AWS SDK, and the region to sign for.
 * Credentials pass through; they are neither kept nor printed.
 */
import { misuse } from './failure.ts';
import { errorCode, type Io } from './io.ts';

interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export type CredentialProvider = () => Promise<AwsCredentials>;

const FALLBACK_REGION = 'us-east-1';
/** Default host names of HTTP APIs, PrivateLink and China included. */
const EXECUTE_API_HOST = /\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/;

/**
 * The region that signs calls to this endpoint. A default API Gateway host name says where it is and would refuse any other,
 * so it goes before AWS_REGION, which speaks for the terminal and not for the service.
 */
export function signingRegion(endpoint: string, option: string | undefined, env: Io['env']): string {
  const fromHost = EXECUTE_API_HOST.exec(new URL(endpoint).hostname)?.[1];
  return option ?? fromHost ?? (env.AWS_REGION || FALLBACK_REGION);
}

/**
 * Credentials from the given environment, else from the SDK's chain (SSO, shared files, process, web identity, container,
 * instance). AWS_PROFILE goes before the two variables, as in the chain.
 * @throws Failure (2) from the provider when there are none.
 */
export function awsCredentials(env: Io['env'], region: string): CredentialProvider {
  const accessKeyId = env.AWS_ACCESS_KEY_ID;
  const secretAccessKey = env.AWS_SECRET_ACCESS_KEY;
  const sessionToken = env.AWS_SESSION_TOKEN;
  if (accessKeyId && secretAccessKey && !env.AWS_PROFILE) {
    return async () => ({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) });
  }
  return async () => {
    // Loaded only here: the chain is most of what this program would otherwise load for `--help`.
    const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers');
    try {
      return await fromNodeProviderChain({ clientConfig: { region } })();
    } catch (error) {
      const reason = error instanceof Error ? error.message : errorCode(error);
      throw misuse(`no AWS credentials for the admin API: ${reason}`);
    }
  };
}
