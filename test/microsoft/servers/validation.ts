/**
 * Is a bearer token good at a simulated server? The criteria of MS-XOAUTH 3.2.5.6, and what the .NET handler of the products needs of every
 * token. Refusals are those that the products are known to give; where none is known, the nearest one with a reason of its own.
 */

import { verify, X509Certificate } from 'node:crypto';
import { type Account, readPrincipal, readTarget, type Target } from './names.ts';
import { type ReadJwt, readJwt, toInt64 } from './tokens.ts';
import type { Signer, Trust } from './trust.ts';

/** What the products say of a token in `x-ms-diagnostics`. */
export class Refused extends Error {
  readonly code: string;
  readonly category: string;

  constructor(code: string, category: string, reason: string) {
    super(reason);
    this.code = code;
    this.category = category;
  }
}

const invalidToken = (reason: string) => new Refused('2000001', 'invalid_token', reason);
const invalidSignature = (reason: string) => new Refused('2000000', 'invalid_signature', reason);
const invalidIssuer = (reason: string) => new Refused('2000009', 'invalid_issuer', reason);
const invalidAudience = (reason: string) => new Refused('3000003', 'invalid_client', reason);

export interface Recipient {
  readonly app: string;
  /** Its own, and that of its organization in the cloud. */
  readonly realms: readonly string[];
  /** Authorities under which it is called. */
  readonly hosts: readonly string[];
  readonly trust: Trust;
  readonly accounts: readonly Account[];
  readonly acceptsSecurityIdentifiers: boolean;
  /** SharePoint takes a token with `trustedfordelegation` for one about a user only. */
  readonly tellsFormsApart: boolean;
}

export interface Accepted {
  /** Principal of the application. */
  readonly application: string;
  readonly user?: string;
}

const SKEW_SECONDS = 300;

/** @throws Refused */
export const validate = (recipient: Recipient, token: string, now: number): Accepted => {
  const read = readJwt(token);
  if (read === undefined) throw invalidToken('the token cannot be parsed');
  const { outer, actor } = partsOf(read);
  const signer = signerOf(recipient.trust, actor);
  for (const { claims } of [actor, ...(outer === undefined ? [] : [outer])]) needClaims(claims);
  const { nameid: application, trustedfordelegation: delegation } = actor.claims;
  const level = levelOf(recipient.trust, signer, actor);
  if (outer !== undefined && outer.claims.iss !== application) throw invalidIssuer('outer issuer is not the actor');
  for (const { claims } of [actor, ...(outer === undefined ? [] : [outer])]) {
    checkAudience(recipient, claims.aud);
    checkTimes(claims, now);
  }
  if (outer === undefined) {
    if (level === 'User') throw invalidToken('application-only is not allowed');
    if (recipient.tellsFormsApart && delegation !== undefined) throw invalidToken('not an application-only token');
    return { application: String(application) };
  }
  if (outer.claims.aud !== actor.claims.aud) throw invalidAudience('the audiences differ');
  if (delegation !== 'true') throw invalidToken('the actor is not trusted for delegation');
  if (level !== 'Full') throw invalidToken('users are not allowed');
  return { application: String(application), user: accountOf(recipient, outer.claims).id };
};

interface TokenParts {
  readonly outer?: ReadJwt;
  readonly actor: ReadJwt;
}

/** At most one level of `actortoken`. */
const partsOf = (read: ReadJwt): TokenParts => {
  const { header, claims, signature } = read;
  if (header.alg !== 'none') return { actor: read };
  const inner = typeof claims.actortoken === 'string' ? readJwt(claims.actortoken) : undefined;
  if (signature !== '' || inner === undefined) throw invalidToken('unsigned, and no actor token in it');
  if ('actortoken' in inner.claims) throw invalidToken('an actor token in an actor token');
  return { outer: read, actor: inner };
};

/** Every token has these four, whichever part it is. */
const needClaims = (claims: ReadJwt['claims']): void => {
  const missing = ['iss', 'aud', 'nbf', 'exp'].find((name) => claims[name] === undefined);
  if (missing !== undefined) throw invalidToken(`no ${missing}`);
};

const signerOf = (trust: Trust, { header, input, signature }: ReadJwt): Signer => {
  if (header.alg !== 'RS256') throw new Refused('3005004', 'invalid_client', 'no valid algorithm in the header');
  if (typeof header.x5t !== 'string') throw invalidSignature('no x5t');
  const signer = trust.findSigner(header.x5t);
  if (signer === undefined) throw invalidSignature('the certificate is not known');
  const { publicKey } = new X509Certificate(Buffer.from(signer.certificate, 'base64'));
  const isGood = verify('RSA-SHA256', Buffer.from(input), publicKey, Buffer.from(signature, 'base64url'));
  if (!isGood) throw invalidSignature('the signature is not of that key');
  return signer;
};

/** Who may speak for `nameid`: a partner for itself, a trust broker for any application, an authorization server for the partners that are said to use one. */
const levelOf = (
  trust: Trust,
  { kind, issuer, trustLevel = 'User', isTrustBroker = false }: Signer,
  { claims }: ReadJwt,
) => {
  if (claims.iss !== issuer) throw invalidIssuer('the key is of another issuer');
  const named = readPrincipal(claims.nameid);
  if (named === undefined) throw invalidToken('no nameid');
  if (kind === 'partner') {
    if (claims.nameid !== issuer && !isTrustBroker) throw invalidIssuer('a partner speaks for itself');
    return trustLevel;
  }
  const partner = trust.findVouchedFor(named.app, named.realm);
  if (partner === undefined) throw invalidIssuer('the application is no partner');
  return partner.trustLevel;
};

const checkAudience = ({ app, realms, hosts }: Recipient, aud: unknown): void => {
  const target: Target | undefined = readTarget(aud);
  const isHere = hosts.some((host) => host.toLowerCase() === target?.host.toLowerCase());
  if (target === undefined || target.app !== app || !realms.includes(target.realm) || !isHere)
    throw invalidAudience('invalid audience URI');
};

const checkTimes = ({ nbf, exp }: ReadJwt['claims'], now: number): void => {
  const [from, to] = [toInt64(nbf), toInt64(exp)];
  if (from === undefined || to === undefined) throw invalidToken('a time that is no number');
  if (now < from - SKEW_SECONDS || now >= to + SKEW_SECONDS) throw invalidToken('the token has expired');
};

/** All identifiers have to mean the same one account. */
const accountOf = ({ accounts, acceptsSecurityIdentifiers }: Recipient, claims: ReadJwt['claims']): Account => {
  const { nameid, nii, upn, smtp, sip } = claims;
  const isSid = typeof nii === 'string' && nii.toLowerCase() === 'urn:office:idp:activedirectory';
  const sid = isSid && acceptsSecurityIdentifiers ? nameid : undefined;
  const said = Object.entries({ upn: upn ?? (nii === undefined ? nameid : undefined), smtp, sip, sid });
  const given = said.filter(([, value]) => value !== undefined);
  const found = accounts.filter((account) => given.some(([kind, value]) => account[kind as keyof Account] === value));
  const [account, ...others] = found;
  if (account === undefined) throw invalidToken('no such user');
  if (others.length > 0) throw invalidToken('more than one user');
  return account;
};
