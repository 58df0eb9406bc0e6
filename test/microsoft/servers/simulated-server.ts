/**
 * An Exchange, SharePoint or Skype for Business server of these tests: a real HTTPS server on loopback with a built-in token issuer. It knows
 * what the protocol's description says, and nothing of the service that it talks to.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { certify, startTlsServer } from '../../support/tls-server.ts';
import {
  type CertificateStore,
  makeCertificate,
  type ServerCertificate,
  CertificateStore as Store,
} from './certificates.ts';
import { type Challenge, readChallenge, writeChallenge } from './challenge.ts';
import { publish } from './metadata.ts';
import { type Account, isMeant, PRODUCTS, type ProductName, readPrincipal } from './names.ts';
import { askForToken } from './token-client.ts';
import { outerToken, signJwt, textTimes } from './tokens.ts';
import { send } from './transport.ts';
import { type AuthorizationServer, Trust } from './trust.ts';
import { type Accepted, Refused, validate } from './validation.ts';

export interface SimulatedServerOptions {
  readonly product: ProductName;
  readonly realm: string;
  /** Epoch seconds. */
  readonly now: () => number;
  readonly accounts?: readonly Account[];
  readonly acceptsSecurityIdentifiers?: boolean;
}

const DAY = 86_400;
/** What Exchange gives its own certificate. */
const YEARS = 1_825 * DAY;
const ACTOR_SECONDS = 3_600;

/** What came of a call. */
export interface Called {
  readonly status: number;
  readonly text: string;
  readonly diagnostics: string | undefined;
  /** What it was called with at last. */
  readonly token: string;
}

export class SimulatedServer implements AsyncDisposable {
  readonly principal: string;
  readonly origin: string;
  readonly metadataUrl: string;
  readonly trust: Trust;
  readonly certificates: CertificateStore;
  readonly #options: SimulatedServerOptions;
  readonly #close: () => PromiseLike<void>;
  /** When the last token began. */
  #latest = 0;

  private constructor(
    options: SimulatedServerOptions,
    port: number,
    store: CertificateStore,
    close: () => PromiseLike<void>,
  ) {
    const { app, metadataPath } = PRODUCTS[options.product];
    this.#options = options;
    this.principal = `${app}@${options.realm}`;
    this.origin = `https://localhost:${port}`;
    this.metadataUrl = `${this.origin}${metadataPath}`;
    this.trust = new Trust(options.product);
    this.certificates = store;
    this.#close = close;
  }

  static async start(options: SimulatedServerOptions): Promise<SimulatedServer> {
    const { product, now } = options;
    const { title } = PRODUCTS[product];
    const certificate = await makeCertificate(title, now() - 30 * DAY, now() + YEARS);
    let self: SimulatedServer | undefined;
    const listening = await startTlsServer((request, response) => self?.answer(request, response), {
      certificate: await certify(['localhost']),
    });
    const close = () => listening[Symbol.asyncDispose]();
    self = new SimulatedServer(options, listening.port, new Store(certificate), close);
    return self;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#close();
  }

  /** The next certificate, which it signs with from that time on. */
  async stage(effectiveAt: number): Promise<ServerCertificate> {
    const { product, now } = this.#options;
    const next = await makeCertificate(`${PRODUCTS[product].title} next`, now() - DAY, now() + YEARS);
    this.certificates.stage(next, effectiveAt);
    return next;
  }

  metadata(): string {
    const { product, realm, now } = this.#options;
    const certificates = this.certificates.published(now());
    return publish(PRODUCTS[product], { product, realm, url: this.metadataUrl, certificates });
  }

