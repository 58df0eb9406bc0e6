/** What servers of partners answer, and what hostile ones do: each ends within its bounds, as a value, and with the connection closed. */

import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { createServer as createRawTlsServer, type TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { httpsPartnerDocuments } from '../../functions/adapters/partner-fetcher.ts';
import { issue } from '../support/certificate-authority.ts';
import { certify, count, HOST, root, type ServerOptions, startTlsServer } from '../support/tls-server.ts';

const stranger = await issue({ name: 'Root of strangers', authority: true, notBefore: 0 });

const open: AsyncDisposable[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(open.splice(0).map((each) => each[Symbol.asyncDispose]()));
});
const keep = <Server extends AsyncDisposable>(server: Server): Server => {
  open.push(server);
  return server;
};

interface Limits {
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
  readonly certificateAuthority?: string | undefined;
}

const fetchFrom = async (port: number, { certificateAuthority = root.pem, ...limits }: Limits = {}) =>
  httpsPartnerDocuments({
    privateHosts: [{ host: HOST, ranges: ['127.0.0.1/32'], certificateAuthority }],
    lookup: async () => [{ address: '127.0.0.1', family: 4 }],
    // Longer than a test may take: what ends before, was ended for another reason.
    timeoutMs: 60_000,
    ...limits,
  }).fetch(`https://${HOST}:${port}/document`, 'operator');

/** A server that answers so, one fetch from it, and the word for what came of it. */
const outcomeOf = async (listener: RequestListener, limits?: Limits, options?: ServerOptions) => {
  const server = keep(await startTlsServer(listener, options));
  const fetched = await fetchFrom(server.port, limits);
  // Whatever was fetched, nothing stays open.
  await server.quiet();
  expect(server.connections()).toBe(1);
  return fetched.ok ? fetched.text : fetched.failure.code;
};

/** A server that says these octets after the handshake, and then no more; with or without hanging up. */
const sayAfterHandshake = async (text: string, hangUp = true) => {
  const certificate = await certify([HOST]);
  const server = createRawTlsServer(certificate, (socket: TLSSocket) => {
    // Unread, it would not notice that the other end goes.
    socket.on('error', () => undefined).resume();
    if (hangUp) socket.end(text);
    else socket.write(text);
  });
  server.on('tlsClientError', () => undefined);
  return keep(await count(server));
};

const answer =
  (status: number, headers: Record<string, string>, body: string | Buffer = '{}'): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

describe('an answer', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
    'application/jwk-set+json',
    'application/vnd.partner.v1+json',
    'text/json',
  ])('is taken as %s', async (type) => {
    expect(await outcomeOf(answer(200, { 'content-type': type }))).toBe('{}');
  });

  it('is taken without a type, in pieces, with a mark of its encoding, after interim answers', async () => {
    const outcome = await outcomeOf((_, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</other>; rel=preload' });
      response.write('\ufeff{"keys"');
      response.write(':"ж"');
      response.end('}');
    });
    expect(outcome).toBe('{"keys":"ж"}');
  });

  it.each([
    'text/html',
    'text/plain',
    'application/xml',
    'application/jsonp',
    'json',
    'application/x-json; a=+json',
    '',
  ])('is refused as %s', async (type) => {
    expect(await outcomeOf(answer(200, { 'content-type': type }))).toBe('content_type');
  });

  it('is refused when it is not UTF-8', async () => {
    expect(await outcomeOf(answer(200, {}, Buffer.from([0x22, 0xff, 0x22])))).toBe('content_type');
  });

  it.each([201, 202, 203, 204, 206, 400, 401, 403, 404, 410, 429, 500, 503])(
    'is refused with status %i',
    async (status) => {
      expect(await outcomeOf(answer(status, { 'content-type': 'application/json' }))).toBe('status');
    },
  );
});

describe('a change of protocol', () => {
  it('is refused, and does not keep us waiting', async () => {
    const head = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n';
    const server = await sayAfterHandshake(head, false);
    expect(await fetchFrom(server.port)).toMatchObject({ failure: { code: 'status' } });
    await server.quiet();
  });
});

