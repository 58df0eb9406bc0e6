/**
 * The HTTP side of `POST /token`: bytes on a socket, as no client library would send them. What one reader takes for one request
 * and another for two, methods, paths, content types, encodings, sizes.
 */

import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { badRequest, decisions, type Outcome, outcomeOf, tokenOutcome } from '../support/decisions.ts';
import { assertionOf, populate, type Service, startService, tokenForm, type World } from '../support/service.ts';

let service: Service;
let world: World;

beforeAll(async () => {
  service = await startService();
  world = await populate(service);
});
afterAll(() => service[Symbol.asyncDispose]());

const FORM = 'application/x-www-form-urlencoded';
const form = async () => tokenForm(await assertionOf(world.client, service.issuer)).toString();

interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends bytes, reads until the server closes, and takes what came apart into its answers. */
const exchange = (bytes: string | Buffer): Promise<readonly RawAnswer[]> => {
  const { promise, resolve, reject } = Promise.withResolvers<readonly RawAnswer[]>();
  const { hostname, port } = service.deployment.url;
  const chunks: Buffer[] = [];
  const socket = connect(Number(port), hostname, () => socket.write(bytes));
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', reject);
  socket.on('close', () => resolve(answersIn(Buffer.concat(chunks).toString('latin1'))));
  return promise;
};

