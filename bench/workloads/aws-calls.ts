/**
 * The two AWS calls of a warm token request and nothing else, by the adapters of the token function: its CPU that no change
 * outside the AWS SDK could save.
 */

import { documentClient, kmsClient } from '../../functions/adapters/aws-clients.ts';
import { dynamoCatalogueReader } from '../../functions/adapters/dynamo-readers.ts';
import { dynamoReplayGuard } from '../../functions/adapters/dynamo-replay-guard.ts';
import { kmsSigner } from '../../functions/adapters/kms-signer.ts';
import { DEFAULT_REALM, ENV, requireVariable } from '../../functions/config.ts';
import { activeKey, type SigningKey } from '../../functions/core/key-ring.ts';
import type { Assignment, Workload } from '../worker-protocol.ts';

const ALGORITHM = 'RS256';
const REMEMBER_SECONDS = 121;

export async function start({
  calls,
  audience,
  signingInput,
}: Assignment & { workload: 'aws-calls' }): Promise<Workload> {
  const variable = (name: string): string => requireVariable(process.env, name);
  const client = documentClient();
  const key = await findKey(client, variable(ENV.registryTable), audience);
  const guard = dynamoReplayGuard(client, variable(ENV.ephemeraTable));
  const signer = kmsSigner(kmsClient());

  const sign = (): Promise<unknown> => signer.sign(key, ALGORITHM, signingInput);
  const claim = async (jti: string): Promise<void> => {
    const now = Math.floor(Date.now() / 1_000);
    const use = { kind: 'assertion', maker: 'bench', jti, forgetAfter: now + REMEMBER_SECONDS } as const;
    const credential = { client: 'bench', id: 'bench' };
    const used = await guard.claim({ realm: DEFAULT_REALM, uses: [use], credential, claimedBy: jti }, now);
    if (used !== undefined) throw new Error('the assertion id was used before');
  };
  const doCalls = calls.map((call) => ({ sign, claim })[call]);
  return { operate: (jti) => Promise.all(doCalls.map((doCall) => doCall(jti))) };
}

async function findKey(
  client: ReturnType<typeof documentClient>,
  table: string,
  audience: string,
): Promise<SigningKey> {
  const reader = dynamoCatalogueReader({ client, table, cacheSeconds: 0 });
  const { rings } = await reader.read(DEFAULT_REALM, audience);
  const ring = rings.find((each) => each.algorithm === ALGORITHM);
  const key = ring === undefined ? undefined : activeKey(ring);
  if (key === undefined) throw new Error(`the ${ALGORITHM} ring has no active key`);
  return key;
}
