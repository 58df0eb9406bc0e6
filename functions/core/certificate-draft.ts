/**
 * Self-signed certificates (RFC 5280) and certification requests (RFC 2986) around a signature that somebody else makes: first
 * the bytes to be signed, then the whole. The ASN.1 is the schema packages' affair; their common front, @peculiar/x509, wants
 * private keys and a patched `Reflect`.
 */

import { createHash, createPublicKey } from 'node:crypto';
import { Attributes, CertificationRequest, CertificationRequestInfo } from '@peculiar/asn1-csr';
import { ECDSASigValue } from '@peculiar/asn1-ecc';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  Attribute,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import type { JWK } from 'jose';
import { algorithmFacts, type JwsAlgorithm } from './algorithms.ts';
import { certificateSignatureAlgorithm } from './certificate-algorithms.ts';
import { checkSubject, SUBJECT_ATTRIBUTES, type Subject, subjectEntries } from './certificate-subject.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { EpochSeconds } from './partner.ts';
import type { InputProblem } from './public-key.ts';

/** What is to be signed, and what becomes of it with the signature. */
interface Draft {
  readonly toBeSigned: Uint8Array;
  /** @param signature in its JOSE form, as `Signer` makes it. @returns DER. */
  assemble(signature: Uint8Array): Uint8Array;
}

type Drafted = Result<Draft, readonly InputProblem[]>;

/** The key that is spoken of, which is also the one that signs. */
export interface DraftKey {
  readonly algorithm: JwsAlgorithm;
  readonly jwk: JWK;
}

export interface SelfSignedOrder {
  readonly subject: Subject;
  readonly days: number;
  /** 20 random octets. */
  readonly serial: Uint8Array;
}

/** What browsers allowed a certificate to live when they last allowed years; nobody should have to live with a longer mistake. */
export const MAX_DAYS = 825;

const SERIAL_OCTETS = 20;
const DAY_MS = 86_400_000;
/** A verifier's clock may be behind ours. */
const BACKDATED_MS = 300_000;

/**
 * @param maxDays what `days` may be at most.
 * @throws Error when the serial has not 20 octets.
 */
export const draftSelfSigned = (
  key: DraftKey,
  { subject, days, serial }: SelfSignedOrder,
  now: EpochSeconds,
  maxDays: number = MAX_DAYS,
): Drafted => {
  const checked = checkSubject(subject);
  const problems = checked.ok ? [] : [...checked.refusal];
  if (!Number.isInteger(days) || days < 1 || days > maxDays)
    problems.push({ pointer: '/days', detail: `a certificate is valid for 1 to ${maxDays} days` });
  if (problems.length > 0) return refuse(problems);
  const publicKey = subjectPublicKey(key);
  const name = encodeName(subject);
  const notBefore = new Date(now * 1_000 - BACKDATED_MS);
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: positive(serial),
    signature: certificateSignatureAlgorithm(key.algorithm),
    issuer: name,
    subject: name,
    validity: new Validity({ notBefore, notAfter: new Date(notBefore.getTime() + days * DAY_MS) }),
    subjectPublicKeyInfo: publicKey,
    extensions: new Extensions([...leafExtensions(), ...keyIdentifiers(publicKey)]),
  });
  return draft(
    key,
    tbsCertificate,
    (signatureValue) =>
      new Certificate({
        tbsCertificate,
        signatureAlgorithm: certificateSignatureAlgorithm(key.algorithm),
        signatureValue,
      }),
  );
};

export interface RequestOrder {
  readonly subject: Subject;
  readonly dnsNames?: readonly string[] | undefined;
}

export const draftRequest = (key: DraftKey, { subject, dnsNames = [] }: RequestOrder): Drafted => {
  const checked = checkSubject(subject, dnsNames);
  if (!checked.ok) return checked;
  const extensions = new Extensions([...leafExtensions(), ...alternativeNames(dnsNames)]);
  const certificationRequestInfo = new CertificationRequestInfo({
    subject: encodeName(subject),
    subjectPKInfo: subjectPublicKey(key),
    attributes: new Attributes([
      new Attribute({ type: EXTENSION_REQUEST, values: [AsnConvert.serialize(extensions)] }),
    ]),
  });
  return draft(
    key,
    certificationRequestInfo,
    (signature) =>
      new CertificationRequest({
        certificationRequestInfo,
        signatureAlgorithm: certificateSignatureAlgorithm(key.algorithm),
        signature,
      }),
  );
};

