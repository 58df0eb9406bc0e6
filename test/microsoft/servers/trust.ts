/**
 * Whom a simulated server trusts: partner applications with keys of their own (`New-PartnerApplication -AuthMetadataUrl`,
 * `New-CsPartnerApplication -MetadataUrl`), authorization servers (`New-AuthServer`, `New-CsOAuthServer`), and the partners that those
 * vouch for (`-UseOAuthServer`).
 */

import { readDocument, type TrustDocument } from './metadata.ts';
import type { ProductName } from './names.ts';
import { send } from './transport.ts';

export type TrustLevel = 'Full' | 'Application' | 'User';

interface Followed {
  /** Absent: what is trusted was given once, and stays. */
  readonly metadataUrl?: string;
  document: TrustDocument;
}

interface SelfIssuing extends Followed {
  readonly kind: 'partner';
  readonly trustLevel: TrustLevel;
  readonly isTrustBroker?: boolean;
}

export interface AuthorizationServer extends Followed {
  readonly kind: 'authorization server';
}

interface VouchedFor {
  readonly app: string;
  readonly realm?: string;
  readonly trustLevel: TrustLevel;
}

export interface Signer {
  readonly kind: 'partner' | 'authorization server';
  readonly issuer: string;
  /** Base64 DER. */
  readonly certificate: string;
  readonly trustLevel?: TrustLevel;
  readonly isTrustBroker?: boolean;
}

export class Trust {
  readonly #product: ProductName;
  readonly #followed: (SelfIssuing | AuthorizationServer)[] = [];
  readonly #vouchedFor: VouchedFor[] = [];

  constructor(product: ProductName) {
    this.#product = product;
  }

  /** @throws Error when there is no valid document. */
  async addPartner(metadataUrl: string, trustLevel: TrustLevel): Promise<void> {
    this.#followed.push({
      kind: 'partner',
      trustLevel,
      metadataUrl,
      document: await download(this.#product, metadataUrl),
    });
  }

  async addAuthorizationServer(metadataUrl: string): Promise<void> {
    this.#followed.push({
      kind: 'authorization server',
      metadataUrl,
      document: await download(this.#product, metadataUrl),
    });
  }

  /** `-CertificateRawData`, `New-SPTrustedSecurityTokenIssuer -Certificate`; without a trust level it is an authorization server's. */
  pin(document: TrustDocument, trustLevel?: TrustLevel, isTrustBroker = false): void {
    this.#followed.push(
      trustLevel === undefined
        ? { kind: 'authorization server', document }
        : { kind: 'partner', trustLevel, isTrustBroker, document },
    );
  }

  /** `UseOAuthServer` */
  addVouchedFor(partner: VouchedFor): void {
    this.#vouchedFor.push(partner);
  }

  /** As once a day, and by `Set-AuthServer -RefreshAuthMetadata`. What it was stays where a document cannot be had. */
  async refresh(): Promise<void> {
    for (const followed of this.#followed) {
      if (followed.metadataUrl === undefined) continue;
      const document = await download(this.#product, followed.metadataUrl).catch(() => followed.document);
      if (document.issuer === followed.document.issuer) followed.document = document;
    }
  }

  /** Among pinned certificates only: its own are none of them. */
  findSigner(x5t: string): Signer | undefined {
    for (const each of this.#followed) {
      const certificate = each.document.keys.get(x5t);
      const { kind, document } = each;
      if (certificate !== undefined)
        return {
          ...{ kind, issuer: document.issuer, certificate },
          ...(each.kind === 'partner'
            ? { trustLevel: each.trustLevel, isTrustBroker: each.isTrustBroker === true }
            : {}),
        };
    }
    return undefined;
  }

  findVouchedFor(app: string, realm: string): VouchedFor | undefined {
    return this.#vouchedFor.find((each) => each.app === app && (each.realm ?? realm) === realm);
  }

  authorizationServers(): readonly AuthorizationServer[] {
    return this.#followed.filter((each) => each.kind === 'authorization server');
  }

  /** What it says in `trusted_issuers`. */
  issuers(): readonly string[] {
    return this.#followed.map(({ document }) => document.issuer);
  }
}

const download = async (reader: ProductName, url: string): Promise<TrustDocument> => {
  const { status, text } = await send(url);
  if (status !== 200) throw new Error(`The metadata document could not be downloaded from ${url}: ${status}`);
  return readDocument(reader, text);
};
