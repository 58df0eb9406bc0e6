/** What a token is asked for on the strength of: RFC 6749 4.4, RFC 7523 2.1, RFC 8693 2.1. */

/** Form parameters of the grant; asked anew for every try. */
export type Grant = () => Promise<Readonly<Record<string, string>>>;

const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';

/** The client acts as itself. The default. */
export const clientCredentials = (): Grant => async () => ({ grant_type: 'client_credentials' });

/** @param assertion makes the JWT that says whom the token is to be about. Called for every try: each is good once. */
export const jwtBearer =
  (assertion: () => Promise<string>): Grant =>
  async () => ({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: await assertion() });

export interface TokenExchangeOptions {
  /** URN of the kind of the subject token. @default an access token */
  readonly subjectTokenType?: string;
  /** Who acts for the subject; without it the client. An access token. */
  readonly actorToken?: () => Promise<string>;
}

/** @param subjectToken the token that is handed in for another one. */
export const tokenExchange =
  (subjectToken: () => Promise<string>, options: TokenExchangeOptions = {}): Grant =>
  async () => ({
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: await subjectToken(),
    subject_token_type: options.subjectTokenType ?? ACCESS_TOKEN_TYPE,
    ...(options.actorToken === undefined
      ? {}
      : { actor_token: await options.actorToken(), actor_token_type: ACCESS_TOKEN_TYPE }),
  });
