/**
 * Key rotation under the permissions of one of the functions, at any time: the real flow and adapters in this process, with
 * credentials of the function's role, against the embedded services. For what a function does only after days.
 */

import { randomUUID } from 'node:crypto';
import { dynamoRingStore } from '../../functions/adapters/dynamo-ring-store.ts';
import { kmsKeyVault } from '../../functions/adapters/kms-key-vault.ts';
import { kmsSigner } from '../../functions/adapters/kms-signer.ts';
import type { RotationPolicy } from '../../functions/core/key-ring.ts';
import { type RotateKeys, rotateKeys } from '../../functions/flows/rotate-keys.ts';
import type { RingStore } from '../../functions/ports.ts';
import type { AwsCallRecord } from '../../local/aws-endpoint.ts';
import { openRoles } from './role-clients.ts';

export interface RoleSession extends AsyncDisposable {
  readonly rotate: RotateKeys;
  readonly rings: RingStore;
  /** Every AWS call since the start. */
  readonly calls: readonly AwsCallRecord[];
}

/**
 * @param role its name in the template, e.g. `RotateKeys`.
 * @param now seconds since the epoch, for the flow, the keys and the tables alike.
 */
export const openRoleSession = async (
  assemblyDirectory: string,
  role: string,
  policy: RotationPolicy,
  now: () => number,
): Promise<RoleSession> => {
  const roles = await openRoles(assemblyDirectory, now);
  const clients = roles.as(role);
  const { environment } = clients;
  const rings = dynamoRingStore(clients.documents, environment.REGISTRY_TABLE ?? '');
  const ports = {
    rings,
    vault: kmsKeyVault({
      client: clients.kms,
      deployment: environment.DEPLOYMENT ?? '',
      keyPolicy: environment.KEY_POLICY ?? '',
      patienceMs: 0,
    }),
    signer: kmsSigner(clients.kms),
    selfSign: () => Promise.reject(new Error('no certificate is wanted')),
    published: { name: async () => true },
    clock: { now },
    ids: { next: () => randomUUID() },
  };
  const rotate = rotateKeys(ports, { realm: 'default', algorithms: ['ES256'], policy });
  return { rotate, rings, calls: roles.calls, [Symbol.asyncDispose]: () => roles[Symbol.asyncDispose]() };
};
