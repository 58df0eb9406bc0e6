/** What an introspection says of a token, to whom, and what it does when it cannot know (RFC 7662 2.2), plain and signed (RFC 9701). */

import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import type { KeyRing, SigningKey } from '../../functions/core/key-ring.ts';
import { KeyUnusable, Outage } from '../../functions/ports.ts';
import { AUDIENCE, grant, keyPair, NOW, REALM, ring, signingKey } from '../support/builders.ts';
import { pairSigner } from './in-memory.ts';
import { esPair, rsPair } from './issue-token-world.ts';
import { introspect, outcomeOf, type Ports, RINGS, tokenStatePorts, toldOf } from './token-state-world.ts';
import { CLIENT_API, FRONTEND, frontendToken, ownToken, userToken, type WaysInState } from './ways-in-world.ts';

const INACTIVE = { active: false };
/** What makes a token the frontend's, for the client's resource. */
const ITS = { sub: FRONTEND, client_id: FRONTEND, aud: CLIENT_API, scope: 'call' };
const given = (changes: object) => ({
  frontendGrants: [grant({ client: FRONTEND, audience: CLIENT_API, scopes: ['call'], ...changes })],
});

describe('an introspection', () => {
  it('tells the owner of the resource what the token is good for', async () => {
    const decided = await introspect(tokenStatePorts().ports);
    const told = { active: true, token_type: 'Bearer', client_id: FRONTEND, aud: CLIENT_API, scope: 'call' };
    expect([toldOf(decided), decided.facts.tokenState]).toMatchObject([told, 'active']);
  });

  it.each<[string, string, WaysInState]>([
    ['token_malformed', 'nonsense', {}],
    ['token_expired', frontendToken({ exp: NOW }), {}],
    ['token_issuer', frontendToken({ iss: 'https://other.example' }), {}],
    ['token_signature', ownToken(ITS, { ...esPair, thumbprint: rsPair.thumbprint }), {}],
    ['token_key_unknown', ownToken(ITS, { ...rsPair, thumbprint: 'other' }), {}],
    ['client_unknown', frontendToken(), { frontend: 'gone' }],
    ['client_disabled', frontendToken(), { frontend: { enabled: false } }],
    ['token_too_old', frontendToken(), { frontend: { tokensNotBefore: NOW - 59 } }],
    ['token_too_old', frontendToken(), given({ tokensNotBefore: NOW - 59 })],
    ['grant_missing', frontendToken(), { frontendGrants: [] }],
    ['scope_not_granted', frontendToken(), given({ scopes: ['other'] })],
    ['trust_level_insufficient', userToken(), { frontend: { trustLevel: 'application' } }],
    ['client_disabled', frontendToken({ act: { sub: 'nobody' } }), {}],
  ])('says no more than that a token is not active where it knows: %s', async (fault, token, state) => {
    const { ports, calls } = tokenStatePorts(state);
    const decided = await introspect(ports, { token });
    expect([toldOf(decided), decided.facts.tokenFault]).toEqual([INACTIVE, fault]);
    // An answer is an answer: what has proved the client is spent.
    expect(calls).not.toContain('release');
  });

  it('says so of a token that was revoked, and of one in the last second of its mark', async () => {
    const { ports, revocations } = tokenStatePorts();
    await revocations.revoke(REALM, 'token-0', NOW + 60);
    expect(outcomeOf(await introspect(ports))).toBe('token_revoked');
    expect(outcomeOf(await introspect(tokenStatePorts({ frontend: { tokensNotBefore: NOW - 60 } }).ports))).toBe(
      'active',
    );
  });

  it.each([
    ['for the resource of another', ownToken({ client_id: FRONTEND, sub: FRONTEND })],
    ['of its own, for the resource of another', ownToken()],
  ])('learns nothing of a token %s, and asks nobody about it', async (_what, token) => {
    const { ports, calls } = tokenStatePorts();
    const decided = await introspect(ports, { token });
    expect([toldOf(decided), decided.facts.tokenFault]).toEqual([INACTIVE, 'token_foreign']);
    const asked = calls.slice(calls.indexOf('rings default'));
    expect(asked).toEqual(['rings default', 'partner crm']);
  });

  it('looks at nothing but the keys for what no key of ours has signed', async () => {
    const { ports, calls } = tokenStatePorts();
    await introspect(ports, { token: `${frontendToken()}A` });
    expect(calls.at(-1)).toBe('rings default');
  });
});

