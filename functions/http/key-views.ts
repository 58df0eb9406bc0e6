/** Signing keys as the admin API shows them: state, age, and what happens next and when. */

import { certificateFacts } from '../core/certificate.ts';
import type { KeyRing, RotationPolicy, SigningKey } from '../core/key-ring.ts';
import type { EpochSeconds } from '../core/partner.ts';
import { standbyReadyAt } from '../core/rotation-plan.ts';
import type { Revocation, RingView } from '../flows/manage-keys.ts';
import { timestamp } from './admin-views.ts';

export const ringView = ({ ring, policy, now, unfinished }: RingView) => ({
  algorithm: ring.algorithm,
  version: ring.version,
  keys: ring.keys.map((key) => keyView(key, ring, policy, now)),
  ...(unfinished === undefined ? {} : { unfinished }),
});

export const revocationView = (revocation: Revocation) => ({
  ...ringView(revocation),
  unverifiableSeconds: revocation.unverifiableSeconds,
});

const keyView = (key: SigningKey, ring: KeyRing, policy: RotationPolicy, now: EpochSeconds) => {
  const next = nextTransition(key, ring, policy);
  return {
    kid: key.kid,
    state: key.state,
    hold: key.hold === true,
    keyArn: key.keyArn,
    createdAt: timestamp(key.createdAt),
    ageSeconds: now - key.createdAt,
    ...certificateView(key),
    ...(next === undefined
      ? {}
      : { next: { state: next.state, ...(next.at === undefined ? {} : { notBefore: timestamp(next.at) }) } }),
  };
};

const certificateView = ({ certificates: [leaf, ...rest] = [] }: SigningKey) => {
  if (leaf === undefined) return {};
  const { subject, issuer, notAfter, chainNotAfter } = certificateFacts([leaf, ...rest]);
  return { certificate: { subject, issuer, notAfter: timestamp(notAfter), chainNotAfter: timestamp(chainNotAfter) } };
};

/** @returns `at` absent: not by the calendar, but when something else has happened or a person says so. */
const nextTransition = (
  key: SigningKey,
  ring: KeyRing,
  policy: RotationPolicy,
): { readonly state: string; readonly at?: EpochSeconds } | undefined => {
  const at = (state: string, time: EpochSeconds | undefined) => (time === undefined ? { state } : { state, at: time });
  if (key.hold === true && key.state !== 'active' && key.state !== 'standby') return undefined;
  switch (key.state) {
    case 'created':
      return at('standby', undefined);
    case 'standby': {
      const due = ring.keys.find(({ state }) => state === 'active')?.rotateNotBefore ?? 0;
      return at('active', Math.max(due, standbyReadyAt(key, policy)));
    }
    case 'active':
      return at('retiring', key.rotateNotBefore);
    case 'retiring':
      return at('retired', key.retireNotBefore);
    case 'retired':
    case 'revoked':
      return at('pending-deletion', key.deleteNotBefore);
    case 'pending-deletion':
      return at('deleted', key.deletionAt);
  }
};
