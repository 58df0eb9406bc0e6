/**
 * The registry on DynamoDB against the one in memory: any course of reads and writes, by two administrators of whom each may
 * work on what he saw a while ago, has the same outcomes and leaves the same behind.
 */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { certificateNames } from '../../functions/core/microsoft-profile.ts';
import type { Audience, Grant, Partner, PartnerWithGrants } from '../../functions/core/partner.ts';
import { newRefresh } from '../../functions/core/partner-source.ts';
import { audience, credential, grant, keyPair, NOW, partner, REALM } from '../support/builders.ts';
import { openDynamo, openModel, type Registries } from './registries.ts';

const PARTNERS = ['a', 'b'];
const AUDIENCES = ['urn:x', 'urn:y'];
const ISSUERS = ['i@1', 'i@2'];
const SCOPES = ['scope-0', 'scope-1', 'scope-2'];
const CERTIFICATES = ['x5t-1', 'x5t-2'];
const URLS = ['https://1.example.com', 'https://2.example.com'];

/** What a partner has besides; of no concern to the registry, which keeps it. */
const WAYS_IN: readonly Partial<Partner>[] = [
  { microsoft: { issuedBy: 'itself', actors: [], userTokens: true, delegation: false } },
  { secrets: [{ id: 'x', hash: 'y', addedAt: 1 }], tlsSubject: { sanDns: 'a.example' }, trustedIssuer: true },
  { federation: [{ issuer: 'i', claims: { sub: { oneOf: ['a'] } }, audited: { b: { glob: '*' } }, reusable: true }] },
];
const NOBODY: PartnerWithGrants = { partner: partner(), grants: [], audiences: [] };
const KEY = credential(await keyPair());
/** The key of that certificate, and one of none. */
const certified = (choice: number): Partner['credentials'] => {
  const x5t = CERTIFICATES[choice];
  return x5t === undefined ? [] : [KEY, { ...KEY, kid: x5t, x5t }];
};
const TYPES = ['type-0', 'type-1', 'type-2'];
const DETAILS = Object.fromEntries(TYPES.map((type) => [type, { actions: [type], fields: [] }]));

const STEPS = [
  ...['look', 'create', 'toggle', 'issuer', 'certificate', 'microsoft', 'source', 'refresh', 'remove'],
  ...['own', 'rescope', 'name', 'disown', 'give', 'take'],
] as const;

interface Step {
  readonly kind: (typeof STEPS)[number];
  readonly administrator: 0 | 1;
  readonly partner: string;
  readonly audience: string;
  /** Of issuers, certificates and URLs; 2: none. */
  readonly choice: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...STEPS),
  administrator: fc.constantFrom(0 as const, 1 as const),
  partner: fc.constantFrom(...PARTNERS),
  audience: fc.constantFrom(...AUDIENCES),
  choice: fc.nat(2),
});

const by = (kind: Step['kind'], id: string, choice: number): Step => ({
  ...{ kind, administrator: 0, partner: id, audience: 'urn:x', choice },
});

/** What every course begins with: two partners, one audience, and a grant on it. */
const BEGINNING: readonly Step[] = [by('create', 'a', 0), by('create', 'b', 2), by('own', 'a', 0), by('give', 'b', 0)];

/** What an administrator believes to be there. */
interface View {
  readonly partners: Map<string, PartnerWithGrants | undefined>;
  readonly audiences: Map<string, Audience | undefined>;
}

const look = async ({ registry }: Registries): Promise<View> => ({
  partners: new Map(
    await Promise.all(PARTNERS.map(async (id) => [id, await registry.findPartner(REALM, id)] as const)),
  ),
  audiences: new Map(
    await Promise.all(AUDIENCES.map(async (name) => [name, await registry.findAudience(REALM, name)] as const)),
  ),
});

const everything = async (registries: Registries) => {
  const { registry } = registries;
  const view = await look(registries);
  return {
    ...{ partners: [...view.partners], audiences: [...view.audiences] },
    issuers: await Promise.all(ISSUERS.map((each) => registry.findIssuer(REALM, each))),
    certificates: await Promise.all(CERTIFICATES.map((each) => registry.findCertificate(REALM, each))),
    due: (await registry.listDue(NOW, 100)).map(({ id }) => id),
    grants: await Promise.all(AUDIENCES.map((each) => registry.listGrantsOn(REALM, each, { limit: 100 }))),
    listed: await registry.listPartners(REALM, { limit: 100 }),
  };
};

const without = <Value extends object, Name extends keyof Value>(value: Value, name: Name): Omit<Value, Name> => {
  const { [name]: _gone, ...rest } = value;
  return rest;
};

const newest = (found: PartnerWithGrants, changes: object) => ({
  ...found.partner,
  ...changes,
  version: found.partner.version + 1,
});

