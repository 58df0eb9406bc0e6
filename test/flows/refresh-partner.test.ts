import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { Outage } from '../../functions/ports.ts';
import { CLIENT, credential, keyPair, NOW, OWNER, REALM } from '../support/builders.ts';
import { jwkOf, mustBe, reasonOf, stored } from './admin-world.ts';
import {
  follow,
  INTERVAL_SECONDS,
  JWKS_URL,
  keySet,
  METADATA_URL,
  PARTNER_ISSUER,
  privateJwk,
  type RefreshWorld,
  refreshWorld,
  weakJwk,
} from './refresh-world.ts';

let world: RefreshWorld;
beforeEach(() => {
  world = refreshWorld();
});

const now = (id = CLIENT) => world.refresh.now(REALM, id);
/** A look when the cool-down is over. */
const later = (id = CLIENT) => {
  world.clock.time += INTERVAL_SECONDS;
  return now(id);
};
const kids = async () => (await stored(world)).partner.credentials.map(({ kid }) => kid);

describe('a look at a key set', () => {
  it('takes its keys over, and notes when and that it went well', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1'));
    world.clock.time += 5;
    const view = mustBe(await now());
    const status = { realm: REALM, id: CLIENT, failures: 0, lastAttemptAt: NOW + 5, lastSuccessAt: NOW + 5 };
    expect([view.partner.credentials, view.partner.version, view.refresh, view.lastUses]).toEqual([
      [credential(await keyPair(), { source: 'document', addedAt: NOW + 5 })],
      2,
      { ...status, dueAt: NOW + 5 + INTERVAL_SECONDS, version: 3 },
      new Map(),
    ]);
    const { lastUses: _uses, ...shown } = view;
    expect(await stored(world)).toEqual(shown);
  });

  it('that says what was known writes no new version of the partner', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1', 'k2'));
    const before = mustBe(await now()).partner;
    world.web.set(JWKS_URL, { keys: (await keySet('k2', 'k1')).keys, and: 'more' });
    const after = mustBe(await later());
    expect([after.partner, after.refresh?.lastSuccessAt]).toEqual([before, NOW + INTERVAL_SECONDS]);
  });

  it('makes a key that has vanished stop working, and keeps when the others came', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1', 'k2'));
    await now();
    world.web.set(JWKS_URL, await keySet('k2', 'k3'));
    const { credentials } = mustBe(await later()).partner;
    expect(credentials.map(({ kid, addedAt }) => [kid, addedAt])).toEqual([
      ['k2', NOW],
      ['k3', NOW + INTERVAL_SECONDS],
    ]);
  });

  it('leaves alone what an operator has registered, which goes first where both have a key or a kid', async () => {
    const registered = [
      { jwk: await jwkOf('k1'), label: 'by hand' },
      { jwk: { ...(await jwkOf('other')), kid: 'k2' } },
    ];
    await follow(world, { jwksUri: JWKS_URL, credentials: registered });
    const before = (await stored(world)).partner.credentials;
    world.web.set(JWKS_URL, await keySet('k1', 'k2', 'k3'));
    const { credentials } = mustBe(await now()).partner;
    expect(credentials).toEqual([
      ...before,
      credential(await keyPair('ES256', 'k3'), { source: 'document', addedAt: NOW }),
    ]);
  });

  it('takes the good keys and leaves the bad ones', async () => {
    await follow(world);
    world.web.set(JWKS_URL, { keys: [await weakJwk(), ...(await keySet('k1')).keys, { kty: 'oct-but-new' }] });
    mustBe(await now());
    expect(await kids()).toEqual(['k1']);
  });
});

const MICROSOFT = JSON.parse(
  readFileSync(new URL('../fixtures/microsoft-s2s/metadata-exchange.json', import.meta.url), 'utf8'),
) as { readonly issuer: string; readonly keys: readonly object[] };
const FIXTURE_CLOCK = 1_798_761_600;

