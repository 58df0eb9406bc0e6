/**
 * The token function on its real adapters over the embedded AWS, with the administration beside it: what the flows do when the
 * caches, the tables and the keys are the real ones. Time is the test's.
 */

import { decodeJwt } from 'jose';
import { vi } from 'vitest';
import { dynamoDpopNonces } from '../../functions/adapters/dynamo-dpop-nonces.ts';
import { dynamoGrantRegistry } from '../../functions/adapters/dynamo-grant-registry.ts';
import { dynamoPartnerRegistry } from '../../functions/adapters/dynamo-partner-registry.ts';
import { dynamoQuotaCounter } from '../../functions/adapters/dynamo-quota-counter.ts';
import {
  dynamoAudienceReader,
  dynamoCatalogueReader,
  dynamoIssuerReader,
  dynamoPartnerReader,
  dynamoRealmReader,
  dynamoRingReader,
  dynamoThumbprintReader,
} from '../../functions/adapters/dynamo-readers.ts';
import { dynamoRealmRegistry } from '../../functions/adapters/dynamo-realm-registry.ts';
import { dynamoReplayGuard } from '../../functions/adapters/dynamo-replay-guard.ts';
import { dynamoRingStore } from '../../functions/adapters/dynamo-ring-store.ts';
import { dynamoTokenRevocations } from '../../functions/adapters/dynamo-token-revocations.ts';
import { dynamoUserReader } from '../../functions/adapters/dynamo-users.ts';
import { kmsKeyVault } from '../../functions/adapters/kms-key-vault.ts';
import { kmsSigner } from '../../functions/adapters/kms-signer.ts';
import { dynamoCredentialUses } from '../../functions/adapters/last-use.ts';
import { randomIds, randomSecrets } from '../../functions/adapters/system.ts';
import type { RawTokenRequest } from '../../functions/core/request-form.ts';
import { checkToken } from '../../functions/flows/check-token.ts';
import { issueToken } from '../../functions/flows/issue-token.ts';
import { manageGrants } from '../../functions/flows/manage-grants.ts';
import { managePartners } from '../../functions/flows/manage-partners.ts';
import { manageRealms } from '../../functions/flows/manage-realms.ts';
import { manageSecrets } from '../../functions/flows/manage-secrets.ts';
import { manageTokens } from '../../functions/flows/manage-tokens.ts';
import { mustBe } from '../flows/admin-world.ts';
import { reasonOf } from '../flows/issue-token-world.ts';
import {
  AUDIENCE,
  assertion,
  CLIENT,
  ISSUER,
  keyPair,
  NOW,
  OWNER,
  REALM,
  realmDefaults,
  ring,
  signingKey,
  tokenRequest,
} from '../support/builders.ts';
import { EPHEMERA, KEY_POLICY, openAws, TABLE } from '../support/embedded-aws.ts';

export const CACHE_SECONDS = 30;

/** Of the form of a good request; `undefined` leaves a parameter out. */
export type Changes = Readonly<Record<string, string | undefined>>;

/** The clocks of DynamoDB, of the flows and of the caches, all one. It stands still until a test lets it pass. */
const startTime = async (whileCalling: { run: () => void }) => {
  // Ages are told by performance.now(), and lru-cache forgets what it read of that by a timer.
  let elapsedMs = 0;
  const ms = () => NOW * 1_000 + elapsedMs;
  // The engine makes its tables by real time.
  const aws = await openAws(ms, {
    intercept: () => {
      whileCalling.run();
      return undefined;
    },
  });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const now = vi.spyOn(performance, 'now').mockImplementation(() => 1_000 + elapsedMs);
  return {
    aws,
    seconds: () => NOW + Math.floor(elapsedMs / 1_000),
    pass: (seconds: number) => {
      elapsedMs += seconds * 1_000;
      vi.advanceTimersByTime(seconds * 1_000);
    },
    stop: () => {
      now.mockRestore();
      vi.useRealTimers();
    },
  };
};

