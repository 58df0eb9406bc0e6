/**
 * The options that say how a partner proves who it is besides with a key: by the name in a TLS certificate, by tokens of others.
 */
import { type Command, Option } from 'commander';
import { type Federation, federation, type TlsSubject } from './declaration.ts';
import { type Io, inputName, readInput } from './io.ts';
import { parseShape } from './json-file.ts';
import { defined } from './option-values.ts';
import type { PartnerAttributes } from './partner-definition.ts';

export interface WayInOptions {
  readonly tlsSubjectDn?: string;
  readonly tlsSanDns?: string;
  readonly tlsSanUri?: string;
  readonly tlsSanIp?: string;
  readonly tlsSanEmail?: string;
  readonly federationFile?: string;
  readonly trustedIssuer?: boolean;
  /** False where it is to go. */
  readonly tlsSubject?: boolean;
  /** False where it is to go. */
  readonly federation?: boolean;
}

const TLS_NAMES = ['tlsSubjectDn', 'tlsSanDns', 'tlsSanUri', 'tlsSanIp', 'tlsSanEmail'] as const;

export function addWayInOptions(command: Command): Command {
  const option = (flags: string, help: string): Option => {
    const made = new Option(flags, help);
    return made.conflicts(TLS_NAMES.filter((name) => name !== made.attributeName()));
  };
  return command
    .addOption(
      option('--tls-subject-dn <dn>', 'it proves itself with a TLS certificate of a CA with this subject (RFC 4514)'),
    )
    .addOption(option('--tls-san-dns <name>', 'likewise, with this DNS name in the certificate'))
    .addOption(option('--tls-san-uri <uri>', 'likewise, with this URI'))
    .addOption(option('--tls-san-ip <address>', 'likewise, with this IP address'))
    .addOption(option('--tls-san-email <address>', 'likewise, with this mail address'))
    .option('--federation-file <file>', 'JSON list of federated identities: tokens of other issuers that prove it')
    .option('--trusted-issuer', 'its own tokens may prove other partners, and be exchanged for ours');
}

/** For a change: each of them taken away. */
export function addWayInRemovals(command: Command): Command {
  return command
    .addOption(
      new Option('--no-tls-subject', 'no TLS certificate of a CA proves it any more').conflicts([...TLS_NAMES]),
    )
    .addOption(
      new Option('--no-federation', 'no token of another issuer proves it any more').conflicts('federationFile'),
    )
    .option('--no-trusted-issuer', 'its own tokens prove nobody but itself');
}

/**
 * Only what was given.
 * @throws Failure (2) for a file that is no list of federated identities.
 */
export async function readWaysIn(io: Io, options: WayInOptions): Promise<PartnerAttributes> {
  const { federationFile, trustedIssuer } = options;
  const read = federationFile === undefined ? undefined : await readFederation(io, federationFile);
  return defined({
    tlsSubject: options.tlsSubject === false ? null : readTlsSubject(options),
    federation: options.federation === false ? [] : read,
    trustedIssuer,
  });
}

const readFederation = async (io: Io, path: string): Promise<Federation> =>
  parseShape(federation, await readInput(io, path), inputName(path), 'a JSON list of federated identities');

function readTlsSubject(options: WayInOptions): TlsSubject | undefined {
  const subject = defined({
    subjectDn: options.tlsSubjectDn,
    sanDns: options.tlsSanDns,
    sanUri: options.tlsSanUri,
    sanIp: options.tlsSanIp,
    sanEmail: options.tlsSanEmail,
  });
  return Object.keys(subject).length === 0 ? undefined : subject;
}