/** RFC 2985 5.4.2. */
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14';

/** KMS API reference, "Sign": of a message that it hashes itself it takes no more than this. */
const MAX_RAW_BYTES = 4_096;

const draft = ({ algorithm }: DraftKey, content: object, whole: (signature: ArrayBuffer) => object): Drafted => {
  const { kms, ecdsaCoordinateBytes } = algorithmFacts(algorithm);
  const toBeSigned = new Uint8Array(AsnConvert.serialize(content));
  if (kms.message.type === 'RAW' && toBeSigned.length > MAX_RAW_BYTES) {
    const detail = `with an ${algorithm} key the names are too long: KMS signs ${MAX_RAW_BYTES} bytes, and this makes ${toBeSigned.length}`;
    return refuse([{ pointer: '/subject', detail }]);
  }
  return accept({
    toBeSigned,
    assemble: (signature) => {
      const encoded =
        ecdsaCoordinateBytes === undefined ? exactly(signature) : ecdsaDer(signature, ecdsaCoordinateBytes);
      return new Uint8Array(AsnConvert.serialize(whole(encoded)));
    },
  });
};

/** RFC 3279 2.2.3. */
const ecdsaDer = (signature: Uint8Array, coordinateBytes: number): ArrayBuffer =>
  AsnConvert.serialize(
    new ECDSASigValue({
      r: unsignedInteger(signature.subarray(0, coordinateBytes)),
      s: unsignedInteger(signature.subarray(coordinateBytes)),
    }),
  );

/** An INTEGER's content: without needless zeros, and with the one that keeps it from being negative. */
const unsignedInteger = (bytes: Uint8Array): ArrayBuffer => {
  const first = bytes.findIndex((byte) => byte !== 0);
  const magnitude = first === -1 ? new Uint8Array(1) : bytes.subarray(first);
  return exactly((magnitude[0] ?? 0) > 0x7f ? [0, ...magnitude] : magnitude);
};

const exactly = (bytes: ArrayLike<number>): ArrayBuffer => Uint8Array.from(bytes).buffer;

/** RFC 5280 4.1.2.2: a serial is positive and has 20 octets at most. The second bit keeps them from being fewer. */
const positive = (serial: Uint8Array): ArrayBuffer => {
  const [first, ...rest] = serial;
  if (first === undefined || serial.length !== SERIAL_OCTETS) throw new Error(`a serial has ${SERIAL_OCTETS} octets`);
  return exactly([(first & 0x3f) | 0x40, ...rest]);
};

const subjectPublicKey = ({ jwk }: DraftKey): SubjectPublicKeyInfo =>
  AsnConvert.parse(
    createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'der' }),
    SubjectPublicKeyInfo,
  );

const encodeName = (subject: Subject): Name =>
  new Name(
    subjectEntries(subject).map(([name, text]) => {
      // RFC 5280 A.1: a country is a PrintableString; 4.1.2.4: everything else may be UTF-8.
      const value = new AttributeValue(name === 'C' ? { printableString: text } : { utf8String: text });
      return new RelativeDistinguishedName([new AttributeTypeAndValue({ type: SUBJECT_ATTRIBUTES[name].oid, value })]);
    }),
  );

const extension = (extnID: string, content: object, critical: boolean): Extension =>
  new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(content)) });

/** The key signs tokens and nothing else, and no certificates. */
const leafExtensions = (): readonly Extension[] => [
  extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
  extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), true),
];

/** RFC 5280 4.2.1.2, method 1: a name for the key, no proof of anything. */
const keyIdentifiers = ({ subjectPublicKey: bits }: SubjectPublicKeyInfo): readonly Extension[] => {
  const id = exactly(createHash('sha1').update(new Uint8Array(bits)).digest());
  return [
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(id), false),
    extension(
      id_ce_authorityKeyIdentifier,
      new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(id) }),
      false,
    ),
  ];
};

const alternativeNames = (dnsNames: readonly string[]): readonly Extension[] =>
  dnsNames.length === 0
    ? []
    : [
        extension(
          id_ce_subjectAltName,
          new SubjectAlternativeName(dnsNames.map((dNSName) => new GeneralName({ dNSName }))),
          false,
        ),
      ];
