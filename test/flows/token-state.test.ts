/** Who may ask about tokens, at introspection and at revocation alike: what is checked in which order, used up and given back. */

import { describe, expect, it } from 'vitest';
import { Outage } from '../../functions/ports.ts';
import { CLIENT, ISSUER, keyPair } from '../support/builders.ts';
import { dpopProof } from '../support/dpop.ts';
import { NONCE } from './issue-token-world.ts';
import {
  allMethods,
  ENDPOINTS,
  introspect,
  outcomeOf,
  revoke,
  type Sent,
  tokenStatePorts,
} from './token-state-world.ts';
import { CLIENT_API, EXPIRED, FRONTEND, IDP_ISSUER, idpToken, METHODS, type WaysInState } from './ways-in-world.ts';

const GOOD = { introspection: 'active', revocation: 'revoked' } as const;
const forged = (jws: string): string => `${jws.slice(0, jws.lastIndexOf('.'))}.${'A'.repeat(86)}`;
const byKey = (change = (jws: string) => jws): Sent => {
  const { form } = METHODS.private_key_jwt();
  return { shown: { form: { ...form, client_assertion: change(form.client_assertion ?? '') } } };
};

describe.each(ENDPOINTS)('%s', (endpoint, ask) => {
  it.each(allMethods)('knows a client by %s, and does not by what is not good any more', async (method) => {
    expect(outcomeOf(await ask(tokenStatePorts().ports, { shown: METHODS[method](false) }))).toBe(GOOD[endpoint]);
    const { ports, calls } = tokenStatePorts(EXPIRED);
    expect(outcomeOf(await ask(ports, { shown: METHODS[method](true) }))).not.toBe(GOOD[endpoint]);
    expect(calls.filter((call) => /^(claim|rings|revoke)/.test(call))).toEqual([]);
  });

  it.each<[string, Sent, WaysInState, string]>([
    ['what is no request', { token: '' }, {}, 'parameter_missing'],
    ['what no realm is called', { realm: '../x' }, {}, 'realm_unknown'],
    ['whoever shows nothing', { shown: { form: {} } }, {}, 'client_auth_missing'],
  ])('costs %s no call at all', async (_whom, sent, state, reason) => {
    const { ports, calls } = tokenStatePorts(state);
    expect([outcomeOf(await ask(ports, sent)), calls]).toEqual([reason, []]);
  });

  it.each<[string, Sent, WaysInState, string]>([
    ['a realm that there is not', { realm: 'nowhere' }, {}, 'client_unknown'],
    ['a client that there is not', {}, { client: 'gone' }, 'client_unknown'],
    ['a client that is disabled', {}, { client: { enabled: false } }, 'client_disabled'],
    ['a realm that is disabled', {}, { realm: { enabled: false } }, 'realm_disabled'],
    // Who has proved nothing does not learn that.
    ['an impostor in such a realm', byKey(forged), { realm: { enabled: false } }, 'assertion_signature'],
    ['an impostor', byKey(forged), {}, 'assertion_signature'],
  ])('refuses %s before it uses up anything or looks at the token', async (_whom, sent, state, reason) => {
    const { ports, calls } = tokenStatePorts(state);
    expect(outcomeOf(await ask(ports, sent))).toBe(reason);
    expect(calls.filter((call) => !/^(realm|partner) /.test(call))).toEqual([]);
  });

  it('takes one proof once, and looks at no token for the second', async () => {
    const { ports, calls } = tokenStatePorts();
    const again = (requestId: string) => ask({ ...ports, replay: claimedBy(ports.replay, requestId) });
    expect(outcomeOf(await again('a'))).toBe(GOOD[endpoint]);
    const before = calls.length;
    expect(outcomeOf(await again('b'))).toBe('assertion_replayed');
    expect(calls.slice(before).filter((call) => /^(rings|release|revoke)/.test(call))).toEqual([]);
  });

  it('takes a proof again that was not answered for an outage of any part, and says that there was one', async () => {
    const sent = { shown: METHODS.federated(), dpop: proofFor(endpoint) };
    const whole = tokenStatePorts();
    await ask(whole.ports, sent);
    const parts = [...new Set(whole.calls)];
    expect(parts).toEqual(expect.arrayContaining([...COMMON, ...OWN[endpoint]]));
    for (const part of parts) {
      const { ports, replay } = tokenStatePorts({}, part);
      await expect(ask(ports, sent), part).rejects.toBeInstanceOf(Outage);
      expect([part, replay.uses.size]).toEqual([part, 0]);
    }
    expect(whole.replay.uses.size).toBe(2);
  });
});

