/**
 * The listeners of a deployment: one for each HTTP API, on loopback, and where a domain asks for client certificates one more.
 */

import type { DeclaredApi } from './definition.ts';
import { HttpApiServer, type TlsOptions } from './server.ts';

/** The listener that stands for the domain with mutual TLS. All but the port are PEM texts. */
export interface MutualTlsListener extends TlsOptions {
  readonly truststore: string;
  /** On 127.0.0.1. @default 0 - any free one */
  readonly port?: number;
}

/** An HTTP API, and where it listens. */
export interface ListeningApi extends DeclaredApi {
  readonly server: HttpApiServer;
}

export interface ListenersOptions {
  /** Port of the first; the others take free ones. */
  readonly port: number;
  readonly tls: TlsOptions | undefined;
  readonly onDefect: (error: unknown) => void;
  /** Takes over what has been opened, also when a later one cannot be. */
  readonly cleanup: AsyncDisposableStack;
}

/** @throws StartError when the port is taken, or the certificate unusable. */
export async function listenForApis(
  [first, ...others]: readonly [DeclaredApi, ...DeclaredApi[]],
  { port, tls, onDefect, cleanup }: ListenersOptions,
): Promise<[ListeningApi, ...ListeningApi[]]> {
  const listen = async (api: DeclaredApi, wanted: number): Promise<ListeningApi> => {
    const server = await HttpApiServer.listen({ port: wanted, tls, portOption: '--port' }, onDefect);
    cleanup.defer(() => server.close());
    return { ...api, server };
  };
  const listening: [ListeningApi, ...ListeningApi[]] = [await listen(first, port)];
  for (const api of others) listening.push(await listen(api, 0));
  return listening;
}

/** @throws StartError when the port is taken, or the certificate or the truststore unusable. */
export const listenMutually = (
  { cert, key, truststore, port = 0 }: MutualTlsListener,
  onDefect: (error: unknown) => void,
): Promise<HttpApiServer> =>
  HttpApiServer.listen({ port, tls: { cert, key }, truststore, portOption: '--mutual-tls-port' }, onDefect);
