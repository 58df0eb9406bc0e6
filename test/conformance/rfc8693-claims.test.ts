/** OAuth 2.0 Token Exchange: what the issued token says, and what it never says more than the one that was handed in. */

import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyPair } from '../support/builders.ts';
import { badRequest, invalidGrant, tokenOutcome } from '../support/decisions.ts';
import { grantForm, postWithProof, statementOf, tokenOf } from '../support/delegation.ts';
import { assertionOf, tokenForm } from '../support/service.ts';
import { audienceOf, BRIEF_SECONDS, type Chain, type Name, startChain } from './delegation-chain.ts';

let chain: Chain;

beforeAll(async () => {
  chain = await startChain();
});
afterAll(() => chain[Symbol.asyncDispose]());

/** Alice's token as it goes from service to service, each handing in what it was called with. */
const passedOn = async (subject: string, ...through: readonly (readonly [by: Name, to: Name])[]): Promise<string> => {
  let token = subject;
  for (const [by, to] of through) token = await chain.exchanged(by, token, { resource: audienceOf(to) });
  return token;
};

const GRANTED = { status: 200, reason: 'granted' };
const SUBJECT_REFUSED = 'The subject token is not valid, or not for this client to exchange.';

describe('RFC 8693 4.1: the act claim', () => {
  it('names who acts now, and within it who acted before, the first one innermost', async () => {
    const token = await passedOn(await chain.aliceAt('orders'), ['orders', 'billing'], ['billing', 'ledger']);
    expect(decodeJwt(token)).toMatchObject({
      aud: audienceOf('ledger'),
      sub: 'alice',
      client_id: 'billing',
      act: { sub: 'billing', act: { sub: 'orders', act: { sub: 'portal' } } },
    });
  });

  it('holds what identifies the actor, and no claim that is about the token', async () => {
    const token = await passedOn(await chain.aliceAt('orders'), ['orders', 'billing']);
    expect(decodeJwt(token).act).toEqual({ sub: 'orders', act: { sub: 'portal' } });
  });

  it('begins with the first who acts for an application', async () => {
    const token = await passedOn(await chain.ownToken('robot', 'orders'), ['orders', 'billing'], ['billing', 'ledger']);
    expect(decodeJwt(token)).toMatchObject({ sub: 'robot', act: { sub: 'billing', act: { sub: 'orders' } } });
  });

  it('is left out where the subject acts for itself, and does not grow where the same actor goes on', async () => {
    const own = await chain.exchanged('orders', await chain.ownToken('orders', 'orders'));
    expect(decodeJwt(own)).toMatchObject({ sub: 'orders', client_id: 'orders' });
    expect(decodeJwt(own).act).toBeUndefined();
    const once = await passedOn(await chain.aliceAt('orders'), ['orders', 'orders']);
    const twice = await passedOn(once, ['orders', 'billing']);
    expect(decodeJwt(twice).act).toEqual({ sub: 'orders', act: { sub: 'portal' } });
  });

  it('has four actors at most', async () => {
    const atArchive = await passedOn(
      await chain.aliceAt('orders'),
      ['orders', 'billing'],
      ['billing', 'ledger'],
      ['ledger', 'archive'],
    );
    const depth = JSON.stringify(decodeJwt(atArchive).act).split('"act"').length;
    expect(depth).toBe(4);
    const description = 'The subject token has passed through too many hands.';
    const fifth = await chain.outcome('archive', atArchive, { resource: audienceOf('vault') });
    expect(fifth).toEqual(badRequest('actors_too_many', description));
  });
});

describe('RFC 8693 4.2 and 4.3: scope and client', () => {
  it('has the scopes that were granted, and the client that asked for it', async () => {
    const token = await chain.exchanged('orders', await chain.aliceAt('orders'), { scope: 'read' });
    expect(decodeJwt(token)).toMatchObject({ scope: 'read', client_id: 'orders', aud: audienceOf('billing') });
  });
});

