/**
 * Is this a token of ours, by a key that is published now, and in its time? For whom and for what it is good is asked elsewhere.
 */

import { accept, type Result, refuse } from './errors.ts';
import { isSignedBy } from './key-proof.ts';
import { type KeyRing, publishedKeys, type SigningKey } from './key-ring.ts';
import type { Audience, EpochSeconds, PartnerWithGrants } from './partner.ts';
import { bindingsOf } from './proof-of-possession.ts';
import { parseScope } from './scope.ts';
import { checkTrust } from './subject.ts';
import { type AccessTokenClaims, checkTokenClaims, type ParsedToken, type TokenRules } from './token.ts';
import { BINDINGS } from './token-policy.ts';

export const verifyToken = async (
  rings: readonly KeyRing[],
  token: ParsedToken,
  rules: Omit<TokenRules, 'maxSeconds'>,
  now: EpochSeconds,
): Promise<Result<AccessTokenClaims>> => {
  const signer = findSigner(rings, token.kid);
  if (signer === undefined) return refuse({ reason: 'token_key_unknown', kid: token.kid.slice(0, 64) });
  const { ring, key } = signer;
  if (!(await isSignedBy({ jwk: key.jwk, algorithm: ring.algorithm }, token.jws))) {
    return refuse({ reason: 'token_signature' });
  }
  // The longest lifetime is fixed before the key signs: a forger who chose `exp` freely would be caught by it.
  return checkTokenClaims(token.claims, { ...rules, maxSeconds: key.maxTokenSeconds ?? 0 }, now);
};

const findSigner = (rings: readonly KeyRing[], kid: string): { ring: KeyRing; key: SigningKey } | undefined => {
  for (const ring of rings) {
    const key = publishedKeys(ring).find((each) => each.kid === kid);
    if (key !== undefined) return { ring, key };
  }
  return undefined;
};

/** Whether the token was issued since all that there were were revoked. */
export const youngEnough = <Claims extends Pick<AccessTokenClaims, 'iat'>>(
  { tokensNotBefore: notBefore = 0 }: { readonly tokensNotBefore?: EpochSeconds },
  claims: Claims,
): Result<Claims> =>
  claims.iat < notBefore ? refuse({ reason: 'token_too_old', issuedAt: claims.iat, notBefore }) : accept(claims);

/** A token outlives neither its client's place in the realm, nor what it is trusted with, nor the grant it was issued for. */
export const stillGranted = (
  found: PartnerWithGrants | undefined,
  claims: AccessTokenClaims,
): Result<AccessTokenClaims> => {
  if (found === undefined) return refuse({ reason: 'client_unknown', clientId: claims.client_id });
  if (!found.partner.enabled) return refuse({ reason: 'client_disabled', clientId: claims.client_id });
  const trusted = checkTrust(found.partner, {
    kind: claims.sub_id === undefined ? 'application' : 'user',
    sub: claims.sub,
  });
  if (!trusted.ok) return trusted;
  const grant = found.grants.find((each) => each.audience === claims.aud);
  if (grant === undefined) return refuse({ reason: 'grant_missing', resource: claims.aud });
  const young = [found.partner, grant].map((each) => youngEnough(each, claims)).find(({ ok }) => !ok);
  if (young !== undefined) return young;
  const scopes = parseScope(claims.scope);
  if (scopes === undefined) return refuse({ reason: 'token_malformed', detail: 'scope' });
  if (!scopes.every((scope) => grant.scopes.includes(scope))) {
    return refuse({ reason: 'scope_not_granted', asked: scopes, granted: grant.scopes });
  }
  const lost = claims.authorization_details?.find(({ type }) => !grant.authorizationDetailsTypes.includes(type));
  return lost === undefined
    ? accept(claims)
    : refuse({ reason: 'authorization_details_not_granted', type: lost.type, detail: 'not granted any more' });
};

/**
 * The same, and whether the token is bound as its resource and its client ask of tokens now. A rule that was set after the token was
 * issued holds for it as well: whoever asks for bound tokens wants no stolen one to work.
 */
export const stillAccepted = (
  found: PartnerWithGrants | undefined,
  audience: Audience | undefined,
  claims: AccessTokenClaims,
): Result<AccessTokenClaims> => {
  const granted = stillGranted(found, claims);
  if (!granted.ok) return granted;
  if (audience === undefined) return refuse({ reason: 'resource_unknown', resource: claims.aud });
  const bound = bindingsOf(claims.cnf) ?? [];
  const asked = [audience.tokenPolicy.binding, found?.partner.tokenPolicy.binding];
  const missing = BINDINGS.find((binding) => asked.includes(binding) && !bound.includes(binding));
  return missing === undefined ? granted : refuse({ reason: 'token_unbound', binding: missing });
};