describe('a look at metadata', () => {
  it('learns who the partner is, and fetches its keys from where the document says, once each', async () => {
    await follow(world, { metadataUrl: METADATA_URL });
    world.web.set(METADATA_URL, { issuer: PARTNER_ISSUER, jwks_uri: JWKS_URL });
    world.web.set(JWKS_URL, await keySet('k1'));
    const { partner } = mustBe(await now());
    expect([partner.issuer, await kids(), world.fetched]).toEqual([PARTNER_ISSUER, ['k1'], [METADATA_URL, JWKS_URL]]);
    expect(await world.registry.findIssuer(REALM, PARTNER_ISSUER)).toBe(CLIENT);
  });

  it('of Exchange, SharePoint or Skype has all in one document, its keys with their certificates', async () => {
    world.clock.time = FIXTURE_CLOCK;
    await follow(world, { metadataUrl: METADATA_URL });
    world.web.set(METADATA_URL, MICROSOFT);
    const { partner } = mustBe(await now());
    expect([partner.issuer, world.fetched]).toEqual([MICROSOFT.issuer, [METADATA_URL]]);
    expect(partner.credentials).toMatchObject([
      { source: 'document', x5t: 'EdyjAZI03-wAt3pJHLE6XvOAmpA', expiresAt: expect.any(Number) },
    ]);
  });

  it('that names another issuer than before changes nothing: an administrator has to decide', async () => {
    world.clock.time = FIXTURE_CLOCK;
    await follow(world, { metadataUrl: METADATA_URL });
    world.web.set(METADATA_URL, MICROSOFT);
    await now();
    const before = await stored(world);
    const [application] = MICROSOFT.issuer.split('@');
    const { realm: _realm, ...renamed } = { realm: '', ...MICROSOFT, issuer: `${application}@evil.example.com` };
    world.web.set(METADATA_URL, renamed);
    expect(await later()).toMatchObject({ refusal: { reason: 'document_refused', code: 'issuer_changed' } });
    const after = await stored(world);
    expect([after.partner, after.refresh?.failure?.code]).toEqual([before.partner, 'issuer_changed']);
  });

  it('that names the issuer which an operator has given is taken, with no new version but for the keys', async () => {
    await follow(world, { metadataUrl: METADATA_URL, issuer: PARTNER_ISSUER });
    world.web.set(METADATA_URL, { issuer: PARTNER_ISSUER, jwks_uri: JWKS_URL });
    world.web.set(JWKS_URL, await keySet('k1'));
    expect(mustBe(await now()).partner.version).toBe(2);
    expect(mustBe(await later()).partner.version).toBe(2);
  });

  it('that names the issuer of another partner changes nothing, and is reported as that', async () => {
    await world.partners.add(REALM, { id: OWNER, issuer: PARTNER_ISSUER });
    await follow(world, { metadataUrl: METADATA_URL });
    world.web.set(METADATA_URL, { issuer: PARTNER_ISSUER, jwks_uri: JWKS_URL });
    world.web.set(JWKS_URL, await keySet('k1'));
    const { reports } = await world.refresh.due(5);
    expect(reports).toMatchObject([{ partner: CLIENT, outcome: 'failed', failure: { code: 'issuer_taken' } }]);
    expect([await kids(), await world.registry.findIssuer(REALM, PARTNER_ISSUER)]).toEqual([[], OWNER]);
  });
});

describe('a document that cannot be had or taken', () => {
  const metadata = { issuer: PARTNER_ISSUER, jwks_uri: JWKS_URL };
  const source = (type: 'set' | 'metadata') => (type === 'set' ? { jwksUri: JWKS_URL } : { metadataUrl: METADATA_URL });

  it.each([
    ['no answer', 'set', {}, 'unreachable'],
    ['what is not JSON', 'set', { [JWKS_URL]: '<html>' }, 'not_json'],
    ['a member twice', 'set', { [JWKS_URL]: '{"keys":[],"keys":[]}' }, 'not_json'],
    ['an array', 'set', { [JWKS_URL]: [] }, 'document_malformed'],
    ['metadata in place of a key set', 'set', { [JWKS_URL]: metadata }, 'not_a_key_set'],
    ['a key set in place of metadata', 'metadata', { [METADATA_URL]: 'keys' }, 'not_metadata'],
    [
      'metadata of somebody who publishes elsewhere',
      'metadata',
      { [METADATA_URL]: { ...metadata, issuer: 'https://evil.example.com' } },
      'issuer_elsewhere',
    ],
    ['metadata without issuer', 'metadata', { [METADATA_URL]: { jwks_uri: JWKS_URL } }, 'document_malformed'],
    ['metadata whose key set does not answer', 'metadata', { [METADATA_URL]: metadata }, 'unreachable'],
    [
      'metadata that leads to metadata',
      'metadata',
      { [METADATA_URL]: metadata, [JWKS_URL]: metadata },
      'not_a_key_set',
    ],
    ['a private key', 'set', { [JWKS_URL]: 'private' }, 'key_exposed'],
    ['weak keys only', 'set', { [JWKS_URL]: 'weak' }, 'key_weak'],
  ] as const)('%s: changes nothing and is reported', async (_what, type, web, code) => {
    const special: Readonly<Record<string, () => Promise<object>>> = {
      keys: () => keySet('k9'),
      private: async () => ({ keys: [...(await keySet('k9')).keys, await privateJwk()] }),
      weak: async () => ({ keys: [await weakJwk()] }),
    };
    await follow(world, { ...source(type), name: 'CRM' });
    world.web.set(JWKS_URL, await keySet('k1'));
    world.web.set(METADATA_URL, metadata);
    mustBe(await now());
    const before = await stored(world);
    world.web.clear();
    for (const [url, document] of Object.entries(web)) {
      const make = typeof document === 'string' ? special[document] : undefined;
      world.web.set(url, make === undefined ? document : await make());
    }
    expect(await later()).toMatchObject({ refusal: { reason: 'document_refused', code } });
    const after = await stored(world);
    expect([after.partner, after.refresh]).toEqual([
      before.partner,
      {
        ...{ realm: REALM, id: CLIENT, lastSuccessAt: NOW, lastAttemptAt: NOW + INTERVAL_SECONDS, failures: 1 },
        failure: { code, detail: expect.any(String) },
        ...{ dueAt: NOW + INTERVAL_SECONDS + 300, version: 5 },
      },
    ]);
  });

  it('is forgotten when the next look goes well', async () => {
    await follow(world);
    await now();
    expect((await stored(world)).refresh?.failure?.code).toBe('unreachable');
    world.web.set(JWKS_URL, await keySet('k1'));
    const { refresh } = mustBe(await later());
    expect([refresh?.failure, refresh?.failures, await kids()]).toEqual([undefined, 0, ['k1']]);
  });

  it('is looked for again soon, then ever less often, but as often as a good one', async () => {
    await follow(world);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await now();
      const { dueAt = 0 } = (await stored(world)).refresh ?? {};
      waits.push(dueAt - world.clock.time);
      world.clock.time = dueAt;
    }
    expect(waits).toEqual([300, 600, 1_200, 2_400, 3_600, 3_600]);
  });
});