describe('RFC 8693 4.4: the may_act claim', () => {
  const onlyFor = (party: unknown) => chain.aliceAt('portal', { may_act: party });

  it('lets the party act that it names, and stays in the token', async () => {
    const subject = await chain.aliceAt('orders', { may_act: { sub: 'portal' } });
    expect(decodeJwt(subject)).toMatchObject({ act: { sub: 'portal' }, may_act: { sub: 'portal' } });
    expect(await chain.outcome('portal', subject, { resource: audienceOf('orders') })).toMatchObject(GRANTED);
  });

  it('lets no other act, though it be the audience of the token', async () => {
    const subject = await chain.aliceAt('orders', { may_act: { sub: 'portal' } });
    expect(await chain.outcome('orders', subject)).toEqual(badRequest('may_act_excludes', SUBJECT_REFUSED));
  });

  it('means its party by issuer and subject together', async () => {
    await expect(onlyFor({ sub: 'portal', iss: chain.service.issuer })).resolves.toEqual(expect.any(String));
    await expect(onlyFor({ sub: 'portal', iss: 'https://other.example' })).rejects.toThrow('invalid_request');
  });

  it.each([
    ['no party', {}],
    ['something else', 'portal'],
    ['several parties', [{ sub: 'portal' }]],
    ['a chain', { sub: 'portal', act: { sub: 'orders' } }],
  ])('is refused where it names %s', async (_what, party) => {
    const { issuer } = chain.service;
    const assertion = await statementOf(chain.partnerOf('portal'), issuer, 'alice', { may_act: party });
    const form = grantForm(assertion, { resource: audienceOf('orders') });
    expect(await tokenOutcome(chain.service, form)).toEqual(invalidGrant('assertion_malformed'));
  });
});

describe('RFC 8693 5: what an exchange does not give', () => {
  it('no scope at the same audience that the token handed in has not', async () => {
    const subject = await chain.aliceAt('orders', {}, { scope: 'read' });
    const resource = audienceOf('orders');
    expect(await chain.outcome('orders', subject, { resource, scope: 'read write' })).toMatchObject({
      body: { error: 'invalid_scope' },
      reason: 'scope_not_granted',
    });
    expect((await chain.outcome('orders', subject, { resource })).body.scope).toBe('read');
  });

  it('no scope that only the other client was granted', async () => {
    const subject = await chain.aliceAt('orders');
    const outcome = await chain.outcome('orders', subject, { scope: 'pay' });
    expect(outcome).toMatchObject({ body: { error: 'invalid_scope' }, reason: 'scope_not_granted' });
  });

  it('no later end than that of the token handed in', async () => {
    const subject = await chain.aliceAt('orders');
    const { exp = 0, iat = 0 } = decodeJwt(subject);
    expect(exp - iat).toBe(BRIEF_SECONDS);
    const { exp: after = 0 } = decodeJwt(await chain.exchanged('orders', subject));
    expect(after).toBe(exp);
  });

  it('no way back from another service to more than that service was called with', async () => {
    const atBilling = await passedOn(await chain.aliceAt('orders', {}, { scope: 'read' }), ['orders', 'billing']);
    const back = await chain.outcome('billing', atBilling, { resource: audienceOf('orders') });
    expect(back).toMatchObject({ body: { error: 'invalid_target' }, reason: 'grant_missing' });
  });

  it('nothing to a client that was not granted the target, whatever the subject may have there', async () => {
    const subject = await chain.ownToken('robot', 'orders');
    const outcome = await chain.outcome('orders', subject, { resource: audienceOf('portal') });
    expect(outcome).toMatchObject({ body: { error: 'invalid_target' }, reason: 'grant_missing' });
  });

  it('no freedom from the key that the client has bound its own token to', async () => {
    const { service } = chain;
    const [mine, other] = await Promise.all([keyPair('ES256', 'mine'), keyPair('ES256', 'other')]);
    const assertion = await assertionOf(chain.partnerOf('orders'), service.issuer);
    const asked = tokenForm(assertion, { resource: audienceOf('orders') });
    const answer = await postWithProof(service, asked, mine);
    const bound = tokenOf(answer);
    expect([answer.body.token_type, decodeJwt(bound).cnf]).toEqual(['DPoP', { jkt: mine.thumbprint }]);
    const unbound = badRequest('binding_required', 'A sender-constrained access token is required here.');
    expect(await chain.outcome('orders', bound)).toEqual(unbound);
    const byAnother = await postWithProof(service, await chain.exchange('orders', bound), other);
    expect(byAnother.body).toEqual(unbound.body);
    const kept = tokenOf(await postWithProof(service, await chain.exchange('orders', bound), mine));
    expect(decodeJwt(kept).cnf).toEqual({ jkt: mine.thumbprint });
  });
});
