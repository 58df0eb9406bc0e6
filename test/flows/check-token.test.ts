import { describe, expect, it } from 'vitest';
import type { JwsAlgorithm } from '../../functions/core/algorithms.ts';
import { auditRecord } from '../../functions/core/audit.ts';
import type { PartnerWithGrants } from '../../functions/core/partner.ts';
import { untouchedRealm } from '../../functions/core/realm.ts';
import type { ResourceRequest } from '../../functions/core/resource-request.ts';
import { type CheckTokenPorts, type CheckTokenSettings, checkToken } from '../../functions/flows/check-token.ts';
import { Outage } from '../../functions/ports.ts';
import {
  AUDIENCE,
  audience,
  CLIENT,
  client,
  grant,
  ISSUER,
  keyPair,
  NOW,
  REALM,
  ring,
  signingKey,
  signJws,
} from '../support/builders.ts';
import { memoryTokenRevocations, testClock } from './in-memory.ts';

const SETTINGS: CheckTokenSettings = {
  ...{ realm: REALM, issuer: ISSUER, audience: AUDIENCE },
  ...{ clockToleranceSeconds: 60, authorizerCacheSeconds: 0 },
};
const CLAIMS = {
  ...{ iss: ISSUER, aud: AUDIENCE, sub: CLIENT, client_id: CLIENT },
  ...{ iat: NOW - 10, exp: NOW + 600, jti: 'token-1', scope: 'read' },
};

const token = async (claims: object = {}, header: object = {}, name = 'rs', algorithm: JwsAlgorithm = 'RS256') => {
  const pair = await keyPair(algorithm, name);
  return signJws(pair, { alg: algorithm, typ: 'at+jwt', kid: pair.thumbprint, ...header }, { ...CLAIMS, ...claims });
};

const portsOf = async (changes: Partial<CheckTokenPorts> = {}) => {
  const calls: string[] = [];
  const rings = [
    ring('RS256', [
      signingKey(await keyPair('RS256', 'rs')),
      signingKey(await keyPair('RS256', 'next'), { state: 'standby' }),
    ]),
    ring('ES256', [
      signingKey(await keyPair('ES256', 'new'), { state: 'created' }),
      signingKey(await keyPair('ES256', 'es')),
    ]),
  ];
  const ports: CheckTokenPorts = {
    partners: {
      find: async (realm, id) => {
        calls.push(`find ${realm}/${id}`);
        return id === CLIENT ? client() : undefined;
      },
    },
    audiences: { find: async () => audience() },
    rings: {
      list: async (realm) => {
        calls.push(`list ${realm}`);
        return rings;
      },
    },
    realms: { find: async (name) => (name === REALM ? untouchedRealm(name) : undefined) },
    replay: { claim: () => Promise.reject(new Error('a bearer token is not used up')) },
    revocations: memoryTokenRevocations(),
    clock: testClock(),
    ...changes,
  };
  return { ports, calls };
};

const bearer = (jws: string | undefined): ResourceRequest => ({
  ...(jws === undefined ? {} : { token: { scheme: 'bearer', jws } as const }),
  ...{ method: 'GET', host: 'api.example.com', path: '/billing', requestId: 'request-1' },
});

const outcomeOf = async (jws: string | undefined, changes: Partial<CheckTokenPorts> = {}): Promise<string> => {
  const { result } = await checkToken((await portsOf(changes)).ports, SETTINGS)(bearer(jws));
  return result.ok ? 'accepted' : result.refusal.reason;
};

