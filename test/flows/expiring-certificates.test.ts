import { describe, expect, it } from 'vitest';
import type { RotationPolicy, SigningKey } from '../../functions/core/key-ring.ts';
import { rotateKeys } from '../../functions/flows/rotate-keys.ts';
import { keyPair, NOW, REALM, signingKey } from '../support/builders.ts';
import { DAY, issue } from '../support/certificate-authority.ts';
import { oneRing } from './certificates-world.ts';

const POLICY: RotationPolicy = {
  leadSeconds: DAY,
  periodSeconds: 60 * DAY,
  maxTokenSeconds: 3_600,
  ringCacheSeconds: 30,
  propagationSeconds: 300,
  clockSkewSeconds: 60,
  leewaySeconds: 60,
  graceSeconds: 7 * DAY,
  creationSeconds: 180,
  sweepSeconds: DAY,
};
const [active, standby] = [await keyPair('ES256', 'a'), await keyPair('ES256', 'b')];
const SETTLED: Partial<SigningKey> = { publishedAt: NOW, maxTokenSeconds: 3_600 };

/** A run over a ring that is settled: nothing of KMS is needed. */
const run = (certificates: readonly string[], only?: 'ES256') => {
  const keys = [
    signingKey(active, { ...SETTLED, rotateNotBefore: NOW + 60 * DAY, certificates }),
    signingKey(standby, { ...SETTLED, state: 'standby', activateNotBefore: NOW + DAY }),
  ];
  const rings = oneRing({ realm: REALM, algorithm: 'ES256', version: 9, sweptAt: NOW, keys });
  const unused = () => Promise.reject(new Error('nothing is due'));
  const vault = {
    ...{ create: unused, listTagged: unused, disable: unused },
    ...{ lastUsedAt: unused, scheduleDeletion: unused, cancelDeletion: unused },
  };
  const ports = { rings, vault, signer: { sign: unused }, selfSign: unused, published: { name: unused } };
  const rotate = rotateKeys(
    { ...ports, clock: { now: () => NOW }, ids: { next: () => 'id' } },
    { realm: REALM, algorithms: ['ES256'], policy: POLICY },
  );
  return rotate(1, only);
};

describe('a run of the rotation', () => {
  it('reports the certificates of published keys that end within 60 days, though no step is due', async () => {
    const { base64 } = await issue({ name: 'ending', notAfter: NOW + 45 * DAY });
    expect(await run([base64])).toEqual([
      {
        algorithm: 'ES256',
        steps: [],
        expiring: [
          {
            algorithm: 'ES256',
            kid: active.thumbprint,
            withinDays: 60,
            daysLeft: 45,
            notAfter: NOW + 45 * DAY,
          },
        ],
      },
    ]);
  });

  it('reports none that lives longer', async () => {
    const { base64 } = await issue({ name: 'lasting', notAfter: NOW + 61 * DAY });
    expect(await run([base64])).toEqual([{ algorithm: 'ES256', steps: [], expiring: [] }]);
  });

  it('that a command of an operator has caused leaves the warning to the schedule', async () => {
    const { base64 } = await issue({ name: 'ending', notAfter: NOW + DAY });
    expect(await run([base64], 'ES256')).toEqual([{ algorithm: 'ES256', steps: [], expiring: [] }]);
  });
});
