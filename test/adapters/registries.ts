/**
 * The registry twice: as DynamoDB has it, behind the real SDK, and as the tests of the flows have it in memory. The same
 * contract holds for both, so that what a flow's test shows is true of the real one.
 */

import { dynamoGrantRegistry } from '../../functions/adapters/dynamo-grant-registry.ts';
import { dynamoPartnerRegistry } from '../../functions/adapters/dynamo-partner-registry.ts';
import { dynamoRealmRegistry } from '../../functions/adapters/dynamo-realm-registry.ts';
import type { Audience, PartnerWithGrants } from '../../functions/core/partner.ts';
import type { Page, PageRequest, RealmRegistry, RefreshRegistry, Registry } from '../../functions/ports.ts';
import { memoryRealms, memoryRegistry } from '../flows/in-memory.ts';
import { NOW } from '../support/builders.ts';
import { openAws, TABLE } from '../support/embedded-aws.ts';

export interface Registries extends AsyncDisposable {
  readonly registry: Registry & RefreshRegistry;
  readonly realms: RealmRegistry;
}

export const openModel = async (): Promise<Registries> => ({
  registry: memoryRegistry(),
  realms: memoryRealms(),
  [Symbol.asyncDispose]: async () => undefined,
});

export const openDynamo = async (): Promise<Registries> => {
  const aws = await openAws(() => NOW * 1_000);
  return {
    registry: { ...dynamoPartnerRegistry(aws.documents, TABLE), ...dynamoGrantRegistry(aws.documents, TABLE) },
    realms: dynamoRealmRegistry(aws.documents, TABLE),
    [Symbol.asyncDispose]: () => aws[Symbol.asyncDispose](),
  };
};

export const IMPLEMENTATIONS: readonly (readonly [string, () => Promise<Registries>])[] = [
  ['in memory', openModel],
  ['on DynamoDB', openDynamo],
];

/** The partner as it is; a test that asks for one knows that it is there. */
export const partnerIn = async ({ registry }: Registries, realm: string, id: string): Promise<PartnerWithGrants> => {
  const found = await registry.findPartner(realm, id);
  if (found === undefined) throw new Error(`there is no partner ${id}`);
  return found;
};

export const audienceIn = async ({ registry }: Registries, realm: string, name: string): Promise<Audience> => {
  const found = await registry.findAudience(realm, name);
  if (found === undefined) throw new Error(`there is no audience ${name}`);
  return found;
};

/** The audiences that a partner owns, as they are. */
export const ownedBy = (
  registries: Registries,
  { partner: { realm }, audiences }: PartnerWithGrants,
): Promise<readonly Audience[]> => Promise.all(audiences.map((name) => audienceIn(registries, realm, name)));

/** All items of a listing, page by page. @throws Error for a page that is longer than was asked for. */
export const readAll = async <Item>(
  list: (page: PageRequest) => Promise<Page<Item>>,
  limit: number,
): Promise<readonly Item[]> => {
  const items: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await list({ limit, cursor });
    if (page.items.length > limit)
      throw new Error(`a page of ${page.items.length} items, where ${limit} were asked for`);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return items;
};
