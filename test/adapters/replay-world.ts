/** Claims as requests make them, and the replay guard on the embedded DynamoDB. */

import { dynamoReplayGuard } from '../../functions/adapters/dynamo-replay-guard.ts';
import { dynamoCredentialUses } from '../../functions/adapters/last-use.ts';
import type { ReplayClaim, ReplayGuard, SingleUse } from '../../functions/ports.ts';
import { AwsError } from '../../local/service.ts';
import { CLIENT, NOW, REALM } from '../support/builders.ts';
import { type EmbeddedAws, type EmbeddedAwsOptions, EPHEMERA, openAws } from '../support/embedded-aws.ts';

export interface ClaimChanges {
  readonly realm?: string;
  /** Of the credential, and of the assertion. */
  readonly client?: string;
  readonly jti?: string;
  /** Of the credential; `null`: none was used. */
  readonly credential?: string | null;
  readonly forgetAfter?: number;
  readonly claimedBy?: string;
  /** In place of the one assertion. */
  readonly uses?: readonly SingleUse[];
}

export const claimOf = ({
  realm = REALM,
  client = CLIENT,
  jti = 'j1',
  credential = 'k1',
  forgetAfter = NOW + 121,
  claimedBy = 'request-1',
  uses = [{ kind: 'assertion', maker: client, jti, forgetAfter }],
}: ClaimChanges = {}): ReplayClaim => ({
  ...{ realm, uses, claimedBy },
  ...(credential === null ? {} : { credential: { client, id: credential } }),
});

export const by = (claimedBy: string, changes: ClaimChanges = {}): ReplayClaim => claimOf({ claimedBy, ...changes });

/** What came of a claim, in a word. */
export const outcomeOf = async (claimed: ReturnType<ReplayGuard['claim']>): Promise<string> =>
  (await claimed) === undefined ? 'claimed' : 'replayed';

export const cancelled =
  (...codes: readonly string[]) =>
  () =>
    new AwsError('TransactionCanceledException', 'Transaction cancelled', {
      members: { CancellationReasons: codes.map((Code) => ({ Code })) },
    });

export interface ReplayWorld extends AsyncDisposable {
  readonly aws: EmbeddedAws;
  /** What every clock shows, in seconds; a test may change it. */
  now: number;
  intercept: EmbeddedAwsOptions['intercept'];
  /** A guard as another process would have it. */
  guard(): ReplayGuard;
  lastUses(id?: string, realm?: string): Promise<Readonly<Record<string, number>>>;
  /** Answers the first call of this operation in the place of DynamoDB. */
  failOnce(operation: string, error: () => AwsError): void;
}

export const openReplayWorld = async (): Promise<ReplayWorld> => {
  const time = { now: NOW };
  const hook: { intercept: EmbeddedAwsOptions['intercept'] } = { intercept: undefined };
  const aws = await openAws(() => time.now * 1_000, {
    intercept: (operation, input) => hook.intercept?.(operation, input),
  });
  return {
    aws,
    get now() {
      return time.now;
    },
    set now(now) {
      time.now = now;
    },
    get intercept() {
      return hook.intercept;
    },
    set intercept(intercept) {
      hook.intercept = intercept;
    },
    guard: () => dynamoReplayGuard(aws.documents, EPHEMERA),
    lastUses: async (id = CLIENT, realm = REALM) =>
      Object.fromEntries(await dynamoCredentialUses(aws.documents, EPHEMERA).lastUses(realm, id)),
    failOnce: (operation, error) => {
      hook.intercept = (called) => {
        if (called !== operation) return undefined;
        hook.intercept = undefined;
        return error();
      };
    },
    [Symbol.asyncDispose]: () => aws[Symbol.asyncDispose](),
  };
};