describe('a token', () => {
  it('is accepted with its claims, and is on record', async () => {
    const decided = await checkToken((await portsOf()).ports, SETTINGS)(bearer(await token()));
    expect(decided).toEqual({
      result: { ok: true, value: CLAIMS },
      facts: {
        ...{ realm: REALM, client: CLIENT, audience: AUDIENCE, tokenId: 'token-1', expiresAt: NOW + 600 },
        kid: (await keyPair('RS256', 'rs')).thumbprint,
      },
    });
  });

  it.each([
    ['of any ring', 'es', 'ES256', 'accepted'],
    ['of a standby key: another function may see the ring earlier', 'next', 'RS256', 'accepted'],
    ['of a key that is not published', 'new', 'ES256', 'token_key_unknown'],
    ['of a key that is not ours', 'evil', 'RS256', 'token_key_unknown'],
  ] as const)('%s: %s (%s) is %s', async (_what, name, algorithm, outcome) => {
    await expect(token({}, {}, name, algorithm).then((jws) => outcomeOf(jws))).resolves.toBe(outcome);
  });

  it('with the kid of another of our keys is refused', async () => {
    const { thumbprint } = await keyPair('ES256', 'es');
    await expect(token({}, { kid: thumbprint }).then((jws) => outcomeOf(jws))).resolves.toBe('token_signature');
  });

  it.each(['none', 'HS256', 'PS256', 'ES256', 'RS512'])(
    'under alg %s is refused: the ring says which algorithm',
    async (alg) => {
      await expect(token({}, { alg }).then((jws) => outcomeOf(jws))).resolves.toBe('token_signature');
    },
  );

  it.each([
    [{ iss: 'https://evil.example' }, 'token_issuer'],
    [{ aud: 'https://other.example' }, 'token_audience'],
    [{ exp: NOW }, 'token_expired'],
    [{ exp: NOW + 1 }, 'accepted'],
    [{ iat: NOW + 61 }, 'token_not_yet_valid'],
    [{ exp: NOW + 3_591 }, 'token_lifetime'],
    [{ exp: NOW + 3_590 }, 'accepted'],
    [{ client_id: 'nobody', sub: 'nobody' }, 'client_unknown'],
    [{ scope: 'admin' }, 'scope_not_granted'],
    [{ scope: 'read write' }, 'accepted'],
    [{ scope: '' }, 'token_malformed'],
    [{ scope: 'read  write' }, 'token_malformed'],
  ])('with %j is %s', async (claims, outcome) => {
    await expect(token(claims).then((jws) => outcomeOf(jws))).resolves.toBe(outcome);
  });

  it.each([
    ['its client is gone', undefined, 'client_unknown'],
    ['its client is disabled', { partner: { enabled: false } }, 'client_disabled'],
    ['its grant is gone', { grants: [] }, 'grant_missing'],
    ['its grant is on another audience now', { grants: [grant({ audience: `${AUDIENCE}/` })] }, 'grant_missing'],
    ['its scope was taken from the grant', { grants: [grant({ scopes: ['write'] })] }, 'scope_not_granted'],
  ])('is refused once %s', async (_what, changes, outcome) => {
    const known = await client();
    const found: PartnerWithGrants | undefined =
      changes === undefined
        ? undefined
        : { ...known, ...changes, partner: { ...known.partner, ...('partner' in changes ? changes.partner : {}) } };
    await expect(token().then((jws) => outcomeOf(jws, { partners: { find: async () => found } }))).resolves.toBe(
      outcome,
    );
  });
});

describe('a revoked token', () => {
  const revokedFor = async (id: string, forgetAfter: number) => {
    const revocations = memoryTokenRevocations();
    await revocations.revoke(REALM, id, forgetAfter);
    return { revocations };
  };

  it.each([
    ['itself', 'token-1', NOW, 'token_revoked'],
    ['another one', 'token-2', NOW + 600, 'accepted'],
    // Nobody can be told of a time that is over: the token would be refused for its age.
    ['itself, for too short', 'token-1', NOW - 1, 'accepted'],
  ])('%s (%s, until %i) is %s', async (_what, id, forgetAfter, outcome) => {
    expect(await outcomeOf(await token(), await revokedFor(id, forgetAfter))).toBe(outcome);
  });

  it('is not asked about before everything else that needs no partner is right', async () => {
    const revocations = { isRevoked: () => Promise.reject(new Error('not to be asked')) };
    for (const jws of [
      await token({ exp: NOW }),
      await token({ aud: 'https://other.example' }),
      await token({}, { alg: 'PS256' }),
    ])
      expect(await outcomeOf(jws, { revocations })).toMatch(/^token_/);
  });

  it('says why another way where its client has lost its part', async () => {
    const known = await client();
    const partners = { find: async () => ({ ...known, grants: [] }) };
    expect(await outcomeOf(await token(), { ...(await revokedFor('token-1', NOW)), partners })).toBe('grant_missing');
  });
});