/** One write, decided by the view; `undefined` where the view leaves nothing to be written. */
const write = async ({ registry }: Registries, { kind, partner: id, audience: name, choice }: Step, view: View) => {
  const found = view.partners.get(id);
  const seen = view.audiences.get(name);
  const held = found?.grants.find((each) => each.audience === name);
  const url = URLS[choice];
  switch (kind) {
    case 'create': {
      const issuer = ISSUERS[choice];
      const source = url === undefined ? {} : { source: { type: 'jwks_uri', url } as const };
      const named = { id, ...(issuer === undefined ? {} : { issuer }), credentials: certified(choice) };
      const made = partner({ ...named, ...source, ...WAYS_IN[choice] });
      const version = 1 + (await registry.lastVersion(REALM, id));
      return registry.createPartner({ ...made, version }, url === undefined ? undefined : newRefresh(REALM, id, NOW));
    }
    case 'toggle':
      return found && registry.updatePartner(newest(found, { enabled: !found.partner.enabled }), found, undefined);
    case 'issuer': {
      const issuer = ISSUERS[choice];
      return (
        found &&
        registry.updatePartner(
          { ...without(newest(found, {}), 'issuer'), ...(issuer === undefined ? {} : { issuer }) },
          found,
          undefined,
        )
      );
    }
    case 'certificate':
      return found && registry.updatePartner(newest(found, { credentials: certified(choice) }), found, undefined);
    case 'microsoft': {
      const { microsoft } = WAYS_IN[choice] ?? {};
      const plain = without(newest(found ?? NOBODY, {}), 'microsoft');
      return found && registry.updatePartner({ ...plain, ...(microsoft && { microsoft }) }, found, undefined);
    }
    case 'source': {
      if (found === undefined) return undefined;
      const bare = without(newest(found, {}), 'source');
      if (url === undefined) return registry.updatePartner(bare, found, undefined);
      const status = { ...newRefresh(REALM, id, NOW), version: (found.refresh?.version ?? 0) + 1 };
      return registry.updatePartner({ ...bare, source: { type: 'jwks_uri', url } }, found, status);
    }
    case 'refresh':
      return (
        found?.refresh &&
        registry.saveRefresh({ ...found.refresh, dueAt: NOW + choice, version: found.refresh.version + 1 })
      );
    case 'remove':
      return (
        found &&
        registry.removePartner(
          found,
          found.audiences.flatMap((each) => view.audiences.get(each) ?? []),
        )
      );
    case 'own': {
      const { enabled, version } = found?.partner ?? partner();
      const last = await registry.lastAudienceVersion(REALM, name);
      const what = { audience: name, owner: id, scopes: SCOPES, authorizationDetails: DETAILS };
      const introspectors = choice === 2 ? PARTNERS.filter((each) => each !== id) : [];
      const made = audience({ ...what, introspectors, ownerEnabled: enabled, version: last + 1 });
      return registry.createAudience(made, { version });
    }
    case 'rescope':
      return (
        seen && registry.updateAudience({ ...seen, scopes: SCOPES.slice(choice), version: seen.version + 1 }, seen)
      );
    case 'name': {
      // The one, the other, or nobody: whoever owns it is left out, as the rules of audiences have it.
      const introspectors = PARTNERS.slice(choice).filter((each) => each !== seen?.owner);
      return seen && registry.updateAudience({ ...seen, introspectors, version: seen.version + 1 }, seen);
    }
    case 'disown':
      return seen && registry.removeAudience(seen);
    case 'give':
      return registry.saveGrant(
        grant({
          ...{ client: id, audience: name, scopes: [`scope-${choice}`], version: (held?.version ?? 0) + 1 },
          authorizationDetailsTypes: TYPES.slice(0, choice),
        }),
        held,
        seen ?? { owner: id, version: 1 },
        found?.lostGrantAt,
      );
    case 'take':
      return held && registry.removeGrant(held, NOW + choice);
    case 'look':
      return undefined;
  }
};

/** What holds whatever has happened. */
const expectSound = ({ partners, audiences, grants, certificates }: Awaited<ReturnType<typeof everything>>): void => {
  const there = new Map(partners);
  for (const [, each] of audiences) {
    if (each !== undefined) expect(each.ownerEnabled).toBe(there.get(each.owner)?.partner.enabled);
  }
  const owned = partners.flatMap(([, found]) => found?.audiences ?? []);
  expect(owned.sort()).toEqual(audiences.flatMap(([name, each]) => (each === undefined ? [] : [name])).sort());
  for (const [id, found] of partners) {
    const naming = audiences.flatMap(([name, each]) => (each?.introspectors.includes(id) ? [name] : []));
    expect(found?.introspects ?? []).toEqual(naming);
  }
  for (const { client, audience: name } of grants.flatMap(({ items }): readonly Grant[] => items)) {
    expect([there.get(client) === undefined, new Map(audiences).get(name) === undefined]).toEqual([false, false]);
  }
  const holders = CERTIFICATES.map((x5t) =>
    partners.flatMap(([id, found]) => (certificateNames(found?.partner).includes(x5t) ? [id] : [])),
  );
  expect(holders).toEqual(certificates.map((id) => (id === undefined ? [] : [id])));
  for (const [, found] of partners) expect(found?.refresh === undefined).toBe(found?.partner.source === undefined);
};

it('the registry on DynamoDB does what the one in memory does, and what hangs together stays together', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
      await using dynamo = await openDynamo();
      await using model = await openModel();
      const views: [View, View] = [await look(model), await look(model)];
      for (const each of [
        ...BEGINNING,
        by('look', 'a', 0),
        { ...by('look', 'a', 0), administrator: 1 } as const,
        ...steps,
      ]) {
        const view = views[each.administrator];
        const [ofModel, ofDynamo] = [await write(model, each, view), await write(dynamo, each, view)];
        expect([each.kind, ofDynamo]).toEqual([each.kind, ofModel]);
        // Whoever has written looks again, mostly.
        if (each.kind === 'look' || each.choice !== 1) views[each.administrator] = await look(model);
      }
      const [left, expected] = [await everything(dynamo), await everything(model)];
      expect(left).toEqual(expected);
      expectSound(left);
    }),
    { numRuns: Number(process.env.RUNS ?? 60) },
  );
});
