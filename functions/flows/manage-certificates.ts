/**
 * What an operator may do about certificates of signing keys: have one made that the key signs itself, have a request made for a
 * CA, hand in what the CA has issued. KMS signs; the ring is changed by its version.
 */

import { type ChainInput, checkChain } from '../core/certificate-chain.ts';
import { draftRequest, MAX_DAYS, type RequestOrder, type SelfSignedOrder } from '../core/certificate-draft.ts';
import { accept, refuse } from '../core/errors.ts';
import { CERTIFIABLE_STATES, findKey, type KeyRing, type SigningKey, withCertificates } from '../core/key-ring.ts';
import type { AdminResult } from '../core/registration.ts';
import type { Clock, RingStore, Serials, Signer } from '../ports.ts';
import { selfSign } from './self-sign.ts';

export interface ManageCertificatesPorts {
  readonly rings: RingStore;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly serials: Serials;
}

/** A key's certificates, as they are published from now on. */
export interface CertifiedKey {
  readonly kid: string;
  readonly algorithm: KeyRing['algorithm'];
  /** Base64 DER, the key's own first. */
  readonly certificates: readonly [string, ...string[]];
}

/** A command that keeps losing to other writers gives up. */
const MAX_CONFLICTS = 5;

const notFound = (kid: string) => refuse({ reason: 'not_found', what: `key ${kid.slice(0, 64)}` } as const);
const conflict = (detail: string) => refuse({ reason: 'conflict', detail } as const);

export type ManageCertificates = ReturnType<typeof manageCertificates>;

/** Every operation throws Outage when DynamoDB or KMS did not answer. */
export const manageCertificates = ({ rings, signer, clock, serials }: ManageCertificatesPorts) => {
  const ringOf = async (realm: string, kid: string): Promise<KeyRing | undefined> =>
    (await rings.list(realm)).find((ring) => findKey(ring, kid) !== undefined);

  /** The key, if it may sign such a thing now. */
  const signingKeyOf = async (realm: string, kid: string): Promise<AdminResult<RingKey>> => {
    const ring = await ringOf(realm, kid);
    const found = ring === undefined ? notFound(kid) : certifiableKey(ring, kid);
    // A signature after its time would look like an abuse of the key, and stop its deletion.
    if (found.ok && found.value.key.state === 'retiring') return conflict('the key is retiring and signs no more');
    return found;
  };

  /** Writes by the ring's version; looked at anew when somebody else was faster. */
  const assign = async (
    realm: string,
    { kid, algorithm, certificates }: CertifiedKey,
  ): Promise<AdminResult<CertifiedKey>> => {
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      const ring = await rings.load(realm, algorithm);
      const found = ring === undefined ? notFound(kid) : certifiableKey(ring, kid);
      if (!found.ok) return found;
      const assigned = accept({ kid, algorithm, certificates });
      if (isSame(found.value.key.certificates, certificates)) return assigned;
      if ((await rings.save(withCertificates(found.value.ring, kid, certificates, clock.now()))) === 'saved')
        return assigned;
    }
    return conflict('the ring is being changed by others; try again');
  };

  return {
    /** The key's certificate is one that it signs itself, from now on. */
    selfSign: async (
      realm: string,
      kid: string,
      order: Omit<SelfSignedOrder, 'serial'>,
    ): Promise<AdminResult<CertifiedKey>> => {
      const found = await signingKeyOf(realm, kid);
      if (!found.ok) return found;
      const { key, algorithm } = found.value;
      const made = await selfSign({ signer, clock, serials }, MAX_DAYS)(algorithm, key, order);
      return made.ok
        ? assign(realm, { kid, algorithm, certificates: made.value })
        : refuse({ reason: 'invalid', problems: made.refusal });
    },

    /** @returns the request as a CA takes it, in DER. Nothing is stored. */
    request: async (realm: string, kid: string, order: RequestOrder): Promise<AdminResult<Uint8Array>> => {
      const found = await signingKeyOf(realm, kid);
      if (!found.ok) return found;
      const { key, algorithm } = found.value;
      const draft = draftRequest({ algorithm, jwk: key.jwk }, order);
      return draft.ok
        ? accept(draft.value.assemble(await signer.sign(key, algorithm, draft.value.toBeSigned)))
        : refuse({ reason: 'invalid', problems: draft.refusal });
    },

    /** The key's certificates are those of this chain, from now on. */
    importChain: async (realm: string, kid: string, chain: ChainInput): Promise<AdminResult<CertifiedKey>> => {
      const ring = await ringOf(realm, kid);
      const found = ring === undefined ? notFound(kid) : certifiableKey(ring, kid);
      if (!found.ok) return found;
      const checked = checkChain(chain, found.value.key.jwk, clock.now());
      return checked.ok
        ? assign(realm, { kid, algorithm: found.value.algorithm, certificates: checked.value })
        : refuse({ reason: 'invalid', problems: checked.refusal });
    },
  };
};

interface RingKey {
  readonly ring: KeyRing;
  readonly algorithm: KeyRing['algorithm'];
  readonly key: SigningKey;
}

const certifiableKey = (ring: KeyRing, kid: string): AdminResult<RingKey> => {
  const key = findKey(ring, kid);
  if (key === undefined) return notFound(kid);
  if (!CERTIFIABLE_STATES.includes(key.state))
    return conflict(`the key is ${key.state}; nobody would see its certificate`);
  return accept({ ring, algorithm: ring.algorithm, key });
};

const isSame = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a !== undefined && a.length === b.length && a.every((certificate, index) => certificate === b[index]);
