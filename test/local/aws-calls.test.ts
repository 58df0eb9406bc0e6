// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders are CloudFormation's
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AwsCallRecord } from '../../local/aws-endpoint.ts';
import { type Deployment, startDeployment } from '../../local/deployment.ts';
import { type Fixture, startFixture, temporaryDirectory, writeAssembly } from './support/fixture.ts';

const sdk = (name: string): string => JSON.stringify(import.meta.resolve(name));

/** Calls `event.operation` of the service with `event.input`, by the real SDK in its default configuration. */
const CALLER = `
import * as dynamodb from ${sdk('@aws-sdk/client-dynamodb')};
import * as kms from ${sdk('@aws-sdk/client-kms')};
const clients = { dynamodb: new dynamodb.DynamoDBClient({ maxAttempts: 1 }), kms: new kms.KMSClient({ maxAttempts: 1 }) };
export const handler = async ({ service, operation, input }) => {
  const { $metadata, ...output } = await clients[service].send(new { dynamodb, kms }[service][operation + 'Command'](input));
  return output;
};`;

const TABLE_CALLS = ['dynamodb:GetItem', 'dynamodb:PutItem'];
const KEY_CALLS = ['kms:CreateKey', 'kms:DescribeKey', 'kms:TagResource'];

function callerWith(keyCalls: readonly string[], tableCalls: readonly string[]): Fixture {
  return {
    functions: {
      Caller: {
        code: CALLER,
        statements: [
          { Effect: 'Allow', Action: keyCalls, Resource: '*' },
          { Effect: 'Allow', Action: tableCalls, Resource: { 'Fn::GetAtt': ['Table', 'Arn'] } },
        ],
      },
    },
    resources: {
      Table: {
        Type: 'AWS::DynamoDB::GlobalTable',
        Properties: {
          AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
          KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
          BillingMode: 'PAY_PER_REQUEST',
          TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
          Replicas: [{ Region: { Ref: 'AWS::Region' }, DeletionProtectionEnabled: true }],
          SSESpecification: { SSEEnabled: false },
        },
      },
    },
    template: { Outputs: { Table: { Value: { Ref: 'Table' } } } },
  };
}

async function call(deployment: Deployment, service: string, operation: string, input: object) {
  const result = await deployment.invoke('Caller', { service, operation, input: JSON.parse(JSON.stringify(input)) });
  return result.ok ? JSON.parse(result.payload) : result.error;
}

const row = (pk: string, expiresAt?: number): object => ({
  pk: { S: pk },
  ...(expiresAt === undefined ? {} : { expiresAt: { N: String(expiresAt) } }),
});

describe("a function's calls to AWS", () => {
  it('reach the table that the template declares and the embedded KMS, and are observed', async () => {
    const calls: AwsCallRecord[] = [];
    const deployment = await startFixture(callerWith(KEY_CALLS, TABLE_CALLS), {
      observeCall: (one) => calls.push(one),
    });
    const TableName = deployment.outputs.Table;
    await call(deployment, 'dynamodb', 'PutItem', { TableName, Item: row('a') });
    expect(await call(deployment, 'dynamodb', 'GetItem', { TableName, Key: row('a') })).toEqual({ Item: row('a') });
    const { KeyMetadata } = await call(deployment, 'kms', 'CreateKey', {
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
    });
    expect(KeyMetadata.Arn).toMatch(/^arn:aws:kms:us-east-1:111122223333:key\//);
    expect(calls.map(({ service, operation, outcome }) => `${service} ${operation} ${outcome}`)).toEqual([
      'dynamodb PutItem ok',
      'dynamodb GetItem ok',
      'kms CreateKey ok',
    ]);
    expect(calls[0]?.principal).toMatch(
      /^arn:aws:sts::111122223333:assumed-role\/Test-CallerRole-\w+\/Test-Caller-\w+$/,
    );
  });

  it('are denied, naming the action, when the role does not allow them', async () => {
    const deployment = await startFixture(callerWith(['kms:DescribeKey'], ['dynamodb:GetItem']));
    const TableName = deployment.outputs.Table;
    expect(await call(deployment, 'dynamodb', 'PutItem', { TableName, Item: row('a') })).toMatchObject({
      errorType: 'AccessDeniedException',
      errorMessage: expect.stringMatching(
        /^User: arn:aws:sts::111122223333:assumed-role\/.+ is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:/,
      ),
    });
    expect(await call(deployment, 'kms', 'CreateKey', { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })).toMatchObject({
      errorType: 'AccessDeniedException',
      errorMessage: expect.stringContaining('kms:CreateKey'),
    });
  });
});

describe('data', () => {
  it('outlasts a restart on the same data directory, under the same names', async () => {
    const dataDirectory = temporaryDirectory();
    const assembly = writeAssembly(callerWith(KEY_CALLS, TABLE_CALLS));
    const first = await startDeployment({ assembly, dataDirectory });
    const TableName = first.outputs.Table;
    await call(first, 'dynamodb', 'PutItem', { TableName, Item: row('a') });
    const { KeyMetadata } = await call(first, 'kms', 'CreateKey', {
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
    });
    await first.close();

    const second = await startDeployment({ assembly, dataDirectory });
    try {
      expect(second.outputs.Table).toBe(TableName);
      expect(await call(second, 'dynamodb', 'GetItem', { TableName, Key: row('a') })).toEqual({ Item: row('a') });
      const described = await call(second, 'kms', 'DescribeKey', { KeyId: KeyMetadata.KeyId });
      expect(described.KeyMetadata.Arn).toBe(KeyMetadata.Arn);
    } finally {
      await second.close();
    }
  });

  it('is gone after a close without a data directory', async () => {
    const assembly = writeAssembly(callerWith(KEY_CALLS, TABLE_CALLS));
    for (const _ of [1, 2]) {
      const deployment = await startDeployment({ assembly });
      try {
        const TableName = deployment.outputs.Table;
        expect(await call(deployment, 'dynamodb', 'GetItem', { TableName, Key: row('a') })).toEqual({});
        await call(deployment, 'dynamodb', 'PutItem', { TableName, Item: row('a') });
      } finally {
        await deployment.close();
      }
    }
  });

  it('expires by the clock of the deployment when it is swept', async () => {
    let now = Date.now();
    const deployment = await startFixture(callerWith(KEY_CALLS, TABLE_CALLS), { clock: () => now });
    const TableName = deployment.outputs.Table;
    const item = row('a', Math.floor(now / 1000) + 60);
    await call(deployment, 'dynamodb', 'PutItem', { TableName, Item: item });
    await deployment.sweep();
    expect(await call(deployment, 'dynamodb', 'GetItem', { TableName, Key: row('a') })).toEqual({ Item: item });
    now += 61_000;
    await deployment.sweep();
    expect(await call(deployment, 'dynamodb', 'GetItem', { TableName, Key: row('a') })).toEqual({});
  });

  it.each(['kms.json', 'dynamodb'])(
    'stops the start in one line when %s in the data directory is broken',
    async (name) => {
      const dataDirectory = temporaryDirectory();
      writeFileSync(join(dataDirectory, name), 'broken');
      const { name: kind, message } = await startDeployment({
        assembly: writeAssembly(callerWith(KEY_CALLS, TABLE_CALLS)),
        dataDirectory,
      }).then(
        () => new Error('it started'),
        (error: Error) => error,
      );
      expect(kind).toBe('StartError');
      expect(message).toMatch(new RegExp(`^cannot use the data directory ${dataDirectory}: `));
      expect(message).not.toContain('\n');
    },
  );
});
