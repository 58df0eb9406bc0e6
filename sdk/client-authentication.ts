/**
 * How a client proves who it is at the token endpoint: RFC 7523 2.2 with a key of its own or the token of a workload platform,
 * RFC 6749 2.3.1 with a secret, RFC 8705 2 with a TLS certificate.
 */

import { jwtSigner, type KeyHandle } from './signed-jwt.ts';

/** What one request is proved for. */
export interface ProofContext {
  readonly clientId: string;
  /** The audience of assertions (draft-ietf-oauth-rfc7523bis). */
  readonly issuer: string;
  /** As the server would say it, seconds since the epoch. */
  readonly now: number;
}

/** What goes into the request. */
export interface ClientProof {
  readonly headers: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>>;
}

/** Made by the functions below. */
export interface ClientAuthentication {
  /** Asked anew for every try: an assertion is good once. */
  prove(context: ProofContext): Promise<ClientProof>;
  /** Whether the request goes where TLS client certificates are asked for (RFC 8705 5). */
  readonly isByCertificate: boolean;
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** A clock that is this far off, either way, makes assertions that even a server without any tolerance takes. */
const CLOCK_ERROR_SECONDS = 30;
const ASSERTION_SECONDS = 60;

const method = (prove: (context: ProofContext) => ClientProof | Promise<ClientProof>): ClientAuthentication => ({
  prove: async (context) => prove(context),
  isByCertificate: false,
});

const form = (parameters: Readonly<Record<string, string>>): ClientProof => ({ headers: {}, form: parameters });

export type PrivateKeyJwtOptions = KeyHandle & {
  /** As the key is registered. */
  readonly kid: string;
  /** JOSE name of its algorithm: `ES256`, `RS256`, `EdDSA` ... */
  readonly alg: string;
};

/** `private_key_jwt`: an assertion of the client's own, signed with its private key, good for one request. */
export const privateKeyJwt = (options: PrivateKeyJwtOptions): ClientAuthentication => {
  const sign = jwtSigner(options, options.alg);
  return method(async ({ clientId, issuer, now }) => {
    const claims = {
      ...{ iss: clientId, sub: clientId, aud: issuer, jti: crypto.randomUUID() },
      ...{ iat: now - CLOCK_ERROR_SECONDS, exp: now + ASSERTION_SECONDS },
    };
    const assertion = await sign({ kid: options.kid, typ: 'client-authentication+jwt' }, claims);
    return form({ client_assertion_type: ASSERTION_TYPE, client_assertion: assertion });
  });
};

/**
 * A JWT that the platform has issued to the workload (Kubernetes, GitHub Actions, SPIFFE, AWS).
 * @param token called for every try: reads it again where it is renewed, since one token may be good only once.
 */
export const federated = (token: () => Promise<string>): ClientAuthentication =>
  method(async ({ clientId }) =>
    form({ client_id: clientId, client_assertion_type: ASSERTION_TYPE, client_assertion: await token() }),
  );

/** @param secret or a function that reads it, called for every try, so that a replaced one is taken over. */
export const clientSecretBasic = (secret: string | (() => Promise<string>)): ClientAuthentication =>
  method(async ({ clientId }) => ({
    headers: { authorization: `Basic ${btoa(`${formEncode(clientId)}:${formEncode(await read(secret))}`)}` },
    form: {},
  }));

/** @param secret as for `clientSecretBasic`. */
export const clientSecretPost = (secret: string | (() => Promise<string>)): ClientAuthentication =>
  method(async ({ clientId }) => form({ client_id: clientId, client_secret: await read(secret) }));

/** `tls_client_auth` and `self_signed_tls_client_auth`: the `fetch` that is passed in shows the certificate. */
export const tls = (): ClientAuthentication => ({
  prove: async ({ clientId }) => form({ client_id: clientId }),
  isByCertificate: true,
});

const read = async (secret: string | (() => Promise<string>)): Promise<string> =>
  typeof secret === 'string' ? secret : secret();

/** RFC 6749 2.3.1: both are form-encoded before they are put together, which leaves ASCII for `btoa`. */
const formEncode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);
