import { expect, it } from 'vitest';
import { algorithmFacts, JWS_ALGORITHMS } from '../../functions/core/algorithms.ts';
import { ALGORITHMS, keySpecs, signingAlgorithms } from '../../infra/algorithms.ts';

it('offers the algorithms that the functions have', () => {
  expect([...ALGORITHMS].sort()).toEqual([...JWS_ALGORITHMS].sort());
});

it.each(JWS_ALGORITHMS)('permits for %s the key spec and signing algorithm that the functions ask KMS for', (name) => {
  const { kms } = algorithmFacts(name);

  expect(keySpecs([name])).toEqual([kms.keySpec]);
  expect(signingAlgorithms([name])).toEqual([kms.signingAlgorithm]);
});

it('names what two algorithms share only once', () => {
  expect(keySpecs(['RS256', 'PS256'])).toEqual(['RSA_2048']);
  expect(signingAlgorithms(['ML-DSA-44', 'ML-DSA-87'])).toEqual(['ML_DSA_SHAKE_256']);
});
