/**
 * Resources that Exchange, SharePoint and Skype for Business call: the challenge that tells them what tokens to make, and a verifier that
 * takes these tokens as well, by handing them in at the token service. The service itself has to take them: see docs/authorizers.md.
 */

import { decodeObject } from './compact-jws.ts';
import { type MicrosoftResource, microsoftChallenge } from './microsoft-challenge.ts';
import { headerOf, type RequestLike } from './presented-request.ts';
import { Refusal } from './refusal.ts';
import { type Fetch, isTrustworthyUrl } from './remote-document.ts';
import { createMetadata, locate } from './server-metadata.ts';
import { createTrade, type Trade } from './token-trade.ts';
import { VerificationError } from './verification-error.ts';
import type { Verified, Verifier, VerifyOptions } from './verifier.ts';

export { type MicrosoftChallenge, type MicrosoftResource, microsoftChallenge } from './microsoft-challenge.ts';

export interface MicrosoftBridgeOptions extends MicrosoftResource {
  /** Of this resource: it verifies modern tokens as they come, and those that are given for old ones. */
  readonly verifier: Verifier;
  /** The audience of this resource, as it is registered. */
  readonly resource: string;
  /** Of the realm: its metadata leads to the token endpoint. */
  readonly issuer?: string;
  /** @default - `token_endpoint` of the issuer's metadata */
  readonly tokenEndpoint?: string;
  /**
   * For how long a token that was handed in is not handed in again: until the service is asked anew, a partner that was disabled is let in.
   * 0 to 3600. @default 300
   */
  readonly keepSeconds?: number;
  /** @default - the global one */
  readonly fetch?: Fetch;
  /** Epoch seconds. @default - the clock of the machine */
  readonly now?: () => number;
}

/**
 * A verifier for the adapters, like that of `createVerifier`. What it refuses, it refuses with the challenge of the Microsoft profile.
 * @throws TypeError for settings that cannot work.
 */
export const createMicrosoftBridge = (options: MicrosoftBridgeOptions): Verifier => {
  const { verifier } = options;
  // Once here, so that a mistake in it shows at the start and not with the first refusal.
  microsoftChallenge(options);
  const trade = tradeOf(options);
  return {
    async verify(request, asked = {}) {
      const shown = typeof request === 'string' ? request : bearerOf(request);
      try {
        return await (shown !== undefined && isActorToken(shown)
          ? verifyTraded(trade, verifier, shown, asked)
          : verifier.verify(request, asked));
      } catch (error) {
        throw challenged(error, shown, options);
      }
    },
  };
};

const tradeOf = (options: MicrosoftBridgeOptions): Trade => {
  const { issuer, tokenEndpoint, resource, keepSeconds = 300 } = options;
  for (const [name, url] of Object.entries({ issuer, tokenEndpoint }))
    if (url !== undefined && !isTrustworthyUrl(url)) throw new TypeError(`${name}: not an https URL`);
  if (!(keepSeconds >= 0 && keepSeconds <= 3_600)) throw new TypeError('keepSeconds: not from 0 to 3600');
  if (resource === '') throw new TypeError('resource: there has to be one');
  const fetch: Fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  const now = options.now ?? (() => Math.floor(Date.now() / 1_000));
  return createTrade({ fetch, now, resource, keepSeconds, url: endpointOf(issuer, tokenEndpoint, fetch, now) });
};

const COOLDOWN_SECONDS = 30;

const endpointOf = (
  issuer: string | undefined,
  tokenEndpoint: string | undefined,
  fetch: Fetch,
  now: () => number,
): (() => Promise<string>) => {
  if (tokenEndpoint !== undefined) return async () => tokenEndpoint;
  if (issuer === undefined) throw new TypeError('issuer or tokenEndpoint: there has to be one');
  const metadata = createMetadata(issuer, fetch, now, COOLDOWN_SECONDS);
  return () => locate(undefined, metadata, 'tokenEndpoint');
};

/** A token that was given earlier may have ended since, or the key that signed it: then the service is asked once more. */
const verifyTraded = async (
  trade: Trade,
  verifier: Verifier,
  actorToken: string,
  asked: VerifyOptions,
): Promise<Verified> => {
  const { token, isKept } = await trade(actorToken);
  try {
    return await verifier.verify(token, asked);
  } catch (error) {
    if (!isKept || !(error instanceof VerificationError) || error.code !== 'invalid_token') throw error;
    return verifier.verify((await trade(actorToken, true)).token, asked);
  }
};

/**
 * What stands behind the scheme Bearer: nothing where a client asks for the challenge, with no header or with no token in it (MS-XOAUTH
 * 3.1.5.1). @returns `undefined`: the request speaks of DPoP.
 */
const bearerOf = ({ headers }: RequestLike): string | undefined => {
  const authorization = headerOf(headers, 'authorization') ?? '';
  if (/^dpop(?: |$)/i.test(authorization)) return undefined;
  return /^bearer(?: +(.*))?$/i.exec(authorization)?.[1] ?? '';
};

const MAX_TOKEN_LENGTH = 8_192;

/** Whether it speaks the old language, good or bad: unsigned, or with an application named by `nameid`, as no access token has it. */
const isActorToken = (token: string): boolean => {
  if (token.length > MAX_TOKEN_LENGTH || !/^[A-Za-z0-9._-]+$/.test(token)) return false;
  const [header = '', payload = ''] = token.split('.', 2);
  const { alg, typ } = decodeObject(header) ?? {};
  if (alg === 'none') return true;
  return typ !== 'at+jwt' && typ !== 'application/at+jwt' && typeof decodeObject(payload)?.nameid === 'string';
};

/** About DPoP the verifier has its own challenge, and those that can do it understand that. */
const challenged = (error: unknown, shown: string | undefined, resource: MicrosoftResource): unknown => {
  if (error instanceof Refusal) return new MicrosoftRefusal(error, resource);
  if (!(error instanceof VerificationError) || error.reason === 'bound_token_as_bearer') return error;
  if (shown === '') return new MicrosoftRefusal(new Refusal('missing_token', 'no_token'), resource);
  return shown === undefined ? error : new MicrosoftRefusal(new Refusal(error.code, error.reason), resource);
};

class MicrosoftRefusal extends VerificationError {
  readonly #resource: MicrosoftResource;

  constructor(refusal: Refusal, resource: MicrosoftResource) {
    super(refusal, 'Bearer', {});
    this.#resource = resource;
  }

  override challenge(): string {
    const { clientId, realm, trustedIssuers, authorizationUri } = this.#resource;
    const { error, error_description: words } = this.body();
    return microsoftChallenge({
      ...{ clientId, realm },
      ...(trustedIssuers === undefined ? {} : { trustedIssuers }),
      ...(authorizationUri === undefined ? {} : { authorizationUri }),
      ...(this.code === 'missing_token' ? {} : { error }),
      ...(words === undefined ? {} : { errorDescription: words }),
    });
  }

  /** With the word for it that Exchange has in its own answers, which the people of such servers look for. */
  override headers(): Record<string, string> {
    const { error_description: words = '' } = this.body();
    const diagnostics = `2000001;reason="${words}";error_category="invalid_token"`;
    return { ...super.headers(), ...(this.code === 'invalid_token' ? { 'x-ms-diagnostics': diagnostics } : {}) };
  }
}
