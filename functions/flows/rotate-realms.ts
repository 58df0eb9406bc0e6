/** Rotates the keys of every realm. A realm that cannot go on must not keep the others from it. */

import type { Realm } from '../core/realm.ts';
import type { RealmRegistry } from '../ports.ts';
import type { RotationReport } from './rotate-keys.ts';

/** What a run did to a ring, and whose it is. */
interface RealmRotationReport extends RotationReport {
  readonly realm: string;
}

export type RotateRealms = (maxStepsPerRing: number) => Promise<readonly RealmRotationReport[]>;

const PAGE = 100;

/**
 * @param rotate the rotation of one realm, and what follows from it.
 * @throws the first failure, after all realms were looked after.
 */
export const rotateRealms =
  (
    realms: RealmRegistry,
    defaultRealm: string,
    rotate: (realm: Realm, maxStepsPerRing: number) => Promise<readonly RotationReport[]>,
  ): RotateRealms =>
  async (maxStepsPerRing) => {
    const reports: RealmRotationReport[] = [];
    const failures: unknown[] = [];
    for (const realm of await listAll(realms, defaultRealm)) {
      try {
        const done = await rotate(realm, maxStepsPerRing);
        reports.push(...done.map((report) => ({ ...report, realm: realm.name })));
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return reports;
  };

/** The default realm first, whether or not it stands in the listing. Disabled realms keep their keys, and so their rotation. */
const listAll = async (realms: RealmRegistry, defaultRealm: string): Promise<readonly Realm[]> => {
  const standard = await realms.findRealm(defaultRealm);
  const found: Realm[] = standard === undefined ? [] : [standard];
  let cursor: string | undefined;
  do {
    const page = await realms.listRealms({ limit: PAGE, cursor });
    found.push(...page.items.filter(({ name }) => name !== defaultRealm));
    cursor = page.next;
  } while (cursor !== undefined);
  return found;
};
