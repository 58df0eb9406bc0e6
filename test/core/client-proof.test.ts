import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ClientAuthentication } from '../../functions/core/client-authentication.ts';
import { readClientProof } from '../../functions/core/client-proof.ts';
import { refuse } from '../../functions/core/errors.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE } from '../../functions/core/grant-type.ts';
import { ACCESS_TOKEN_TYPE_URN, type GrantRequest } from '../../functions/core/token-request.ts';
import { assertionClaims, CLIENT, encodeJson } from '../support/builders.ts';

const CREDENTIALS: GrantRequest = { type: CLIENT_CREDENTIALS };
const IDP = 'https://idp.example';

const jwt = (changes: object = {}, header: object = {}): string =>
  `${encodeJson({ alg: 'ES256', kid: 'k1', ...header })}.${encodeJson(assertionClaims(changes))}.c2ln`;
const read = (client: ClientAuthentication, grant: GrantRequest = CREDENTIALS) => readClientProof({ client, grant });
const byAssertion = (assertion: string, clientId?: string) =>
  read({ method: 'assertion', assertion, ...(clientId === undefined ? {} : { clientId }) });
const reasonOf = (result: ReturnType<typeof read>): string =>
  result.ok ? `${result.value.type} of ${result.value.clientId}` : result.refusal.reason;

describe('an assertion beside the grant', () => {
  it.each([
    ['made by the client, who is not named', {}, undefined, `private_key_jwt of ${CLIENT}`],
    ['made by the client, who is named', {}, CLIENT, `private_key_jwt of ${CLIENT}`],
    ['made by another issuer, for the client that is named', { iss: IDP, sub: 'w' }, CLIENT, `federated of ${CLIENT}`],
    ['without issuer, as SPIFFE has it', { iss: undefined, sub: 'spiffe://a/b' }, CLIENT, `federated of ${CLIENT}`],
    // Whose subject it is only the client's own key can prove, and its issuer is not its subject.
    ['made by another issuer, for nobody', { iss: IDP, sub: 'w' }, undefined, 'private_key_jwt of w'],
    ['without issuer, for nobody', { iss: undefined, sub: 'spiffe://a/b' }, undefined, 'assertion_malformed'],
    ['without subject, which some may leave out', { sub: undefined }, undefined, `private_key_jwt of ${CLIENT}`],
    ['without subject, beside its name', { sub: undefined }, CLIENT, `private_key_jwt of ${CLIENT}`],
    ['of another client than the one that is named', {}, 'other', 'client_id_mismatch'],
    ['without subject, of another than the one that is named', { sub: undefined }, 'other', 'client_id_mismatch'],
    ['that says nothing of either', { iss: undefined, sub: undefined }, CLIENT, 'assertion_malformed'],
    ['without end', { exp: undefined }, CLIENT, 'assertion_malformed'],
  ])('%s', (_what, claims, clientId, outcome) => {
    expect(reasonOf(byAssertion(jwt(claims), clientId))).toBe(outcome);
  });

  it.each([undefined, 'JWT', 'client-authentication+jwt'])('of the type %s is taken of anybody', (typ) => {
    expect([
      reasonOf(byAssertion(jwt({}, { typ }))),
      reasonOf(byAssertion(jwt({ iss: IDP, sub: 'w' }, { typ }), CLIENT)),
    ]).toEqual([`private_key_jwt of ${CLIENT}`, `federated of ${CLIENT}`]);
  });

  it('of the type jose is taken of other issuers only', () => {
    expect([
      reasonOf(byAssertion(jwt({}, { typ: 'jose' }))),
      reasonOf(byAssertion(jwt({ iss: IDP, sub: 'w' }, { typ: 'jose' }), CLIENT)),
    ]).toEqual(['assertion_typ', `federated of ${CLIENT}`]);
  });

  it.each([
    'at+jwt',
    'authorization-grant+jwt',
    'dpop+jwt',
    'logout+jwt',
    'secevent+jwt',
    'token-introspection+jwt',
    'x',
  ])('of the type %s is taken of nobody', (typ) => {
    expect([
      reasonOf(byAssertion(jwt({}, { typ }))),
      reasonOf(byAssertion(jwt({ iss: IDP, sub: 'w' }, { typ }), CLIENT)),
    ]).toEqual(['assertion_typ', 'assertion_typ']);
  });

  it('is recorded with the client that was named only where that is an id: it may be a secret in the wrong place', () => {
    const of = (clientId: string) => byAssertion(jwt(), clientId);
    expect([of('other'), of('a b'), of(jwt())]).toEqual([
      refuse({ reason: 'client_id_mismatch', clientId: 'other', subject: CLIENT }),
      refuse({ reason: 'client_id_mismatch', clientId: 'other', subject: CLIENT }),
      refuse({ reason: 'client_id_mismatch', clientId: 'other', subject: CLIENT }),
    ]);
    expect(of('x.y')).toMatchObject({ refusal: { clientId: 'x.y' } });
  });
});

