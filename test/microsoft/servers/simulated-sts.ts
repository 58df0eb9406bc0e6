/**
 * A third party's security token service, like ACS: servers that have given it their certificate ask it for tokens, which it signs with its
 * own. Its times are numbers, and its documents and answers are shaped as that product's.
 */

import { verify, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { certify, startTlsServer } from '../../support/tls-server.ts';
import { CertificateStore, makeCertificate, type ServerCertificate } from './certificates.ts';
import { publishSts } from './metadata.ts';
import { readTarget } from './names.ts';
import { readJwt, signJwt, toInt64 } from './tokens.ts';

const ACS = '00000001-0000-0000-c000-000000000000';

const DAY = 86_400;
const TOKEN_SECONDS = 43_200;

/** A server's principal at the service, with its certificate as the key that its assertions are checked with. */
interface ServicePrincipal {
  readonly principal: string;
  readonly certificate: string;
}

export class SimulatedSts implements AsyncDisposable {
  readonly principal: string;
  readonly origin: string;
  readonly metadataUrl: string;
  readonly certificates: CertificateStore;
  readonly #realm: string;
  readonly #now: () => number;
  readonly #close: () => PromiseLike<void>;
  readonly #principals: ServicePrincipal[] = [];
  /** Audiences that tokens are given for (`servicePrincipalNames`), without the realm. */
  readonly #audiences = new Set<string>();

  private constructor(
    realm: string,
    now: () => number,
    port: number,
    first: ServerCertificate,
    close: () => PromiseLike<void>,
  ) {
    this.#realm = realm;
    this.#now = now;
    this.#close = close;
    this.principal = `${ACS}@${realm}`;
    this.origin = `https://localhost:${port}`;
    this.metadataUrl = `${this.origin}/${realm}/metadata/json/1`;
    this.certificates = new CertificateStore(first);
  }

  static async start(realm: string, now: () => number): Promise<SimulatedSts> {
    const certificate = await makeCertificate('accounts.accesscontrol', now() - 30 * DAY, now() + 1_825 * DAY);
    let self: SimulatedSts | undefined;
    const listening = await startTlsServer((request, response) => void self?.answer(request, response), {
      certificate: await certify(['localhost']),
    });
    self = new SimulatedSts(realm, now, listening.port, certificate, () => listening[Symbol.asyncDispose]());
    return self;
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#close();
  }

  /** `New-MsolServicePrincipalCredential -Usage Verify`: one more, beside those that are there. */
  upload(principal: string, { value }: ServerCertificate): void {
    this.#principals.push({ principal, certificate: value });
  }

  /** Likewise, for those that have one. */
  renew(principal: string, next: ServerCertificate): void {
    if (this.#principals.some((each) => each.principal === principal)) this.upload(principal, next);
  }

  /** `<application id>/<host>` */
  addAudience(name: string): void {
    this.#audiences.add(name);
  }

  async stage(effectiveAt: number): Promise<void> {
    const next = await makeCertificate('accounts.accesscontrol next', this.#now() - DAY, this.#now() + 1_825 * DAY);
    this.certificates.stage(next, effectiveAt);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('content-type', 'application/json');
    if (request.url === new URL(this.metadataUrl).pathname) {
      const { app, realm } = { app: ACS, realm: this.#realm };
      response.end(publishSts(app, realm, this.origin, this.certificates.published(this.#now())));
      return;
    }
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const answer = this.#give(new URLSearchParams(body));
    response.writeHead('error' in answer ? 400 : 200).end(JSON.stringify(answer));
  }

  #give(form: URLSearchParams): object {
    const no = (description: string) => ({ error: 'invalid_client', error_description: description });
    if (form.get('grant_type') !== 'http://oauth.net/grant_type/jwt/1.0/bearer') return no('grant type');
    const actor = this.#proven(form.get('assertion') ?? '');
    if (actor === undefined) return no('ACS50012: the assertion is not valid.');
    const resource = form.get('resource') ?? '';
    const target = readTarget(resource);
    if (target === undefined || !this.#audiences.has(`${target.app}/${target.host}`)) return no('ACS50001: resource');
    const now = this.#now();
    const { x5t } = this.certificates.current(now);
    const claims = {
      ...{ aud: resource, iss: this.principal, nameid: actor, oid: actor.slice(0, 36), sub: actor.slice(0, 36) },
      ...{ identityprovider: this.principal, iat: now, nbf: now, exp: now + TOKEN_SECONDS },
      trustedfordelegation: 'true',
    };
    return {
      ...{ token_type: 'Bearer', expires_in: String(TOKEN_SECONDS), not_before: String(now) },
      ...{ expires_on: String(now + TOKEN_SECONDS), resource },
      access_token: signJwt(this.certificates.current(now), claims, { kid: x5t }),
    };
  }

  /** @returns the principal that has made the assertion for this service. */
  #proven(assertion: string): string | undefined {
    const read = readJwt(assertion);
    if (read?.header.alg !== 'RS256') return undefined;
    const { iss, nameid, aud, exp } = read.claims;
    const isForUs = aud === `${ACS}/${new URL(this.origin).host}@${this.#realm}`;
    if (!isForUs || iss !== nameid || (toInt64(exp) ?? 0) <= this.#now()) return undefined;
    const signature = Buffer.from(read.signature, 'base64url');
    const isSigned = this.#principals.some(
      ({ principal, certificate }) =>
        principal === iss &&
        verify(
          'RSA-SHA256',
          Buffer.from(read.input),
          new X509Certificate(Buffer.from(certificate, 'base64')).publicKey,
          signature,
        ),
    );
    return isSigned ? String(iss) : undefined;
  }
}
