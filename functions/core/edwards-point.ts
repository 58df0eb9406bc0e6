/**
 * Ed25519 public keys as points of their curve. Importers take any 32 octets for one, so what would make a key worthless is
 * looked for here: octets that are no point, a second spelling of a point, a point of small order. (RFC 8032 5.1.3)
 */

const P = 2n ** 255n - 19n;
/** The curve is -x^2 + y^2 = 1 + d x^2 y^2 with d = -121665/121666. Both halves, so that nothing has to be inverted. */
const D_NUMERATOR = -121_665n;
const D_DENOMINATOR = 121_666n;

/** `malformed`: no point, or not spelled as RFC 8032 does. `weak`: signatures can be made for it without a private key. */
type PointFault = 'malformed' | 'weak';

/** @param octets 32 of them, as the JWK member `x` has them. */
export const ed25519Fault = (octets: Uint8Array): PointFault | undefined => {
  // Little-endian; the topmost bit is the sign of x.
  const y = BigInt(`0x${Buffer.from(octets).reverse().toString('hex')}`) & (2n ** 255n - 1n);
  if (y >= P) return 'malformed';
  const y2 = (y * y) % P;
  if (isOfSmallOrder(y, y2)) return 'weak';
  return isOnCurve(y2) ? undefined : 'malformed';
};

/**
 * The eight points whose multiple by the cofactor is the neutral element, by what doubling does to y: order 1 and 2 have y = 1
 * and -1, order 4 has y = 0, and a point of order 8 doubles to y = 0, which is d y^4 + 2 y^2 - 1 = 0.
 */
const isOfSmallOrder = (y: bigint, y2: bigint): boolean =>
  (y * (y2 - 1n) * (D_NUMERATOR * y2 * y2 + D_DENOMINATOR * (2n * y2 - 1n))) % P === 0n;

/** x^2 = (y^2 - 1) / (d y^2 + 1) has to be a square; so is then the product of both sides (Euler's criterion). */
const isOnCurve = (y2: bigint): boolean =>
  power((y2 - 1n) * D_DENOMINATOR * (D_NUMERATOR * y2 + D_DENOMINATOR), (P - 1n) / 2n) === 1n;

const power = (base: bigint, exponent: bigint): bigint => {
  let result = 1n;
  let square = ((base % P) + P) % P;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
};
