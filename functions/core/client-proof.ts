/**
 * A client's proof, read as far as that goes without knowing the client: of which kind it is, and whom it claims to come from.
 */

import { type ParsedAssertion, parseAssertion } from './assertion.ts';
import { accept, type Refusal, type Result, refuse } from './errors.ts';
import { type ForeignJwt, parseForeignJwt } from './federated-assertion.ts';
import { JWT_BEARER } from './grant-type.ts';
import type { MicrosoftFault } from './microsoft-fault.ts';
import { isMicrosoftToken, type MicrosoftToken, parseMicrosoftToken } from './microsoft-token.ts';
import { loggableId } from './partner.ts';
import type { TokenRequest } from './token-request.ts';

export type ClientProof =
  | { readonly type: 'private_key_jwt'; readonly clientId: string; readonly assertion: ParsedAssertion }
  /** A JWT of another issuer, for the client that the request names. */
  | { readonly type: 'federated'; readonly clientId: string; readonly jwt: ForeignJwt }
  | {
      readonly type: 'client_secret';
      readonly clientId: string;
      readonly method: 'client_secret_basic' | 'client_secret_post';
      readonly secret: string;
    }
  | { readonly type: 'certificate'; readonly clientId: string; readonly pem: string }
  /**
   * The assertion of the JWT bearer grant, and nothing beside it; without a client id its issuer says whose it is. Read both ways,
   * since only the partner tells whether that issuer is itself.
   */
  | {
      readonly type: 'grant';
      readonly clientId: string | undefined;
      readonly issuer: string | undefined;
      readonly own: Result<ParsedAssertion>;
      readonly foreign: Result<ForeignJwt>;
    };

/** An actor token of the Microsoft server-to-server profile, by itself or inside a token about a user. */
export interface MicrosoftProof {
  readonly type: 'microsoft';
  readonly clientId: string | undefined;
  readonly token: Result<MicrosoftToken, MicrosoftFault>;
}

/**
 * The proof of a token request. Who uses the old name of the grant speaks the old language; under today's name both are spoken, and told
 * apart by their words.
 */
export const readRequestProof = (
  request: Pick<TokenRequest, 'client' | 'grant'>,
): Result<ClientProof | MicrosoftProof> => {
  const { client, grant } = request;
  const isMicrosoft =
    client.method === 'none' && grant.type === JWT_BEARER && (grant.isLegacy || isMicrosoftToken(grant.assertion));
  return isMicrosoft
    ? accept({ type: 'microsoft', clientId: client.clientId, token: parseMicrosoftToken(grant.assertion) })
    : readClientProof(request);
};

export const readClientProof = ({ client, grant }: Pick<TokenRequest, 'client' | 'grant'>): Result<ClientProof> => {
  switch (client.method) {
    case 'client_secret_basic':
    case 'client_secret_post':
      return accept({
        type: 'client_secret',
        clientId: client.clientId,
        method: client.method,
        secret: client.secret,
      });
    case 'certificate':
      return accept({ type: 'certificate', clientId: client.clientId, pem: client.pem });
    case 'assertion':
      return readAssertion(client.assertion, client.clientId);
    case 'none':
      return grant.type === JWT_BEARER
        ? readGrantAssertion(grant.assertion, client.clientId)
        : refuse({ reason: 'client_auth_missing' });
  }
};

const readAssertion = (jws: string, clientId: string | undefined): Result<ClientProof> => {
  const jwt = parseForeignJwt(jws, 'client');
  // A client speaks for itself, with one name in both places; an issuer speaks of others.
  if (clientId !== undefined && jwt.ok && jwt.value.claims.iss !== jwt.value.claims.sub) {
    return accept({ type: 'federated', clientId, jwt: jwt.value });
  }
  const assertion = parseAssertion(jws, 'client');
  if (!assertion.ok) return assertion;
  const mismatch = clientIdMismatch(clientId, assertion.value);
  if (mismatch !== undefined) return refuse(mismatch);
  return accept({ type: 'private_key_jwt', clientId: assertion.value.claims.sub, assertion: assertion.value });
};

const readGrantAssertion = (jws: string, clientId: string | undefined): Result<ClientProof> => {
  const [own, foreign] = [parseAssertion(jws, 'grant'), parseForeignJwt(jws, 'grant')];
  if (!own.ok && !foreign.ok) return foreign;
  const issuer = foreign.ok ? foreign.value.claims.iss : own.ok ? own.value.claims.iss : undefined;
  return accept({ type: 'grant', clientId, issuer, own, foreign });
};

/**
 * RFC 7521 4.2: `client_id` is not needed beside an assertion, but must name the same client. What is no id is not repeated in
 * the log: a client that mixes up its parameters sends an assertion or a secret there.
 */
const clientIdMismatch = (clientId: string | undefined, { claims }: ParsedAssertion): Refusal | undefined =>
  clientId === undefined || clientId === claims.sub
    ? undefined
    : { reason: 'client_id_mismatch', clientId: loggableId(clientId), subject: claims.sub };
