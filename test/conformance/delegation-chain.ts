/**
 * Services that call one another for a user, in a chain: each owns the audience of its name and is granted its own and the next one's.
 * The portal knows the users; the robot is an application that speaks for itself only.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outcome, tokenOutcome } from '../support/decisions.ts';
import { exchangeForm, grantForm, requireToken, statementOf } from '../support/delegation.ts';
import {
  assertionOf,
  makePartner,
  mustCreate,
  type Service,
  startService,
  type TestPartner,
  tokenForm,
} from '../support/service.ts';

const CHAIN = ['portal', 'orders', 'billing', 'ledger', 'archive', 'vault'] as const;
export type Name = (typeof CHAIN)[number] | 'robot';
const TRUST: Partial<Record<Name, string>> = { portal: 'user', robot: 'application' };

export const audienceOf = (name: Name): string => `https://${name}.example/api`;

/** Tokens for it live shorter than others. */
const BRIEF: Name = 'orders';
export const BRIEF_SECONDS = 300;

type Words = Readonly<Record<string, string>>;

export interface Chain extends AsyncDisposable {
  readonly service: Service;
  /** Where the service keeps its keys. */
  readonly directory: string;
  partnerOf(name: Name): TestPartner;
  /** Alice's token for one of the services, asked for by the portal. */
  aliceAt(target: Name, claims?: object, more?: Words): Promise<string>;
  /** The token of a client about itself. */
  ownToken(client: Name, target: Name, more?: Words): Promise<string>;
  /** The form in which a client hands in a token for one for the billing service, unless it says another. */
  exchange(client: Name, subject: string, more?: Words): Promise<URLSearchParams>;
  outcome(client: Name, subject: string, more?: Words): Promise<Outcome>;
  /** The token that comes of it. @throws when there is none. */
  exchanged(client: Name, subject: string, more?: Words): Promise<string>;
}

export const startChain = async (): Promise<Chain> => {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-chain-'));
  const service = await startService({ dataDirectory: directory });
  const partners = await populateChain(service);
  const partnerOf = (name: Name): TestPartner => {
    const partner = partners.get(name);
    if (partner === undefined) throw new Error(`there is no partner ${name}`);
    return partner;
  };
  const exchange = (client: Name, subject: string, more: Words = {}) =>
    exchangeForm(partnerOf(client), service.issuer, subject, { resource: audienceOf('billing'), ...more });
  return {
    service,
    directory,
    partnerOf,
    exchange,
    aliceAt: async (target, claims = {}, more = {}) => {
      const assertion = await statementOf(partnerOf('portal'), service.issuer, 'alice', claims);
      return requireToken(service, grantForm(assertion, { resource: audienceOf(target), ...more }));
    },
    ownToken: async (client, target, more = {}) => {
      const assertion = await assertionOf(partnerOf(client), service.issuer);
      return requireToken(service, tokenForm(assertion, { resource: audienceOf(target), ...more }));
    },
    outcome: async (...request) => tokenOutcome(service, await exchange(...request)),
    exchanged: (...request) => requireToken(service, exchange(...request)),
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
};

const populateChain = async (service: Service): Promise<ReadonlyMap<Name, TestPartner>> => {
  const partners = new Map<Name, TestPartner>();
  for (const name of [...CHAIN, 'robot'] as const) {
    const partner = await makePartner(name);
    partners.set(name, partner);
    const definition = { jwks: { keys: [partner.publicJwk] }, trustLevel: TRUST[name] ?? 'full' };
    await mustCreate(service, '/partners', { id: name, ...definition });
    const tokenPolicy = name === BRIEF ? { accessTokenSeconds: BRIEF_SECONDS } : {};
    const scopes = ['read', 'write', 'pay'];
    await mustCreate(service, '/audiences', { audience: audienceOf(name), owner: name, scopes, tokenPolicy });
  }
  const grant = (client: Name, target: Name) =>
    mustCreate(service, '/grants', { client, audience: audienceOf(target), scopes: ['read', 'write'] });
  for (const [index, client] of CHAIN.entries()) {
    for (const target of CHAIN.slice(index, index + 2)) await grant(client, target);
  }
  for (const target of ['orders', 'portal'] as const) await grant('robot', target);
  await grant('portal', 'robot');
  return partners;
};
