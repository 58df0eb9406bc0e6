import { decodeJwt, decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import type { Partner } from '../../functions/core/partner.ts';
import { type Realm, type RealmPolicy, untouchedRealm } from '../../functions/core/realm.ts';
import type { TokenPolicy } from '../../functions/core/token-policy.ts';
import type { IssueTokenPorts } from '../../functions/flows/issue-token.ts';
import {
  AUDIENCE,
  assertion,
  audience,
  CLIENT,
  client,
  credential,
  ISSUER,
  NOW,
  REALM,
  ring,
  signingKey,
} from '../support/builders.ts';
import {
  catalogue,
  clientPair,
  esPair,
  finding,
  issue,
  portsOf,
  reasonOf,
  rsPair,
  SETTINGS,
  tokenOf,
} from './issue-token-world.ts';

const EMEA: Realm = { ...untouchedRealm('emea'), aliases: ['europe'], version: 1, createdAt: NOW, updatedAt: NOW };
const EMEA_ISSUER = `${ISSUER}/realms/emea`;

/** A service with one more realm, whose client has the same id and key. */
const withRealm = (realm: Realm = EMEA) => {
  const { ports, calls, replay } = portsOf();
  const rings = [ring('RS256', [signingKey(rsPair)], { realm: realm.name })];
  const realms: IssueTokenPorts['realms'] = {
    find: async (name) => {
      calls.push(`realm ${name}`);
      return [realm.name, ...realm.aliases].includes(name) ? realm : undefined;
    },
  };
  const here: Partial<IssueTokenPorts> = {
    realms,
    partners: finding(async (name, id) => {
      calls.push(`find ${name}/${id}`);
      return name === realm.name && id === CLIENT ? client({ realm: name }) : undefined;
    }),
    catalogue: {
      read: async (name, resource) => {
        calls.push(`read ${name}/${resource}`);
        return name === realm.name
          ? catalogue({ realm, rings, audience: audience({ realm: name }) })
          : { realm: undefined, rings: [], audience: undefined };
      },
    },
  };
  return { ports: { ...ports, ...here }, calls, replay };
};
const at = (ports: IssueTokenPorts, realm: string, claims: object = {}, form: Record<string, string> = {}) =>
  issue(ports, assertion(clientPair, { aud: EMEA_ISSUER, ...claims }), form, SETTINGS, realm);

describe('a realm', () => {
  it.each(['emea', 'europe'])('reached as %s issues under its own name, to its own clients', async (name) => {
    for (const form of [{}, { resource: AUDIENCE }]) {
      const { ports, replay } = withRealm();
      const decided = await at(ports, name, {}, form);
      expect(reasonOf(decided)).toBe('granted');
      expect(decodeJwt(tokenOf(decided))).toMatchObject({ iss: EMEA_ISSUER, aud: AUDIENCE, sub: CLIENT });
      expect([decided.facts.realm, [...replay.uses.values()].map(({ realm }) => realm)]).toEqual(['emea', ['emea']]);
    }
  });

  it('counts an assertion once, by whichever of its names it comes', async () => {
    const { ports } = withRealm();
    const outcomes = [];
    for (const [index, name] of ['emea', 'europe'].entries()) {
      outcomes.push(reasonOf(await at({ ...ports, ids: { next: () => `t${index}` } }, name)));
      // Each is a request of its own.
      ports.replay.claim = (
        (claim) => (use, now) =>
          claim({ ...use, claimedBy: `r${index}` }, now)
      )(ports.replay.claim);
    }
    expect(outcomes).toEqual(['granted', 'assertion_replayed']);
  });

  it.each([
    ['the default realm', ISSUER],
    ['an alias of it', `${ISSUER}/realms/europe`],
    ['its token endpoint', `${EMEA_ISSUER}/token`],
  ])('takes no assertion that is meant for %s', async (_what, aud) => {
    expect(reasonOf(await at(withRealm().ports, 'europe', { aud }))).toBe('assertion_audience');
  });

  it('that is not there knows no client, at the cost of a signature check, and claims nothing', async () => {
    const { ports, calls } = withRealm();
    const decided = await at(ports, 'none', { aud: `${ISSUER}/realms/none` }, { resource: AUDIENCE });
    expect([reasonOf(decided), calls]).toEqual(['client_unknown', ['realm none']]);
  });

  it.each(['emea', 'europe'])(
    'reached as %s costs the look at its name, and then the reads of any other',
    async (name) => {
      const { ports, calls } = withRealm();
      await at(ports, name, {}, { resource: AUDIENCE });
      expect(calls.slice(0, 3)).toEqual([`realm ${name}`, `find emea/${CLIENT}`, `read emea/${AUDIENCE}`]);
    },
  );

  it.each(['', 'EMEA', '../x', 'x'.repeat(3_000), 'a#b'])(
    'cannot have the name %j, which is neither looked for nor logged',
    async (name) => {
      const { ports, calls } = withRealm();
      const decided = await at(ports, name);
      expect([reasonOf(decided), decided.facts, calls]).toEqual(['realm_unknown', {}, []]);
    },
  );

  it('that is disabled gives no token, tells only the holder of a key so, in the log, and is looked at once more', async () => {
    const { ports, calls } = withRealm({ ...EMEA, enabled: false });
    for (const name of ['emea', 'europe']) {
      expect(await at(ports, name)).toMatchObject({ result: { refusal: { reason: 'realm_disabled', realm: 'emea' } } });
      expect(reasonOf(await at(ports, name, {}, { client_id: CLIENT }))).toBe('realm_disabled');
    }
    const stranger = assertion(esPair, { aud: EMEA_ISSUER }, { kid: 'k1' });
    expect(reasonOf(await issue(ports, stranger, {}, SETTINGS, 'emea'))).toBe('assertion_signature');
    expect(calls.filter((call) => /^(claim|sign)/.test(call))).toEqual([]);
  });

  it.each([
    ['granted', 30, 90],
    ['assertion_lifetime', 30, 91],
    ['granted', 3_600, 360],
    ['assertion_lifetime', 3_600, 361],
  ])(
    'bounds the lifetime of assertions, as does the deployment: %s with %i s at most and one of %i s',
    async (...row) => {
      const [reason, assertionSeconds, seconds] = row;
      const { ports } = withRealm({ ...EMEA, policy: { assertionSeconds } });
      expect(reasonOf(await at(ports, 'emea', { exp: NOW + seconds }))).toBe(reason);
    },
  );
});

/** A token for a client, audience and realm with these terms. */
const issueOn = async (terms: { realm?: RealmPolicy; audience?: TokenPolicy; partner?: Partial<Partner> }) => {
  const read = {
    realm: { ...untouchedRealm(REALM), policy: terms.realm ?? {} },
    audience: audience({ tokenPolicy: terms.audience ?? {} }),
  };
  const { ports, calls } = portsOf({ partners: finding(async () => client(terms.partner)) }, read);
  return { decided: await issue(ports, assertion(clientPair)), calls };
};

describe('the lifetime of a token', () => {
  it.each([
    [{}, 3_600],
    [{ realm: { accessTokenSeconds: 900 } }, 900],
    [{ audience: { accessTokenSeconds: 900 } }, 900],
    [{ partner: { tokenPolicy: { accessTokenSeconds: 900 } } }, 900],
    [{ realm: { accessTokenSeconds: 600 }, audience: { accessTokenSeconds: 900 } }, 600],
    [{ audience: { accessTokenSeconds: 300 }, partner: { tokenPolicy: { accessTokenSeconds: 60 } } }, 60],
    [{ realm: { accessTokenSeconds: 86_400 }, audience: { accessTokenSeconds: 86_400 } }, 3_600],
  ])('with %j is the shortest that anybody asks for: %i s', async (terms, seconds) => {
    const { decided } = await issueOn(terms);
    const { iat = 0, exp } = decodeJwt(tokenOf(decided));
    expect([iat, exp, decided.result.ok && decided.result.value.answer.expires_in]).toEqual([
      NOW,
      NOW + seconds,
      seconds,
    ]);
  });
});

describe('the ring that signs', () => {
  it.each([
    [{}, 'RS256'],
    [{ realm: { algorithms: ['ES256', 'RS256'] } }, 'ES256'],
    [{ partner: { tokenPolicy: { algorithm: 'ES256' } } }, 'ES256'],
    [{ audience: { algorithm: 'RS256' }, partner: { tokenPolicy: { algorithm: 'ES256' } } }, 'RS256'],
    [{ realm: { algorithms: ['RS256'] }, audience: { algorithm: 'ES256' } }, 'ES256'],
    // A ring that was chosen a moment ago does not sign yet; the realm does not stop for it.
    [{ realm: { algorithms: ['ES384', 'ES256'] } }, 'ES256'],
    [{ realm: { algorithms: ['ML-DSA-44'] } }, 'RS256'],
  ] as const)('with %j is that of %s: the resource decides, then the client, then the realm', async (terms, alg) => {
    const { decided } = await issueOn(terms);
    expect(decodeProtectedHeader(tokenOf(decided)).alg).toBe(alg);
  });
});

describe('what cannot be given', () => {
  it.each([
    ['trust_level_insufficient', { partner: { trustLevel: 'user' } }],
    ['binding_required', { audience: { binding: 'dpop' } }],
    ['binding_required', { partner: { tokenPolicy: { binding: 'mtls' } } }],
    ['token_profile_unsupported', { audience: { profile: 'microsoft-s2s' } }],
    ['token_profile_unsupported', { partner: { tokenPolicy: { profile: 'microsoft-s2s' } } }],
    ['granted', { audience: { profile: 'jwt' }, partner: { tokenPolicy: { profile: 'microsoft-s2s' } } }],
    ['granted', { partner: { trustLevel: 'full' } }],
  ] as const)('is refused, and nothing weaker given instead: %s with %j', async (reason, terms) => {
    const { decided, calls } = await issueOn(terms);
    expect(reasonOf(decided)).toBe(reason);
    expect(calls.some((call) => /^(claim|sign)/.test(call))).toBe(reason === 'granted');
  });
});

describe('claims that an operator has put on a partner', () => {
  it('are in each of its tokens', async () => {
    const claims = { tenant: 'a', 'https://example.com/x': { deep: [1, null] } };
    expect(decodeJwt(tokenOf((await issueOn({ partner: { claims } })).decided))).toMatchObject(claims);
  });

  it('never take the place of ours, even where the registry holds such', async () => {
    const ours = ['iss', 'aud', 'sub', 'client_id', 'iat', 'exp', 'jti', 'scope'];
    const claims = Object.fromEntries(ours.map((name) => [name, 'theirs']));
    const bare = decodeJwt(tokenOf((await issueOn({})).decided));
    expect(decodeJwt(tokenOf((await issueOn({ partner: { claims } })).decided))).toEqual(bare);
  });
});

describe('the times of a credential', () => {
  const outcome = async (times: { notBefore?: number; expiresAt?: number }) =>
    reasonOf((await issueOn({ partner: { credentials: [credential(clientPair, times)] } })).decided);

  it.each([
    ['credential_not_yet_valid', { notBefore: NOW + 1 }],
    ['granted', { notBefore: NOW }],
    ['granted', { expiresAt: NOW + 1 }],
    ['credential_expired', { expiresAt: NOW }],
    ['granted', { notBefore: NOW, expiresAt: NOW + 1 }],
    ['credential_not_yet_valid', { notBefore: NOW + 1, expiresAt: NOW + 2 }],
  ] as const)('hold to the second, whatever clocks are tolerated elsewhere: %s with %j', async (reason, times) => {
    expect(await outcome(times)).toBe(reason);
  });

  it('are told to nobody who does not have the key', async () => {
    const expired = { credentials: [credential(clientPair, { expiresAt: NOW })] };
    const { ports } = portsOf({ partners: finding(async () => client(expired)) });
    expect(reasonOf(await issue(ports, assertion(esPair, {}, { kid: 'k1' })))).toBe('assertion_signature');
  });

  it('leave the other credentials alone', async () => {
    const credentials = [credential(clientPair), credential(esPair, { expiresAt: NOW })];
    expect(reasonOf((await issueOn({ partner: { credentials } })).decided)).toBe('granted');
  });
});
