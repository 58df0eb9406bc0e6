/**
 * A chain that a CA has issued for a signing key, as an operator hands it in: read strictly, and checked before it is published.
 * Whether a verifier trusts the last certificate is for the verifier to say; that the chain holds together is ours.
 */

import { createPublicKey } from 'node:crypto';
import type { JWK } from 'jose';
import { type ReadCertificate, readCertificate } from './certificate-reading.ts';
import { accept, type Result, refuse } from './errors.ts';
import type { EpochSeconds } from './partner.ts';
import type { InputProblem } from './public-key.ts';

/** PEM text (RFC 7468), or the certificates one by one in base64 DER, the key's own first. */
export type ChainInput = string | readonly string[];

const MAX_CERTIFICATES = 5;
/**
 * All certificates together, in DER. API Gateway's own JWT authorizer reads 150,000 bytes of a JWKS (API Gateway quotas): that
 * is two rings of three published keys each, all with the longest chain.
 */
export const MAX_CHAIN_BYTES = 16_384;
/** PEM may have text between its blocks. */
const MAX_TEXT_LENGTH = 65_536;

type Problems = readonly InputProblem[];

/** @returns the chain as it is stored and published. */
export const checkChain = (
  input: ChainInput,
  jwk: JWK,
  now: EpochSeconds,
): Result<readonly [string, ...string[]], Problems> => {
  const listed = typeof input === 'string' ? splitPem(input) : accept(input);
  if (!listed.ok) return listed;
  const read = readAll(listed.value);
  if (!read.ok) return read;
  const problems = chainProblems(read.value, jwk, now);
  const [leaf, ...issuers] = read.value.map(({ der }) => Buffer.from(der).toString('base64'));
  if (problems.length > 0 || leaf === undefined) return refuse(problems);
  return accept([leaf, ...issuers]);
};

const problem = (detail: string, index?: number): InputProblem => ({
  pointer: index === undefined ? '/chain' : `/chain/${index}`,
  detail,
});

const EXPOSED =
  'this holds a private key, and nothing of it was taken. The keys that Countersign signs with never leave KMS: issue the ' +
  'certificate for the request that `csr` makes, and treat this private key as exposed.';

/** @returns the base64 text of each block. */
const splitPem = (text: string): Result<readonly string[], Problems> => {
  if (/-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY-----/.test(text)) return refuse([problem(EXPOSED)]);
  if (text.length > MAX_TEXT_LENGTH) return refuse([problem(`${MAX_TEXT_LENGTH} characters at most`)]);
  const [, ...blocks] = text.split('-----BEGIN ');
  if (blocks.length === 0) return refuse([problem('there is no PEM certificate in it')]);
  const found = blocks.map((block) => PEM_BLOCK.exec(block)?.[1]?.replace(/\s/g, ''));
  const problems = found.flatMap((base64, index) =>
    base64 === undefined ? [problem('not a complete PEM block of the type CERTIFICATE', index)] : [],
  );
  return problems.length > 0 ? refuse(problems) : accept(found.flatMap((base64) => base64 ?? []));
};

/** What follows `-----BEGIN `. */
const PEM_BLOCK = /^CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/;

const readAll = (encoded: readonly string[]): Result<readonly ReadCertificate[], Problems> => {
  if (encoded.length === 0 || encoded.length > MAX_CERTIFICATES)
    return refuse([problem(`a chain has 1 to ${MAX_CERTIFICATES} certificates, not ${encoded.length}`)]);
  // Before anything is decoded: base64 is at most this long.
  if (encoded.reduce((sum, each) => sum + each.length, 0) > 2 * MAX_CHAIN_BYTES) return refuse([TOO_LARGE]);
  const read = encoded.map(readOne);
  const problems = read.flatMap((certificate, index) =>
    certificate === undefined ? [problem('not an X.509 certificate in DER, or not base64', index)] : [],
  );
  if (problems.length > 0) return refuse(problems);
  const certificates = read.flatMap((certificate) => certificate ?? []);
  const bytes = certificates.reduce((sum, { der }) => sum + der.length, 0);
  return bytes > MAX_CHAIN_BYTES ? refuse([TOO_LARGE]) : accept(certificates);
};

const TOO_LARGE = problem(
  `the certificates have ${MAX_CHAIN_BYTES} bytes at most together, since every verifier reads them`,
);

/** Each certificate has one spelling; decoders take several. */
const readOne = (base64: string): ReadCertificate | undefined => {
  const der = Buffer.from(base64, 'base64');
  return der.toString('base64') === base64 ? readCertificate(der) : undefined;
};

const chainProblems = (chain: readonly ReadCertificate[], jwk: JWK, now: EpochSeconds): Problems => [
  ...leafProblems(chain, jwk),
  ...duplicates(chain),
  ...chain.flatMap((certificate, index) => validityProblems(certificate, now, index)),
  ...chain.flatMap((certificate, index) => linkProblems(certificate, chain[index + 1], index)),
];

const leafProblems = ([leaf]: readonly ReadCertificate[], jwk: JWK): Problems => {
  if (leaf === undefined) return [];
  const problems: InputProblem[] = [];
  if (!leaf.publicKey.equals(createPublicKey({ key: { ...jwk }, format: 'jwk' })))
    problems.push(problem("the first certificate is not this signing key's: its public key is another", 0));
  if (!leaf.maySignData)
    problems.push(problem('its keyUsage does not allow digitalSignature, so verifiers refuse it', 0));
  return problems;
};

const duplicates = (chain: readonly ReadCertificate[]): Problems =>
  chain.flatMap(({ der }, index) =>
    chain.slice(0, index).some((before) => before.der.equals(der)) ? [problem('it stands there twice', index)] : [],
  );

const validityProblems = ({ notBefore, notAfter }: ReadCertificate, now: EpochSeconds, index: number): Problems => {
  if (now < notBefore) return [problem(`not valid before ${date(notBefore)}`, index)];
  return now > notAfter ? [problem(`not valid any more: it ended ${date(notAfter)}`, index)] : [];
};

const date = (seconds: EpochSeconds): string => new Date(seconds * 1_000).toISOString();

/** @param issuer the next one; the last has none, and stands for itself if it is self-signed. */
const linkProblems = (subject: ReadCertificate, issuer: ReadCertificate | undefined, index: number): Problems => {
  if (issuer === undefined) {
    return !subject.namesItself || subject.isSignedBy(subject)
      ? []
      : [problem('it names itself as its issuer, and its signature is not its own', index)];
  }
  if (!subject.isIssuedBy(issuer)) {
    return [problem('the next certificate is not its issuer; the order is leaf, intermediates, root', index)];
  }
  const problems: InputProblem[] = [];
  if (!subject.hasSoundSignature) problems.push(problem('it is signed with an algorithm that is broken', index));
  if (!subject.isSignedBy(issuer)) problems.push(problem('its signature is not that of the next certificate', index));
  if (!issuer.isAuthority) problems.push(problem('not a CA, but it has issued the one before', index + 1));
  // RFC 5280 4.2.1.9: how many intermediates may stand between the leaf and this one.
  if ((issuer.pathLength ?? index) < index)
    problems.push(
      problem(`its path length allows ${issuer.pathLength} CAs below it, and there are ${index}`, index + 1),
    );
  if (issuer.isWeak) problems.push(problem('an RSA key of a CA has 2048 bits or more', index + 1));
  return problems;
};
