/**
 * Which addresses a partner's document may be fetched from: those of the public internet, and those that an operator has
 * allowed for one host. Everything that has a special purpose is not the public internet.
 */

import { BlockList, isIP } from 'node:net';

/**
 * IANA IPv4 Special-Purpose Address Registry, with multicast (RFC 5771) and the reserved rest. Entries that are reachable from
 * everywhere (AS112, AMT) are in it too: no partner is there.
 */
const SPECIAL_IPV4 = [
  '0.0.0.0/8', // this network, RFC 791
  '10.0.0.0/8', // private, RFC 1918
  '100.64.0.0/10', // carriers, RFC 6598
  '127.0.0.0/8', // loopback, RFC 1122
  '169.254.0.0/16', // link-local, RFC 3927; the metadata service of AWS
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments, RFC 6890
  '192.0.2.0/24', // documentation, RFC 5737
  '192.31.196.0/24', // AS112, RFC 7535
  '192.52.193.0/24', // AMT, RFC 7450
  '192.88.99.0/24', // 6to4 relays, RFC 7526
  '192.168.0.0/16', // private
  '192.175.48.0/24', // AS112, RFC 7534
  '198.18.0.0/15', // benchmarking, RFC 2544
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, RFC 1112; broadcast
];

/**
 * All that IANA has given out as global unicast. Outside of it are loopback, unspecified, IPv4-mapped and -compatible, NAT64
 * (64:ff9b::/96 and 64:ff9b:1::/48), discard (100::/64), SRv6 (5f00::/16), unique local (AWS: fd00:ec2::254), link-local,
 * site-local and multicast addresses, and what nobody has defined yet.
 */
const GLOBAL_IPV6 = ['2000::/3'];

/** What has a special purpose within that (IANA IPv6 Special-Purpose Address Registry). */
const SPECIAL_IPV6 = [
  '2001::/23', // protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID, DRIP, AMT, AS112
  '2001:db8::/32', // documentation, RFC 3849
  '2002::/16', // 6to4, RFC 3056
  '2620:4f:8000::/48', // AS112, RFC 7534
  '3ffe::/16', // 6bone, RFC 3701
  '3fff::/20', // documentation, RFC 9637
];

/** What no operator can allow either: there is no partner, but there are the credentials of the machine we run on. */
const NEVER = [
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/128',
  'fe80::/10',
  'fec0::/10',
  'fd00:ec2::/32',
  'ff00::/8',
];

export type AddressTest = (address: string) => boolean;

/**
 * @param ranges CIDR.
 * @throws RangeError for what is none.
 */
export const within = (ranges: readonly string[]): AddressTest => {
  // One list for each family: in a common one an IPv6 range that covers the IPv4-mapped addresses matches all of IPv4.
  const lists = { 4: new BlockList(), 6: new BlockList() };
  for (const range of ranges) {
    const [, address = '', prefix = ''] = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(range) ?? [];
    const family = isIP(address);
    if (family !== 4 && family !== 6) throw new RangeError(`not a CIDR range: ${range}`);
    lists[family].addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
  }
  return (address) => {
    const family = isIP(address);
    // An address with a zone is one of a link.
    if (address.includes('%') || (family !== 4 && family !== 6)) return false;
    return lists[family].check(address, family === 4 ? 'ipv4' : 'ipv6');
  };
};

const isSpecial = within([...SPECIAL_IPV4, ...SPECIAL_IPV6]);
const isGlobalIpv6 = within(GLOBAL_IPV6);
const isNever = within(NEVER);

/** Whether anybody can reach it, from anywhere. */
export const isPublicAddress: AddressTest = (address) =>
  (isIP(address) === 4 || isGlobalIpv6(address)) && !isSpecial(address);

/**
 * Public addresses, and beside them those within `ranges`.
 * @throws RangeError for a range that is none.
 */
export const reachable = (ranges: readonly string[]): AddressTest => {
  const isAllowed = within(ranges);
  return (address) => !isNever(address) && (isPublicAddress(address) || isAllowed(address));
};
