/** A certificate that a signing key makes for itself: KMS signs it, and it is checked like one of a stranger before anybody sees it. */

import { checkChain } from '../core/certificate-chain.ts';
import { draftSelfSigned, type SelfSignedOrder } from '../core/certificate-draft.ts';
import { accept, type Result } from '../core/errors.ts';
import type { KeyRing, SigningKey } from '../core/key-ring.ts';
import type { InputProblem } from '../core/public-key.ts';
import type { Clock, Serials, Signer } from '../ports.ts';

export interface SelfSignPorts {
  readonly signer: Signer;
  readonly clock: Clock;
  readonly serials: Serials;
}

/** @returns the one certificate of the chain, in base64 DER. Throws Outage when KMS did not sign. */
export type SelfSign = (
  algorithm: KeyRing['algorithm'],
  key: Pick<SigningKey, 'keyArn' | 'jwk'>,
  order: Omit<SelfSignedOrder, 'serial'>,
) => Promise<Result<readonly [string, ...string[]], readonly InputProblem[]>>;

/** @param maxDays for which a certificate may be valid. */
export const selfSign =
  ({ signer, clock, serials }: SelfSignPorts, maxDays: number): SelfSign =>
  async (algorithm, key, order) => {
    const { jwk } = key;
    const draft = draftSelfSigned({ algorithm, jwk }, { ...order, serial: serials.next() }, clock.now(), maxDays);
    if (!draft.ok) return draft;
    const der = draft.value.assemble(await signer.sign(key, algorithm, draft.value.toBeSigned));
    const checked = checkChain([Buffer.from(der).toString('base64')], jwk, clock.now());
    // Nothing that a person said can lead here: the signature is not the key's, or the encoding is at fault.
    if (!checked.ok) throw new Error(`the certificate is not good: ${checked.refusal.map(({ detail }) => detail)}`);
    return accept(checked.value);
  };
