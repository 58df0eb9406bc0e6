/** A client of today at the service, with a key of its own, that calls old servers with the tokens which these take. */

import { assertionOf, type TestPartner, tokenForm } from '../../support/service.ts';
import type { Called, SimulatedServer } from '../servers/simulated-server.ts';
import { send } from '../servers/transport.ts';
import type { Clock } from './clock.ts';
import type { Enterprise } from './enterprise.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

export const showAt = async (url: string, token: string): Promise<Called> => {
  const { status, text, headers } = await send(url, { headers: { authorization: `Bearer ${token}` } });
  return { status, text, diagnostics: headers['x-ms-diagnostics']?.[0], token };
};

export class ModernClient {
  readonly #partner: TestPartner;
  readonly #enterprise: Enterprise;
  readonly #clock: Clock;

  constructor(partner: TestPartner, enterprise: Enterprise, clock: Clock) {
    this.#partner = partner;
    this.#enterprise = enterprise;
    this.#clock = clock;
  }

  /** @param user whom the token is to be about; absent: the client itself. */
  async tokenFor(resource: string, user?: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
    const now = this.#clock.now();
    const claims = { iat: now, exp: now + 60, ...(user === undefined ? {} : { sub: user }) };
    const assertion = await assertionOf(this.#partner, this.#enterprise.issuer, { claims });
    const form =
      user === undefined
        ? tokenForm(assertion, { resource, ...more })
        : new URLSearchParams({ grant_type: JWT_BEARER, assertion, resource, ...more });
    const { status, body } = await this.#enterprise.post(form);
    if (status !== 200) throw new Error(`the token endpoint answered ${status} ${JSON.stringify(body)}`);
    return String(body.access_token);
  }

  async call({ origin }: Pick<SimulatedServer, 'origin'>, user?: string): Promise<Called> {
    return showAt(`${origin}/ews`, await this.tokenFor(origin, user));
  }
}
