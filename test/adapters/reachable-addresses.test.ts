import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublicAddress, reachable, within } from '../../functions/adapters/reachable-addresses.ts';

describe('a public address', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2000::1',
    '2001:200::1',
    '2600:1f18::1',
    '2606:4700:4700::1111',
    '2a00:1450:4001:81b::200e',
  ])('is %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});

const PRIVATE = [
  ['this network', '0.0.0.0'],
  ['this network', '0.255.255.255'],
  ['private', '10.0.0.1'],
  ['private', '172.16.0.0'],
  ['private', '172.31.255.255'],
  ['private', '192.168.255.255'],
  ['carriers', '100.64.0.0'],
  ['carriers', '100.127.255.255'],
  ['loopback', '127.0.0.1'],
  ['loopback', '127.255.255.254'],
  ['instance metadata', '169.254.169.254'],
  ['task credentials', '169.254.170.2'],
  ['protocol assignments', '192.0.0.170'],
  ['documentation', '192.0.2.1'],
  ['documentation', '198.51.100.255'],
  ['documentation', '203.0.113.0'],
  ['AS112', '192.31.196.1'],
  ['AMT', '192.52.193.1'],
  ['6to4 relays', '192.88.99.1'],
  ['AS112', '192.175.48.1'],
  ['benchmarking', '198.18.0.0'],
  ['benchmarking', '198.19.255.255'],
  ['multicast', '224.0.0.1'],
  ['multicast', '239.255.255.255'],
  ['reserved', '240.0.0.0'],
  ['broadcast', '255.255.255.255'],
  ['unspecified', '::'],
  ['loopback', '::1'],
  ['IPv4-compatible', '::8.8.8.8'],
  ['IPv4-mapped', '::ffff:127.0.0.1'],
  ['IPv4-mapped public', '::ffff:8.8.8.8'],
  ['IPv4-mapped in hexadecimal', '::ffff:7f00:1'],
  ['IPv4-translated', '::ffff:0:127.0.0.1'],
  ['NAT64', '64:ff9b::7f00:1'],
  ['NAT64 public', '64:ff9b::808:808'],
  ['local NAT64', '64:ff9b:1::a00:1'],
  ['discard', '100::1'],
  ['dummy', '100:0:0:1::1'],
  ['Teredo', '2001::1'],
  ['benchmarking', '2001:2::1'],
  ['ORCHID', '2001:10::1'],
  ['ORCHIDv2', '2001:20::1'],
  ['documentation', '2001:db8::1'],
  ['6to4 of loopback', '2002:7f00:1::'],
  ['AS112', '2620:4f:8000::1'],
  ['6bone', '3ffe::1'],
  ['documentation', '3fff:fff::1'],
  ['unassigned', '4000::1'],
  ['SRv6', '5f00::1'],
  ['unique local', 'fc00::1'],
  ['unique local', 'fdff::1'],
  ['instance metadata', 'fd00:ec2::254'],
  ['link-local', 'fe80::1'],
  ['link-local with a zone', 'fe80::1%eth0'],
  ['public with a zone', '2606:4700::1%lo'],
  ['site-local', 'fec0::1'],
  ['multicast', 'ff02::1'],
  ['global multicast', 'ff0e::1'],
] as const;

describe('an address with a special purpose', () => {
  it.each(PRIVATE)('is not public, however it is spelled: %s, %s', (_, address) => {
    expect(isPublicAddress(address)).toBe(false);
    expect(isPublicAddress(address.toUpperCase())).toBe(false);
    expect(reachable([])(address)).toBe(false);
  });

  it('is not public in any spelling that carries IPv4 within IPv6', () => {
    fc.assert(
      fc.property(
        fc.ipV4(),
        fc.constantFrom('::', '::ffff:', '::ffff:0:', '64:ff9b::', '64:ff9b:1::'),
        (ip, prefix) => {
          return !isPublicAddress(`${prefix}${ip}`);
        },
      ),
    );
  });

  it.each(['', 'x', '127.1', '2130706433', '0x7f000001', '1.2.3.4.5', ' 8.8.8.8', '8.8.8.8/32', '[2606:4700::1]'])(
    'is no address at all: %j',
    (text) => {
      expect(isPublicAddress(text)).toBe(false);
      expect(within(['0.0.0.0/0', '::/0'])(text)).toBe(false);
    },
  );
});

describe('what an operator has allowed', () => {
  const mayReach = reachable(['10.1.0.0/16', 'fd12:3456::/32', '127.0.0.1/32']);

  it.each(['10.1.0.1', '10.1.255.255', 'fd12:3456::1', '127.0.0.1', '8.8.8.8', '2606:4700::1'])('is %s', (address) => {
    expect(mayReach(address)).toBe(true);
  });

  it.each(['10.2.0.0', '10.0.255.255', 'fd12:3457::1', '127.0.0.2', '::1', '::ffff:10.1.0.1'])(
    'is not %s',
    (address) => {
      expect(mayReach(address)).toBe(false);
    },
  );

  it.each([
    '0.0.0.0',
    '169.254.169.254',
    '169.254.170.2',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    'fd00:ec2::254',
  ])('is never %s, whatever the range: there are credentials, and no partners', (address) => {
    expect(reachable(['0.0.0.0/0', '::/0'])(address)).toBe(false);
  });

  it('does not reach across families', () => {
    expect(within(['::ffff:0:0/96'])('8.8.8.8')).toBe(false);
    expect(within(['0.0.0.0/0'])('::ffff:8.8.8.8')).toBe(false);
  });

  it.each(['', '10.0.0.0', '10.0.0.0/33', '10.0.0/8', 'fd00::/129', '10.0.0.0/-1', 'x/8', '10.0.0.0/8 '])(
    'is no range: %j',
    (range) => {
      expect(() => within([range])).toThrow(RangeError);
    },
  );
});