describe('a redirect', () => {
  it.each([300, 301, 302, 303, 304, 305, 307, 308])('is not followed: %i', async (status) => {
    const canary = keep(await startTlsServer(answer(200, {}, 'stolen')));
    for (const location of [`https://${HOST}:${canary.port}/`, `http://127.0.0.1:${canary.port}/`, '/again']) {
      expect(await outcomeOf(answer(status, { location, refresh: `0; url=${location}` }))).toBe('redirect');
    }
    expect(canary.connections()).toBe(0);
  });

  it('is not repeated to the operator', async () => {
    const server = keep(await startTlsServer(answer(302, { location: 'https://secret.example' }, 'secret')));
    expect(await fetchFrom(server.port)).toEqual({
      ok: false,
      failure: { code: 'redirect', detail: 'status 302; redirects are not followed' },
    });
  });
});

describe('size', () => {
  const bomb = gzipSync(Buffer.alloc(50_000_000));

  it('is bounded to the octet', async () => {
    expect(await outcomeOf(answer(200, {}, 'x'.repeat(100)), { maxBytes: 100 })).toHaveLength(100);
    expect(await outcomeOf(answer(200, {}, 'x'.repeat(101)), { maxBytes: 100 })).toBe('too_large');
    expect(await outcomeOf(answer(200, {}, 'x'.repeat(65_536)))).toHaveLength(65_536);
    expect(await outcomeOf(answer(200, {}, 'x'.repeat(65_537)))).toBe('too_large');
  });

  it('is judged by what the head says, before anything is read', async () => {
    const outcome = await outcomeOf((_, response) => {
      response.writeHead(200, { 'content-length': 1_000_000 });
      response.flushHeaders();
    });
    expect(outcome).toBe('too_large');
  });

  it('of an endless body is cut off', async () => {
    let written = 0;
    const outcome = await outcomeOf((_, response) => {
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) written += 16_384;
      };
      response.on('drain', pour);
      pour();
    });
    expect(outcome).toBe('too_large');
    // What lay in buffers between us was written as well.
    expect(written).toBeLessThan(16_000_000);
  });

  it.each(['gzip', 'deflate', 'br', 'zstd', 'GZIP', 'identity, gzip', 'x-unknown'])(
    'of what is unpacked is not ours to find out: %s',
    async (encoding) => {
      expect(await outcomeOf(answer(200, { 'content-encoding': encoding }, bomb))).toBe('content_encoding');
    },
  );

  it('of packed octets without a word of it is that of no text', async () => {
    expect(await outcomeOf(answer(200, {}, gzipSync('{}')))).toBe('content_type');
  });

  it('is not hidden in a transfer encoding', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n';
    const server = await sayAfterHandshake(`${head}2\r\n{}\r\n0\r\n\r\n`);
    expect(await fetchFrom(server.port)).toMatchObject({ failure: { code: 'content_encoding' } });
  });

  it.each([
    ['one huge header', `x: ${'x'.repeat(100_000)}`],
    ['many headers', Array.from({ length: 5_000 }, (_, index) => `x-${index}: x`).join('\r\n')],
  ])('of the head is bounded: %s', async (_, headers) => {
    const server = await sayAfterHandshake(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n{}`);
    expect(await fetchFrom(server.port)).toMatchObject({ failure: { code: 'too_large' } });
  });
});

describe('time', () => {
  const SHORT = { timeoutMs: 400 };

  it.each<[string, RequestListener]>([
    ['no answer', () => undefined],
    ['a head and no body', (_, response) => response.writeHead(200).flushHeaders()],
    [
      'a body in drops',
      (_, response) => {
        const dripping = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(dripping));
      },
    ],
    [
      'interim answers without end',
      (_, response) => {
        const dripping = setInterval(() => response.writeProcessing(), 20);
        response.on('close', () => clearInterval(dripping));
      },
    ],
  ])('is bounded as a whole: %s', async (_, listener) => {
    const begun = performance.now();
    expect(await outcomeOf(listener, SHORT)).toBe('timeout');
    expect(performance.now() - begun).toBeLessThan(4_000);
  });

  it('is bounded in a head of drops', async () => {
    const certificate = await certify([HOST]);
    const server = createRawTlsServer(certificate, (socket) => {
      socket.on('error', () => undefined).resume();
      socket.write('HTTP/1.1 200 OK\r\n');
      const dripping = setInterval(() => socket.write('x: x\r\n'), 20);
      socket.on('close', () => clearInterval(dripping));
    });
    const counted = keep(await count(server));
    expect(await fetchFrom(counted.port, SHORT)).toMatchObject({ failure: { code: 'timeout' } });
    await counted.quiet();
  });

  it('is bounded in the handshake', async () => {
    const server = keep(await count(createTcpServer((socket) => socket.resume())));
    expect(await fetchFrom(server.port, SHORT)).toMatchObject({ failure: { code: 'timeout' } });
    await server.quiet();
  });
});

describe('trust', () => {
  it.each<[string, () => Promise<ServerOptions['certificate']>]>([
    ['for another name', () => certify(['other.example'])],
    ['for the address, when the name was asked for', () => certify(['127.0.0.1'])],
    ['for names below', () => certify([`*.${HOST}`])],
    ['of a CA that is not trusted', () => certify([HOST], stranger)],
    ['of a CA of the same name', async () => certify([HOST], await issue({ name: root.name, authority: true }))],
    ['that has run out', () => certify([HOST], root, 1_000_000_000)],
  ])('is not given to a certificate %s', async (_, make) => {
    const certificate = await make();
    expect(await outcomeOf(answer(200, {}), {}, { ...(certificate && { certificate }) })).toBe('tls');
  });

  it('is not given to a private CA that was not named, whatever the environment says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const server = keep(await startTlsServer(answer(200, {})));
    const documents = httpsPartnerDocuments({
      privateHosts: [{ host: HOST, ranges: ['127.0.0.1/32'] }],
      lookup: async () => [{ address: '127.0.0.1', family: 4 }],
    });
    const fetched = await documents.fetch(`https://${HOST}:${server.port}/`, 'operator');
    expect(fetched).toMatchObject({ failure: { code: 'tls' } });
    expect(server.requests()).toEqual([]);
  });

  it('is not given to a server without TLS', async () => {
    const server = createHttpServer((_, response) => response.end('{}'));
    const { port } = keep(await count(server));
    expect(await fetchFrom(port)).toMatchObject({ failure: { code: 'tls' } });
  });

  it('is not given to old versions of TLS', async () => {
    const certificate = await certify([HOST]);
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const server = createRawTlsServer({ ...certificate, ...old });
    server.on('tlsClientError', () => undefined);
    expect(await fetchFrom(keep(await count(server)).port)).toMatchObject({ failure: { code: 'tls' } });
  });
});

