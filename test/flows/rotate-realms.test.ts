import { describe, expect, it } from 'vitest';
import { type Realm, untouchedRealm } from '../../functions/core/realm.ts';
import type { RotationReport } from '../../functions/flows/rotate-keys.ts';
import { rotateRealms } from '../../functions/flows/rotate-realms.ts';
import { Outage } from '../../functions/ports.ts';
import { NOW, REALM } from '../support/builders.ts';
import { memoryRealms } from './in-memory.ts';

const REPORT: RotationReport = { algorithm: 'RS256', steps: [], expiring: [] };

const world = (names: readonly string[], changes: Partial<Realm> = {}) => {
  const realms = memoryRealms();
  for (const name of names) {
    realms.realms.set(name, { ...untouchedRealm(name), version: 1, createdAt: NOW, updatedAt: NOW, ...changes });
  }
  const asked: string[] = [];
  const rotate = (failing: Readonly<Record<string, Error>>) =>
    rotateRealms(realms, REALM, async ({ name }, steps) => {
      asked.push(`${name} ${steps}`);
      const failure = failing[name];
      if (failure !== undefined) throw failure;
      return [REPORT];
    });
  return { realms, asked, rotate };
};

describe('the rotation of all realms', () => {
  it('looks after each once, the default one first, written or not, and says whose ring it was', async () => {
    for (const names of [
      ['asia', 'emea'],
      ['asia', REALM, 'emea'],
    ]) {
      const { rotate, asked } = world(names);
      expect(await rotate({})(3)).toEqual([REALM, 'asia', 'emea'].map((realm) => ({ ...REPORT, realm })));
      expect(asked).toEqual([`${REALM} 3`, 'asia 3', 'emea 3']);
    }
  });

  it('looks after more realms than stand on one page, and not after their aliases', async () => {
    const names = Array.from({ length: 230 }, (_, index) => `r${String(index).padStart(3, '0')}`);
    const { rotate, asked, realms } = world(names);
    realms.realms.set('r000', { ...untouchedRealm('r000'), aliases: ['other'] });
    await rotate({})(1);
    expect(asked).toEqual([REALM, ...names].map((name) => `${name} 1`));
  });

  it('looks after disabled realms too: their tokens are still verified', async () => {
    const { rotate, asked } = world(['emea'], { enabled: false });
    await rotate({})(1);
    expect(asked).toEqual([`${REALM} 1`, 'emea 1']);
  });

  it('goes on with the others when one fails, and then fails as the first did', async () => {
    const [first, second] = [new Outage('kms:Sign', new Error('a')), new Outage('kms:CreateKey', new Error('b'))];
    const { rotate, asked } = world(['asia', 'emea', 'zulu']);
    await expect(rotate({ asia: first, zulu: second })(2)).rejects.toBe(first);
    expect(asked).toEqual([`${REALM} 2`, 'asia 2', 'emea 2', 'zulu 2']);
    await expect(rotate({ [REALM]: second })(2)).rejects.toBe(second);
    expect(asked).toHaveLength(8);
  });

  it('is an outage when the realms cannot be listed', async () => {
    const { realms } = world([]);
    const outage = new Outage('dynamodb:Query', new Error('down'));
    const broken = { ...realms, listRealms: () => Promise.reject(outage) };
    await expect(rotateRealms(broken, REALM, async () => [REPORT])(1)).rejects.toBe(outage);
  });
});
