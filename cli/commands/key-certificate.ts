/**
 * `countersign key certificate`: X.509 certificates of signing keys: self-signed, requested from a CA, imported. The private key
 * stays in KMS, so the service makes every signature; files hold public things only.
 */
import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { createAdminClient } from '../admin-client.ts';
import { misuse } from '../failure.ts';
import { examples } from '../help.ts';
import { parseJson } from '../http.ts';
import { type Io, inputName, readInput } from '../io.ts';
import { holdsPrivateJwk, holdsPrivatePem } from '../key-material.ts';
import { collectWords } from '../option-values.ts';
import { describeTimestamp, printable, record, show } from '../output.ts';
import { readSettings } from '../settings.ts';

const certificate = z.looseObject({
  kid: z.string(),
  subject: z.string(),
  issuer: z.string(),
  serialNumber: z.string(),
  notBefore: z.string(),
  notAfter: z.string(),
  chainNotAfter: z.string(),
  x5c: z.array(z.string()),
  x5t: z.string(),
  'x5t#S256': z.string(),
});
type Certificate = z.infer<typeof certificate>;

/** It goes to a file or a terminal as it is, so it must be what it says and nothing else. */
const request = z.looseObject({
  pem: z.stringFormat(
    'request',
    /^-----BEGIN CERTIFICATE REQUEST-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE REQUEST-----\n$/,
  ),
});

type Subject = Readonly<Record<string, string>>;

interface SelfSignedOptions {
  readonly subject: Subject;
  readonly days: number;
}

interface RequestOptions {
  readonly subject: Subject;
  readonly dns?: readonly string[];
}

/** @param group the command group `key`. */
export function addCertificateCommands(group: Command, io: Io): void {
  const certificates = group
    .command('certificate')
    .description('X.509 certificates of signing keys, published in /jwks as x5c, x5t and x5t#S256')
    .addHelpText(
      'after',
      examples(
        'key certificate self-signed 0r9X... --subject CN=sts.example.com',
        'key certificate csr 0r9X... --subject CN=sts.example.com > sts.csr',
        'key certificate import 0r9X... --chain sts.pem',
      ),
    );
  addSelfSigned(certificates, io);
  addRequest(certificates, io);
  addImport(certificates, io);
}

const SUBJECT_HELP = 'one attribute of the subject, as in CN=sts.example.com; repeat for OU, O, L, ST, C';

function addSelfSigned(group: Command, io: Io): void {
  group
    .command('self-signed')
    .description('give a key a certificate that it signs itself')
    .argument('<kid>', 'signing key')
    .requiredOption('--subject <attribute>', SUBJECT_HELP, collectAttributes)
    .option('--days <number>', 'how long it is valid, 825 at most', parseDays, 365)
    .addHelpText(
      'after',
      examples(
        'key certificate self-signed 0r9X... --subject CN=sts.example.com --days 730',
        'key certificate self-signed 0r9X... --subject CN=sts.example.com --subject "O=Example, Inc." --subject C=DE',
      ),
    )
    .action(async (kid: string, { subject, days }: SelfSignedOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const path = ['keys', kid, 'certificate', 'self-signed'];
      const made = await createAdminClient(settings, io).post(path, { subject: named(subject), days }, certificate);
      show(io, settings.json, made.record, () => describeCertificate(io, made.record));
    });
}

function addRequest(group: Command, io: Io): void {
  group
    .command('csr')
    .description('print a request (PKCS#10, PEM) that a CA can issue a certificate for; nothing is stored')
    .argument('<kid>', 'signing key')
    .requiredOption('--subject <attribute>', SUBJECT_HELP, collectAttributes)
    .option('--dns <name>', 'DNS name that the certificate shall have as well; repeat for more', collectWords)
    .addHelpText(
      'after',
      examples(
        'key certificate csr 0r9X... --subject CN=sts.example.com > sts.csr',
        'key certificate csr 0r9X... --subject CN=sts.example.com --dns sts.example.com | openssl req -noout -text',
      ),
    )
    .action(async (kid: string, { subject, dns }: RequestOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const body = { subject: named(subject), ...(dns === undefined ? {} : { dnsNames: dns }) };
      const made = await createAdminClient(settings, io).post(['keys', kid, 'certificate', 'csr'], body, request);
      show(io, settings.json, made.record, () => made.record.pem.trimEnd());
    });
}