const answersIn = (text: string): readonly RawAnswer[] => {
  const answers: RawAnswer[] = [];
  for (let rest = text; rest.startsWith('HTTP/1.1 '); ) {
    const end = rest.indexOf('\r\n\r\n');
    const [statusLine = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = new Headers(lines.map((line) => line.split(/: ?(.*)/s, 2) as [string, string]));
    const length = Number(headers.get('content-length') ?? 0);
    answers.push({ status: Number(statusLine.split(' ')[1]), headers, body: rest.slice(end + 4, end + 4 + length) });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
};

interface RequestParts {
  readonly method?: string;
  readonly target?: string;
  readonly contentType?: string | undefined;
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
}

const requestOf = ({ method = 'POST', target = '/token', headers = [], body = '', ...rest }: RequestParts): Buffer => {
  const contentType = 'contentType' in rest ? rest.contentType : FORM;
  const head = [
    `${method} ${target} HTTP/1.1`,
    'Host: sts.example',
    ...(contentType === undefined ? [] : [`Content-Type: ${contentType}`]),
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
};

const sent = async (parts: RequestParts): Promise<RawAnswer> => {
  const [answer, ...others] = await exchange(requestOf(parts));
  expect(others).toEqual([]);
  if (answer === undefined) throw new Error('no answer');
  return answer;
};

/** The answer with the reason that the log has for it. */
const outcome = async (parts: RequestParts) => {
  const { status, headers, body } = await sent(parts);
  return outcomeOf(service, { status, headers, body: JSON.parse(body) });
};

/** No function of ours saw it, so nothing was decided. */
const refusedAtTheDoor = async (bytes: string | Buffer, status: number): Promise<void> => {
  const before = decisions(service).length;
  const answers = await exchange(bytes);
  expect(answers.map((answer) => answer.status)).toEqual([status]);
  expect(answers[0]?.body).not.toContain('access_token');
  // A good request afterwards: once its decision is in the log, one of the refused bytes would be too.
  expect(await outcome({ body: await form() })).toMatchObject({ reason: 'granted' });
  expect(decisions(service)).toHaveLength(before + 1);
};

const UNSUPPORTED_TYPE = badRequest(
  'content_type_unsupported',
  'The request body must be application/x-www-form-urlencoded.',
);
const MALFORMED = badRequest('body_malformed', 'The request body is malformed.');
const REPEATED = badRequest('parameter_duplicated', 'A request parameter is repeated.');
const IN_QUERY = badRequest('parameter_in_query', 'Request parameters must be sent in the body.');
const TOO_LARGE = badRequest('body_too_large', 'The request body is too large.');
const MISSING = badRequest('parameter_missing', 'A required request parameter is missing.');

describe('the length of a request', () => {
  it('is not said in two ways', async () => {
    const body = await form();
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const both = requestOf({ headers: ['Transfer-Encoding: chunked'], body: chunked });
    await refusedAtTheDoor(both, 400);
    await refusedAtTheDoor(requestOf({ headers: ['Content-Length: 5'], body }), 400);
    await refusedAtTheDoor(requestOf({ headers: ['Transfer-Encoding: xchunked'], body }), 400);
    await refusedAtTheDoor(requestOf({ headers: ['Transfer-Encoding\u000b: chunked'], body }), 400);
    await refusedAtTheDoor(requestOf({ headers: ['X: a\n\nPOST /token HTTP/1.1'], body }), 400);
  });

  it('may be told chunk by chunk', async () => {
    const body = await form();
    const half = body.slice(0, 100);
    const rest = body.slice(100);
    const chunks = [half, rest, ''].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
    const head = `POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
    const [answer] = await exchange(head + chunks);
    expect(answer?.status).toBe(200);
  });

  it('ends the request: what follows is another one, and judged by itself', async () => {
    const first = requestOf({ body: await form() })
      .toString('latin1')
      .replace('Connection: close', 'Connection: keep-alive');
    const second = 'GET /admin/realms/default/partners HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const answers = await exchange(first + second);
    expect(answers.map(({ status }) => status)).toEqual([200, 403]);
  });
});

describe('a method or path that is not POST /token', () => {
  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])('issues nothing: %s', async (method) => {
    await refusedAtTheDoor(requestOf({ method, body: await form() }), 404);
  });

  it.each(['post', 'FOO', 'PO ST'])('issues nothing: %s', async (method) => {
    await refusedAtTheDoor(requestOf({ method, body: await form() }), 400);
  });

  it('issues nothing: HEAD', async () => {
    const [answer] = await exchange(requestOf({ method: 'HEAD' }));
    expect(answer?.status).toBe(404);
  });

  it.each([
    '/token/',
    '//token',
    '/Token',
    '/TOKEN',
    '/token;x=y',
    '/token%2f',
    '/token%00',
    '/%2574oken',
    '/./token',
    '/x/../token',
    '/token/.',
    '/token#',
    '/token\\',
    '/realms/default/token/',
    '/realms//token',
    '/realms/default/x/token',
  ])('issues nothing: %s', async (target) => {
    await refusedAtTheDoor(requestOf({ target, body: await form() }), 404);
  });

  it.each(['/token%', '/token%ff', '*', 'token', 'http://sts.example/token'])('issues nothing: %s', async (target) => {
    await refusedAtTheDoor(requestOf({ target, body: await form() }), 400);
  });
});

describe('the content type', () => {
  it.each([
    undefined,
    '',
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded, application/json',
    'application/x-www-form-urlencoded-x',
    'application/x-www-form-urlencode',
    'application/jwt',
  ])('has to be that of a form, not %j', async (contentType) => {
    expect(await outcome({ contentType, body: await form() })).toEqual(UNSUPPORTED_TYPE);
  });

  it('is not said twice', async () => {
    const headers = ['Content-Type: application/json'];
    expect(await outcome({ headers, body: await form() })).toEqual(UNSUPPORTED_TYPE);
  });

  it.each(['APPLICATION/X-WWW-FORM-URLENCODED', `${FORM};charset=UTF-8`, ` ${FORM} ; charset="utf-8"`])(
    'may be written %j',
    async (contentType) => {
      expect(await outcome({ contentType, body: await form() })).toMatchObject({ status: 200, reason: 'granted' });
    },
  );
});

describe('the body', () => {
  const bodies: readonly [string, () => Promise<string | Buffer>, Outcome][] = [
    ['compressed', async () => gzipSync(await form()), MALFORMED],
    ['in no UTF-8', async () => Buffer.concat([Buffer.from(`${await form()}&x=`), Buffer.from([0xff])]), MALFORMED],
    ['with half a percent sign', async () => `${await form()}&x=%z1`, MALFORMED],
    ['with an overlong encoding', async () => `${await form()}&x=%c0%80`, MALFORMED],
    ['with half a surrogate pair', async () => `${await form()}&x=%ed%a0%80`, MALFORMED],
    ['behind a byte order mark', async () => `\ufeff${await form()}`, MISSING],
    ['empty', async () => '', MISSING],
    ['of ampersands', async () => '&'.repeat(1_000), MISSING],
    ['in JSON', async () => '{"grant_type":"client_credentials"}', MISSING],
    ['with a parameter twice', async () => `${await form()}&grant_type=client_credentials`, REPEATED],
    ['with a parameter twice, one of them encoded', async () => `${await form()}&grant%5ftype=x`, REPEATED],
    ['with an unknown parameter twice', async () => `${await form()}&x=1&x=1`, REPEATED],
    ['with two assertions', async () => `${await form()}&client_assertion=x`, REPEATED],
    [
      'with forty parameters',
      async () => `${await form()}${Array.from({ length: 40 }, (_, at) => `&p${at}=1`).join('')}`,
      badRequest('parameters_too_many', 'The request has too many parameters.'),
    ],
    ['of 17 KB', async () => `${await form()}&x=${'a'.repeat(17_000)}`, TOO_LARGE],
    ['of 1 MB', async () => 'a'.repeat(1_000_000), TOO_LARGE],
  ];
  it.each(bodies)('is refused: %s', async (_case, body, expected) => {
    expect(await outcome({ body: await body() })).toEqual(expected);
  });

  it('of more than API Gateway takes never reaches a function', async () => {
    await refusedAtTheDoor(requestOf({ body: 'a'.repeat(10 * 1_024 * 1_024 + 1) }), 413);
  });

  it('with names out of a prototype means nothing by them', async () => {
    const body = `${await form()}&__proto__=x&constructor=y&toString=z&hasOwnProperty=1`;
    expect(await outcome({ body })).toMatchObject({ status: 200, reason: 'granted' });
  });

  it('with semicolons is not split at them', async () => {
    expect(await outcome({ body: 'grant_type=client_credentials;client_id=crm' })).toMatchObject({
      status: 400,
      body: { error: 'unsupported_grant_type' },
      reason: 'grant_type_unsupported',
    });
  });
});

describe('the query', () => {
  it.each([
    'client_id=crm',
    'client_assertion=x',
    'client%5Fassertion=x',
    'client_secret=x',
    'grant_type=client_credentials',
    'scope=read&x=1',
    'x=1&resource=https://a.example',
    'audience',
  ])('carries no parameter of the request: %s', async (query) => {
    expect(await outcome({ target: `/token?${query}`, body: await form() })).toEqual(IN_QUERY);
  });

  it('may carry what others add to it', async () => {
    const answer = await outcome({ target: '/token?utm_source=x&%zz', body: await form() });
    expect(answer).toMatchObject({ status: 200, reason: 'granted' });
  });
});

describe('headers', () => {
  it('of one client authentication method exclude those of another', async () => {
    const several = badRequest('client_auth_several', 'The request uses more than one client authentication method.');
    for (const authorization of ['Basic Y3JtOng=', 'Bearer x', 'x', '']) {
      expect(await outcome({ headers: [`Authorization: ${authorization}`], body: await form() })).toEqual(several);
    }
  });

  it('that proxies and frameworks trust change neither method, path nor issuer', async () => {
    const headers = [
      'X-Forwarded-Host: evil.example',
      'X-Forwarded-Proto: https',
      'Forwarded: host=evil.example',
      'X-Original-URL: /admin/realms/default/partners',
      'X-Rewrite-URL: /jwks',
      'X-HTTP-Method-Override: GET',
      'apigw-requestid: mine',
    ];
    const { status, body } = await outcome({ headers, body: await form() });
    expect(status).toBe(200);
    const [, payload = ''] = String(body.access_token).split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString()).iss).toBe(service.issuer);
  });

  it('of more than API Gateway takes never reach a function', async () => {
    await refusedAtTheDoor(requestOf({ headers: [`X-Large: ${'a'.repeat(20_000)}`], body: await form() }), 431);
  });
});

describe('what is said to whoever is refused', () => {
  it('repeats nothing of the request', async () => {
    const mark = 'zz9pluralzalpha';
    for (const parameters of [
      { grant_type: mark },
      { client_assertion: mark },
      { client_assertion_type: mark },
      { resource: `https://${mark}.example` },
      { resource: mark },
      { scope: mark },
      { client_id: mark },
      { client_secret: mark },
    ]) {
      const good = tokenForm(await assertionOf(world.client, service.issuer));
      for (const [name, value] of Object.entries(parameters)) good.set(name, value);
      const { status, body } = await tokenOutcome(service, good);
      expect(status).toBeOneOf([400, 401]);
      expect(JSON.stringify(body)).not.toContain(mark);
    }
  });
});
