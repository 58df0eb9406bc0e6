import { beforeAll, describe, expect, it } from 'vitest';
import { refuse } from '../../functions/core/errors.ts';
import type { Audience, Grant, Partner } from '../../functions/core/partner.ts';
import type { Realm } from '../../functions/core/realm.ts';
import type { ResourceRequest } from '../../functions/core/resource-request.ts';
import {
  type CheckActorTokenPorts,
  type CheckActorTokenSettings,
  checkActorToken,
  checkEitherToken,
} from '../../functions/flows/check-actor-token.ts';
import { bearerTokens, CLOCK, fixtureText } from '../microsoft/fixtures.ts';
import { contextOf, one, type Recipients, registerAll } from '../microsoft/memory.ts';
import { changed, GOOD, tokenOf } from '../microsoft/tokens.ts';
import { realmDefaults } from '../support/builders.ts';
import { memoryTokenRevocations } from './in-memory.ts';

const HOSTS: Readonly<Record<string, string>> = {
  ...{ lync: 'sfbpool.contoso.example', 'lync-expired-cert': 'sfbpool.contoso.example' },
  ...{ sharepoint: 'sharepoint.contoso.example', exchange: 'mail.contoso.example', sts: 'mail.contoso.example' },
};
const POOL = 'https://sfbpool.contoso.example';
const APPLICATION = tokenOf(GOOD.application.draft);
const USER = tokenOf(GOOD.user.draft);
/** Of both: `nbf` is the time of the fixtures. */
const LATER = CLOCK + 100;
const [APPLICATION_END, USER_END] = [CLOCK + 28_800, CLOCK + 3_600];

let recipients: Recipients;
beforeAll(async () => {
  recipients = await registerAll();
});

interface Changes {
  readonly recipient?: string;
  readonly settings?: Partial<CheckActorTokenSettings>;
  /** Of the partner exchange, its grants, the audiences and the realm. */
  readonly partner?: Partial<Partner>;
  readonly grant?: Partial<Grant>;
  /** `null`: it is gone. */
  readonly audience?: Partial<Audience> | null;
  readonly realm?: Partial<Realm>;
  readonly now?: number;
  /** What a reader has in its cache shows none of these changes. */
  readonly isCacheOld?: boolean;
}

const worldOf = (changes: Changes = {}) => {
  const { recipient = 'lync', now = CLOCK } = changes;
  const registered = one(recipients, recipient);
  const calls: string[] = [];
  const seen = (name: string, isFresh: boolean) => {
    calls.push(`${name}${isFresh ? ' afresh' : ''}`);
    return changes.isCacheOld !== true || isFresh ? changes : {};
  };
  const isFresh = (freshness: { readonly maxAgeSeconds?: number } = {}) => freshness.maxAgeSeconds === 0;
  const { issuers, certificates, users } = contextOf(registered, calls, now);
  const revocations = memoryTokenRevocations();
  const ports: CheckActorTokenPorts = {
    ...{ certificates, users, clock: { now: () => now } },
    partners: {
      ...issuers,
      find: async (_realm, id, freshness) => {
        const { partner, grant } = seen(`partner ${id}`, isFresh(freshness));
        const found = registered.partners.find((each) => each.partner.id === id);
        if (found === undefined) return undefined;
        const grants = found.grants.map((each) => ({ ...each, ...grant }));
        return { ...found, partner: { ...found.partner, ...partner }, grants };
      },
    },
    audiences: {
      find: async (_realm, name, freshness) => {
        const { audience } = seen('audience', isFresh(freshness));
        const found = registered.audiences.find((each) => each.audience === name);
        return found === undefined || audience === null ? undefined : { ...found, ...audience };
      },
    },
    realms: { find: async (_name, freshness) => ({ ...registered.realm, ...seen('realm', isFresh(freshness)).realm }) },
    revocations: {
      isRevoked: (...asked) => {
        calls.push('revocation');
        return revocations.isRevoked(...asked);
      },
    },
  };
  const settings: CheckActorTokenSettings = {
    ...{ realm: registered.realm.name, audience: `https://${HOSTS[recipient]}`, defaults: realmDefaults() },
    ...{ clockToleranceSeconds: 60, authorizerCacheSeconds: 0 },
    ...changes.settings,
  };
  return { check: checkActorToken(ports, settings), calls, revocations };
};

const shown = (jws: string | undefined, scheme: 'bearer' | 'dpop' = 'bearer'): ResourceRequest => ({
  ...(jws === undefined ? {} : { token: { scheme, jws } }),
  ...{ method: 'GET', host: 'sfbpool.contoso.example', path: '/ucwa', requestId: 'request-1' },
});

