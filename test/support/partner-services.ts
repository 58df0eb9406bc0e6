/**
 * Two services of partners as their teams write them with the sdk, each an HTTP server: one that calls with a token source, and
 * the one that it calls, with a verifier. Their time is the test's.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { decodeProtectedHeader } from 'jose';
import { privateKeyJwt } from '../../sdk/client-authentication.ts';
import { protect } from '../../sdk/fetch.ts';
import { createTokenSource, type TokenSource } from '../../sdk/token-source.ts';
import { createVerifier, type VerifierOptions } from '../../sdk/verifier.ts';
import type { PacedTime } from './paced-time.ts';
import type { TestPartner } from './service.ts';

export interface PartnerServicesOptions {
  readonly issuer: string;
  readonly client: TestPartner;
  /** The audience of the called service, where it is not found. */
  readonly audience: string;
  readonly time: PacedTime;
  /** Seconds by which the clock of the one that calls is ahead. @default 0 */
  readonly callerAhead?: number;
  /** The same of the one that is called. @default 0 */
  readonly calledAhead?: number;
  readonly dpop?: true;
  readonly verifier?: Partial<VerifierOptions>;
}

/** An access token as the called service was shown it. */
interface Shown {
  readonly at: number;
  readonly kid: string;
  readonly status: number;
}

export interface PartnerServices extends AsyncDisposable {
  readonly source: TokenSource;
  /** What the token service answered to the source, metadata and tokens, in order: statuses, 0 where there was no answer. */
  readonly callerAnswers: number[];
  /** The same of what the verifier reads: metadata, key set, revoked keys. */
  readonly calledAnswers: number[];
  readonly shown: Shown[];
  /** One business call. @returns what failed, if it did. */
  call(): Promise<unknown>;
  /** A call each second. @returns all failures. */
  callFor(seconds: number): Promise<unknown[]>;
}

export const startPartnerServices = async (options: PartnerServicesOptions): Promise<PartnerServices> => {
  const { time } = options;
  await using started = new AsyncDisposableStack();
  const callerAnswers: number[] = [];
  const calledAnswers: number[] = [];
  const shown: Shown[] = [];
  const called = started.use(await serve(calledService(options, shown, calledAnswers)));
  const source = callingSource(options, callerAnswers);
  const calling = started.use(
    await serve(() => time.apart(async () => answerOf(await source.fetch(`${called.url}/invoices`)))),
  );

  const call = async (): Promise<unknown> => {
    const answer = await time.settle(time.during(() => wholeAnswer(fetch(calling.url))));
    return answer.status === 200 ? undefined : `${answer.status} ${await answer.text()}`;
  };
  const callFor = async (seconds: number): Promise<unknown[]> => {
    const failures: unknown[] = [];
    for (const end = time.elapsed() + seconds; time.elapsed() < end; await time.pass(1)) {
      const failure = await call();
      if (failure !== undefined) failures.push(failure);
    }
    return failures;
  };
  const running = started.move();
  return {
    source,
    callerAnswers,
    calledAnswers,
    shown,
    call,
    callFor,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
};

const clockOf =
  (time: PacedTime, ahead = 0) =>
  () =>
    Date.now() / 1_000 + ahead + time.elapsed();

const callingSource = (
  { issuer, client, audience, time, callerAhead, dpop }: PartnerServicesOptions,
  callerAnswers: number[],
): TokenSource =>
  createTokenSource({
    issuer,
    clientId: client.id,
    resource: audience,
    authentication: privateKeyJwt({
      kid: `${client.id}-key`,
      alg: 'ES256',
      sign: (input) =>
        time.during(async () => {
          const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
          return new Uint8Array(await crypto.subtle.sign(algorithm, client.privateKey, new Uint8Array(input)));
        }),
    }),
    ...(dpop === undefined ? {} : { dpop }),
    now: clockOf(time, callerAhead),
    random: () => 0.999,
    wait: time.wait,
    fetch: (url, init) => time.during(() => noting(issuer, callerAnswers)(url, init)),
  });

/** `fetch` that notes what the token service answers. */
const noting =
  (issuer: string, answers: number[]) =>
  async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const note = (status: number): void => {
      if (String(url).startsWith(`${issuer}/`)) answers.push(status);
    };
    try {
      const answer = await wholeAnswer(fetch(url, init));
      note(answer.status);
      return answer;
    } catch (failure) {
      note(0);
      throw failure;
    }
  };

const calledService = (
  { issuer, audience, time, calledAhead, verifier: others }: PartnerServicesOptions,
  shown: Shown[],
  calledAnswers: number[],
): Handler => {
  const clock = clockOf(time, calledAhead);
  const now = () => Math.floor(clock());
  const fetch = noting(issuer, calledAnswers);
  const verifier = createVerifier({ issuer, audience, now, fetch, ...others });
  const handler = protect(verifier, (_request, { clientId }) => Response.json({ served: clientId }));
  return async (request) => {
    const answer = await handler(request);
    const token = request.headers.get('authorization')?.split(' ')[1] ?? '';
    shown.push({ at: time.elapsed(), kid: String(decodeProtectedHeader(token).kid), status: answer.status });
    return answer;
  };
};

/** Read to its end, so that nothing of it is under way any more. */
const wholeAnswer = async (answering: Promise<Response>): Promise<Response> => {
  const answer = await answering;
  return new Response(await answer.arrayBuffer(), answer);
};

const answerOf = async (answer: Response): Promise<Response> =>
  new Response(await answer.text(), { status: answer.status });

type Handler = (request: Request) => Promise<Response>;

/** What the handler throws is told to the caller, as no service should. */
const serve = async (handler: Handler): Promise<{ readonly url: string } & AsyncDisposable> => {
  const server = createServer((incoming, outgoing) => void respond(handler, incoming, outgoing));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
};

const respond = async (handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
  const { method = 'GET', url = '/', headers } = incoming;
  const sent = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const request = new Request(`http://${headers.host}${url}`, { method, headers: sent });
  const answer = await handler(request).catch((error: unknown) => new Response(String(error), { status: 500 }));
  outgoing.writeHead(answer.status, Object.fromEntries(answer.headers));
  outgoing.end(await answer.text());
};
