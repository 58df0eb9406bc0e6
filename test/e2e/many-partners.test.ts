/** Ten thousand partners: whatever is done costs as many AWS calls as with two. Two administrators at once lose nothing. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { grantRow, partnerRow } from '../../functions/adapters/partner-rows.ts';
import { grant, partner } from '../support/builders.ts';
import { seedRegistry } from '../support/seeded-registry.ts';
import {
  type AdminAnswer,
  administer,
  assertionOf,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
  type World,
} from '../support/service.ts';

const MANY = 10_000;

/** Ids that stand before, among and after those of the test in every listing. */
const idOf = (index: number): string => `partner-${String(index).padStart(5, '0')}`;

let directory: string;
let service: Service;
let world: World;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'countersign-'));
  const audience = 'https://ledger.example';
  await seedRegistry(
    inject('assembly'),
    directory,
    Array.from({ length: MANY }, (_, index) => idOf(index)).flatMap((id) => [
      partnerRow(partner({ id, name: `Partner ${id}` })),
      grantRow(grant({ client: id, audience, scopes: ['read'] })),
    ]),
  );
  service = await startService({ dataDirectory: directory, maxInstances: 1 });
  world = await populate(service);
}, 120_000);

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const callsOf = async (what: () => Promise<unknown>): Promise<readonly string[]> => {
  const before = service.calls.length;
  await what();
  return service.calls
    .slice(before)
    .map(({ operation }) => operation)
    .sort();
};

const must = async (method: string, path: string, body?: object): Promise<AdminAnswer> => {
  const answer = await administer(service, method, path, body);
  if (answer.status >= 300)
    throw new Error(`${method} ${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer;
};

describe('among ten thousand partners', () => {
  it('every page of the list is one Query, and the pages make the whole', async () => {
    const seen = new Set<string>();
    let cursor = '';
    do {
      const path = `/partners?limit=100${cursor}`;
      let page: AdminAnswer['body'] = {};
      const calls = await callsOf(async () => {
        page = (await must('GET', path)).body;
      });
      expect(calls).toEqual(['GetItem', 'Query']);
      for (const { id } of page.items as { id: string }[]) seen.add(id);
      cursor = page.next === undefined ? '' : `&cursor=${String(page.next)}`;
    } while (cursor !== '');
    expect(seen.size).toBe(MANY + 2);
  });

  it.each([
    ['show one', () => must('GET', `/partners/${idOf(7_777)}`), ['GetItem', 'GetItem', 'Query']],
    [
      'change one',
      () => must('PATCH', `/partners/${idOf(5_000)}`, { version: 1, name: 'Renamed' }),
      ['GetItem', 'GetItem', 'Query', 'TransactWriteItems'],
    ],
    [
      'register one',
      () => mustCreate(service, '/partners', { id: 'newcomer' }),
      ['GetItem', 'GetItem', 'TransactWriteItems'],
    ],
    [
      'list those who may call an audience',
      () => must('GET', '/grants?audience=https://ledger.example'),
      ['GetItem', 'Query'],
    ],
    ['remove one', () => must('DELETE', '/partners/newcomer'), ['GetItem', 'Query', 'TransactWriteItems']],
  ])('to %s takes as many calls as among two', async (_what, action, expected) => {
    expect(await callsOf(action)).toEqual(expected);
  });

  it('a token takes four calls cold and two warm', async () => {
    const token = async () => {
      const form = tokenForm(await assertionOf(world.client, service.issuer), { resource: world.audience });
      expect((await postToken(service, form)).status).toBe(200);
    };
    expect(await callsOf(token)).toHaveLength(4);
    expect(await callsOf(token)).toHaveLength(2);
  });
});

describe('two administrators of one partner at the same time', () => {
  const id = idOf(1);

  /** Adds a tag to what is there, again and again until nobody was faster. @returns how often somebody was. */
  const addTag = async (name: string): Promise<number> => {
    for (let lost = 0; ; lost += 1) {
      const { version, tags } = (await must('GET', `/partners/${id}`)).body;
      const change = { version, tags: { ...(tags as object), [name]: 'yes' } };
      const { status } = await administer(service, 'PATCH', `/partners/${id}`, change);
      if (status === 200) return lost;
      expect(status).toBe(409);
    }
  };

  it('lose nothing, and are told when they were late', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `tag-${index}`);
    await Promise.all(names.map(addTag));
    const { tags, version } = (await must('GET', `/partners/${id}`)).body;
    expect(Object.keys(tags as object).sort()).toEqual(names);
    expect(version).toBe(1 + names.length);
  });

  it('cannot write over what one of them has not seen', async () => {
    const { version } = (await must('GET', `/partners/${id}`)).body;
    await must('PATCH', `/partners/${id}`, { version, contact: 'first@example.com' });
    const late = await administer(service, 'PATCH', `/partners/${id}`, { version, contact: 'second@example.com' });
    expect(late).toMatchObject({ status: 409, body: { detail: expect.stringContaining('somebody else has changed') } });
    expect((await must('GET', `/partners/${id}`)).body.contact).toBe('first@example.com');
  });
});
