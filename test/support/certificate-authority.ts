/**
 * CAs for tests, made with @peculiar/x509 and Web Cryptography: nothing of the code that they test has a part in it. Its
 * verification is one of the independent opinions that the tests ask for.
 */

import { webcrypto } from 'node:crypto';
import { NOW } from './builders.ts';

// The library's dependency injection asks for a metadata API that JavaScript has not got, and finds nothing in it here.
Object.assign(Reflect, { getMetadata: () => undefined, getOwnMetadata: () => undefined });
export const x509 = await import('@peculiar/x509');
x509.cryptoProvider.set(webcrypto);

export const DAY = 86_400;

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface Keys {
  readonly publicKey: webcrypto.CryptoKey;
  readonly privateKey: webcrypto.CryptoKey;
}

export interface Issued {
  readonly name: string;
  readonly keys: Keys;
  /** Base64 DER. */
  readonly base64: string;
  readonly pem: string;
}

export interface Wanted {
  readonly name: string;
  /** The whole subject as the library takes it, from the country down. Absent: the name alone. */
  readonly subject?: string;
  /** Subject alternative names. */
  readonly alternatives?: readonly { readonly type: 'dns' | 'url' | 'ip' | 'email'; readonly value: string }[];
  /** Public key in SPKI; absent: a new one. */
  readonly spki?: Uint8Array<ArrayBuffer>;
  /** Absent: self-signed. */
  readonly issuer?: Issued;
  /** Absent: not a CA, with basic constraints that say so. */
  readonly authority?: boolean;
  readonly pathLength?: number;
  /** A set of `x509.KeyUsageFlags`; absent: what fits. */
  readonly usage?: number;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly hash?: 'SHA-1' | 'SHA-256';
  /** Without key identifiers, so that an issuer is known by its name alone. */
  readonly bare?: boolean;
  /** Of the new key. */
  readonly algorithm?: object;
}

/** A certificate that is good at `NOW`, unless it is wanted otherwise. */
export const issue = async ({
  name,
  subject = `CN=${name}`,
  alternatives = [],
  spki,
  issuer,
  authority = false,
  pathLength,
  usage,
  notBefore = NOW - DAY,
  notAfter = NOW + 365 * DAY,
  hash = 'SHA-256',
  bare = false,
  algorithm = ECDSA,
}: Wanted): Promise<Issued> => {
  const keys = (await webcrypto.subtle.generateKey(algorithm as typeof ECDSA, true, ['sign', 'verify'])) as Keys;
  const { KeyUsageFlags } = x509;
  const fitting = authority ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature;
  const identifiers = bare
    ? []
    : [
        await x509.SubjectKeyIdentifierExtension.create(spki ?? keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create((issuer?.keys ?? keys).publicKey),
      ];
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer === undefined ? subject : `CN=${issuer.name}`,
    publicKey: spki ?? keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    // What a key knows of its algorithm goes before this; the salt is for RSA-PSS.
    signingAlgorithm: Object.assign({ name: 'ECDSA', hash }, { saltLength: 32 }),
    notBefore: new Date(notBefore * 1_000),
    notAfter: new Date(notAfter * 1_000),
    extensions: [
      new x509.BasicConstraintsExtension(authority, pathLength, true),
      new x509.KeyUsagesExtension(usage ?? fitting, true),
      ...(alternatives.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...alternatives])]),
      ...identifiers,
    ],
  });
  return { name, keys, base64: certificate.toString('base64'), pem: certificate.toString('pem') };
};

export interface Chain {
  readonly root: Issued;
  readonly intermediate: Issued;
  readonly leaf: Issued;
}

/** Root, intermediate, and the leaf for that key. */
export const issueChain = async (spki: Uint8Array<ArrayBuffer>, leafWanted: Partial<Wanted> = {}): Promise<Chain> => {
  const root = await issue({ name: 'Root', authority: true });
  const intermediate = await issue({ name: 'Intermediate', authority: true, pathLength: 0, issuer: root });
  const leaf = await issue({ name: 'sts.example.com', spki, issuer: intermediate, ...leafWanted });
  return { root, intermediate, leaf };
};
