import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endpoint, type HttpAnswer } from '../../functions/http/endpoint.ts';
import { oauthFailure } from '../../functions/http/response.ts';
import { Outage } from '../../functions/ports.ts';
import { tokenEvent } from '../support/builders.ts';
import { lambdaContext, type Observed, observe } from './observed.ts';

let observed: Observed;
beforeEach(() => {
  observed = observe();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

const OK: HttpAnswer = { statusCode: 200, headers: { 'cache-control': 'no-store' }, body: '{}' };

const call = (answer: () => Promise<HttpAnswer>, remainingMs?: number): Promise<HttpAnswer> =>
  endpoint(observed.seen, answer, oauthFailure)(tokenEvent('a=b'), lambdaContext(remainingMs));
const bodyOf = ({ body }: HttpAnswer): unknown => JSON.parse(body ?? '');

const SECURITY = {
  'Content-Security-Policy': expect.any(String),
  'Strict-Transport-Security': expect.stringContaining('max-age='),
  'X-Content-Type-Options': 'nosniff',
};

describe('an answer', () => {
  it('passes, with security headers', async () => {
    const answer = await call(async () => OK);
    expect(answer).toMatchObject({
      statusCode: 200,
      body: '{}',
      headers: { 'cache-control': 'no-store', ...SECURITY },
    });
    expect(observed.lines()).toEqual([]);
  });
});

describe('an outage', () => {
  it('is 503 with the time to try again, and is on record in the words of AWS', async () => {
    const error = new Outage('kms:Sign', new Error('Rate exceeded'));
    const answer = await call(() => Promise.reject(error));
    expect(answer).toMatchObject({
      statusCode: 503,
      headers: { 'retry-after': '2', 'cache-control': 'no-store', pragma: 'no-cache', ...SECURITY },
    });
    expect(bodyOf(answer)).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'The service is temporarily unavailable. Try again later.',
    });
    expect(observed.lines()).toMatchObject([
      {
        level: 'ERROR',
        message: 'outage',
        requestId: 'request-1',
        fault: { operation: 'kms:Sign', message: 'kms:Sign failed: Error: Rate exceeded' },
      },
    ]);
    expect(observed.metrics()).toMatchObject({ Outages: 1 });
  });

  it('says nothing of itself to the caller', async () => {
    const answer = await call(() => Promise.reject(new Outage('kms:Sign', new Error('arn:aws:kms:secret'))));
    expect(JSON.stringify(answer)).not.toMatch(/kms|arn/);
  });
});

describe('a fault of ours', () => {
  it.each([
    ['an error', () => new TypeError('secret-7f3a')],
    ['a text', () => 'secret-7f3a'],
    ['nothing', () => undefined],
    ['an object', () => ({ message: 'secret-7f3a' })],
    ['an error with a cause', () => new Error('outer', { cause: new Error('secret-7f3a') })],
    ['an error whose message looks like a stack', () => new Error('x\n    at secret-7f3a (secret-7f3a.js:1:1)')],
    ['an error that was given another message', () => Object.assign(new Error('secret-7f3a'), { message: 'other' })],
    ['an error with members', () => Object.assign(new Error('x'), { assertion: 'secret-7f3a' })],
  ])('thrown as %s is 500, and its message goes neither out nor into the log', async (_what, make) => {
    const answer = await call(() => Promise.reject(make()));
    expect([answer.statusCode, bodyOf(answer), answer.headers?.['retry-after']]).toEqual([
      500,
      { error: 'server_error', error_description: 'The service failed to answer.' },
      undefined,
    ]);
    expect(observed.text()).not.toContain('secret-7f3a');
    expect(observed.lines()).toMatchObject([{ level: 'ERROR', message: 'fault', requestId: 'request-1' }]);
    expect(observed.metrics()).toMatchObject({ Faults: 1 });
  });

  it('is on record with its name and place', async () => {
    await call(() => Promise.reject(new TypeError('x')));
    expect(observed.lines()).toMatchObject([
      { fault: { name: 'TypeError', at: expect.arrayContaining([expect.stringMatching(/^at .*endpoint\.test\.ts/)]) } },
    ]);
  });

  it('never has its message in the log, whatever it is', async () => {
    const secret = fc
      .string({ unit: fc.constantFrom(...'abcdefgh \n\t():'), minLength: 3, maxLength: 30 })
      .map((text) => `S3cret${text}`);
    await fc.assert(
      fc.asyncProperty(secret, fc.boolean(), async (message, isFrame) => {
        await call(() => Promise.reject(new Error(isFrame ? `\n    at ${message}` : message)));
        expect(observed.text()).not.toContain('S3cret');
      }),
      { numRuns: 200 },
    );
  });
});

describe('the deadline', () => {
  const never = () => new Promise<HttpAnswer>(() => undefined);

  it('is answered with 503 before Lambda ends the function, half a second ahead', async () => {
    const start = performance.now();
    const answer = await call(never, 530);
    const elapsed = performance.now() - start;
    expect(answer).toMatchObject({ statusCode: 503, headers: { 'retry-after': '2' } });
    expect(bodyOf(answer)).toMatchObject({ error: 'temporarily_unavailable' });
    // Timers may fire a millisecond early; the bound that counts is the end of the invocation.
    expect(elapsed).toBeGreaterThan(25);
    expect(elapsed).toBeLessThan(530);
    expect(observed.lines()).toMatchObject([{ message: 'outage', fault: { operation: 'deadline' } }]);
  });

  it.each([500, 100, 0, -50])('is answered at once with %i ms left', async (remainingMs) => {
    await expect(call(never, remainingMs)).resolves.toMatchObject({ statusCode: 503 });
  });

  it('does not touch an answer that comes in time', async () => {
    await expect(call(async () => OK, 510)).resolves.toMatchObject({ statusCode: 200 });
    expect(observed.lines()).toEqual([]);
  });

  it('tells the handler by its signal', async () => {
    const aborted = Promise.withResolvers<boolean>();
    const handler = endpoint(
      observed.seen,
      (_event, _context, { signal }) => {
        signal.addEventListener('abort', () => aborted.resolve(signal.aborted));
        return never();
      },
      oauthFailure,
    );
    await handler(tokenEvent(''), lambdaContext(500));
    await expect(aborted.promise).resolves.toBe(true);
  });

  it('is not disturbed by a handler that fails later', async () => {
    const late = Promise.withResolvers<HttpAnswer>();
    await expect(call(() => late.promise, 500)).resolves.toMatchObject({ statusCode: 503 });
    late.reject(new Error('late'));
    await Promise.allSettled([late.promise]);
    expect(observed.lines()).toHaveLength(1);
  });
});

describe('the event', () => {
  it('is never logged, even where Powertools is told to by its environment', async () => {
    vi.stubEnv('POWERTOOLS_LOGGER_LOG_EVENT', 'true');
    observed = observe();
    await endpoint(
      observed.seen,
      async () => OK,
      oauthFailure,
    )(tokenEvent('client_assertion=secret-7f3a'), lambdaContext());
    expect(observed.text()).not.toContain('secret-7f3a');
  });
});
