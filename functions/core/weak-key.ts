/**
 * RSA moduli that give their own factors away: keys made by the Infineon library of CVE-2017-15361 ("ROCA"), found in smart
 * cards and TPMs. Its primes are powers of 65537 modulo a product of small primes, and so is their product.
 */

import { base64url } from 'jose';

const GENERATOR = 65_537;

/** The odd primes below 168: all of them divide the library's product for every key length that we take. */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/** Whether `value` is a power of 65537 modulo a prime. */
const isPower = (value: number, prime: number): boolean => {
  const generator = GENERATOR % prime;
  for (let power = generator; ; power = (power * generator) % prime) {
    if (power === value) return true;
    if (power === 1) return false;
  }
};

/** @param n modulus as a JWK has it. One sound modulus in 2^27 or so looks like one as well. */
export const isFactorableModulus = (n: string): boolean => {
  const modulus = BigInt(`0x0${Buffer.from(base64url.decode(n)).toString('hex')}`);
  return PRIMES.every((prime) => isPower(Number(modulus % BigInt(prime)), prime));
};
