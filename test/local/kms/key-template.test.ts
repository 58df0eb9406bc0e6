/** Keys that a template declares: there from the start, under the name that the template knows, and the same at the next start. */

import { describe, expect, it } from 'vitest';
import { type Fixture, startFixture, temporaryDirectory } from '../support/fixture.ts';

const KeyPolicy = {
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'kms:*', Resource: '*' },
  ],
};

/** A call of the function is one of KMS, by the protocol itself: bundles are not made here. */
const code = `import { createHash, createHmac } from 'node:crypto';
const env = process.env;
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const hash = (text) => createHash('sha256').update(text).digest('hex');
export const handler = async ({ operation, input }) => {
  const body = JSON.stringify(input);
  const url = new URL(env.AWS_ENDPOINT_URL);
  const date = new Date().toISOString().replaceAll(/[-:]|\\.\\d+/g, '');
  const headers = { host: url.host, 'x-amz-date': date, 'x-amz-security-token': env.AWS_SESSION_TOKEN,
    'x-amz-target': 'TrentService.' + operation };
  const names = Object.keys(headers).join(';');
  const lines = Object.entries(headers).map(([name, value]) => name + ':' + value + '\\n').join('');
  const scope = [date.slice(0, 8), env.AWS_REGION, 'kms', 'aws4_request'];
  const canonical = ['POST', '/', '', lines, names, hash(body)].join('\\n');
  const key = scope.reduce(hmac, 'AWS4' + env.AWS_SECRET_ACCESS_KEY);
  const signed = ['AWS4-HMAC-SHA256', date, scope.join('/'), hash(canonical)].join('\\n');
  const signature = hmac(key, signed).toString('hex');
  const authorization = 'AWS4-HMAC-SHA256 Credential=' + env.AWS_ACCESS_KEY_ID + '/' + scope.join('/') +
    ', SignedHeaders=' + names + ', Signature=' + signature;
  const answer = await fetch(url, { method: 'POST', body,
    headers: { ...headers, authorization, 'content-type': 'application/x-amz-json-1.1' } });
  return answer.json();
};`;

const fixture = (properties: object = {}): Fixture => ({
  functions: {
    Signer: {
      code,
      statements: [{ Effect: 'Allow', Action: 'kms:GetPublicKey', Resource: { 'Fn::GetAtt': ['Key', 'Arn'] } }],
    },
  },
  resources: {
    Key: {
      Type: 'AWS::KMS::Key',
      Properties: { KeyPolicy, KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY', ...properties },
    },
  },
  template: { Outputs: { Id: { Value: { Ref: 'Key' } }, Arn: { Value: { 'Fn::GetAtt': ['Key', 'Arn'] } } } },
});

const call = async (deployment: Awaited<ReturnType<typeof startFixture>>, operation: string): Promise<object> => {
  const result = await deployment.invoke('Signer', { operation, input: { KeyId: deployment.outputs.Arn ?? '' } });
  if (!result.ok) throw new Error(result.error.errorMessage);
  return JSON.parse(result.payload);
};

describe('a key of the template', () => {
  it('is there under its name, for whom a policy lets use it', async () => {
    const deployment = await startFixture(fixture());
    const { Id, Arn } = deployment.outputs;
    expect(Arn).toBe(`arn:aws:kms:us-east-1:111122223333:key/${Id}`);
    expect(await call(deployment, 'GetPublicKey')).toMatchObject({ KeyId: Arn, KeySpec: 'ECC_NIST_P256' });
    expect(await call(deployment, 'DescribeKey')).toMatchObject({ __type: 'AccessDeniedException' });
  });

  it('is the same at the next start, and has the policy of that start', async () => {
    const dataDirectory = temporaryDirectory();
    const first = await startFixture(fixture(), { dataDirectory });
    const before = await call(first, 'GetPublicKey');
    await first.close();
    const second = await startFixture(fixture(), { dataDirectory });
    expect(await call(second, 'GetPublicKey')).toEqual(before);
    await second.close();
    const [statement] = KeyPolicy.Statement;
    const nobody = { ...statement, Action: 'kms:PutKeyPolicy' };
    const changed = fixture({ KeyPolicy: { ...KeyPolicy, Statement: [nobody] } });
    const third = await startFixture(changed, { dataDirectory });
    expect(await call(third, 'GetPublicKey')).toMatchObject({ __type: 'AccessDeniedException' });
  });

  it.each<[what: string, properties: object, message: RegExp]>([
    ['of a kind that is not known here', { KeySpec: 'SYMMETRIC_DEFAULT' }, /^Key: /],
    ['of which more is said than is understood', { EnableKeyRotation: true }, /^Key: .*EnableKeyRotation/s],
    ['with a policy that is none', { KeyPolicy: { Statement: [] } }, /^Key: .*no statements/],
  ])('stops the start when it is %s', async (_, properties, message) => {
    await expect(startFixture(fixture(properties))).rejects.toThrow(message);
  });
});
