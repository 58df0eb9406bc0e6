import { describe, expect, it } from 'vitest';
import { awsCredentials, signingRegion } from '../../cli/aws-credentials.ts';

describe('signingRegion', () => {
  const API = 'https://a1b2c3.execute-api.eu-west-3.amazonaws.com';
  const OWN = 'https://tokens.example.com';
  it.each([
    ['the option', API, 'eu-north-1', { AWS_REGION: 'ap-south-1' }, 'eu-north-1'],
    ["the API's host name", API, undefined, { AWS_REGION: 'ap-south-1' }, 'eu-west-3'],
    ['a host name in China', `${API.replace('eu-west-3', 'cn-north-1')}.cn`, undefined, {}, 'cn-north-1'],
    ['the environment', OWN, undefined, { AWS_REGION: 'ap-south-1' }, 'ap-south-1'],
    ['the default', OWN, undefined, { AWS_REGION: '' }, 'us-east-1'],
    ['no look-alike host', `${API}.example.com`, undefined, {}, 'us-east-1'],
  ])('comes from %s', (_, endpoint, option, env, region) => {
    expect(signingRegion(endpoint, option, env)).toBe(region);
  });
});

describe('awsCredentials', () => {
  it('come from the environment, with a session token where there is one', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: 'secret' };
    expect(await awsCredentials(env, 'us-east-1')()).toEqual({ accessKeyId: 'AKIA', secretAccessKey: 'secret' });
    const session = await awsCredentials({ ...env, AWS_SESSION_TOKEN: 'session' }, 'us-east-1')();
    expect(session.sessionToken).toBe('session');
  });
});
