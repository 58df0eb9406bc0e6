/**
 * URLs of partners' documents, before anything is sent: what they may look like, and what an operator has allowed for the host.
 * Names are judged here, addresses once they are known.
 */

import { isIP } from 'node:net';
import type { PrivateHost } from '../config.ts';
import { type AddressTest, reachable } from './reachable-addresses.ts';

/** Where a document is fetched from, and on which terms. */
export interface Destination {
  readonly url: URL;
  /** A DNS name or an address, IPv6 without its brackets. */
  readonly host: string;
  readonly mayReach: AddressTest;
  /** PEM of the only authority that is trusted for the host; absent: the public ones. */
  readonly certificateAuthority?: string;
}

/** Letters, digits and hyphens in two labels or more (RFC 1123 2.1), as the URL parser leaves them: lower case, punycode. */
const PUBLIC_NAME = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

/** Names that are resolved on the spot, if at all: RFC 6761, RFC 6762 3 and G, RFC 8375, and `internal`, which AWS uses too. */
const LOCAL_NAME = /(?:^|\.)(?:localhost|localdomain|local|internal|intranet|private|corp|home|lan|home\.arpa)$/;

const MAX_URL_LENGTH = 2_048;

/** Of all hosts that an operator has allowed nothing for. */
const STRANGER = { mayReach: reachable([]) };

/**
 * @returns the destination of a URL, or why it is none.
 * @throws RangeError for a range of an allowed host that is none.
 */
export const destinations = (privateHosts: readonly PrivateHost[]): ((text: string) => Destination | string) => {
  const known = new Map(
    privateHosts.map(({ host, ranges, certificateAuthority }) => [
      host,
      {
        mayReach: reachable(ranges),
        ...(certificateAuthority === undefined ? {} : { certificateAuthority }),
      },
    ]),
  );
  return (text) => {
    const url = text.length <= MAX_URL_LENGTH && !/[\s\\]/.test(text) ? URL.parse(text) : null;
    if (url === null) return 'not a URL';
    if (url.protocol !== 'https:') return 'only https is fetched';
    if (url.username !== '' || url.password !== '') return 'a user name or password stands in it';
    if (text.includes('#')) return 'a fragment stands in it';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const terms = known.get(host);
    const problem = terms === undefined ? strangerProblem(host, url.port) : undefined;
    return problem ?? { url, host, ...(terms ?? STRANGER) };
  };
};

const strangerProblem = (host: string, port: string): string | undefined => {
  if (isIP(host) !== 0) return 'the host is an address, which only an allowed host may be';
  if (!PUBLIC_NAME.test(host) || LOCAL_NAME.test(host)) return 'the host is not a name of the public internet';
  return port === '' ? undefined : 'a port other than 443 needs an allowed host';
};