export const openTokenService = async () => {
  /** What happens while AWS works on a call. */
  const whileCalling = { run: () => {} };
  const { aws, ...time } = await startTime(whileCalling);
  const clock = { now: time.seconds };
  const client = aws.documents;
  const rings = dynamoRingStore(client, TABLE);
  const registry = { ...dynamoPartnerRegistry(client, TABLE), ...dynamoGrantRegistry(client, TABLE) };
  const uses = dynamoCredentialUses(client, EPHEMERA);
  const realms = dynamoRealmRegistry(client, TABLE);
  const revocations = dynamoTokenRevocations({ client, table: EPHEMERA, cacheSeconds: 0 });
  const pause = { until: async (second: number) => time.pass(Math.max(0, second - clock.now())) };
  const admin = {
    partners: managePartners({ registry, uses, rings, clock, pause, ids: randomIds }),
    grants: manageGrants({ registry, rings, realms, clock, pause }),
    realms: manageRealms({ realms, clock }, realmDefaults()),
    secrets: manageSecrets({ registry, realms, uses, clock, secrets: randomSecrets }),
    tokens: manageTokens({ registry, revocations, uses, clock, pause }, { clockToleranceSeconds: 60 }),
  };
  const vault = kmsKeyVault({ client: aws.kms, deployment: 'test', keyPolicy: KEY_POLICY, patienceMs: 0 });

  /** A ring with a key that signs. */
  const addRing = async (realm: string) => {
    const made = await vault.create(realm, 'RS256', `${realm}-creation`);
    const stub = signingKey(await keyPair('RS256'));
    mustSave(await rings.save(ring('RS256', [{ ...stub, ...made }], { realm, version: 1 })));
  };

  /** Two partners, an audience of one of them, and a grant on it for the other. */
  const populate = async (realm: string) => {
    await addRing(realm);
    const jwk = { ...(await keyPair()).publicJwk, kid: 'k1' };
    mustBe(await admin.partners.add(realm, { id: CLIENT, credentials: [{ jwk }] }));
    mustBe(await admin.partners.add(realm, { id: OWNER }));
    mustBe(await admin.grants.addAudience(realm, { audience: AUDIENCE, owner: OWNER, scopes: ['read'] }));
    mustBe(await admin.grants.addGrant(realm, { client: CLIENT, audience: AUDIENCE, scopes: ['read'] }));
  };

  const options = { client, table: TABLE, cacheSeconds: CACHE_SECONDS };
  let requests = 0;
  /** An execution environment of the token function, with caches of its own. @returns what came of each request. */
  const startEndpoint = () => {
    const partners = dynamoPartnerReader(options);
    const issue = issueToken(
      {
        partners: { ...partners, ...dynamoIssuerReader(options, partners) },
        certificates: dynamoThumbprintReader(options, partners),
        users: dynamoUserReader(options),
        catalogue: dynamoCatalogueReader(options),
        realms: dynamoRealmReader(options),
        replay: dynamoReplayGuard(client, EPHEMERA),
        quotas: dynamoQuotaCounter(client, EPHEMERA),
        nonces: dynamoDpopNonces(client, EPHEMERA),
        revocations: dynamoTokenRevocations({ ...options, table: EPHEMERA }),
        signer: kmsSigner(aws.kms),
        clock,
        ids: randomIds,
      },
      { ...realmDefaults(), clockToleranceSeconds: 60 },
    );
    return async (request: RawTokenRequest, realm = REALM) => {
      requests += 1;
      const before = aws.calls.length;
      const decided = await issue(realm, request, `request-${requests}`);
      const token = decided.result.ok ? decided.result.value.answer.access_token : undefined;
      const claims = token === undefined ? {} : decodeJwt(token);
      return { reason: reasonOf(decided), calls: aws.calls.slice(before), token, claims };
    };
  };

  /** The same, asked by the client with its key, unless the changes say otherwise. */
  const startFunction = () => {
    const send = startEndpoint();
    return async (realm = REALM, own = realm, resource = AUDIENCE, more: Changes = {}) => {
      const aud = own === REALM ? ISSUER : `${ISSUER}/realms/${own}`;
      const now = clock.now();
      const jws = assertion(await keyPair(), { jti: `a${requests}`, iat: now, exp: now + 60, aud });
      return send(tokenRequest(jws, { resource, ...more }), realm);
    };
  };

  /** An execution environment of the authorizer. */
  const startAuthorizer = () => {
    const check = checkToken(
      {
        partners: dynamoPartnerReader(options),
        audiences: dynamoAudienceReader(options),
        rings: dynamoRingReader(options),
        realms: dynamoRealmReader(options),
        replay: dynamoReplayGuard(client, EPHEMERA),
        revocations: dynamoTokenRevocations({ ...options, table: EPHEMERA }),
        clock,
      },
      {
        ...{ realm: REALM, issuer: ISSUER, audience: AUDIENCE },
        ...{ clockToleranceSeconds: 60, authorizerCacheSeconds: 0 },
      },
    );
    return async (jws: string | undefined) => {
      const before = aws.calls.length;
      const { result } = await check({
        ...(jws === undefined ? {} : { token: { scheme: 'bearer', jws } as const }),
        ...{ method: 'GET', host: 'api.example.com', path: '/', requestId: `check-${before}` },
      });
      return { reason: result.ok ? 'granted' : result.refusal.reason, calls: aws.calls.slice(before) };
    };
  };

  return {
    ...{
      aws,
      whileCalling,
      clock,
      admin,
      registry,
      addRing,
      populate,
      startEndpoint,
      startFunction,
      startAuthorizer,
      pass: time.pass,
    },
    [Symbol.asyncDispose]: async () => {
      time.stop();
      await aws[Symbol.asyncDispose]();
    },
  };
};

export type TokenService = Awaited<ReturnType<typeof openTokenService>>;

const mustSave = (outcome: 'saved' | 'conflict'): void => {
  if (outcome !== 'saved') throw new Error('the ring was there already');
};
