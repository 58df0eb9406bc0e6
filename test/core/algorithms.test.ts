import { describe, expect, it } from 'vitest';
import {
  algorithmFacts,
  isJwsAlgorithm,
  JWS_ALGORITHMS,
  PUBLIC_KEY_MEMBERS,
  parseAlgorithmName,
  wireNames,
} from '../../functions/core/algorithms.ts';
import { keyPair, signBytes } from '../support/builders.ts';

describe('the table of algorithms', () => {
  it.each(JWS_ALGORITHMS)(
    'tells the kind, the curve and the members of a %s key as real ones have them',
    async (algorithm) => {
      const { publicJwk } = await keyPair(algorithm);
      const { kty, crv } = algorithmFacts(algorithm);
      expect([publicJwk.kty, publicJwk.crv, Object.keys(publicJwk).sort()]).toEqual([
        kty,
        crv,
        ['kty', ...PUBLIC_KEY_MEMBERS[kty]].sort(),
      ]);
    },
  );

  it.each(JWS_ALGORITHMS.filter((name) => name.startsWith('ES')))(
    'tells the size of a %s signature',
    async (algorithm) => {
      const { length } = signBytes(await keyPair(algorithm), 'message');
      expect(algorithmFacts(algorithm).ecdsaCoordinateBytes).toBe(length / 2);
    },
  );

  it.each([
    'none',
    'HS256',
    'RS512',
    'rs256',
    '',
    '__proto__',
    'constructor',
    'toString',
    undefined,
    null,
    1,
    ['RS256'],
  ])('does not hold %j', (name) => {
    expect([isJwsAlgorithm(name), parseAlgorithmName(name)]).toEqual([false, undefined]);
  });

  it('reads every name that it writes', () => {
    for (const name of JWS_ALGORITHMS)
      expect(wireNames(name).map(parseAlgorithmName)).toEqual(wireNames(name).map(() => name));
    expect(wireNames('EdDSA')).toEqual(['EdDSA', 'Ed25519']);
  });
});