describe('what a resource asks beyond a good token', () => {
  const asking = async (settings: Partial<CheckTokenSettings>, claims: object = {}): Promise<string> => {
    const { result } = await checkToken((await portsOf()).ports, { ...SETTINGS, ...settings })(
      bearer(await token(claims)),
    );
    return result.ok ? 'accepted' : result.refusal.reason;
  };

  it.each([
    [['read'], 'read', 'accepted'],
    [['read', 'write'], 'read write', 'accepted'],
    [['write'], 'read', 'scope_missing'],
    // What it has lost is the better reason: a token with more would not help.
    [['write'], 'admin', 'scope_not_granted'],
  ])('scopes %j of one with %j: %s', async (scopes, scope, outcome) => {
    expect(await asking({ scopes }, { scope })).toBe(outcome);
  });

  it.each([
    [300, NOW + 301, 'accepted'],
    [300, NOW + 300, 'token_expiring'],
    [0, NOW + 1, 'accepted'],
  ])('to last while a decision is kept: %i s', async (authorizerCacheSeconds, exp, outcome) => {
    expect(await asking({ authorizerCacheSeconds }, { exp })).toBe(outcome);
  });
});

describe('what is no token', () => {
  it('is refused without a call', async () => {
    for (const jws of [undefined, '', 'x', 'a.b.c', `${await token()}=`, await token({}, { typ: 'JWT' })]) {
      const { ports, calls } = await portsOf();
      const { result, facts } = await checkToken(ports, SETTINGS)(bearer(jws));
      expect([result.ok, facts, calls]).toEqual([false, { realm: REALM }, []]);
    }
  });

  it.each(['x'.repeat(3_000), 'a#b', 'half \ud83d', ''])(
    'does not carry the client_id %j to the registry, which it cannot be in',
    async (id) => {
      const { ports, calls } = await portsOf();
      const { thumbprint } = await keyPair('RS256', 'rs');
      const { result } = await checkToken(
        ports,
        SETTINGS,
      )(bearer(await token({ client_id: id }, { kid: thumbprint }, 'evil')));
      expect([result.ok ? '' : result.refusal.reason, calls]).toEqual(['token_signature', ['list default']]);
    },
  );
});

describe('a refusal that the cache may be the reason for', () => {
  const answers = (...known: (PartnerWithGrants | undefined)[]) => {
    const asked: unknown[] = [];
    const find: CheckTokenPorts['partners']['find'] = async (_realm, _id, freshness) => {
      asked.push(freshness?.maxAgeSeconds);
      return known[Math.min(asked.length, known.length) - 1];
    };
    return { asked, partners: { find } };
  };

  it('is looked into once more, with fresh data, and then stands', async () => {
    const good = await client();
    const stale = { ...good, grants: [] };
    const [turned, standing] = [answers(stale, good), answers(stale, stale, good)];
    const outcomes = [await outcomeOf(await token(), turned), await outcomeOf(await token(), standing)];
    expect([outcomes, turned.asked, standing.asked]).toEqual([
      ['accepted', 'grant_missing'],
      [undefined, 0],
      [undefined, 0],
    ]);
  });

  it('is not one of a token that proves nothing, for which no partner is read at all', async () => {
    const good = await client();
    const { asked, partners } = answers({ ...good, grants: [] }, good);
    await outcomeOf(await token({}, { alg: 'PS256' }), { partners });
    await outcomeOf(await token({ exp: NOW }), { partners });
    expect(asked).toEqual([]);
  });
});

describe('an outage', () => {
  const down = () => Promise.reject(new Outage('dynamodb:Query', new Error('down')));

  it('is thrown, and never turned into a judgement', async () => {
    for (const jws of [await token(), await token({ exp: NOW })]) {
      await expect(outcomeOf(jws, { rings: { list: down } })).rejects.toBeInstanceOf(Outage);
    }
    await expect(outcomeOf(await token(), { partners: { find: down } })).rejects.toBeInstanceOf(Outage);
    await expect(outcomeOf(await token(), { revocations: { isRevoked: down } })).rejects.toBeInstanceOf(Outage);
  });
});

describe('the record of a check', () => {
  it('holds no part of the token, and bounds what an unverified one says of itself', async () => {
    const long = 'x'.repeat(900);
    for (const jws of [
      await token(),
      await token({ exp: NOW }),
      await token({ jti: long, aud: long, client_id: long }, { kid: long }),
    ]) {
      const record = JSON.stringify(
        auditRecord('check-token', 'r', await checkToken((await portsOf()).ports, SETTINGS)(bearer(jws))),
      );
      for (const part of jws.split('.')) expect(record).not.toContain(part);
      expect(record.length).toBeLessThan(1_500);
    }
  });
});
