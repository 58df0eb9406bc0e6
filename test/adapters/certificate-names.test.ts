import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Partner } from '../../functions/core/partner.ts';
import { CLIENT, credential, keyPair, partner, REALM } from '../support/builders.ts';
import { IMPLEMENTATIONS, partnerIn, type Registries } from './registries.ts';

const MICROSOFT: NonNullable<Partner['microsoft']> = {
  ...{ issuedBy: 'itself', actors: [], userTokens: false, delegation: false },
};
const key = credential(await keyPair());
const certified = (...names: string[]): Pick<Partner, 'credentials'> => ({
  credentials: names.map((x5t) => ({ ...key, kid: x5t, x5t })),
});

describe.each(IMPLEMENTATIONS)('the certificates of a partner of the Microsoft profile, %s', (_where, open) => {
  let registries: Registries;
  beforeEach(async () => {
    registries = await open();
  });
  afterEach(() => registries[Symbol.asyncDispose]());

  const add = (changes: Partial<Partner>) =>
    registries.registry.createPartner(partner({ microsoft: MICROSOFT, ...changes }), undefined);
  const update = async (changes: Partial<Partner>, id = CLIENT) => {
    const before = await partnerIn(registries, REALM, id);
    const after = { ...before.partner, version: before.partner.version + 1, ...changes };
    return registries.registry.updatePartner(after, before, undefined);
  };
  const holders = (...names: string[]) =>
    Promise.all(names.map((x5t) => registries.registry.findCertificate(REALM, x5t)));

  it('name it, each of them, in its realm only', async () => {
    expect(await add(certified('a', 'b'))).toBe('saved');
    expect(await holders('a', 'b', 'c')).toEqual([CLIENT, CLIENT, undefined]);
    expect(await registries.registry.findCertificate('other', 'a')).toBeUndefined();
    expect(await add({ ...certified('a'), realm: 'other' })).toBe('saved');
  });

  it('are not taken by a new one, nor by one that is there, and then nothing is written', async () => {
    await add(certified('a', 'b'));
    expect(await add({ ...certified('c', 'b'), id: 'thief' })).toBe('conflict');
    expect(await holders('b', 'c')).toEqual([CLIENT, undefined]);
    await add({ ...certified('c'), id: 'thief' });
    expect(await update(certified('c', 'd', 'a'), 'thief')).toBe('conflict');
    expect(await holders('a', 'c', 'd')).toEqual([CLIENT, 'thief', undefined]);
  });

  it('go to one of several that want the same at once', async () => {
    const outcomes = await Promise.all(['a', 'b', 'c'].map((id) => add({ ...certified('x'), id })));
    expect([...outcomes].sort()).toEqual(['conflict', 'conflict', 'saved']);
    expect(await holders('x')).toEqual([['a', 'b', 'c'][outcomes.indexOf('saved')]]);
  });

  it('come and go with its keys', async () => {
    await add(certified('a', 'b'));
    expect(await update(certified('b', 'c'))).toBe('saved');
    expect(await holders('a', 'b', 'c')).toEqual([undefined, CLIENT, CLIENT]);
    expect(await add({ ...certified('a'), id: 'next' })).toBe('saved');
  });

  it('name nobody while it takes no part', async () => {
    const { microsoft: _off, ...plain } = partner(certified('a'));
    expect(await registries.registry.createPartner(plain, undefined)).toBe('saved');
    expect(await holders('a')).toEqual([undefined]);
    expect(await update({ microsoft: MICROSOFT })).toBe('saved');
    expect(await holders('a')).toEqual([CLIENT]);
    const before = await partnerIn(registries, REALM, CLIENT);
    const { microsoft: _gone, ...after } = { ...before.partner, version: 3 };
    expect(await registries.registry.updatePartner(after, before, undefined)).toBe('saved');
    expect(await holders('a')).toEqual([undefined]);
  });

  it('are free once it is gone', async () => {
    await add(certified('a', 'b'));
    expect(await registries.registry.removePartner(await partnerIn(registries, REALM, CLIENT), [])).toBe('saved');
    expect(await holders('a', 'b')).toEqual([undefined, undefined]);
  });
});
