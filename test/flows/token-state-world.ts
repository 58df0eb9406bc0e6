/**
 * Introspection and revocation over ports that answer at once, each call written down: the client of the ways in proves itself, owns
 * `CLIENT_API`, and asks about the frontend's token for it.
 */

import type { Decided } from '../../functions/core/audit.ts';
import type { IntrospectionAnswer } from '../../functions/core/introspection.ts';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import { type Realm, untouchedRealm } from '../../functions/core/realm.ts';
import type { RawTokenRequest } from '../../functions/core/request-form.ts';
import type { Answered } from '../../functions/core/token-form.ts';
import { type IntrospectTokenPorts, introspectToken } from '../../functions/flows/introspect-token.ts';
import { type RevokeTokenPorts, revokeToken } from '../../functions/flows/revoke-token.ts';
import { Outage } from '../../functions/ports.ts';
import { audience, REALM, ring, signingKey } from '../support/builders.ts';
import { memoryReplayGuard, memoryTokenRevocations, pairSigner, testClock } from './in-memory.ts';
import { esPair, NONCE, rsPair, SETTINGS } from './issue-token-world.ts';
import {
  CLIENT_API,
  frontendToken,
  METHODS,
  type Method,
  partnersIn,
  readerOf,
  requestOf,
  type Shown,
  type WaysInState,
} from './ways-in-world.ts';

export type Ports = IntrospectTokenPorts & RevokeTokenPorts;

export const RINGS: readonly KeyRing[] = [ring('RS256', [signingKey(rsPair)]), ring('ES256', [signingKey(esPair)])];

/** @param broken the call that does not answer, as it is written down. */
export const tokenStatePorts = (state: WaysInState = {}, broken?: string, rings = RINGS) => {
  const calls: string[] = [];
  const replay = memoryReplayGuard();
  const revocations = memoryTokenRevocations();
  const partners = readerOf(partnersIn(state));
  const signer = pairSigner(rsPair, esPair);
  const realm: Realm = { ...untouchedRealm(REALM), policy: { clientSecrets: true }, ...state.realm };
  const call = async <Value>(name: string, answer: () => Value | Promise<Value>): Promise<Value> => {
    calls.push(name);
    if (broken !== undefined && name.startsWith(broken)) throw new Outage(name, new Error('down'));
    return answer();
  };
  const ports: Ports = {
    partners: {
      find: (name, id, freshness) => call(`partner ${id}`, () => partners.find(name, id, freshness)),
      findByIssuer: (name, issuer) => call(`issuer ${issuer}`, () => partners.findByIssuer(name, issuer)),
    },
    audiences: {
      find: (_realm, name) =>
        call(`audience ${name}`, () =>
          name === CLIENT_API ? audience({ audience: name, scopes: ['call'] }) : undefined,
        ),
    },
    realms: { find: (name) => call(`realm ${name}`, () => (name === REALM ? realm : undefined)) },
    rings: { list: (name) => call(`rings ${name}`, () => rings) },
    nonces: { read: (name) => call(`nonces ${name}`, () => ({ current: NONCE, accepted: [NONCE] })) },
    replay: {
      claim: (claim, now) =>
        call(`claim ${claim.uses.map(({ kind, jti }) => `${kind} ${jti}`).join(', ')}`, () => replay.claim(claim, now)),
      release: (claim) => call('release', () => replay.release(claim)),
    },
    revocations: {
      isRevoked: (name, id, now) => call(`is revoked ${id}`, () => revocations.isRevoked(name, id, now)),
      revoke: (name, id, until) => call(`revoke ${id}`, () => revocations.revoke(name, id, until)),
    },
    signer: { sign: (key, algorithm, input) => call(`sign ${key.keyArn}`, () => signer.sign(key, algorithm, input)) },
    clock: testClock(),
  };
  return { ports, calls, replay, revocations };
};

export interface Sent {
  readonly shown?: Shown;
  readonly token?: string;
  readonly dpop?: string;
  readonly realm?: string;
}

const requestFor = ({ shown = METHODS.private_key_jwt(), token = frontendToken(), dpop }: Sent): RawTokenRequest => ({
  ...requestOf(shown, { token }),
  ...(dpop === undefined ? {} : { dpop }),
});

export const introspect = (ports: Ports, sent: Sent = {}, form: IntrospectionAnswer['type'] = 'json') =>
  introspectToken(ports, SETTINGS)(sent.realm ?? REALM, requestFor(sent), form, 'request-1');

export const revoke = (ports: Ports, sent: Sent = {}) =>
  revokeToken(ports, SETTINGS)(sent.realm ?? REALM, requestFor(sent), 'request-1');

/** Both endpoints, for what is the same at both. */
export const ENDPOINTS = [
  ['introspection', introspect],
  ['revocation', revoke],
] as const;

/** The reason of a refusal, or what the record says of the token. */
export const outcomeOf = ({ result, facts }: Decided<Answered<unknown>>): string =>
  result.ok ? String(facts.tokenFault ?? facts.tokenState) : result.refusal.reason;

export const toldOf = ({ result }: Decided<Answered<IntrospectionAnswer>>): unknown =>
  result.ok && result.value.answer.type === 'json' ? result.value.answer.introspection : result;

export const allMethods = Object.keys(METHODS) as Method[];