const COMMON = [
  ...['realm default', `partner ${CLIENT}`, `issuer ${IDP_ISSUER}`, 'nonces default', 'rings default'],
  'claim assertion proof-1, dpop proof-1',
];
const OWN = {
  introspection: [`partner ${FRONTEND}`, `audience ${CLIENT_API}`, 'is revoked token-0'],
  revocation: ['revoke token-0'],
} as const;

/** As if each request had an id of its own. */
const claimedBy = (
  replay: ReturnType<typeof tokenStatePorts>['ports']['replay'],
  id: string,
): ReturnType<typeof tokenStatePorts>['ports']['replay'] => ({
  claim: (claim, now) => replay.claim({ ...claim, claimedBy: id }, now),
  release: (claim) => replay.release({ ...claim, claimedBy: id }),
});

const pair = await keyPair('ES256', 'dpop');
const URLS = { introspection: `${ISSUER}/introspect`, revocation: `${ISSUER}/revoke` } as const;
const proofFor = (endpoint: keyof typeof URLS, claims: object = {}, key = pair): string =>
  dpopProof(key, { htm: 'POST', htu: URLS[endpoint], nonce: NONCE, ...claims });

/** The token of a workload that is bound to a DPoP key. */
const bound = (jti = 'idp-1') => ({
  form: {
    ...METHODS.federated().form,
    client_assertion: idpToken({ jti, cnf: { jkt: pair.thumbprint } }),
  },
});

describe.each(ENDPOINTS)('a workload whose token is bound to a DPoP key, at %s', (endpoint, ask) => {
  it('is known with a proof by that key, which is used up with the token; and it is told the next nonce', async () => {
    const { ports, calls, replay } = tokenStatePorts();
    const decided = await ask(ports, { shown: bound(), dpop: proofFor(endpoint) });
    expect([outcomeOf(decided), decided.result]).toMatchObject([GOOD[endpoint], { value: { dpopNonce: NONCE } }]);
    expect(calls.filter((call) => call.startsWith('claim'))).toEqual(['claim assertion idp-1, dpop proof-1']);
    const next = { ...ports, replay: claimedBy(replay, 'request-2') };
    expect(outcomeOf(await ask(next, { shown: bound('idp-2'), dpop: proofFor(endpoint) }))).toBe('dpop_replayed');
    // Nothing of what came with a used proof is used up.
    expect(outcomeOf(await ask(next, { shown: bound('idp-2'), dpop: proofFor(endpoint, { jti: 'p2' }) }))).toBe(
      GOOD[endpoint],
    );
  });

  const other = endpoint === 'introspection' ? 'revocation' : 'introspection';
  const stranger = keyPair('ES256', 'stranger');
  it.each<[string, () => Promise<string | undefined>, string]>([
    ['without a proof', async () => undefined, 'binding_required'],
    ['with a proof by another key', async () => proofFor(endpoint, {}, await stranger), 'binding_required'],
    ['with a proof for the token endpoint', async () => proofFor(endpoint, { htu: `${ISSUER}/token` }), 'dpop_url'],
    ['with a proof for the other endpoint', async () => proofFor(other), 'dpop_url'],
    ['with a proof of before', async () => proofFor(endpoint, { iat: 1 }), 'dpop_untimely'],
    ['with a nonce that is none', async () => proofFor(endpoint, { nonce: 'x' }), 'dpop_nonce'],
  ])('is nobody %s, and nothing is used up', async (_how, proof, reason) => {
    const { ports, calls } = tokenStatePorts();
    const dpop = await proof();
    expect(outcomeOf(await ask(ports, { shown: bound(), ...(dpop === undefined ? {} : { dpop }) }))).toBe(reason);
    expect(calls.filter((call) => /^(claim|rings)/.test(call))).toEqual([]);
  });

  it('is told the nonce that it needs, where the realm wants one', async () => {
    const { ports } = tokenStatePorts({ realm: { policy: { dpopNonces: 'required' } } });
    const { result } = await ask(ports, { shown: bound(), dpop: proofFor(endpoint, { nonce: undefined }) });
    expect(result).toEqual({ ok: false, refusal: { reason: 'dpop_nonce', nonce: NONCE } });
  });
});

it('a proof that no client needs is checked all the same, and a client without one is told no nonce', async () => {
  for (const ask of [introspect, revoke]) {
    expect(outcomeOf(await ask(tokenStatePorts().ports, { dpop: 'x' }))).toBe('dpop_malformed');
    const { result } = await ask(tokenStatePorts().ports);
    expect(result.ok && 'dpopNonce' in result.value).toBe(false);
  }
});
