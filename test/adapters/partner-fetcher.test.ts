/** Where a fetch goes: every server here is a canary that must not be reached unless the test says so. */

import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { httpsPartnerDocuments } from '../../functions/adapters/partner-fetcher.ts';
import type { PrivateHost } from '../../functions/config.ts';
import { type CountingServer, count, HOST, root, startTlsServer } from '../support/tls-server.ts';

const LOOPBACK = [{ address: '127.0.0.1', family: 4 }];
const certificateAuthority = root.pem;

let canary: CountingServer;
let before = 0;
beforeAll(async () => {
  canary = await startTlsServer((_, response) => response.end('{"keys":[]}'));
});
afterAll(() => canary[Symbol.asyncDispose]());

const allow = (host: string, ...ranges: string[]): PrivateHost => ({ host, ranges, certificateAuthority });

/** The outcome of a fetch in one word, and whether anybody was reached by it. */
const fetchWith = async (url: string, privateHosts: readonly PrivateHost[], addresses = LOOPBACK) => {
  before = canary.connections();
  const lookup = vi.fn(async (_host: string) => addresses);
  const fetched = await httpsPartnerDocuments({ privateHosts, lookup, timeoutMs: 3_000 }).fetch(url, 'operator');
  return {
    outcome: fetched.ok ? fetched.text : fetched.failure.code,
    detail: fetched.ok ? '' : fetched.failure.detail,
    lookups: lookup.mock.calls.map(([host]) => host),
    reached: canary.connections() - before,
  };
};
const fresh = (outcome: string) => ({ outcome, lookups: [], reached: 0, detail: expect.any(String) });

describe('a host that is allowed', () => {
  it('is asked once, over one connection, with nothing that tells who we are', async () => {
    const { outcome, lookups, reached } = await fetchWith(`https://${HOST}:${canary.port}/a/b?c=d`, [
      allow(HOST, '127.0.0.1/32'),
    ]);
    expect({ outcome, lookups, reached }).toEqual({ outcome: '{"keys":[]}', lookups: [HOST], reached: 1 });
    expect(canary.requests().at(-1)).toEqual({
      method: 'GET',
      url: '/a/b?c=d',
      headers: {
        host: `${HOST}:${canary.port}`,
        accept: 'application/json, application/jwk-set+json',
        'accept-encoding': 'identity',
        'user-agent': 'countersign',
        connection: 'close',
      },
    });
  });

  it('is connected to anew each time', async () => {
    const documents = httpsPartnerDocuments({
      privateHosts: [allow(HOST, '127.0.0.1/32')],
      lookup: async () => LOOPBACK,
    });
    before = canary.connections();
    for (let count = 0; count < 3; count += 1) await documents.fetch(`https://${HOST}:${canary.port}/`, 'operator');
    expect(canary.connections() - before).toBe(3);
  });

  it('may be an address, which is not looked up', async () => {
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1', '127.1']) {
      const done = await fetchWith(`https://${host}:${canary.port}/`, [allow('127.0.0.1', '127.0.0.1/32')]);
      expect(done).toMatchObject({ outcome: '{"keys":[]}', lookups: [], reached: 1 });
    }
  });

  it('may have a local name', async () => {
    const done = await fetchWith(`https://localhost:${canary.port}/`, [allow('localhost', '127.0.0.1/32')]);
    // Which is not in the certificate.
    expect(done).toMatchObject({ outcome: 'tls', reached: 1 });
  });

  it('is reached through the one of its addresses that answers', async () => {
    const addresses = [{ address: '127.0.0.9', family: 4 }, ...LOOPBACK];
    const done = await fetchWith(`https://${HOST}:${canary.port}/`, [allow(HOST, '127.0.0.0/8')], addresses);
    expect(done).toMatchObject({ outcome: '{"keys":[]}', reached: 1 });
  });

  it('needs a range that is one', () => {
    expect(() => httpsPartnerDocuments({ privateHosts: [allow(HOST, 'everywhere')] })).toThrow(RangeError);
  });
});

describe('a proxy that the environment names', () => {
  const program = `
    const { httpsPartnerDocuments } = await import(process.env.FETCHER);
    const privateHosts = JSON.parse(process.env.PRIVATE_HOSTS);
    const lookup = async () => [{ address: '127.0.0.1', family: 4 }];
    console.log(JSON.stringify(await httpsPartnerDocuments({ privateHosts, lookup }).fetch(process.env.DOCUMENT, 'operator')));
  `;

  it('is not asked', async () => {
    const proxy = await count(createServer((socket) => socket.destroy()));
    const url = `http://127.0.0.1:${proxy.port}`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
      env: {
        NODE_USE_ENV_PROXY: '1',
        HTTPS_PROXY: url,
        https_proxy: url,
        FETCHER: new URL('../../functions/adapters/partner-fetcher.ts', import.meta.url).href,
        PRIVATE_HOSTS: JSON.stringify([allow(HOST, '127.0.0.1/32')]),
        DOCUMENT: `https://${HOST}:${canary.port}/`,
      },
    });
    expect(JSON.parse(stdout)).toEqual({ ok: true, text: '{"keys":[]}' });
    expect(proxy.connections()).toBe(0);
    await proxy[Symbol.asyncDispose]();
  });
});