describe('a look that must not be taken', () => {
  it('is one within a minute of the last, whoever asks, and says until when', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1'));
    await now();
    world.clock.time += 59;
    expect(await now()).toMatchObject({ refusal: { reason: 'conflict', until: NOW + 60 } });
    world.clock.time += 1;
    expect([reasonOf(await now()), world.fetched.length]).toEqual(['done', 2]);
  });

  it('is one at a partner that is not there, or follows nothing', async () => {
    await world.partners.add(REALM, { id: CLIENT });
    expect([reasonOf(await now()), reasonOf(await now('nobody'))]).toEqual(['conflict', 'not_found']);
    expect(world.fetched).toEqual([]);
  });

  it('is the second of two at once: only one of them fetches', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1'));
    const outcomes = (await Promise.all([now(), now(), now()])).map(reasonOf).sort();
    expect([outcomes, world.fetched]).toEqual([['conflict', 'conflict', 'done'], [JWKS_URL]]);
  });

  it('is a second one at once after a crash in the middle of the first', async () => {
    await follow(world);
    world.meanwhile.run = () => Promise.reject(new Error('crash'));
    await expect(now()).rejects.toThrow('crash');
    expect([reasonOf(await now()), (await stored(world)).refresh?.dueAt]).toEqual(['conflict', NOW + 300]);
  });
});

describe('an administrator who is at work while the document is fetched', () => {
  it('loses nothing, and nor does the document', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1'));
    world.meanwhile.run = async () => {
      mustBe(await world.partners.change(REALM, CLIENT, 1, { name: 'CRM', enabled: false }));
      mustBe(await world.partners.addCredential(REALM, CLIENT, { jwk: await jwkOf('k2') }));
    };
    mustBe(await now());
    const { partner } = await stored(world);
    expect([partner.name, partner.enabled, await kids(), partner.version]).toEqual(['CRM', false, ['k2', 'k1'], 4]);
  });

  it.each([
    ['another document', { jwksUri: 'https://other.example.com/jwks' }],
    ['the same address as a document of another kind', { metadataUrl: JWKS_URL }],
    ['none', { jwksUri: null }],
  ])('and has it follow %s, gets no key of the one before', async (_what, change) => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1'));
    world.meanwhile.run = async () => void mustBe(await world.partners.change(REALM, CLIENT, 1, change));
    expect(reasonOf(await now())).toBe('conflict');
    const { partner, refresh } = await stored(world);
    expect([partner.credentials, refresh?.failure, refresh?.lastAttemptAt]).toEqual([[], undefined, undefined]);
  });

  it('and removes it, brings nothing back', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1'));
    world.meanwhile.run = async () => void mustBe(await world.partners.remove(REALM, CLIENT));
    expect(reasonOf(await now())).toBe('not_found');
    expect([world.registry.partners.size, world.registry.refreshes.size]).toEqual([0, 0]);
  });

  it('all the time, makes the look give up with a conflict that is noted', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1'));
    const busy = world.refresher({ updatePartner: async () => 'conflict' });
    expect(reasonOf(await busy.now(REALM, CLIENT))).toBe('conflict');
    expect((await stored(world)).refresh?.failure?.code).toBe('conflict');
  });
});

describe('an outage of ours', () => {
  it('is thrown, and is not noted as the fault of the partner', async () => {
    await follow(world);
    world.web.set(JWKS_URL, await keySet('k1'));
    const down = () => Promise.reject(new Outage('dynamodb:TransactWriteItems', new Error('down')));
    await expect(world.refresher({ updatePartner: down }).now(REALM, CLIENT)).rejects.toBeInstanceOf(Outage);
    expect((await stored(world)).refresh?.failure).toBeUndefined();
    await expect(world.refresher({ listDue: down }).due(5)).rejects.toBeInstanceOf(Outage);
  });
});