const next = await keyPair('RS256', 'next');
const ringOf = (...keys: SigningKey[]): readonly KeyRing[] => [ring('RS256', keys)];
const AFTER = ringOf(signingKey(rsPair, { state: 'revoked' }), signingKey(next));

/** The ports, with rings that are read one after the other, and the keys that KMS does not use any more. */
const rolling = (readings: readonly (readonly KeyRing[])[], ...unusable: string[]) => {
  const world = tokenStatePorts();
  const signer = pairSigner(rsPair, esPair, next);
  let read = 0;
  const ports: Ports = {
    ...world.ports,
    rings: { list: async () => readings[Math.min(read++, readings.length - 1)] ?? [] },
    signer: {
      sign: (key, algorithm, input) => {
        world.calls.push(`sign ${key.keyArn.split('/').at(-1)}`);
        if (unusable.some((kid) => key.keyArn.endsWith(`/${kid}`)))
          return Promise.reject(new KeyUnusable('kms:Sign', new Error('disabled')));
        return signer.sign(key, algorithm, input);
      },
    },
  };
  const signs = () => world.calls.filter((call) => call.startsWith('sign'));
  return { ...world, ports, signs, reads: () => read };
};

const signed = async (ports: Ports) => {
  const { result } = await introspect(ports, {}, 'jwt');
  if (!result.ok || result.value.answer.type !== 'jwt') throw new Error('there is no signed answer');
  const { jwt } = result.value.answer;
  return [decodeProtectedHeader(jwt).kid, decodeJwt(jwt).token_introspection] as const;
};

describe('a signed answer', () => {
  it('is signed by the key that is active, and read once for that', async () => {
    const { ports, signs, reads } = rolling([RINGS]);
    expect(await signed(ports)).toMatchObject([rsPair.thumbprint, { active: true }]);
    expect([signs(), reads()]).toEqual([['sign rs'], 1]);
  });

  it('is signed by the next key where the first was taken out of use since the rings were read', async () => {
    const { ports, signs, reads } = rolling([RINGS, AFTER], 'rs');
    expect(await signed(ports)).toMatchObject([next.thumbprint, { active: true }]);
    expect([signs(), reads()]).toEqual([['sign rs', 'sign next'], 2]);
  });

  it('is an outage where that one is out of use too, or none is there, and what proved the client is given back', async () => {
    for (const after of [AFTER, ringOf(signingKey(rsPair, { state: 'revoked' }))]) {
      const { ports, replay } = rolling([RINGS, after], 'rs', 'next');
      await expect(introspect(ports, {}, 'jwt')).rejects.toBeInstanceOf(Outage);
      expect(replay.uses.size).toBe(0);
    }
  });

  it('is not tried again after an outage that is not of the key', async () => {
    const { ports, calls } = tokenStatePorts({}, 'sign');
    await expect(introspect(ports, {}, 'jwt')).rejects.toBeInstanceOf(Outage);
    expect(calls.filter((call) => call.startsWith('sign'))).toHaveLength(1);
    expect(calls.filter((call) => call.startsWith('rings'))).toHaveLength(1);
  });

  it('that would be larger than KMS signs is refused unsigned, and that is an answer: nothing is given back', async () => {
    const details = [{ type: 'list', entries: 'x'.repeat(3_000) }];
    const edKey = await keyPair('EdDSA', 'ed');
    const realm = { policy: { algorithms: ['EdDSA'] as const } };
    const state = { realm, ...given({ authorizationDetailsTypes: ['list'] }) };
    const { ports, calls, replay } = tokenStatePorts(state, undefined, [...RINGS, ring('EdDSA', [signingKey(edKey)])]);
    const token = frontendToken({ authorization_details: details });
    expect(outcomeOf(await introspect(ports, { token }, 'jwt'))).toBe('token_too_large');
    expect([calls.filter((call) => /^(sign|release)/.test(call)), replay.uses.size]).toEqual([[], 1]);
    expect(toldOf(await introspect(tokenStatePorts(state).ports, { token }))).toMatchObject({ active: true });
  });
});

it('tokens for a resource that is there no more are not active', async () => {
  const { ports } = tokenStatePorts({ audiences: [CLIENT_API, AUDIENCE], grants: [grant()] });
  expect(outcomeOf(await introspect(ports, { token: ownToken() }))).toBe('resource_unknown');
});