describe('an address that is not allowed', () => {
  const elsewhere = [allow(HOST, '10.0.0.0/8'), allow('127.0.0.1', '10.0.0.0/8'), allow('::1', '10.0.0.0/8')];

  it.each([
    ['private', '127.0.0.1', 4],
    ['link-local', '169.254.169.254', 4],
    ['IPv4-mapped', '::ffff:127.0.0.1', 6],
    ['loopback of IPv6', '::1', 6],
    ['no address', 'localhost', 4],
  ])('is not connected to: %s', async (_, address, family) => {
    const done = await fetchWith(`https://${HOST}:${canary.port}/`, elsewhere, [{ address, family }]);
    expect(done).toMatchObject({ outcome: 'address_refused', reached: 0 });
  });

  it.each([
    [[{ address: '10.0.0.1', family: 4 }, ...LOOPBACK]],
    [[...LOOPBACK, { address: '10.0.0.1', family: 4 }]],
    [
      [
        { address: '93.184.216.34', family: 4 },
        { address: '::1', family: 6 },
      ],
    ],
  ])('condemns the good ones beside it: %j', async (addresses) => {
    const done = await fetchWith(`https://${HOST}:${canary.port}/`, elsewhere, addresses);
    expect(done).toMatchObject({ outcome: 'address_refused', reached: 0 });
  });

  it.each([
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '0x7f.1',
    '127.1',
    '127.0.1',
    '127.0.0.1.',
    '①②⑦.0.0.1',
    '[::1]',
    '[0:0::0:1]',
  ])('is recognized in the URL of an allowed host: %s', async (host) => {
    const done = await fetchWith(`https://${host}:${canary.port}/`, elsewhere);
    expect(done).toMatchObject({ outcome: 'address_refused', lookups: [], reached: 0 });
  });

  it('is found for an ordinary host, without a port of its own', async () => {
    const done = await fetchWith('https://partner.example.com/jwks', []);
    expect(done).toMatchObject({ outcome: 'address_refused', lookups: ['partner.example.com'], reached: 0 });
  });
});

describe('a host on a private network that an operator has allowed', () => {
  it('is reached at the word of an operator, and never at that of a partner', async () => {
    const before = canary.connections();
    const documents = httpsPartnerDocuments({
      privateHosts: [allow(HOST, '127.0.0.1/32')],
      lookup: async () => LOOPBACK,
    });
    const url = `https://${HOST}:${canary.port}/`;
    expect(await documents.fetch(url, 'operator')).toMatchObject({ ok: true });
    expect(await documents.fetch(url, 'partner')).toMatchObject({ ok: false });
    expect(canary.connections() - before).toBe(1);
  });
});

describe('a name that changes its address', () => {
  it('is looked up once: the second answer, where the canary is, is never asked for', async () => {
    const other = await startTlsServer((_, response) => response.end('stolen'), {
      address: '127.0.0.2',
      port: canary.port,
    });
    const answers = [LOOPBACK, [{ address: '127.0.0.2', family: 4 }]];
    const lookup = vi.fn(async () => answers.shift() ?? []);
    const documents = httpsPartnerDocuments({ privateHosts: [allow(HOST, '127.0.0.1/32')], lookup });
    expect(await documents.fetch(`https://${HOST}:${canary.port}/`, 'operator')).toEqual({
      ok: true,
      text: '{"keys":[]}',
    });
    expect(lookup).toHaveBeenCalledTimes(1);
    // The next fetch gets the second answer, and judges it.
    expect(await documents.fetch(`https://${HOST}:${canary.port}/`, 'operator')).toMatchObject({
      failure: { code: 'address_refused' },
    });
    expect(other.connections()).toBe(0);
    await other[Symbol.asyncDispose]();
  });
});