  /** An actor token of its own making. */
  actorToken(
    audience: string,
    isForUser: boolean,
    certificate: ServerCertificate = this.certificates.current(this.#options.now()),
  ): string {
    // Two of the same second would be one and the same token, and an assertion is good once.
    const from = Math.max(this.#options.now(), this.#latest + 1);
    this.#latest = from;
    return signJwt(certificate, {
      ...{ aud: audience, iss: this.principal, nameid: this.principal },
      ...textTimes({ from, to: from + ACTOR_SECONDS }),
      ...(isForUser ? { trustedfordelegation: 'true' } : {}),
    });
  }

  /** Calls a resource that it knows nothing of but its address: for itself, or for a user. */
  async call(url: string, account?: Account): Promise<Called> {
    const first = await send(url, { headers: { authorization: 'Bearer ' } });
    if (first.status !== 401) throw new Error(`${url} answered ${first.status} where a challenge was expected`);
    const challenge = readChallenge(this.#options.product, first.headers['www-authenticate'] ?? []);
    return this.show(url, await this.tokenFor(url, challenge, account));
  }

  async show(url: string, token: string): Promise<Called> {
    const { status, text, headers } = await send(url, { headers: { authorization: `Bearer ${token}` } });
    return { status, text, diagnostics: headers['x-ms-diagnostics']?.[0], token };
  }

  async tokenFor(url: string, challenge: Challenge, account?: Account): Promise<string> {
    const from = this.#options.now();
    const server = this.#chooseIssuer(challenge);
    const realm = challenge.realm ?? readPrincipal(server?.document.issuer ?? this.principal)?.realm ?? '';
    const audience = `${challenge.clientId}/${new URL(url).host}@${realm}`;
    const actorToken =
      server === undefined
        ? this.actorToken(audience, account !== undefined)
        : await this.askAuthorizationServer(server, audience, account !== undefined);
    return account === undefined ? actorToken : outerToken(actorToken, account, { from, to: from + 300 });
  }

  /** @returns `undefined`: itself. @throws Error when nobody that the resource trusts can be reached. */
  #chooseIssuer({ trustedIssuers }: Challenge): AuthorizationServer | undefined {
    const servers = this.trust.authorizationServers();
    if (trustedIssuers === undefined) return servers[0];
    if (trustedIssuers.some((entry) => isMeant(entry, this.principal))) return undefined;
    const server = servers.find(({ document }) => trustedIssuers.some((entry) => isMeant(entry, document.issuer)));
    if (server === undefined) throw new Error('no trusted issuer that can be reached');
    return server;
  }

  /** @param resource as the token is to name it. @throws StsRefusal */
  async askAuthorizationServer(server: AuthorizationServer, resource: string, isForUser: boolean): Promise<string> {
    const { issuer, tokenEndpoint = '' } = server.document;
    const sts = readPrincipal(issuer);
    const audience = `${sts?.app}/${new URL(tokenEndpoint).host}@${sts?.realm}`;
    const assertion = this.actorToken(audience, isForUser);
    const asked = { tokenEndpoint, assertion, resource, realm: this.#options.realm };
    return (await askForToken(asked)).token;
  }

  answer({ url, headers }: IncomingMessage, response: ServerResponse): void {
    const { product } = this.#options;
    if (url === PRODUCTS[product].metadataPath) {
      response.setHeader('content-type', 'application/json').end(this.metadata());
      return;
    }
    const token = /^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1];
    const answer = token === undefined ? undefined : this.#judge(token);
    if (answer === undefined || answer instanceof Refused) this.#refuse(response, answer);
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  }

  #judge(token: string): Accepted | Refused {
    try {
      return this.#validate(token);
    } catch (error) {
      if (error instanceof Refused) return error;
      throw error;
    }
  }

  #validate(token: string): Accepted {
    const { product, realm, accounts = [], acceptsSecurityIdentifiers = false, now } = this.#options;
    const recipient = {
      ...{ app: PRODUCTS[product].app, realms: [realm], hosts: [new URL(this.origin).host], trust: this.trust },
      ...{ accounts, acceptsSecurityIdentifiers, tellsFormsApart: product === 'sharepoint' },
    };
    return validate(recipient, token, now());
  }

  #refuse(response: ServerResponse, refused: Refused | undefined): void {
    const { product, realm } = this.#options;
    const challenge = { clientId: PRODUCTS[product].app, realm, trustedIssuers: this.trust.issuers() };
    response.setHeader('www-authenticate', writeChallenge(product, challenge));
    if (refused !== undefined) {
      const { code, message, category } = refused;
      const member = product === 'sharepoint' ? 'category' : 'error_category';
      response.setHeader('x-ms-diagnostics', `${code};reason="${message}";${member}="${category}"`);
    }
    response.writeHead(401).end();
  }
}
