/**
 * Asking a security token service for a token as the products' client library does it (MS-XOAUTH 3.2.5.2): an assertion of its own
 * making under the old name of the grant, and an answer whose numbers are text.
 */

import { postForm } from './transport.ts';

export interface Asked {
  readonly tokenEndpoint: string;
  readonly assertion: string;
  /** The audience that the token is to be for. */
  readonly resource: string;
  readonly realm: string;
}

/** What the library makes of the answer. */
export interface StsToken {
  readonly token: string;
  readonly notBefore: number;
  readonly expiresOn: number;
}

export class StsRefusal extends Error {
  readonly answer: Readonly<Record<string, unknown>>;

  constructor(answer: Readonly<Record<string, unknown>>) {
    super(`the token service refused: ${String(answer.error)}`);
    this.answer = answer;
  }
}

const GRANT = 'http://oauth.net/grant_type/jwt/1.0/bearer';

/** @throws StsRefusal */
export const askForToken = async ({ tokenEndpoint, assertion, resource, realm }: Asked): Promise<StsToken> => {
  const { text } = await postForm(tokenEndpoint, { grant_type: GRANT, assertion, resource, realm });
  // The library looks at neither the status nor anything else to tell errors.
  const answer = JSON.parse(text) as Readonly<Record<string, unknown>>;
  if (text.startsWith('{"error')) throw new StsRefusal(answer);
  const { access_token: token, token_type: type, not_before: notBefore, expires_on: expiresOn } = answer;
  if (typeof token !== 'string' || type !== 'Bearer') throw new Error('no bearer token in the answer');
  return { token, notBefore: seconds(notBefore), expiresOn: seconds(expiresOn) };
};

const seconds = (value: unknown): number => {
  if (typeof value !== 'string' || !/^\d+$/.test(value)) throw new Error('numbers travel as text');
  return Number(value);
};