function addImport(group: Command, io: Io): void {
  group
    .command('import')
    .description('give a key the certificate that a CA has issued for it; the service checks the chain first')
    .argument('<kid>', 'signing key')
    .requiredOption('--chain <file>', "PEM: the key's certificate, then each issuer's (- for standard input)")
    .addHelpText(
      'after',
      examples('key certificate import 0r9X... --chain sts.pem', 'key certificate import 0r9X... --chain - < sts.pem'),
    )
    .action(async (kid: string, { chain: path }: { readonly chain: string }, command: Command) => {
      const settings = readSettings(command, io.env);
      const chain = await readChain(io, path);
      const found = await createAdminClient(settings, io).put(['keys', kid, 'certificate'], { chain }, certificate);
      show(io, settings.json, found, () => describeCertificate(io, found));
    });
}

/** @throws Failure (2) for what is no PEM certificate, and above all for private keys, before anything is sent. */
async function readChain(io: Io, path: string): Promise<string> {
  const text = await readInput(io, path);
  const source = inputName(path);
  if (holdsPrivatePem(text) || holdsPrivateJwk(parseJson(text))) {
    throw misuse(
      `${source} holds private key material; nothing was sent. Signing keys never leave KMS, so no certificate for one ` +
        'comes with a private key: treat this one as exposed',
    );
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw misuse(`${source} holds no PEM certificate`);
  return text;
}

const ATTRIBUTES = ['CN', 'OU', 'O', 'L', 'ST', 'C'];

/** A whole name, as other programs take it: it would all become part of the first attribute. */
const SEVERAL = /[,/+;]\s*(?:CN|OU|O|L|ST|C)\s*=/i;

function collectAttributes(value: string, previous: Subject | undefined): Subject {
  const [, name = '', text = ''] = /^\s*([A-Za-z]+)\s*=(.*)$/s.exec(value) ?? [];
  const known = ATTRIBUTES.find((each) => each === name.toUpperCase());
  if (known === undefined)
    throw new InvalidArgumentError(`Write NAME=VALUE, where NAME is one of ${ATTRIBUTES.join(', ')}.`);
  if (SEVERAL.test(text))
    throw new InvalidArgumentError('One attribute at a time: repeat the option for the next one.');
  if (previous?.[known] !== undefined) throw new InvalidArgumentError(`${known} is given twice.`);
  return { ...previous, [known]: text.trim() };
}

function named(subject: Subject): Subject {
  if (subject.CN === undefined) throw misuse('the subject has no name: pass --subject CN=NAME');
  return subject;
}

function parseDays(value: string): number {
  if (!/^[0-9]{1,4}$/.test(value)) throw new InvalidArgumentError('Not a number of days.');
  return Number(value);
}

function describeCertificate(io: Io, found: Certificate): string {
  const endsBefore = found.chainNotAfter === found.notAfter ? undefined : moment(found.chainNotAfter);
  const head = `Key ${printable(found.kid)} has this certificate from now on; verifiers see it when they next fetch /jwks.`;
  const rows = record(io, [
    ['subject', distinguishedName(found.subject)],
    ['issuer', distinguishedName(found.issuer)],
    ['serial', found.serialNumber],
    ['valid from', moment(found.notBefore)],
    ['valid until', moment(found.notAfter)],
    ['chain ends', endsBefore],
    ['certificates', found.x5c.length],
    ['x5t', found.x5t],
    ['x5t#S256', found['x5t#S256']],
  ]);
  return `${head}\n${rows}`;
}

const moment = (timestamp: string): string => describeTimestamp(timestamp, Date.now());

/** One attribute a line becomes one line. */
const distinguishedName = (lines: string): string => lines.split('\n').join(', ');
