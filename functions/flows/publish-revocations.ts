/** Keeps the list of revoked keys signed and up to date. Runs after every rotation and every command. */

import type { JwsAlgorithm } from '../core/algorithms.ts';
import { defaultAlgorithm } from '../core/default-algorithm.ts';
import { compact, decodeJson, signingInput } from '../core/jws.ts';
import { activeKey } from '../core/key-ring.ts';
import type { EpochSeconds } from '../core/partner.ts';
import {
  buildRevocationList,
  isOutdated,
  REVOCATION_LIST_TYPE,
  type RevocationListClaims,
  type RevokedKey,
} from '../core/revocation-list.ts';
import { type Clock, Outage, type RevocationListStore, type RingStore, type Signer } from '../ports.ts';

export interface PublishRevocationsPorts {
  readonly rings: Pick<RingStore, 'list'>;
  readonly lists: RevocationListStore;
  readonly signer: Signer;
  readonly clock: Clock;
}

export interface PublishRevocationsSettings {
  readonly realm: string;
  readonly issuer: string;
  /** The first of them that signs tokens signs the list as well: every verifier of the realm knows it. */
  readonly algorithms: readonly [JwsAlgorithm, ...JwsAlgorithm[]];
}

export type PublishRevocations = () => Promise<'published' | 'unchanged' | 'not-yet'>;

/** @throws Outage when KMS or DynamoDB did not answer. */
export const publishRevocations =
  (
    { rings, lists, signer, clock }: PublishRevocationsPorts,
    settings: PublishRevocationsSettings,
  ): PublishRevocations =>
  async () => {
    const found = await rings.list(settings.realm);
    const algorithm = defaultAlgorithm(settings, found);
    const ring = found.find((each) => each.algorithm === algorithm);
    const key = ring === undefined ? undefined : activeKey(ring);
    // A realm that cannot sign has issued nothing; there is nothing to revoke.
    if (key === undefined) return 'not-yet';
    const wanted = buildRevocationList(settings.issuer, found, clock.now());
    if (!isOutdated(readClaims(await lists.load(settings.realm)), wanted)) return 'unchanged';
    const header = { alg: algorithm, typ: REVOCATION_LIST_TYPE, kid: key.kid };
    const input = signingInput(header, wanted);
    const signature = await signer.sign(key, algorithm, input);
    await lists.save(settings.realm, compact(input, signature));
    return 'published';
  };

/** Our own list, read back; one that cannot be read is replaced. */
const readClaims = (list: string | undefined): Pick<RevocationListClaims, 'exp' | 'revoked_keys'> | undefined => {
  const claims = decodeJson(list?.split('.')[1] ?? '');
  return typeof claims?.exp === 'number' && Array.isArray(claims.revoked_keys)
    ? { exp: claims.exp as EpochSeconds, revoked_keys: claims.revoked_keys as readonly RevokedKey[] }
    : undefined;
};

/** The list as it is out. @throws Outage when there is none yet, or it cannot be read. */
export const currentRevocations = (lists: RevocationListStore, realm: string) => async (): Promise<string> => {
  const list = await lists.load(realm);
  if (list === undefined) throw new Outage('revocation-list', new Error(`realm ${realm} has no revocation list yet`));
  return list;
};
