import { CreateTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, tableInput, type World } from './database.ts';

const TableName = 'registry';
let world: World;

beforeEach(async () => {
  world = await openWorld();
  await world.client.send(new CreateTableCommand(tableInput(TableName)));
});
afterEach(() => world.database.close());

const get = async (pk: string, sk: string) =>
  (await world.documents.send(new GetCommand({ TableName, Key: { pk, sk }, ConsistentRead: true }))).Item;

describe('validation, in the words of the service', () => {
  const Key = { pk: 'a', sk: '1' };
  const base = { TableName, Key };
  it.each([
    [
      'a reserved word',
      () => new UpdateCommand({ ...base, UpdateExpression: 'SET status = :s', ExpressionAttributeValues: { ':s': 1 } }),
      'Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: status',
    ],
    [
      'an unused value',
      () => new UpdateCommand({ ...base, UpdateExpression: 'REMOVE x', ExpressionAttributeValues: { ':s': 1 } }),
      'Value provided in ExpressionAttributeValues unused in expressions: keys: {:s}',
    ],
    [
      'an undefined value',
      () => new PutCommand({ TableName, Item: Key, ConditionExpression: 'pk = :nope' }),
      'Invalid ConditionExpression: An expression attribute value used in expression is not defined; attribute value: :nope',
    ],
    [
      'an item over 400 KB, counted in bytes',
      () => new PutCommand({ TableName, Item: { ...Key, x: 'ü'.repeat(205_000) } }),
      'Item size has exceeded the maximum allowed size',
    ],
    [
      'an update beyond 400 KB',
      () =>
        new UpdateCommand({
          ...base,
          UpdateExpression: 'SET x = :x',
          ExpressionAttributeValues: { ':x': 'y'.repeat(409_600) },
        }),
      'Item size to update has exceeded the maximum allowed size',
    ],
    [
      'an empty key in an item',
      () => new PutCommand({ TableName, Item: { pk: '', sk: '1' } }),
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk',
    ],
    [
      'an empty key in a lookup',
      () => new GetCommand({ TableName, Key: { pk: 'a', sk: '' } }),
      'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: sk',
    ],
    [
      'an empty key of an index',
      () => new PutCommand({ TableName, Item: { ...Key, listing: '' } }),
      'One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: listing, IndexKey: listing',
    ],
    [
      'a key of the wrong type',
      () => new PutCommand({ TableName, Item: { pk: 1, sk: '1' } }),
      'One or more parameter values were invalid: Type mismatch for key pk expected: S actual: N',
    ],
    [
      'a part of the key missing',
      () => new GetCommand({ TableName, Key: { pk: 'a' } }),
      'The provided key element does not match the schema',
    ],
    [
      'a consistent read of a global index',
      () =>
        new QueryCommand({
          TableName,
          IndexName: 'listing',
          ConsistentRead: true,
          KeyConditionExpression: 'listing = :l',
          ExpressionAttributeValues: { ':l': 'x' },
        }),
      'Consistent reads are not supported on global secondary indexes',
    ],
    [
      'an update of the key',
      () => new UpdateCommand({ ...base, UpdateExpression: 'SET sk = :s', ExpressionAttributeValues: { ':s': '2' } }),
      'One or more parameter values were invalid: Cannot update attribute sk. This attribute is part of the key',
    ],
  ])('refuses %s', async (_name, command, message) => {
    const error = await world.documents.send(command() as PutCommand).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ name: 'ValidationException', message });
    expect(await get('a', '1')).toBeUndefined();
  });

  it('refuses a member that the engine would not act on', async () => {
    const input = { TableName, Item: { pk: { S: 'a' }, sk: { S: '1' } }, Surprise: true };
    await expect(world.database.call('PutItem', input)).rejects.toThrow(
      'does not support the member Surprise of PutItem',
    );
  });

  it('says ResourceNotFoundException for a table that is not there', async () => {
    const command = new PutItemCommand({ TableName: 'nowhere', Item: { pk: { S: 'a' } } });
    await expect(world.client.send(command)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Requested resource not found',
    });
  });
});
