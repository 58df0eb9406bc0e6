/**
 * Lets the people of one partner register its keys by themselves: an operator opens the door with a token that is good once, and
 * closes it again (RFC 7591 3, the protected way).
 */

import { type Onboarding, REGISTRABLE_METHODS, type RegistrableMethod } from '../core/client-registration.ts';
import { hashSecret } from '../core/client-secret.ts';
import { accept, refuse } from '../core/errors.ts';
import type { EpochSeconds, Partner } from '../core/partner.ts';
import type { InputProblem } from '../core/public-key.ts';
import type { AdminResult } from '../core/registration.ts';
import { buildRegistrationToken } from '../core/registration-token.ts';
import type { Clock, PartnerRegistry, Secrets } from '../ports.ts';
import { findPartner, lostRace } from './remove-partner.ts';

export interface OnboardPartnerPorts {
  readonly registry: Pick<PartnerRegistry, 'findPartner' | 'updatePartner'>;
  readonly secrets: Secrets;
  readonly clock: Clock;
}

export interface OnboardingInput {
  /** A minute to a week; a day unless said. */
  readonly expiresInSeconds?: number | undefined;
  /** How the partner may prove who it is afterwards; any way that it can register unless said. */
  readonly methods?: readonly string[] | undefined;
}

export interface OpenedOnboarding {
  /** Shown here and never again: only its hash is kept. */
  readonly token: string;
  readonly expiresAt: EpochSeconds;
  readonly partner: Partner;
}

const MIN_ONBOARDING_SECONDS = 60;
const MAX_ONBOARDING_SECONDS = 604_800;
const DEFAULT_ONBOARDING_SECONDS = 86_400;

const MAX_ATTEMPTS = 4;

export type OnboardPartner = ReturnType<typeof onboardPartner>;

/** Every operation throws Outage when DynamoDB did not answer. */
export const onboardPartner = ({ registry, secrets, clock }: OnboardPartnerPorts) => {
  /** Takes nothing of what others say about the partner away, so it bears repeating. */
  const edit = async (
    realm: string,
    id: string,
    change: (partner: Partner) => Partner,
  ): Promise<AdminResult<Partner>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const found = await findPartner(registry, realm, id);
      if (!found.ok) return found;
      const { partner } = found.value;
      const changed = change(partner);
      if (changed === partner) return accept(partner);
      const wanted = { ...changed, version: partner.version + 1, updatedAt: clock.now() };
      if ((await registry.updatePartner(wanted, found.value, undefined)) === 'saved') return accept(wanted);
    }
    return lostRace();
  };

  return {
    /** A new token replaces one that is open. What the partner has registered before stays until it registers again. */
    open: async (realm: string, id: string, input: OnboardingInput): Promise<AdminResult<OpenedOnboarding>> => {
      const { expiresInSeconds = DEFAULT_ONBOARDING_SECONDS, methods } = input;
      const problems = [...lifetimeProblems(expiresInSeconds), ...methodProblems(methods)];
      if (problems.length > 0) return refuse({ reason: 'invalid', problems });
      const token = buildRegistrationToken('onboarding', id, secrets.next());
      const onboarding: Onboarding = {
        hash: hashSecret(token),
        createdAt: clock.now(),
        expiresAt: clock.now() + expiresInSeconds,
        methods: chosenMethods(methods),
      };
      const saved = await edit(realm, id, (partner) => (partner.trustedIssuer ? partner : { ...partner, onboarding }));
      // Whoever could register a key of such a partner could be everybody that it vouches for.
      if (saved.ok && saved.value.trustedIssuer) {
        return refuse({ reason: 'conflict', detail: 'a trusted issuer has its keys from an operator' });
      }
      return saved.ok ? accept({ token, expiresAt: onboarding.expiresAt, partner: saved.value }) : saved;
    },

    /** Takes back both tokens, the one to register with and the one to keep the registration with. Keys stay as they are. */
    close: (realm: string, id: string): Promise<AdminResult<Partner>> =>
      edit(realm, id, (partner) => {
        const { onboarding, registration, ...rest } = partner;
        return onboarding === undefined && registration === undefined ? partner : rest;
      }),
  };
};

const lifetimeProblems = (seconds: number): readonly InputProblem[] =>
  Number.isInteger(seconds) && seconds >= MIN_ONBOARDING_SECONDS && seconds <= MAX_ONBOARDING_SECONDS
    ? []
    : [
        {
          pointer: '/expiresInSeconds',
          detail: `${MIN_ONBOARDING_SECONDS} to ${MAX_ONBOARDING_SECONDS} whole seconds`,
        },
      ];

const chosenMethods = (methods: readonly string[] = REGISTRABLE_METHODS): readonly RegistrableMethod[] =>
  REGISTRABLE_METHODS.filter((each) => methods.includes(each));

const methodProblems = (methods: readonly string[] | undefined): readonly InputProblem[] => {
  if (methods === undefined) return [];
  const chosen = chosenMethods(methods);
  return chosen.length > 0 && chosen.length === methods.length
    ? []
    : [{ pointer: '/methods', detail: `some of ${REGISTRABLE_METHODS.join(', ')}` }];
};
