/**
 * Whom a token is about, and who acts for them (RFC 8693 4.1): what a partner may assert by its trust level, and how the chain of
 * actors grows. Nobody can become somebody else without a trace: a token about another than its client always has an `act`.
 */

import { accept, type Result, refuse } from './errors.ts';
import { isJsonObject } from './json-object.ts';
import type { TrustLevel } from './partner.ts';

/** RFC 8693 4.1: the outermost acts now, the ones within acted before. */
export interface Actor {
  readonly sub: string;
  /** There for actors that another issuer knows. */
  readonly iss?: string;
  readonly act?: Actor;
}

/** RFC 9493 3.2.3: the subject as whoever asserted it knows it. Tokens about users have it, tokens about applications never. */
export interface SubjectIdentifier {
  readonly format: 'iss_sub';
  readonly iss: string;
  readonly sub: string;
}

/** RFC 8693 4.4 */
export interface MayAct {
  readonly sub: string;
  readonly iss?: string;
}

export interface Subject {
  readonly kind: 'application' | 'user';
  readonly sub: string;
  readonly subId?: SubjectIdentifier;
  /** Who has acted for it so far; absent: it speaks for itself. */
  readonly act?: Actor;
  /** The only one who may act for it from now on. */
  readonly mayAct?: MayAct;
}

/** The client itself. */
export const itself = (client: string): Subject => ({ kind: 'application', sub: client });

/** Actors in a chain: enough for a call through several services, and a bound on what a token can grow to. */
export const MAX_ACTORS = 4;

/**
 * Whether a client of this trust level may have a token about the subject: `application` itself only, `user` users only, `full` both, and
 * other applications that have called it.
 */
export const checkTrust = (
  { trustLevel, id }: { readonly trustLevel: TrustLevel; readonly id: string },
  { kind, sub }: Subject,
): Result<undefined> => {
  const isTrusted =
    trustLevel === 'full' || (kind === 'user' ? trustLevel === 'user' : trustLevel === 'application' && sub === id);
  return isTrusted ? accept(undefined) : refuse({ reason: 'trust_level_insufficient', trustLevel });
};

/** The subject with `client` acting for it, unless it is the client. */
export const actingFor = (subject: Subject, client: string): Result<Subject> => {
  const { mayAct, act, sub, kind } = subject;
  // RFC 8693 4.4: whoever may act is named by the issuer that knows it; a name of another issuer is none of ours.
  if (mayAct !== undefined && (mayAct.sub !== client || mayAct.iss !== undefined)) {
    return refuse({ reason: 'may_act_excludes', clientId: client });
  }
  if (kind === 'application' && sub === client && act === undefined) return accept(subject);
  // Who acts already does not act twice: a service that trades in its own token to get a narrower one is the same actor.
  if (act !== undefined && act.sub === client && act.iss === undefined) return accept(subject);
  const depth = actorsOf(act).length + 1;
  if (depth > MAX_ACTORS) return refuse({ reason: 'actors_too_many', depth, maxDepth: MAX_ACTORS });
  return accept({ ...subject, act: { sub: client, ...(act === undefined ? {} : { act }) } });
};

/** From the outermost inwards. */
export const actorsOf = (act: Actor | undefined): readonly Actor[] =>
  act === undefined ? [] : [act, ...actorsOf(act.act)];

/** The chain as another issuer's token has it: whoever is not said to be of another still is of that one. */
export const actorsFrom = (act: Actor, issuer: string): Actor => ({
  sub: act.sub,
  iss: act.iss ?? issuer,
  ...(act.act === undefined ? {} : { act: actorsFrom(act.act, issuer) }),
});

const MAX_NAME_LENGTH = 256;
const MAX_ISSUER_LENGTH = 512;

const isName = (value: unknown, maxLength: number): value is string =>
  typeof value === 'string' && value !== '' && value.length <= maxLength;

/** @returns `undefined`: not an actor, or a chain that is too long. */
export const parseActor = (value: unknown, maxDepth: number = MAX_ACTORS): Actor | undefined => {
  if (!isJsonObject(value) || maxDepth === 0) return undefined;
  const { sub, iss, act } = value;
  if (!isName(sub, MAX_NAME_LENGTH) || !(iss === undefined || isName(iss, MAX_ISSUER_LENGTH))) return undefined;
  const inner = act === undefined ? undefined : parseActor(act, maxDepth - 1);
  if (act !== undefined && inner === undefined) return undefined;
  return { sub, ...(iss === undefined ? {} : { iss }), ...(inner === undefined ? {} : { act: inner }) };
};

/** @returns `undefined`: it does not name exactly one party. */
export const parseMayAct = (value: unknown): MayAct | undefined => {
  const party = parseActor(value, 1);
  return party === undefined || party.act !== undefined ? undefined : party;
};

export const isSubjectIdentifier = (value: unknown): value is SubjectIdentifier =>
  isJsonObject(value) &&
  value.format === 'iss_sub' &&
  isName(value.iss, MAX_ISSUER_LENGTH) &&
  isName(value.sub, MAX_NAME_LENGTH);
