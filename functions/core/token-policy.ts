/**
 * What realms, audiences and partners ask of tokens. Each may only make a token narrower: the shortest lifetime counts, a
 * binding that anybody asks for is asked for, and the resource's choice of algorithm and profile goes before the client's.
 */

import { type JwsAlgorithm, parseAlgorithmName } from './algorithms.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { InputProblem } from './public-key.ts';

/** How a token is tied to its client: to a DPoP key (RFC 9449) or to a TLS certificate (RFC 8705 3). */
export const BINDINGS = ['dpop', 'mtls'] as const;
export type Binding = (typeof BINDINGS)[number];

/** What can be asked of a token: one of these ways, or the certificate if the client presents one. DPoP is every client's own choice. */
export const BINDING_RULES = [...BINDINGS, 'mtls-optional'] as const;
export type BindingRule = (typeof BINDING_RULES)[number];

/** `jwt`: RFC 9068. `microsoft-s2s`: what Exchange, SharePoint and Skype for Business accept. */
export const TOKEN_PROFILES = ['jwt', 'microsoft-s2s'] as const;
export type TokenProfile = (typeof TOKEN_PROFILES)[number];

export interface TokenPolicy {
  /** Longest lifetime. */
  readonly accessTokenSeconds?: number;
  readonly algorithm?: JwsAlgorithm;
  readonly binding?: BindingRule;
  readonly profile?: TokenProfile;
}

export const MIN_TOKEN_SECONDS = 60;
export const MAX_TOKEN_SECONDS = 86_400;

export interface TokenPolicyInput {
  readonly accessTokenSeconds?: number | undefined;
  readonly algorithm?: string | undefined;
  readonly binding?: string | undefined;
  readonly profile?: string | undefined;
}

/** @param algorithms the rings of the realm that sign: a token of another algorithm could not be made. */
export const parseTokenPolicy = (
  { accessTokenSeconds, algorithm: algorithmName, binding: bindingName, profile: profileName }: TokenPolicyInput,
  algorithms: readonly JwsAlgorithm[],
): Result<TokenPolicy, readonly InputProblem[]> => {
  const problems: InputProblem[] = [];
  const wrong = (member: string, detail: string) => problems.push({ pointer: `/tokenPolicy/${member}`, detail });
  const algorithm = algorithms.find((each) => each === parseAlgorithmName(algorithmName));
  const binding = BINDING_RULES.find((each) => each === bindingName);
  const profile = TOKEN_PROFILES.find((each) => each === profileName);
  if (accessTokenSeconds !== undefined && !isTokenLifetime(accessTokenSeconds)) {
    wrong('accessTokenSeconds', `a lifetime is ${MIN_TOKEN_SECONDS} to ${MAX_TOKEN_SECONDS} whole seconds`);
  }
  if (algorithmName !== undefined && algorithm === undefined) {
    wrong('algorithm', `this realm signs with ${algorithms.join(', ') || 'nothing yet'}`);
  }
  if (bindingName !== undefined && binding === undefined) wrong('binding', `one of ${BINDING_RULES.join(', ')}`);
  if (profileName !== undefined && profile === undefined) wrong('profile', `one of ${TOKEN_PROFILES.join(', ')}`);
  if (problems.length > 0) return refuse(problems);
  return accept({
    ...(accessTokenSeconds === undefined ? {} : { accessTokenSeconds }),
    ...(algorithm === undefined ? {} : { algorithm }),
    ...(binding === undefined ? {} : { binding }),
    ...(profile === undefined ? {} : { profile }),
  });
};

export const isTokenLifetime = (seconds: number): boolean =>
  Number.isInteger(seconds) && seconds >= MIN_TOKEN_SECONDS && seconds <= MAX_TOKEN_SECONDS;

/** What a token has to be like once everybody was asked. */
export interface TokenTerms {
  readonly seconds: number;
  readonly algorithm: JwsAlgorithm;
  /** Every way in which it has to be bound; more than one when client and resource ask for different ones. */
  readonly bindings: readonly Binding[];
  /** Bound to the client's certificate if there is one. */
  readonly bindsCertificate: boolean;
  readonly profile: TokenProfile;
}

/** @param defaults lifetime and algorithm where nobody asks for less or for another. */
export const tokenTerms = (
  defaults: Pick<TokenTerms, 'seconds' | 'algorithm'>,
  audience: TokenPolicy,
  partner: TokenPolicy,
): TokenTerms => ({
  seconds: Math.min(
    defaults.seconds,
    audience.accessTokenSeconds ?? defaults.seconds,
    partner.accessTokenSeconds ?? defaults.seconds,
  ),
  algorithm: audience.algorithm ?? partner.algorithm ?? defaults.algorithm,
  bindings: BINDINGS.filter((binding) => binding === audience.binding || binding === partner.binding),
  bindsCertificate: [audience.binding, partner.binding].some((rule) => rule === 'mtls' || rule === 'mtls-optional'),
  profile: audience.profile ?? partner.profile ?? 'jwt',
});
