/**
 * Single use of assertions and proofs, by conditional writes. Of any number of requests with the same assertion one wins:
 *
 *   A: PutItem if absent ----> ok          -> token
 *   B:    PutItem if absent ----> conflict -> refused
 *
 * The item's time is checked in the condition too, since DynamoDB deletes expired items up to days late. Several uses of one request
 * are one transaction, and once an hour so is the note that the credential was used: there is never more than one call.
 */

import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
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
import { Outage, type ReplayClaim, type ReplayGuard, type SingleUse } from '../ports.ts';
import { callAws, cancellationCodes, isAwsError, writeIf } from './aws-clients.ts';
import { lastUseUpdate } from './last-use.ts';

const { partition, expiresAt } = KEY_ATTRIBUTES;

const NOTE_SECONDS = 3_600;
const MAX_NOTED = 10_000;

const MORE_ATTEMPTS = 4;
const MAX_PAUSE_MS = 20;

/** A note that is due. */
type Note = ReturnType<typeof lastUseUpdate>;

export const dynamoReplayGuard = (client: DynamoDBDocumentClient, table: string): ReplayGuard => {
  /** When this process last noted the use of a credential. */
  const noted = new LRUCache<string, EpochSeconds>({ max: MAX_NOTED });

  const claimOne = async (put: PutInput, use: SingleUse): Promise<SingleUse | undefined | 'again'> => {
    try {
      return (await writeIf('dynamodb:PutItem', () => client.send(new PutCommand(put)))) === 'saved' ? undefined : use;
    } catch (error) {
      if (error instanceof Outage && isAwsError(error.cause, 'TransactionConflictException')) return 'again';
      throw error;
    }
  };

  /** `again`: somebody else wrote at the same moment, and DynamoDB let nothing of it through. */
  const claimTogether = async (
    puts: readonly PutInput[],
    uses: readonly SingleUse[],
    note: Note | undefined,
  ): Promise<SingleUse | undefined | 'again'> => {
    const items = [...puts.map((put) => ({ Put: put })), ...(note === undefined ? [] : [{ Update: note }])];
    try {
      await client.send(new TransactWriteCommand({ TransactItems: items }));
      return undefined;
    } catch (error) {
      const codes = cancellationCodes(error);
      const used = uses.find((_, index) => codes[index] === 'ConditionalCheckFailed');
      if (used !== undefined) return used;
      if (codes.includes('TransactionConflict')) return 'again';
      throw new Outage('dynamodb:TransactWriteItems', error);
    }
  };

  const write = async (
    claim: ReplayClaim,
    note: Note | undefined,
    now: EpochSeconds,
  ): Promise<SingleUse | undefined> => {
    const { uses } = claim;
    const puts = uses.map((use) => putOf(table, claim, use, now));
    if (uses.length === 0) {
      if (note !== undefined) await callAws('dynamodb:UpdateItem', () => client.send(new UpdateCommand(note)));
      return undefined;
    }
    // Requests of one credential collide over its note; without it only the very same assertion is in the way, and its fate is known soon.
    const attempts = [
      () => attempt(puts, uses, note),
      ...Array.from({ length: MORE_ATTEMPTS }, () => () => attempt(puts, uses, undefined)),
    ];
    for (const [index, claim] of attempts.entries()) {
      const outcome = await claim();
      if (outcome !== 'again') return outcome;
      await setTimeout(index * Math.random() * MAX_PAUSE_MS);
    }
    throw new Outage('dynamodb:TransactWriteItems', new Error('other requests are in the way'));
  };

  const attempt = (
    puts: readonly PutInput[],
    uses: readonly SingleUse[],
    note: Note | undefined,
  ): Promise<SingleUse | undefined | 'again'> => {
    const [put] = puts;
    const [use] = uses;
    const isAlone = put !== undefined && use !== undefined && uses.length === 1 && note === undefined;
    return isAlone ? claimOne(put, use) : claimTogether(puts, uses, note);
  };

  return {
    claim: async (claim, now) => {
      const { credential } = claim;
      if (credential === undefined) return write(claim, undefined, now);
      const name = JSON.stringify([claim.realm, credential.client, credential.id]);
      if (now - (noted.get(name) ?? 0) < NOTE_SECONDS) return write(claim, undefined, now);
      // Before the call, so that requests that come meanwhile do not collide with it.
      noted.set(name, now);
      const note = lastUseUpdate(table, claim.realm, credential.client, credential.id, now);
      let isWritten = false;
      try {
        const used = await write(claim, note, now);
        isWritten = used === undefined;
        return used;
      } finally {
        // Nobody has written the note then, so the next claim has to.
        if (!isWritten) noted.delete(name);
      }
    },
    release: async (claim) => {
      await Promise.all(
        claim.uses.map((use) => client.send(new DeleteCommand(releaseOf(table, claim, use))).catch(() => undefined)),
      );
    },
  };
};

type PutInput = ReturnType<typeof putOf>;

const putOf = (table: string, { realm, claimedBy }: ReplayClaim, use: SingleUse, now: EpochSeconds) => ({
  TableName: table,
  Item: { [partition]: useKey(realm, use), [expiresAt]: use.forgetAfter, claimedBy },
  ConditionExpression: 'attribute_not_exists(#pk) OR #expiresAt < :now OR claimedBy = :me',
  ExpressionAttributeNames: { '#pk': partition, '#expiresAt': expiresAt },
  // The SDK sends a write again when its answer was lost; our own earlier claim must then not look like a replay.
  ExpressionAttributeValues: { ':now': now, ':me': claimedBy },
});

const releaseOf = (table: string, { realm, claimedBy }: ReplayClaim, use: SingleUse) => ({
  TableName: table,
  Key: { [partition]: useKey(realm, use) },
  ConditionExpression: 'claimedBy = :me',
  ExpressionAttributeValues: { ':me': claimedBy },
});

/** Hashed: a `jti` is chosen by the client and may be longer or stranger than a key should be. */
const useKey = (realm: string, { kind, maker, jti }: SingleUse): string =>
  `${kind}#${realm}#${createHash('sha256').update(`${maker}\0${jti}`).digest('base64url')}`;
