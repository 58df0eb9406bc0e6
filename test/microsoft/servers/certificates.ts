/**
 * The certificates of a token issuer: the current one, the next with the time from which it signs, the previous until it is cleared away
 * (`Set-AuthConfig -NewCertificateThumbprint -NewCertificateEffectiveDate`, `Set-CsCertificate -Roll -EffectiveDate`).
 */

import { createHash, sign } from 'node:crypto';
import { issue, x509 } from '../../support/certificate-authority.ts';

export interface ServerCertificate {
  /** Base64 of the DER. */
  readonly value: string;
  readonly x5t: string;
  /** RSASSA-PKCS1-v1_5 with SHA-256, base64url. */
  sign(input: string): string;
}

export const thumbprintOf = (value: string): string =>
  createHash('sha1').update(Buffer.from(value, 'base64')).digest('base64url');

const RSA = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
};

/** @param notAfter epoch seconds. */
export const makeCertificate = async (
  name: string,
  notBefore: number,
  notAfter: number,
): Promise<ServerCertificate> => {
  const { base64, keys } = await issue({ name, notBefore, notAfter, algorithm: RSA });
  const pkcs8 = Buffer.from(await x509.cryptoProvider.get().subtle.exportKey('pkcs8', keys.privateKey));
  const key = { key: pkcs8, format: 'der', type: 'pkcs8' } as const;
  return {
    value: base64,
    x5t: thumbprintOf(base64),
    sign: (input) => sign('RSA-SHA256', Buffer.from(input), key).toString('base64url'),
  };
};

export class CertificateStore {
  #current: ServerCertificate;
  #next: { readonly certificate: ServerCertificate; readonly effectiveAt: number } | undefined;
  #previous: ServerCertificate | undefined;

  constructor(current: ServerCertificate) {
    this.#current = current;
  }

  stage(certificate: ServerCertificate, effectiveAt: number): void {
    this.#next = { certificate, effectiveAt };
  }

  clearPrevious(): void {
    this.#previous = undefined;
  }

  current(now: number): ServerCertificate {
    this.#roll(now);
    return this.#current;
  }

  /** Those that are published: the one that signs first. */
  published(now: number): readonly ServerCertificate[] {
    this.#roll(now);
    const others = [this.#next?.certificate, this.#previous].filter((each) => each !== undefined);
    return [this.#current, ...others];
  }

  #roll(now: number): void {
    if (this.#next === undefined || now < this.#next.effectiveAt) return;
    [this.#previous, this.#current] = [this.#current, this.#next.certificate];
    this.#next = undefined;
  }
}
