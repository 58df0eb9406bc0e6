/** The value of `WWW-Authenticate`: what a resource server answers to a request without a good token. */

export interface Challenge {
  /** In the order they are offered. Default: `['Bearer', 'DPoP']`. */
  readonly schemes?: readonly ('Bearer' | 'DPoP')[];
  /** RFC 9110 11.5 */
  readonly realm?: string;
  /** RFC 6750 3.1, RFC 9449 7.1. Leave it out where the request had no token. */
  readonly error?: string;
  /** For developers. Characters that RFC 6750 3 does not allow here become `?`. */
  readonly errorDescription?: string;
  /** What the request needs (RFC 6750 3). */
  readonly scopes?: readonly string[];
  /** RFC 9728 5.1: URL of the metadata of the resource. */
  readonly resourceMetadata?: string;
  /** RFC 9449 7.1: algorithms of DPoP proofs that are taken; stands with the scheme DPoP only. */
  readonly dpopAlgorithms?: readonly string[];
}

/** RFC 6750 3, RFC 9449 7.1 and 7.2, RFC 9728 5.1. Several schemes make several challenges in one value (RFC 9110 11.6.1). */
export const challenge = ({ schemes = ['Bearer', 'DPoP'], ...about }: Challenge = {}): string =>
  schemes.map((scheme) => oneChallenge(scheme, about)).join(', ');

const oneChallenge = (scheme: 'Bearer' | 'DPoP', about: Omit<Challenge, 'schemes'>): string => {
  const parameters: readonly (readonly [string, string | undefined])[] = [
    ['realm', about.realm],
    ['error', about.error],
    ['error_description', about.errorDescription],
    ['scope', about.scopes?.join(' ')],
    ['resource_metadata', about.resourceMetadata],
    ['algs', scheme === 'DPoP' ? about.dpopAlgorithms?.join(' ') : undefined],
  ];
  const written = parameters.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : `${name}="${quotable(value)}"`,
  );
  return written.length === 0 ? scheme : `${scheme} ${written.join(', ')}`;
};

/** RFC 6750 3: neither quote nor backslash nor anything that is not ASCII, so that no value can end its own quotes or the header. */
const quotable = (text: string): string => text.replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?');
