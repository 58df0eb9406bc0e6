import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import { GetCommand, PutCommand, TransactGetCommand, TransactWriteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWorld, tableInput, type World } from './database.ts';

const TableName = 'registry';
let world: World;

beforeEach(async () => {
  world = await openWorld();
  await world.client.send(new CreateTableCommand(tableInput(TableName)));
});
afterEach(() => world.database.close());

const account = (id: number | string) => ({ pk: 'account', sk: String(id) });
const read = async (Key: Record<string, string>) =>
  (await world.documents.send(new GetCommand({ TableName, Key }))).Item;

const move = (world: World, from: number, to: number, amount: number) =>
  world.documents.send(
    new TransactWriteCommand({
      TransactItems: [
        {
          Update: {
            TableName,
            Key: account(from),
            UpdateExpression: 'SET balance = balance - :amount',
            ConditionExpression: 'balance >= :amount',
            ExpressionAttributeValues: { ':amount': amount },
          },
        },
        {
          Update: {
            TableName,
            Key: account(to),
            UpdateExpression: 'SET balance = balance + :amount',
            ExpressionAttributeValues: { ':amount': amount },
          },
        },
      ],
    }),
  );

describe('races', () => {
  it('of 50 conditional puts on one key have exactly one winner, whose item is there', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, runner) =>
        world.documents.send(
          new PutCommand({
            TableName,
            Item: { pk: 'jti', sk: 'x', runner },
            ConditionExpression: 'attribute_not_exists(pk)',
          }),
        ),
      ),
    );
    const winners = results.flatMap(({ status }, runner) => (status === 'fulfilled' ? [runner] : []));
    expect(winners).toHaveLength(1);
    expect(await read({ pk: 'jti', sk: 'x' })).toEqual({ pk: 'jti', sk: 'x', runner: winners[0] });
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(ConditionalCheckFailedException);
    }
  });

  it('of transactions and single puts for one key have exactly one winner', async () => {
    const claim = { TableName, ConditionExpression: 'attribute_not_exists(pk)' } as const;
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, runner) => {
        const Item = { pk: 'audience', sk: 'x', runner };
        return runner % 2 === 0
          ? world.documents.send(new PutCommand({ ...claim, Item }))
          : world.documents.send(
              new TransactWriteCommand({
                TransactItems: [
                  { Put: { ...claim, Item } },
                  { Put: { TableName, Item: { pk: 'owner', sk: String(runner) } } },
                ],
              }),
            );
      }),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') {
        const kinds = [ConditionalCheckFailedException, TransactionCanceledException];
        expect(kinds.some((kind) => result.reason instanceof kind)).toBe(true);
      }
    }
  });

  it('of 100 increments lose none', async () => {
    await Promise.all(
      Array.from({ length: 100 }, () =>
        world.documents.send(
          new UpdateCommand({
            TableName,
            Key: account('counter'),
            UpdateExpression: 'ADD n :one',
            ExpressionAttributeValues: { ':one': 1 },
          }),
        ),
      ),
    );
    expect(await read(account('counter'))).toMatchObject({ n: 100 });
  });

  it('of version-guarded updates let each version be taken once', async () => {
    await world.documents.send(new PutCommand({ TableName, Item: { ...account('ring'), version: 0, by: [] } }));
    const takers = await Promise.allSettled(
      Array.from({ length: 20 }, (_, runner) =>
        world.documents.send(
          new UpdateCommand({
            TableName,
            Key: account('ring'),
            UpdateExpression: 'SET version = :next, #by = list_append(#by, :runner)',
            ConditionExpression: 'version = :seen',
            ExpressionAttributeNames: { '#by': 'by' },
            ExpressionAttributeValues: { ':seen': 0, ':next': 1, ':runner': [runner] },
          }),
        ),
      ),
    );
    const winner = takers.findIndex(({ status }) => status === 'fulfilled');
    expect(takers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await read(account('ring'))).toMatchObject({ version: 1, by: [winner] });
  });
});

describe.each(['in memory', 'on disk'])('isolation %s', (where) => {
  let directory: string | undefined;
  let isolated: World;

  beforeEach(async () => {
    directory = where === 'on disk' ? await mkdtemp(join(tmpdir(), 'dynamodb-')) : undefined;
    isolated = await openWorld(directory === undefined ? {} : { directory });
    await isolated.client.send(new CreateTableCommand(tableInput(TableName)));
  });
  afterEach(async () => {
    await isolated.database.close();
    if (directory !== undefined) await rm(directory, { recursive: true });
  });

  const transfers = fc.array(fc.record({ from: fc.nat(3), to: fc.nat(3), amount: fc.integer({ min: 1, max: 60 }) }), {
    minLength: 1,
    maxLength: 25,
  });

  it('keeps the sum of all balances, none below zero, and shows no reader anything between', async () => {
    await fc.assert(
      fc.asyncProperty(transfers, async (moves) => {
        for (const id of [0, 1, 2, 3]) {
          await isolated.documents.send(new PutCommand({ TableName, Item: { ...account(id), balance: 50 } }));
        }
        const sums = moves.flatMap(({ from, to, amount }) => [
          from === to ? Promise.resolve() : move(isolated, from, to, amount).catch(onlyCancelled),
          balances().then((seen) => seen.reduce((sum, balance) => sum + balance, 0)),
        ]);
        const seen = (await Promise.all(sums)).filter((value) => typeof value === 'number');
        expect(new Set(seen)).toEqual(new Set([200]));
        expect(Math.min(...(await balances()))).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 15 },
    );
  });

  it('shows a transactional reader a hundred items as one transaction left them', async () => {
    const sks = Array.from({ length: 100 }, (_, at) => String(at));
    const writeAll = (round: number) => {
      const TransactItems = sks.map((sk) => ({
        Put: { TableName, Item: { pk: { S: 'all' }, sk: { S: sk }, round: { N: String(round) } } },
      }));
      return isolated.database.call('TransactWriteItems', { TransactItems });
    };
    const readAll = async () => {
      const TransactItems = sks.map((sk) => ({ Get: { TableName, Key: { pk: { S: 'all' }, sk: { S: sk } } } }));
      const { Responses } = await isolated.database.call('TransactGetItems', { TransactItems });
      return new Set(JSON.stringify(Responses).match(/"round":\{"N":"\d+"\}/g)).size;
    };
    await writeAll(0);
    let writing = true;
    const writer = (async () => {
      for (let round = 1; round <= 100; round += 1) await writeAll(round);
      writing = false;
    })();
    const seen = new Set<number>();
    while (writing) {
      seen.add(await readAll());
      await nextTurn();
    }
    await writer;
    expect(seen).toEqual(new Set([1]));
  });

  async function balances(): Promise<number[]> {
    const TransactItems = [0, 1, 2, 3].map((id) => ({ Get: { TableName, Key: account(id) } }));
    const { Responses } = await isolated.documents.send(new TransactGetCommand({ TransactItems }));
    return (Responses ?? []).map(({ Item }) => Item?.balance);
  }

  function onlyCancelled(error: unknown): void {
    expect(error).toBeInstanceOf(TransactionCanceledException);
  }
});
