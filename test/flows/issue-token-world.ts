/** One realm, one client with one grant, and ports that answer at once: what the tests of issuing start from. */

import type { Decided } from '../../functions/core/audit.ts';
import { untouchedRealm } from '../../functions/core/realm.ts';
import {
  type IssuedToken,
  type IssueTokenPorts,
  type IssueTokenSettings,
  issueToken,
} from '../../functions/flows/issue-token.ts';
import type { Catalogue, IssuerReader, PartnerReader } from '../../functions/ports.ts';
import {
  audience,
  CLIENT,
  client,
  keyPair,
  REALM,
  realmDefaults,
  ring,
  signingKey,
  tokenRequest,
} from '../support/builders.ts';
import { memoryQuotas, memoryReplayGuard, memoryTokenRevocations, pairSigner, testClock } from './in-memory.ts';

export const SETTINGS: IssueTokenSettings = {
  ...realmDefaults(),
  clockToleranceSeconds: 60,
};

/** The client's key, and the active keys of the two rings. */
export const clientPair = await keyPair();
export const rsPair = await keyPair('RS256', 'rs');
export const esPair = await keyPair('ES256', 'es');

export const catalogue = (changes: Partial<Catalogue> = {}): Catalogue => ({
  realm: untouchedRealm(REALM),
  rings: [ring('RS256', [signingKey(rsPair)]), ring('ES256', [signingKey(esPair)])],
  audience: audience(),
  ...changes,
});

/** What DPoP proofs have to hold here. */
export const NONCE = 'nonce-1';

/** Of a registry in which nobody goes by an issuer. */
export const finding = (find: PartnerReader['find']): PartnerReader & IssuerReader => ({
  find,
  findByIssuer: async () => undefined,
});

/** Ports that answer, each call written down. */
export const portsOf = (changes: Partial<IssueTokenPorts> = {}, read: Partial<Catalogue> = {}) => {
  const calls: string[] = [];
  const replay = memoryReplayGuard();
  const signer = pairSigner(rsPair, esPair);
  const ports: IssueTokenPorts = {
    partners: {
      find: async (realm, id) => {
        calls.push(`find ${realm}/${id}`);
        return id === CLIENT ? client() : undefined;
      },
      findByIssuer: async (realm, issuer) => {
        calls.push(`issuer ${realm}/${issuer}`);
        return undefined;
      },
    },
    certificates: { findByThumbprint: async () => undefined },
    users: { findUser: async () => undefined, findUsers: async () => [] },
    catalogue: {
      read: async (realm, name) => {
        calls.push(`read ${realm}/${name}`);
        return catalogue(read);
      },
    },
    realms: {
      find: async (name) => {
        calls.push(`realm ${name}`);
        return name === REALM ? untouchedRealm(name) : undefined;
      },
    },
    nonces: {
      read: async (realm) => {
        calls.push(`nonces ${realm}`);
        return { current: NONCE, accepted: [NONCE] };
      },
    },
    revocations: memoryTokenRevocations(),
    quotas: memoryQuotas(calls),
    replay: {
      claim: (claim, now) => {
        calls.push(`claim ${claim.uses.map(({ jti }) => jti).join(' ')}`);
        return replay.claim(claim, now);
      },
      release: (claim) => {
        calls.push(`release ${claim.uses.map(({ jti }) => jti).join(' ')}`);
        return replay.release(claim);
      },
    },
    signer: {
      sign: (key, algorithm, input) => {
        calls.push(`sign ${algorithm}`);
        return signer.sign(key, algorithm, input);
      },
    },
    clock: testClock(),
    ids: { next: () => 'token-1' },
    ...changes,
  };
  return { ports, calls, replay };
};

export const issue = (
  ports: IssueTokenPorts,
  jws: string,
  form: Record<string, string | undefined> = {},
  settings = SETTINGS,
  realm = REALM,
) => issueToken(ports, settings)(realm, tokenRequest(jws, form), 'request-1');

export const reasonOf = ({ result }: Decided<IssuedToken>): string => (result.ok ? 'granted' : result.refusal.reason);
export const tokenOf = ({ result }: Decided<IssuedToken>): string =>
  result.ok ? result.value.answer.access_token : '';
