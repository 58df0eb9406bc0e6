/** A service that believes that it is another time: its functions, the tables, and the signatures between them. */

import { decodeJwt } from 'jose';
import { describe, expect, it } from 'vitest';
import { assertionOf, getToken, populate, postToken, startService, tokenForm } from '../support/service.ts';
import { startFixture } from './support/fixture.ts';

const THEN = new Date('2031-05-01T00:00:00Z');
/** How long a loaded machine may take from the start of the service to the assertion. */
const PATIENCE_MS = 120_000;

const CLOCK_CODE = `export const handler = async () => ({
  now: Date.now(), made: new Date().getTime(), said: Date(), given: new Date(0).toISOString(), utc: Date.UTC(1970, 0, 2),
  copied: new (new Date().constructor)().getTime(), isDate: new Date() instanceof Date,
  subclass: new (class extends Date {})().getFullYear(), left: context.getRemainingTimeInMillis(),
});`.replace('async () =>', 'async (_event, context) =>');

describe('a service that starts at another time', () => {
  it('has functions that know no other', async () => {
    const before = Date.now();
    const deployment = await startFixture({ functions: { F: { code: CLOCK_CODE } } }, { startAt: THEN });
    const invocation = await deployment.invoke('F', {});
    if (!invocation.ok) throw new Error(invocation.error.errorMessage);
    const { now, made, copied, said, left, ...rest } = JSON.parse(invocation.payload);
    const passed = Date.now() - before;
    for (const time of [now, made, copied]) {
      expect(time).toBeGreaterThanOrEqual(THEN.getTime());
      expect(time).toBeLessThanOrEqual(THEN.getTime() + passed);
    }
    expect(Date.parse(said)).toBeGreaterThanOrEqual(THEN.getTime());
    expect(rest).toEqual({ given: '1970-01-01T00:00:00.000Z', utc: 86_400_000, isDate: true, subclass: 2031 });
    // Timeouts are counted by the machine's clock.
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(600_000);
  });

  it.each([THEN, new Date('2024-02-29T12:00:00Z')])(
    'issues tokens of then, for assertions of then: %s',
    async (startAt) => {
      await using service = await startService({ startAt });
      const world = await populate(service);
      const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
      expect((await postToken(service, form)).status).toBe(401);

      const then = Math.floor(startAt.getTime() / 1_000);
      const claims = { iat: then, exp: then + 60 };
      const resource = { resource: world.audience };
      const answer = await postToken(
        service,
        tokenForm(await assertionOf(world.client, service.issuer, { claims }), resource),
      );
      expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
      expect(Math.abs(Date.parse(answer.headers.get('date') ?? '') - startAt.getTime())).toBeLessThan(PATIENCE_MS);
      const token = String(answer.body.access_token);
      const issuedAt = Number(decodeJwt(token).iat) * 1_000;
      expect(Math.abs(issuedAt - startAt.getTime())).toBeLessThan(PATIENCE_MS);
      // Its own authorizer has that time too.
      const whoami = await fetch(`${service.issuer}/whoami`, { headers: { authorization: `Bearer ${token}` } });
      expect(whoami.status).toBe(200);
      // All AWS calls were signed by the time that the endpoint checks them by, the last as well as the first.
      expect(
        service.calls.filter(({ outcome }) => outcome !== 'ok').map(({ operation, outcome }) => [operation, outcome]),
      ).toEqual([]);
    },
  );

  it('has the time of today unless told otherwise', async () => {
    await using service = await startService();
    const issuedAt = Number(decodeJwt(await getToken(service, await populate(service))).iat) * 1_000;
    expect(Math.abs(issuedAt - Date.now())).toBeLessThan(PATIENCE_MS);
  });
});