describe('a server that breaks off', () => {
  it('is not reachable when nobody listens', async () => {
    const server = createTcpServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    expect(await fetchFrom(typeof address === 'object' ? (address?.port ?? 0) : 0)).toEqual({
      ok: false,
      failure: { code: 'unreachable', detail: 'no answer (ECONNREFUSED)' },
    });
  });

  it.each<[string, string]>([
    ['before the answer', ''],
    ['within the head', 'HTTP/1.1 200 OK\r\nX: '],
    ['within the body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}'],
    ['within a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{}'],
    ['with another protocol', 'SSH-2.0-secret\r\n'],
    ['with two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} '],
  ])('is not reachable either: %s', async (_, text) => {
    const server = await sayAfterHandshake(text);
    const fetched = await fetchFrom(server.port, { timeoutMs: 3_000 });
    expect(fetched).toMatchObject({ ok: false, failure: { code: 'unreachable' } });
    expect(JSON.stringify(fetched)).not.toContain('secret');
    await server.quiet();
  });

  it('is not waited for once the document is whole', async () => {
    const server = await sayAfterHandshake('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{} and more', false);
    const begun = performance.now();
    expect(await fetchFrom(server.port)).toEqual({ ok: true, text: '{}' });
    expect(performance.now() - begun).toBeLessThan(4_000);
    await server.quiet();
  });
});
