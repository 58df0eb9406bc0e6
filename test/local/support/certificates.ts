/** X.509 certificates for TLS tests, built here because node:crypto reads certificates but cannot make them (RFC 5280). */

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface Issued {
  readonly cert: string;
  readonly key: string;
}

interface Authority extends Issued {
  readonly name: Buffer;
  readonly privateKey: KeyObject;
}

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

/** A certificate authority of its own, and what it issues. */
export function createAuthority(commonName: string): Authority & {
  issue(commonName: string, options?: { organization?: string; serial?: Buffer; notAfter?: number }): Issued;
} {
  const name = distinguishedName(commonName);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const constraints = extension('2.5.29.19', sequence(element(0x01, Buffer.from([0xff]))), true);
  const own = { name, privateKey };
  const cert = certificate({
    issuer: own,
    subject: name,
    publicKey,
    serial: Buffer.from([1]),
    extensions: [constraints],
  });
  return {
    ...own,
    cert,
    key: pem(privateKey),
    issue: (subjectName, { organization, serial = Buffer.from([0x0a, 0xbc, 0xde]), notAfter } = {}) => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const loopback = element(0x87, Buffer.from([127, 0, 0, 1]));
      const extensions = [extension('2.5.29.17', sequence(loopback), false)];
      const subject = distinguishedName(subjectName, organization);
      return {
        cert: certificate({
          issuer: own,
          subject,
          publicKey: pair.publicKey,
          serial,
          extensions,
          ...(notAfter === undefined ? {} : { notAfter }),
        }),
        key: pem(pair.privateKey),
      };
    },
  };
}

/** A certificate that vouches for itself, and for no other. */
export function selfSigned(commonName: string): Issued {
  const subject = distinguishedName(commonName);
  return craft({ subject, issuer: subject, extensions: [extension('2.5.29.19', sequence(), true)] });
}

export interface Crafted {
  /** DER of a `Name`. */
  readonly subject: Buffer;
  readonly issuer?: Buffer;
  /** DER of each `Extension`. */
  readonly extensions?: readonly Buffer[];
  readonly keys?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  /** Of another issuer. @default - its own */
  readonly signedBy?: KeyObject;
}

/** A certificate of these bytes, good or not. */
export function craft({ subject, issuer = subject, extensions = [], keys, signedBy }: Crafted): Issued {
  const { privateKey, publicKey } = keys ?? generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = certificate({
    issuer: { name: issuer, privateKey: signedBy ?? privateKey },
    subject,
    publicKey,
    serial: Buffer.from([1]),
    extensions,
  });
  return { cert, key: pem(privateKey) };
}

interface Contents {
  readonly issuer: { readonly name: Buffer; readonly privateKey: KeyObject };
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly serial: Buffer;
  readonly extensions: readonly Buffer[];
  /** Milliseconds since the epoch. @default - in a day */
  readonly notAfter?: number;
}

const DAY = 86_400_000;

function certificate({
  issuer,
  subject,
  publicKey,
  serial,
  extensions,
  notAfter = Date.now() + DAY,
}: Contents): string {
  const validity = sequence(utcTime(Date.now() - DAY), utcTime(notAfter));
  const body = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    element(0x02, serial),
    ECDSA_SHA256,
    issuer.name,
    validity,
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    element(0xa3, sequence(...extensions)),
  );
  const signature = element(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, issuer.privateKey)]));
  const encoded = sequence(body, ECDSA_SHA256, signature).toString('base64');
  const lines = encoded.match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

function distinguishedName(commonName: string, organization?: string): Buffer {
  const attribute = (type: string, value: string): Buffer =>
    element(0x31, sequence(oid(type), element(0x0c, Buffer.from(value))));
  const parts = organization === undefined ? [] : [attribute('2.5.4.10', organization)];
  return sequence(...parts, attribute('2.5.4.3', commonName));
}

export function extension(id: string, value: Buffer, isCritical: boolean): Buffer {
  const critical = isCritical ? [element(0x01, Buffer.from([0xff]))] : [];
  return sequence(oid(id), ...critical, element(0x04, value));
}

function utcTime(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return element(0x17, Buffer.from(digits.slice(2)));
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

export function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content]);
}

function lengthOf({ length }: Buffer): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  return length < 0x100 ? Buffer.from([0x81, length]) : Buffer.from([0x82, length >> 8, length & 0xff]);
}

export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = rest.flatMap((part) => {
    const groups = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    return groups;
  });
  return element(0x06, Buffer.from([first * 40 + second, ...bytes]));
}
