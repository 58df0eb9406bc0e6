/**
 * Single use of assertions, by one conditional write. Of any number of requests with the same assertion one wins:
 *
 *   A: PutItem if absent ----> ok          -> token
 *   B:    PutItem if absent ----> conflict -> refused
 *
 * The item's time is checked in the condition too, since DynamoDB deletes expired items up to days late. Once an hour the same
 * call also notes that the credential was used, as a transaction: a note never costs a call of its own.
 */

import { createHash } from 'node:crypto';
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  PutCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { LRUCache } from 'lru-cache';
import { KEY_ATTRIBUTES } from '../config.ts';
import type { EpochSeconds } from '../core/partner.ts';
import { type AssertionUse, Outage, type ReplayGuard } from '../ports.ts';
import { callAws, cancellationCodes, writeIf } from './aws-clients.ts';
import { lastUseUpdate } from './last-use.ts';

const { partition, expiresAt } = KEY_ATTRIBUTES;

const NOTE_SECONDS = 3_600;
const MAX_NOTED = 10_000;

export const dynamoReplayGuard = (client: DynamoDBDocumentClient, table: string): ReplayGuard => {
  /** When this process last noted the use of a credential. */
  const noted = new LRUCache<string, EpochSeconds>({ max: MAX_NOTED });

  const claimOnly = async (use: AssertionUse, now: EpochSeconds): Promise<'claimed' | 'replayed'> => {
    const put = new PutCommand(claimOf(table, use, now));
    return (await writeIf('dynamodb:PutItem', () => client.send(put))) === 'saved' ? 'claimed' : 'replayed';
  };

  /** `undefined`: somebody else wrote the same note, and DynamoDB let neither the note nor the claim through. */
  const claimAndNote = async (use: AssertionUse, now: EpochSeconds): Promise<'claimed' | 'replayed' | undefined> => {
    const note = lastUseUpdate(table, use.realm, use.client, use.thumbprint, now);
    const both = new TransactWriteCommand({ TransactItems: [{ Put: claimOf(table, use, now) }, { Update: note }] });
    try {
      await client.send(both);
      return 'claimed';
    } catch (error) {
      const [ofClaim, ofNote] = cancellationCodes(error);
      if (ofClaim === 'ConditionalCheckFailed') return 'replayed';
      if (ofClaim === 'TransactionConflict' || ofNote === 'TransactionConflict') return undefined;
      throw new Outage('dynamodb:TransactWriteItems', error);
    }
  };

  /** Of an assertion that may be used again there is nothing to claim. */
  const noteOnly = async (use: AssertionUse, now: EpochSeconds): Promise<'claimed'> => {
    const note = new UpdateCommand(lastUseUpdate(table, use.realm, use.client, use.thumbprint, now));
    await callAws('dynamodb:UpdateItem', () => client.send(note));
    return 'claimed';
  };

  return {
    claim: async (use, now) => {
      const credential = JSON.stringify([use.realm, use.client, use.thumbprint]);
      const isNoted = now - (noted.get(credential) ?? 0) < NOTE_SECONDS;
      if (use.reusable) {
        if (isNoted) return 'claimed';
        noted.set(credential, now);
        return noteOnly(use, now);
      }
      if (isNoted) return claimOnly(use, now);
      // Before the call, so that requests that come meanwhile do not collide with it.
      noted.set(credential, now);
      let outcome: Awaited<ReturnType<typeof claimAndNote>> = 'replayed';
      try {
        outcome = await claimAndNote(use, now);
      } finally {
        // Nobody has written the note then, so the next claim has to.
        if (outcome === 'replayed') noted.delete(credential);
      }
      return outcome ?? claimOnly(use, now);
    },
    release: async (use) => {
      if (use.reusable) return;
      const remove = new DeleteCommand({
        TableName: table,
        Key: { [partition]: useKey(use) },
        ConditionExpression: 'claimedBy = :me',
        ExpressionAttributeValues: { ':me': use.claimedBy },
      });
      await client.send(remove).catch(() => undefined);
    },
  };
};

const claimOf = (table: string, use: AssertionUse, now: EpochSeconds) => ({
  TableName: table,
  Item: { [partition]: useKey(use), [expiresAt]: use.forgetAfter, claimedBy: use.claimedBy },
  ConditionExpression: 'attribute_not_exists(#pk) OR #expiresAt < :now OR claimedBy = :me',
  ExpressionAttributeNames: { '#pk': partition, '#expiresAt': expiresAt },
  // The SDK sends a write again when its answer was lost; our own earlier claim must then not look like a replay.
  ExpressionAttributeValues: { ':now': now, ':me': use.claimedBy },
});

/** Hashed: a `jti` is chosen by the client and may be longer or stranger than a key should be. */
const useKey = ({ realm, client, jti }: AssertionUse): string =>
  `assertion#${realm}#${createHash('sha256').update(`${client}\0${jti}`).digest('base64url')}`;
