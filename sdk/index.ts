/**
 * What the package offers to both sides: `createTokenSource` for who calls, `createVerifier` for who is called. Runs wherever
 * there are web APIs. Middleware has entries of its own, beside this one.
 */

export { certificateThumbprint } from './certificate.ts';
export { type Challenge, challenge } from './challenge.ts';
export type { Actor, Confirmation, SubjectIdentifier, TokenClaims } from './claims.ts';
export {
  type ClientAuthentication,
  type ClientProof,
  clientSecretBasic,
  clientSecretPost,
  federated,
  type PrivateKeyJwtOptions,
  type ProofContext,
  privateKeyJwt,
  tls,
} from './client-authentication.ts';
export { derToRaw } from './der-to-raw.ts';
export type { DpopKeyPair } from './dpop-prover.ts';
export { clientCredentials, type Grant, jwtBearer, type TokenExchangeOptions, tokenExchange } from './grant.ts';
export type { IntrospectionOptions } from './introspection.ts';
export type { RequestLike } from './presented-request.ts';
export type { Binding, DpopOptions } from './proof-of-possession.ts';
export {
  type ProtectedResource,
  protectedResourceMetadata,
  protectedResourceMetadataUrl,
} from './protected-resource.ts';
export { Unavailable, type VerificationCode } from './refusal.ts';
export type { KeyHandle, Sign } from './signed-jwt.ts';
export { TokenError, type TokenFault } from './token-error.ts';
export {
  type AccessToken,
  createTokenSource,
  type RequestTarget,
  type TokenSource,
  type TokenSourceOptions,
  type WaitOptions,
} from './token-source.ts';
export { VerificationError } from './verification-error.ts';
export { createVerifier, type Verified, type Verifier, type VerifierOptions, type VerifyOptions } from './verifier.ts';