describe('a URL that is not fetched', () => {
  it.each([
    '',
    'x',
    '/jwks',
    '//partner.example.com/jwks',
    'http://partner.example.com/jwks',
    'ftp://partner.example.com/jwks',
    'file:///etc/passwd',
    'data:application/json,{}',
    'javascript:0',
    'https://',
    'https://user@partner.example.com/',
    'https://user:password@partner.example.com/',
    'https://:password@partner.example.com/',
    'https://partner.example.com/#fragment',
    'https://partner.example.com/#',
    'https://partner.example.com:444/',
    'https://partner.example.com:80/',
    'https://partner.example.com./',
    'https://part ner.example.com/',
    'https://partner.exa\nmple.com/',
    ' https://partner.example.com/',
    'https:\\\\partner.example.com\\',
    'https://part_ner.example.com/',
    'https://-partner.example.com/',
    'https://partner..example.com/',
    `https://partner.example.com/${'x'.repeat(2_048)}`,
    `https://${'x'.repeat(64)}.example.com/`,
    `https://${'x.'.repeat(130)}com/`,
  ])('because of its form: %j', async (url) => {
    expect(await fetchWith(url, [])).toEqual(fresh('url_refused'));
  });

  it.each([
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    'printer',
    'printer.local',
    'ip-10-0-0-1.ec2.internal',
    'metadata.google.internal',
    'nas.home.arpa',
    'nas.lan',
    'nas.home',
    'db.corp',
    'db.private',
    'wiki.intranet',
    'localhost.localdomain',
  ])('because its host has a local name: %s', async (host) => {
    expect(await fetchWith(`https://${host}/`, [])).toEqual(fresh('url_refused'));
  });

  it.each([
    '127.0.0.1',
    '127.1',
    '127.0.1',
    '2130706433',
    '0x7f000001',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '017700000001',
    '①②⑦.⓪.⓪.①',
    '127。0。0。1',
    '127.0.0.1.',
    '%31%32%37.0.0.1',
    '0',
    '169.254.169.254',
    '0xA9FEA9FE',
    '8.8.8.8',
    '[::1]',
    '[::]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '[fd00:ec2::254]',
    '[fe80::1%25eth0]',
    '[2606:4700:4700::1111]',
  ])('because its host is an address: %s', async (host) => {
    expect(await fetchWith(`https://${host}:${canary.port}/`, [])).toEqual(fresh('url_refused'));
    expect(await fetchWith(`https://${host}/`, [])).toEqual(fresh('url_refused'));
  });

  it('says why without repeating it', async () => {
    const { detail } = await fetchWith('https://secret:token@partner.example.com/', []);
    expect(detail).toBe('a user name or password stands in it');
  });
});

describe('a lookup', () => {
  const fetchBy = (lookup: () => Promise<readonly { address: string; family: number }[]>, timeoutMs = 3_000) =>
    httpsPartnerDocuments({ privateHosts: [], lookup, timeoutMs }).fetch('https://partner.example.com/', 'operator');

  it('that fails is the partner’s failure, and no outage of ours', async () => {
    const error = Object.assign(new Error('getaddrinfo ENOTFOUND secret.example'), { code: 'ENOTFOUND' });
    expect(await fetchBy(() => Promise.reject(error))).toEqual({
      ok: false,
      failure: { code: 'unreachable', detail: 'no answer (ENOTFOUND)' },
    });
  });

  it('that finds nothing is one too', async () => {
    expect(await fetchBy(async () => [])).toMatchObject({ failure: { code: 'unreachable' } });
  });

  it('that takes forever is given up', async () => {
    expect(await fetchBy(() => new Promise(() => undefined), 50)).toEqual({
      ok: false,
      failure: { code: 'timeout', detail: 'no whole document within 50 ms' },
    });
  });

  it('that ends too late leads nowhere', async () => {
    const late = Promise.withResolvers<typeof LOOPBACK>();
    const documents = httpsPartnerDocuments({
      privateHosts: [allow(HOST, '127.0.0.1/32')],
      lookup: vi.fn(async () => LOOPBACK).mockReturnValueOnce(late.promise),
      timeoutMs: 300,
    });
    before = canary.connections();
    expect(await documents.fetch(`https://${HOST}:${canary.port}/`, 'operator')).toMatchObject({
      failure: { code: 'timeout' },
    });
    late.resolve(LOOPBACK);
    // By the time this one is done, the other would have come.
    expect(await documents.fetch(`https://${HOST}:${canary.port}/`, 'operator')).toMatchObject({ ok: true });
    expect(canary.connections() - before).toBe(1);
  });

  it('is by default that of the system', async () => {
    const documents = httpsPartnerDocuments({ privateHosts: [allow('localhost', '10.0.0.0/8')] });
    expect(await documents.fetch(`https://localhost:${canary.port}/`, 'operator')).toMatchObject({
      failure: { code: 'address_refused' },
    });
  });
});
