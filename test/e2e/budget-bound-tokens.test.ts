/** What sender constraint costs in AWS calls: nothing but the claim of the proof, once the functions are warm. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyPair, type TestKeyPair } from '../support/builders.ts';
import {
  boundToken,
  currentNonce,
  postWithProofs,
  present,
  resourceProof,
  tokenProof,
} from '../support/dpop-service.ts';
import { getToken, populate, type Service, startService, type World } from '../support/service.ts';

let service: Service;
let world: World;
let pair: TestKeyPair;
let token: string;

beforeAll(async () => {
  service = await startService({ maxInstances: 1 });
  world = await populate(service);
  pair = await keyPair();
  token = await boundToken(service, world, pair);
  await present(service, `DPoP ${token}`, resourceProof(service, pair, token));
});
afterAll(() => service[Symbol.asyncDispose]());

const callsOf = async (act: () => Promise<unknown>): Promise<readonly string[]> => {
  const before = service.calls.length;
  await act();
  return service.calls
    .slice(before)
    .map(({ service: name, operation }) => `${name}:${operation}`)
    .sort();
};

describe('a warm token function', () => {
  it('claims assertion and proof in one call, beside the signature, and knows its nonces', async () => {
    const nonce = await currentNonce(service, world, pair);
    const proof = tokenProof(service, pair, { nonce });
    expect(await callsOf(() => postWithProofs(service, world, [proof]))).toEqual([
      'dynamodb:TransactWriteItems',
      'kms:Sign',
    ]);
  });

  it('makes no call for a proof that it refuses', async () => {
    expect(await callsOf(() => currentNonce(service, world, pair))).toEqual([]);
    expect(await callsOf(() => postWithProofs(service, world, ['x.y.z']))).toEqual([]);
  });
});

describe('a warm authorizer', () => {
  it('claims the proof of a bound token, in one call', async () => {
    const proof = resourceProof(service, pair, token);
    expect(await callsOf(() => present(service, `DPoP ${token}`, proof))).toEqual(['dynamodb:PutItem']);
  });

  it('asks once of a bearer token whether it was revoked, and makes no other call, nor any for a proof that it refuses', async () => {
    const bearer = await getToken(service, world);
    expect(await callsOf(() => present(service, `Bearer ${bearer}`))).toEqual(['dynamodb:GetItem']);
    expect(await callsOf(() => present(service, `Bearer ${bearer}`))).toEqual([]);
    const stale = resourceProof(service, pair, token, { iat: 0 });
    expect(await callsOf(() => present(service, `DPoP ${token}`, stale))).toEqual([]);
  });
});