const outcome = async (jws: string, changes: Changes = {}): Promise<string> => {
  const { result } = await worldOf(changes).check(shown(jws));
  if (result.ok) return 'accept';
  return result.refusal.reason === 'microsoft_token_refused' ? result.refusal.fault : result.refusal.reason;
};

describe('an actor token', () => {
  it('brings the claims that a token of ours would have, and is on record', async () => {
    const { result, facts } = await worldOf().check(shown(APPLICATION));
    const jti = result.ok ? result.value.jti : '';
    expect(jti).toMatch(/^sha256:[A-Za-z0-9_-]{43}$/);
    expect(result).toEqual({
      ok: true,
      value: {
        ...{ iss: 'https://sts.example.com/realms/lync', aud: POOL, sub: 'exchange', client_id: 'exchange', jti },
        ...{ iat: CLOCK, exp: APPLICATION_END + 300, scope: 'read' },
      },
    });
    expect(facts).toEqual({
      ...{ realm: 'lync', method: 'actor_token', audience: POOL, client: 'exchange', subject: 'exchange' },
      ...{ clientKey: expect.any(String), tokenId: jti, expiresAt: APPLICATION_END + 300 },
    });
  });

  it('around which a user stands says who acts for whom, and ends with its shorter part', async () => {
    const { result } = await worldOf().check(shown(USER));
    expect(result).toMatchObject({
      ok: true,
      value: {
        ...{ sub: 'kim', client_id: 'exchange', act: { sub: 'exchange' }, exp: USER_END + 300 },
        sub_id: { format: 'iss_sub', iss: 'https://sts.example.com/realms/lync', sub: 'kim' },
      },
    });
  });

  it('of a partner with custom claims brings them as well, and they replace none of ours', async () => {
    const { result } = await worldOf({ partner: { claims: { tier: 'gold', sub: 'evil' } } }).check(shown(APPLICATION));
    expect(result).toMatchObject({ value: { tier: 'gold', sub: 'exchange' } });
  });

  it.each(bearerTokens)('$name comes to $expect in front of $recipient', async ({ file, recipient, expect: code }) => {
    expect(await outcome(fixtureText(file), { recipient })).toBe(code);
  });

  it.each([
    ['token_missing', shown(undefined)],
    ['malformed_token', shown('x')],
    ['token_unbound', shown(APPLICATION, 'dpop')],
  ])('is refused with %s where it is not shown as it has to be', async (code, request) => {
    const { check, calls } = worldOf();
    const { result } = await check(request);
    const { reason, fault = reason } = result.ok ? { reason: 'accept' } : { fault: undefined, ...result.refusal };
    expect([fault, calls]).toEqual([code, []]);
  });

  it('leaves nothing of itself in the record', async () => {
    for (const jws of [USER, `${USER}AA`, USER.replace('.', '.A')]) {
      const record = JSON.stringify(await worldOf().check(shown(jws)));
      for (const part of jws.split('.').filter((each) => each.length > 20)) expect(record).not.toContain(part);
    }
  });
});

