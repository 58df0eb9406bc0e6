/**
 * HTTPS servers on loopback that play the servers of partners, good and hostile, and count who comes to them. Their certificates
 * are of a CA that exists for one test file.
 */

import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { NOW } from './builders.ts';
import { DAY, type Issued, issue, x509 } from './certificate-authority.ts';

/** The DNS name in the certificates; it exists nowhere. */
export const HOST = 'keys.partner.example';

export const root = await issue({ name: 'Root of partners', authority: true, notBefore: 0 });

interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
}

/** A server certificate for these names and addresses that is good today. */
export const certify = async (names: readonly string[], issuer: Issued = root, notAfter = NOW + 3_650 * DAY) => {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=server',
    issuer: `CN=${issuer.name}`,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    notBefore: new Date(0),
    notAfter: new Date(notAfter * 1_000),
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return {
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----`,
    cert: certificate.toString('pem'),
  };
};

const usual = await certify([HOST, '127.0.0.1']);

export interface CountingServer extends AsyncDisposable {
  readonly port: number;
  /** TCP connections so far, whatever came of them. */
  readonly connections: () => number;
  readonly requests: () => readonly Received[];
  /** When all connections that were opened are closed again. */
  readonly quiet: () => Promise<void>;
}

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

export const startTlsServer = async (
  listener: RequestListener,
  { certificate = usual, address = '127.0.0.1', port = 0 }: ServerOptions = {},
): Promise<CountingServer> => {
  const requests: Received[] = [];
  const server = createServer(certificate, (request, response) => {
    requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    // A client that has enough goes away.
    response.on('error', () => undefined);
    listener(request, response);
  });
  server.on('tlsClientError', () => undefined);
  return { ...(await count(server, address, port)), requests: () => requests };
};

export interface ServerOptions {
  readonly certificate?: ServerCertificate;
  readonly address?: string;
  readonly port?: number;
}

/** Listens, on a port of the system's choice unless told otherwise. */
export const count = async (server: Server, address = '127.0.0.1', port = 0) => {
  const open = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    open.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => open.delete(socket));
  });
  server.listen(port, address);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    quiet: async () => {
      await Promise.all([...open].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};
