/**
 * The admin API on a registry in memory, called with events of API Gateway. Whatever it answers is held against the shape that
 * the operation promises, so every test is one of the shapes as well.
 */

import { createHash } from 'node:crypto';
import type { Realm } from '../../functions/core/realm.ts';
import { diagnoseToken } from '../../functions/flows/diagnose-token.ts';
import { manageGrants } from '../../functions/flows/manage-grants.ts';
import { managePartners } from '../../functions/flows/manage-partners.ts';
import { manageRealms } from '../../functions/flows/manage-realms.ts';
import { manageSecrets } from '../../functions/flows/manage-secrets.ts';
import { manageTokens } from '../../functions/flows/manage-tokens.ts';
import { manageUsers } from '../../functions/flows/manage-users.ts';
import { onboardPartner } from '../../functions/flows/onboard-partner.ts';
import { problemAnswer } from '../../functions/http/admin-answers.ts';
import { OPERATIONS } from '../../functions/http/admin-operations.ts';
import type { HttpAnswer } from '../../functions/http/endpoint.ts';
import type { CredentialUses, Registry } from '../../functions/ports.ts';
import { adminEndpoint } from '../../functions/routes.ts';
import {
  type MemoryRealms,
  type MemoryRegistry,
  type MemoryTokenRevocations,
  memoryRealms,
  memoryRegistry,
  memoryTokenRevocations,
  testClock,
} from '../flows/in-memory.ts';
import { memoryUsers } from '../flows/memory-users.ts';
import { AUDIENCE, httpEvent, keyPair, NOW, REALM, realmDefaults, ring, signingKey } from '../support/builders.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

export const TIME = new Date(NOW * 1_000).toISOString();
export const USED_AT = NOW + 3_600;
export const PAIR = await keyPair();
export const PARTNER = { id: 'billing', name: 'Billing', jwks: { keys: [{ ...PAIR.publicJwk, kid: 'k1' }] } };

/** Of the first secret that is made. */
export const SECRET_ID = createHash('sha256')
  .update(`csec_${'chance7f3a1'.padEnd(43, 'A')}`)
  .digest('hex')
  .slice(0, 12);
/** What every secret and token of these tests begins with, behind its prefix. */
export const CHANCE = 'chance7f3a';

const RINGS = [ring('ES256', [signingKey(PAIR)]), ring('RS256', [signingKey(await keyPair('RS256'))])];

export interface Call {
  readonly body?: string | object;
  readonly query?: string;
  readonly operator?: string;
  /** In place of some of the registry. */
  readonly registry?: Partial<Registry>;
}

export interface Answered {
  readonly status: number | undefined;
  /** Empty where there is none. */
  readonly body: Record<string, unknown>;
  readonly type: unknown;
}

export interface AdminWorld {
  readonly observed: Observed;
  readonly registry: MemoryRegistry;
  readonly realms: MemoryRealms;
  readonly revocations: MemoryTokenRevocations;
  /** Below `/admin`. */
  call(method: string, path: string, more?: Call): Promise<Answered>;
  /** Below the default realm. */
  inRealm(method: string, path: string, more?: Call): Promise<Answered>;
  /** What the audit holds, call by call. */
  records(): Record<string, unknown>[];
}

/** Credentials of whom it is known when they were last used. */
const uses: CredentialUses = {
  lastUses: async (_realm, id) =>
    new Map(
      id === 'crm'
        ? [
            [PAIR.thumbprint, USED_AT],
            [`secret:${SECRET_ID}`, USED_AT],
          ]
        : [],
    ),
};

export const openAdmin = (): AdminWorld => {
  const [observed, registry, realms] = [observe(), memoryRegistry(), memoryRealms()];
  const [clock, rings] = [testClock(), { list: async () => RINGS }];
  const [revocations, pause] = [memoryTokenRevocations(), { until: async () => {} }];
  let made = 0;
  const ids = { next: () => `made-${++made}` };
  const secrets = { next: () => `${CHANCE}${++made}`.padEnd(43, 'A') };

  const call = async (method: string, path: string, { body, query = '', operator, ...more }: Call = {}) => {
    const all = { ...registry, ...more.registry };
    const ports = { registry: all, realms, uses, rings, clock, pause, ids, secrets };
    const endpoint = adminEndpoint(observed.seen, {
      partners: managePartners(ports),
      secrets: manageSecrets(ports),
      onboarding: onboardPartner(ports),
      grants: manageGrants(ports),
      users: manageUsers({ users: memoryUsers(registry), registry: all }),
      diagnose: diagnoseToken({ ...ports, users: memoryUsers(registry) }, realmDefaults()),
      tokens: manageTokens({ ...ports, revocations }, { clockToleranceSeconds: 60 }),
      realms: manageRealms({ realms, clock }, realmDefaults()),
      defaultRealm: REALM,
    });
    const text = typeof body === 'object' ? JSON.stringify(body) : body;
    const event = httpEvent(method, `/admin${path}`, { query, ...(text === undefined ? {} : { body: text }) });
    if (operator !== undefined) Object.assign(event.requestContext, { authorizer: { iam: { userArn: operator } } });
    return promised(method, path, await endpoint(event, lambdaContext()));
  };
  return {
    ...{ observed, registry, realms, revocations, call },
    inRealm: (method, path, more) => call(method, `/realms/${REALM}${path}`, more),
    records: () => observed.lines().flatMap(({ audit }) => (audit === undefined ? [] : [audit as object])) as [],
  };
};

/** Two partners, an audience of one, and a grant on it for the other. */
export const populate = async ({ inRealm }: AdminWorld): Promise<void> => {
  await inRealm('POST', '/partners', { body: PARTNER });
  await inRealm('POST', '/partners', { body: { ...PARTNER, id: 'crm' } });
  await inRealm('POST', '/audiences', { body: { audience: AUDIENCE, owner: 'billing', scopes: ['read', 'write'] } });
  await inRealm('POST', '/grants', { body: { client: 'crm', audience: AUDIENCE, scopes: ['read'] } });
};

export const realmOf = (name: string, changes: Partial<Realm> = {}): Realm => ({
  ...{ name, aliases: [], enabled: true, policy: {}, version: 1, createdAt: NOW, updatedAt: NOW },
  ...changes,
});

/** Throws when the answer is none of those that its operation promises. */
export const promised = (method: string, path: string, { statusCode = 0, headers, body }: HttpAnswer): Answered => {
  const found = OPERATIONS.find((each) => each.method === method && pattern(each.path).test(path));
  const value: unknown = body === undefined ? undefined : JSON.parse(body);
  if (statusCode >= 400) problemAnswer.parse(value);
  else if (found !== undefined && statusCode === 204) {
    if (found.answer !== undefined || value !== undefined) throw new Error(`${found.id} answered 204 with a body`);
  } else if (found !== undefined) {
    const fitting = found.creates === 'always' ? [201] : [200, ...(found.creates === true ? [201] : [])];
    if (!fitting.includes(statusCode)) throw new Error(`${found.id} answered ${statusCode}`);
    if (found.answer === undefined) throw new Error(`${found.id} answered with a body`);
    found.answer.parse(value);
  }
  return { status: statusCode, body: (value ?? {}) as Record<string, unknown>, type: headers?.['content-type'] };
};

const pattern = (path: string): RegExp => new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`);