describe('what is asked of an actor token is asked of the partner as it is now', () => {
  it.each<[string, string, Changes]>([
    ['resource_unknown', 'the audience is gone', { audience: null }],
    ['realm_disabled', 'the realm is disabled', { realm: { enabled: false } }],
    ['resource_disabled', 'the owner is disabled', { audience: { ownerEnabled: false } }],
    ['client_disabled', 'the partner is disabled', { partner: { enabled: false } }],
    ['trust_level_insufficient', 'the partner may speak of users only', { partner: { trustLevel: 'user' } }],
    ['grant_missing', 'the grant is on something else', { grant: { audience: 'https://other.example' } }],
    ['scope_not_granted', 'the audience has lost the scope', { audience: { scopes: ['write'] } }],
    ['scope_missing', 'the route asks for more', { settings: { scopes: ['read', 'write'] } }],
    ['accept', 'the route asks for what is granted', { settings: { scopes: ['read'] } }],
    ['token_unbound', 'tokens for the audience are bound', { audience: { tokenPolicy: { binding: 'mtls' } } }],
    ['token_unbound', 'tokens of the partner are bound', { partner: { tokenPolicy: { binding: 'dpop' } } }],
    ['accept', 'those who can bind do', { audience: { tokenPolicy: { binding: 'mtls-optional' } } }],
    ['accept', 'tokens of before its own second are revoked', { now: LATER, partner: { tokensNotBefore: CLOCK } }],
    ['token_too_old', 'those of its own second are, too', { now: LATER, partner: { tokensNotBefore: CLOCK + 1 } }],
    [
      'accept',
      'tokens of the grant of before its second are revoked',
      { now: LATER, grant: { tokensNotBefore: CLOCK } },
    ],
    ['token_too_old', 'those of its second are, too', { now: LATER, grant: { tokensNotBefore: CLOCK + 1 } }],
  ])('%s: %s', async (code, _what, changes) => {
    expect(await outcome(APPLICATION, changes)).toBe(code);
  });

  it('is good where it was made for, whatever the letter case, and at no other host of the realm', async () => {
    const audience = 'https://other-pool.contoso.example';
    expect(await outcome(APPLICATION, { settings: { audience } })).toBe('assertion_resource');
    const aud = String(GOOD.application.draft.claims.aud).replace('sfbpool', 'SFBPool');
    expect(await outcome(tokenOf(changed(GOOD.application.draft, { claims: { aud } })))).toBe('accept');
  });

  it('is no assertion for the token endpoint, which is used once, and there', async () => {
    const settings = { audience: 'https://sts.example.net' };
    expect(await outcome(tokenOf(GOOD.assertion.draft), { recipient: 'sts', settings })).toBe('assertion_resource');
  });

  it('is refused once its id was revoked', async () => {
    const { check, revocations } = worldOf();
    const { result } = await check(shown(APPLICATION));
    await revocations.revoke('lync', result.ok ? result.value.jti : '', CLOCK + 60);
    expect((await check(shown(APPLICATION))).result).toMatchObject({ refusal: { reason: 'token_revoked' } });
  });
});

describe('time', () => {
  it.each([
    [APPLICATION_END + 299, 0, 'accept'],
    [APPLICATION_END + 300, 0, 'token_expired'],
    [APPLICATION_END, 299, 'accept'],
    [APPLICATION_END, 300, 'token_expiring'],
    [CLOCK - 300, 0, 'accept'],
    [CLOCK - 301, 0, 'token_not_yet_valid'],
  ])('at %i a decision that is kept for %i s comes to %s', async (now, authorizerCacheSeconds, code) => {
    expect(await outcome(APPLICATION, { now, settings: { authorizerCacheSeconds } })).toBe(code);
  });

  it('of issue is never in the future', async () => {
    const { result } = await worldOf({ now: CLOCK - 200 }).check(shown(APPLICATION));
    expect(result).toMatchObject({ value: { iat: CLOCK - 200, exp: APPLICATION_END + 300 } });
  });
});

describe('reading', () => {
  it('is done once for each thing, and for nothing that is not needed', async () => {
    const { check, calls } = worldOf();
    await check(shown(APPLICATION));
    const [thumbprint] = calls.filter((call) => call.startsWith('certificate'));
    expect(calls).toEqual(['realm', 'audience', thumbprint, 'partner exchange', 'revocation']);
  });

  it('of a certificate that nobody has is all that such a token costs', async () => {
    const { check, calls } = worldOf();
    const { result } = await check(
      shown(tokenOf(changed(GOOD.application.draft, { header: { x5t: 'A'.repeat(27) } }))),
    );
    expect(result).toMatchObject({ refusal: { fault: 'key_not_found' } });
    const certificate = `certificate ${'A'.repeat(27)}`;
    expect(calls).toEqual(['realm', 'audience', certificate, certificate]);
  });

  it('is done again before a partner is refused for what may be old', async () => {
    const changes: Changes = {
      isCacheOld: true,
      grant: { scopes: ['read', 'write'] },
      audience: { scopes: ['read', 'write'] },
    };
    expect(await outcome(APPLICATION, { ...changes, settings: { scopes: ['write'] } })).toBe('accept');
  });
});

describe('in front of one resource', () => {
  it('each token is checked by the checks of its kind', async () => {
    const answer = (reason: 'token_malformed' | 'token_typ') => async () => ({
      result: reason === 'token_typ' ? refuse({ reason, typ: '' }) : refuse({ reason, detail: '' }),
      facts: {},
    });
    const check = checkEitherToken(answer('token_typ'), answer('token_malformed'));
    const kindOf = async (request: ResourceRequest) => {
      const { result } = await check(request);
      return !result.ok && result.refusal.reason === 'token_typ' ? 'actor' : 'own';
    };
    const own = fixtureText('token-modern-at-jwt-act.jwt');
    expect(await Promise.all([APPLICATION, USER, own, 'x', undefined].map((jws) => kindOf(shown(jws))))).toEqual([
      ...['actor', 'actor', 'own', 'own', 'own'],
    ]);
  });
});
