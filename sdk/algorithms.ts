/** Which signature algorithms a verifier takes: asymmetric ones only, from a list and never from the token (RFC 8725 3.1). */

export const ASYMMETRIC_ALGORITHMS: readonly string[] = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
  ...['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'],
];

/** What every current runtime can verify. */
export const DEFAULT_ALGORITHMS: readonly string[] = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'];

/** @throws TypeError for an empty list, and for any algorithm that is symmetric, `none` or not known. */
export const requireAsymmetric = (algorithms: readonly string[]): readonly string[] => {
  const wrong = algorithms.find((name) => !ASYMMETRIC_ALGORITHMS.includes(name));
  if (wrong !== undefined) throw new TypeError(`algorithms: ${wrong} is not an asymmetric signature algorithm`);
  if (algorithms.length === 0) throw new TypeError('algorithms: the list is empty');
  return [...algorithms];
};