describe('what needs no reading', () => {
  it.each(['client_secret_basic', 'client_secret_post'] as const)('is a secret: %s', (method) => {
    expect(read({ method, clientId: 'a b', secret: 's' })).toEqual({
      ok: true,
      value: { type: 'client_secret', clientId: 'a b', method, secret: 's' },
    });
  });

  it('is a certificate, here', () => {
    expect(read({ method: 'certificate', clientId: CLIENT, pem: 'x' })).toEqual({
      ok: true,
      value: { type: 'certificate', clientId: CLIENT, pem: 'x' },
    });
  });
});

describe('the assertion of a grant as the only proof', () => {
  const alone = (assertion: string, clientId?: string) =>
    read(
      { method: 'none', ...(clientId === undefined ? {} : { clientId }) },
      { type: JWT_BEARER, assertion, isLegacy: false },
    );

  it.each([
    ['the client', {}, CLIENT, true, true],
    ['an issuer', { iss: IDP, sub: 'alice' }, IDP, true, true],
    ['a workload of SPIFFE', { iss: undefined, sub: 'spiffe://a/b' }, undefined, false, true],
    ['a client that says no subject', { sub: undefined }, CLIENT, true, false],
  ])('is read both ways, for %s', (_who, claims, issuer, own, foreign) => {
    for (const clientId of [undefined, 'other']) {
      expect(alone(jwt(claims), clientId)).toMatchObject({
        ok: true,
        value: { type: 'grant', clientId, issuer, own: { ok: own }, foreign: { ok: foreign } },
      });
    }
  });

  it.each([
    ['nothing', '', 'assertion_malformed'],
    ['no JWT', 'a.b', 'assertion_malformed'],
    ['no end', jwt({ exp: undefined }), 'assertion_malformed'],
    ['the type of something else', jwt({}, { typ: 'dpop+jwt' }), 'assertion_typ'],
    ['the type of a proof of the client', jwt({}, { typ: 'client-authentication+jwt' }), 'assertion_typ'],
    ['a critical header', jwt({}, { crit: ['b64'] }), 'assertion_critical_header'],
  ])('is none with %s', (_what, assertion, reason) => {
    expect(reasonOf(alone(assertion))).toBe(reason);
  });

  it.each<GrantRequest>([
    CREDENTIALS,
    {
      ...{ type: TOKEN_EXCHANGE, subject: { token: jwt(), type: ACCESS_TOKEN_TYPE_URN } },
      requestedType: ACCESS_TOKEN_TYPE_URN,
    },
  ])('is there in no other grant: $type', (grant) => {
    expect(read({ method: 'none', clientId: CLIENT }, grant)).toEqual(refuse({ reason: 'client_auth_missing' }));
  });
});

describe('any assertion', () => {
  const part = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom('iss', 'sub', 'exp', 'typ', 'alg'), fc.jsonValue()),
  );
  it('is answered, never thrown at', () => {
    fc.assert(
      fc.property(part, part, fc.option(fc.string(), { nil: undefined }), (header, payload, clientId) => {
        const jws = `${encodeJson(header)}.${encodeJson(payload)}.c2ln`;
        const results = [
          byAssertion(jws, clientId),
          read({ method: 'none' }, { type: JWT_BEARER, assertion: jws, isLegacy: false }),
          byAssertion(jws.slice(1), clientId),
        ];
        expect(results.every(({ ok }) => typeof ok === 'boolean')).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
