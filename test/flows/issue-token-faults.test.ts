import { describe, expect, it } from 'vitest';
import { type IssueTokenPorts, issueToken } from '../../functions/flows/issue-token.ts';
import { KeyUnusable, Outage, type ReplayClaim } from '../../functions/ports.ts';
import {
  AUDIENCE,
  assertion,
  audience,
  CLIENT,
  keyPair,
  NOW,
  REALM,
  ring,
  signingKey,
  tokenRequest,
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
} from './issue-token-world.ts';

const oldPair = await keyPair('RS256', 'old');

describe('an assertion', () => {
  it('that was used is refused, and its signature thrown away', async () => {
    const { ports, calls } = portsOf();
    const jws = assertion(clientPair);
    const first = await issueToken(ports, SETTINGS)(REALM, tokenRequest(jws), 'request-1');
    const second = await issueToken(ports, SETTINGS)(REALM, tokenRequest(jws), 'request-2');
    expect([reasonOf(first), second.result]).toEqual([
      'granted',
      { ok: false, refusal: { reason: 'assertion_replayed', jti: 'assertion-1' } },
    ]);
    expect(JSON.stringify(second)).not.toContain('access_token');
    expect(calls.filter((call) => call.startsWith('release'))).toEqual([]);
  });

  it('sent fifty times at once gives one token', async () => {
    const { ports } = portsOf();
    const jws = assertion(clientPair);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        issueToken(ports, SETTINGS)(REALM, tokenRequest(jws), `request-${index}`),
      ),
    );
    expect(answers.map(reasonOf).sort()).toEqual([
      ...Array.from({ length: 49 }, () => 'assertion_replayed'),
      'granted',
    ]);
  });

  it('that was used is refused as that also when KMS fails, and stays used', async () => {
    const { ports, calls } = portsOf({
      signer: { sign: () => Promise.reject(new Outage('kms:Sign', new Error('down'))) },
    });
    await ports.replay.claim(
      {
        realm: REALM,
        uses: [{ kind: 'assertion', maker: CLIENT, jti: 'assertion-1', forgetAfter: NOW + 99 }],
        claimedBy: 'before',
      },
      NOW,
    );
    expect(reasonOf(await issue(ports, assertion(clientPair)))).toBe('assertion_replayed');
    expect(calls.filter((call) => call.startsWith('release'))).toEqual([]);
  });
});

describe('a key that was taken out of use a moment ago', () => {
  const unusable = new KeyUnusable('kms:Sign', new Error('disabled'));

  it('costs a fresh look at the rings, and the token is signed by its successor', async () => {
    const asked: (number | undefined)[] = [];
    const { ports, calls, replay } = portsOf();
    const revoking: IssueTokenPorts = {
      ...ports,
      catalogue: {
        read: async (_realm, _audience, freshness) => {
          asked.push(freshness?.maxAgeSeconds);
          const rsKey = signingKey(freshness?.maxAgeSeconds === 0 ? rsPair : oldPair);
          return catalogue({ rings: [ring('RS256', [rsKey])] });
        },
      },
      signer: {
        sign: (key, ...call) =>
          key.keyArn.endsWith(`/${oldPair.kid}`) ? Promise.reject(unusable) : ports.signer.sign(key, ...call),
      },
    };
    const decided = await issue(revoking, assertion(clientPair), { resource: AUDIENCE });
    expect([reasonOf(decided), decided.facts.kid, asked]).toEqual(['granted', rsPair.thumbprint, [undefined, 0]]);
    expect([replay.uses.size, calls.filter((call) => /^(claim|release)/.test(call))]).toEqual([
      1,
      ['claim assertion-1'],
    ]);
  });

  it('gives the assertion back where nothing took its place', async () => {
    const { ports, replay } = portsOf({ signer: { sign: () => Promise.reject(unusable) } });
    await expect(issue(ports, assertion(clientPair))).rejects.toBe(unusable);
    expect(replay.uses.size).toBe(0);
  });
});

describe('an outage', () => {
  const down = (operation: string) => () => Promise.reject(new Outage(operation, new Error('down')));

  it('of KMS gives the assertion back, to be sent again', async () => {
    const { ports, replay } = portsOf();
    const claimed: ReplayClaim[] = [];
    const released: ReplayClaim[] = [];
    const failing: IssueTokenPorts = {
      ...ports,
      replay: {
        claim: (use, now) => {
          claimed.push(use);
          return replay.claim(use, now);
        },
        release: (use) => {
          released.push(use);
          return replay.release(use);
        },
      },
      signer: { sign: down('kms:Sign') },
    };
    await expect(issue(failing, assertion(clientPair))).rejects.toThrow(new Outage('kms:Sign', new Error('down')));
    expect([released, replay.uses.size]).toEqual([claimed, 0]);
    expect(claimed).toHaveLength(1);
    await expect(issue(ports, assertion(clientPair)).then(reasonOf)).resolves.toBe('granted');
  });

  it('of the replay guard gives no token, and gives back what may have been claimed', async () => {
    const { ports, calls } = portsOf();
    const failing = { ...ports, replay: { ...ports.replay, claim: down('dynamodb:PutItem') } };
    await expect(issue(failing, assertion(clientPair))).rejects.toMatchObject({ operation: 'dynamodb:PutItem' });
    expect(calls.slice(-2)).toEqual(['sign RS256', 'release assertion-1']);
  });

  it('of both is that of the replay guard', async () => {
    const { ports, calls } = portsOf({ signer: { sign: down('kms:Sign') } });
    const failing = { ...ports, replay: { ...ports.replay, claim: down('dynamodb:PutItem') } };
    await expect(issue(failing, assertion(clientPair))).rejects.toMatchObject({ operation: 'dynamodb:PutItem' });
    expect(calls.filter((call) => call.startsWith('release'))).toHaveLength(1);
  });

  it('of a read claims nothing', async () => {
    for (const changes of [
      { partners: finding(down('dynamodb:Query')) },
      { catalogue: { read: down('dynamodb:BatchGetItem') } },
    ]) {
      const { ports, calls } = portsOf(changes);
      await expect(issue(ports, assertion(clientPair), { resource: AUDIENCE })).rejects.toBeInstanceOf(Outage);
      expect(calls.filter((call) => !/^(find|read)/.test(call))).toEqual([]);
    }
  });

  it.each([
    ['no ring', () => []],
    ['an empty ring', () => [ring('RS256', [])]],
    ['only a key that stands by', () => [ring('RS256', [signingKey(rsPair, { state: 'standby' })])]],
    ['only a key that was created', () => [ring('RS256', [signingKey(rsPair, { state: 'created' })])]],
  ])('is what a realm with %s has: the client did nothing wrong, and nothing is claimed', async (_what, rings) => {
    const { ports, calls } = portsOf({}, { rings: rings() });
    await expect(issue(ports, assertion(clientPair))).rejects.toMatchObject({ operation: 'key-ring' });
    expect(calls.filter((call) => call.startsWith('claim'))).toEqual([]);
  });

  it('is what a resource has whose ring does not sign: a token of another ring it may not understand', async () => {
    const chosen = { audience: audience({ tokenPolicy: { algorithm: 'RS256' } }) };
    const { ports, calls } = portsOf({}, { ...chosen, rings: [ring('ES256', [signingKey(esPair)])] });
    await expect(issue(ports, assertion(clientPair))).rejects.toMatchObject({ operation: 'key-ring' });
    expect(calls.filter((call) => call.startsWith('claim'))).toEqual([]);
  });
});
