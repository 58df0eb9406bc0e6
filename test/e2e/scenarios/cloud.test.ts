/**
 * Cloud to cloud. Contoso and Fabrikam each run a deployment that the other can reach. Each registers the other's as an issuer that it
 * trusts; an application of Contoso then gets a token from its own service, and has it exchanged at Fabrikam's for one of theirs: for
 * itself, and for a user of Contoso who is carried over.
 */

import { decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JWT_BEARER_ASSERTION } from '../../../functions/core/client-authentication.ts';
import { CLIENT_CREDENTIALS, JWT_BEARER } from '../../../functions/core/grant-type.ts';
import { keyPair } from '../../support/builders.ts';
import { badRequest, invalidGrant, notAuthenticated, tokenOutcome } from '../../support/decisions.ts';
import { grantForm, postWithProof, requireToken, statementOf, tokenOf } from '../../support/delegation.ts';
import {
  administer,
  assertionOf,
  changePartner,
  makePartner,
  type Service,
  type TestPartner,
  tokenForm,
} from '../../support/service.ts';
import {
  ask,
  callWhoami,
  type Enterprises,
  grant,
  jwksOf,
  keysOf,
  operate,
  protectWhoami,
  startEnterprises,
  verified,
  whoamiOf,
} from './enterprises.ts';

let enterprises: Enterprises;
let contoso: Service;
let fabrikam: Service;
let crm: TestPartner;
/** The same application, as Fabrikam knows it. */
let crmAbroad: TestPartner;

beforeAll(async () => {
  enterprises = await startEnterprises();
  ({ contoso, fabrikam } = enterprises);
  [crm, crmAbroad] = await Promise.all([makePartner('crm'), makePartner('contoso-crm')]);
}, 120_000);
afterAll(() => enterprises[Symbol.asyncDispose]());

/** What `there` is called at the other one, with the names of the story. */
const ISSUER_AT_FABRIKAM = 'contoso-sts';
const ISSUER_AT_CONTOSO = 'fabrikam-sts';

const metadataUrl = ({ issuer }: Service): string => `${issuer}/.well-known/oauth-authorization-server`;

/** Contoso's token about the application itself, made out to Fabrikam's service. */
const ofCrm = () => ask(contoso, crm, CLIENT_CREDENTIALS, { resource: fabrikam.issuer });

/** Contoso's token about its user, whom the application speaks for there. */
const ofAlice = async () =>
  requireToken(
    contoso,
    grantForm(await statementOf(crm, contoso.issuer, 'alice'), { resource: fabrikam.issuer, scope: 'exchange' }),
  );

/** The token handed in at Fabrikam, by the application that Contoso's token proves. */
const handedIn = (token: string): URLSearchParams => grantForm(token, { client_id: 'contoso-crm' });

/** Alice's token handed in, by the application that proves itself with the key that Fabrikam has of it. */
const handedInForAlice = async (): Promise<URLSearchParams> =>
  tokenForm(await assertionOf(crmAbroad, fabrikam.issuer), { grant_type: JWT_BEARER, assertion: await ofAlice() });

describe('the operators', () => {
  it("Fabrikam's registers Contoso as an issuer, with the key that it was sent, and an application of Contoso", async () => {
    const signed = decodeProtectedHeader(await probe());
    const keys = (await jwksOf(contoso)).keys.filter(({ kid }) => kid === signed.kid);
    expect(keys).toHaveLength(1);
    const trusted = { issuer: contoso.issuer, trustedIssuer: true, jwks: { keys } };
    await operate(fabrikam, 'POST', '/partners', { id: ISSUER_AT_FABRIKAM, ...trusted });
    await protectWhoami(fabrikam, { id: 'exchange' });
    const federation = [{ issuer: contoso.issuer, claims: { sub: { exact: 'crm' } } }];
    await operate(fabrikam, 'POST', '/partners', { id: 'contoso-crm', federation });
    await grant(fabrikam, 'contoso-crm');
  });

  it("Contoso's registers Fabrikam's service as an audience that its application may have tokens for", async () => {
    await operate(contoso, 'POST', '/partners', {
      id: ISSUER_AT_CONTOSO,
      metadataUrl: metadataUrl(fabrikam),
      trustedIssuer: true,
    });
    const followed = await operate(contoso, 'POST', `/partners/${ISSUER_AT_CONTOSO}/refresh`);
    expect(followed.issuer).toBe(fabrikam.issuer);
    const audience = { audience: fabrikam.issuer, owner: ISSUER_AT_CONTOSO, scopes: ['exchange'] };
    await operate(contoso, 'POST', '/audiences', audience);
    await grant(contoso, 'crm', fabrikam.issuer, ['exchange']);
  });

  /** Any token of Contoso, to see which key signs. */
  const probe = async (): Promise<string> => {
    await protectWhoami(contoso, { id: 'skype' });
    await operate(contoso, 'POST', '/partners', { id: 'crm', ...keysOf(crm), trustLevel: 'full' });
    await grant(contoso, 'crm');
    return ask(contoso, crm, CLIENT_CREDENTIALS, { resource: whoamiOf(contoso) });
  };
});

describe('the application, for itself', () => {
  it("has Contoso's token exchanged for one of Fabrikam, and calls the resource with it", async () => {
    const first = await ofCrm();
    expect(await verified(contoso, first, fabrikam.issuer)).toMatchObject({
      iss: contoso.issuer,
      aud: fabrikam.issuer,
      sub: 'crm',
      client_id: 'crm',
    });
    const second = await requireToken(fabrikam, handedIn(first));
    const claims = { iss: fabrikam.issuer, sub: 'contoso-crm', client_id: 'contoso-crm', scope: 'calendar.read' };
    const seen = await verified(fabrikam, second, whoamiOf(fabrikam));
    expect(seen).toMatchObject(claims);
    expect([seen.act, seen.sub_id]).toEqual([undefined, undefined]);
    expect(await callWhoami(fabrikam, second)).toMatchObject(claims);
  });

  it('can hand in each token once, and none that is made out to somebody else', async () => {
    const once = handedIn(await ofCrm());
    expect((await tokenOutcome(fabrikam, once)).reason).toBe('granted');
    expect(await tokenOutcome(fabrikam, once)).toEqual(invalidGrant('assertion_replayed'));
    const elsewhere = await ask(contoso, crm, CLIENT_CREDENTIALS, { resource: whoamiOf(contoso) });
    expect(await tokenOutcome(fabrikam, handedIn(elsewhere))).toEqual(invalidGrant('federation_claims'));
  });

  it('has to hold at Fabrikam the key that Contoso has bound its token to, and goes on bound to it', async () => {
    const [mine, other] = await Promise.all([keyPair('ES256', 'mine'), keyPair('ES256', 'other')]);
    const bound = async (): Promise<string> => {
      const form = tokenForm(await assertionOf(crm, contoso.issuer), { resource: fabrikam.issuer });
      return tokenOf(await postWithProof(contoso, form, mine));
    };
    expect((await verified(contoso, await bound(), fabrikam.issuer)).cnf).toEqual({ jkt: mine.thumbprint });
    const description = 'A sender-constrained access token is required here.';
    const refused = badRequest('binding_required', description);
    expect(await tokenOutcome(fabrikam, handedIn(await bound()))).toEqual(refused);
    expect((await postWithProof(fabrikam, handedIn(await bound()), other)).body).toEqual(refused.body);
    const token = tokenOf(await postWithProof(fabrikam, handedIn(await bound()), mine));
    expect((await verified(fabrikam, token, whoamiOf(fabrikam))).cnf).toEqual({ jkt: mine.thumbprint });
  });

  it('is no other application of Contoso: what its federation does not name proves nothing', async () => {
    const hr = await makePartner('hr');
    await operate(contoso, 'POST', '/partners', { id: 'hr', ...keysOf(hr) });
    await grant(contoso, 'hr', fabrikam.issuer, ['exchange']);
    const ofHr = await ask(contoso, hr, CLIENT_CREDENTIALS, { resource: fabrikam.issuer });
    expect(await tokenOutcome(fabrikam, handedIn(ofHr))).toEqual(invalidGrant('federation_claims'));
  });
});

describe('the application, for a user of Contoso', () => {
  it('shows who asks with a key of its own: a token of Contoso is a grant, and no proof beside one', async () => {
    await operate(fabrikam, 'POST', '/partners/contoso-crm/credentials', { jwk: crmAbroad.publicJwk });
    const form = grantForm(await ofAlice(), {
      client_id: 'contoso-crm',
      client_assertion_type: JWT_BEARER_ASSERTION,
      client_assertion: await ofCrm(),
    });
    expect(await tokenOutcome(fabrikam, form)).toEqual(notAuthenticated('assertion_typ'));
  });

  it('is refused while Fabrikam trusts Contoso with applications only', async () => {
    expect(await tokenOutcome(fabrikam, await handedInForAlice())).toEqual(invalidGrant('trust_level_insufficient'));
    await changePartner(fabrikam, ISSUER_AT_FABRIKAM, { trustLevel: 'full' });
    expect(await tokenOutcome(fabrikam, await handedInForAlice())).toMatchObject({
      body: { error: 'unauthorized_client' },
      reason: 'trust_level_insufficient',
    });
    await changePartner(fabrikam, 'contoso-crm', { trustLevel: 'full' });
  });

  it('carries her over: known to Contoso, with everybody who acts for her', async () => {
    expect(await verified(contoso, await ofAlice(), fabrikam.issuer)).toMatchObject({
      sub: 'alice',
      client_id: 'crm',
      act: { sub: 'crm' },
      sub_id: { format: 'iss_sub', iss: 'crm', sub: 'alice' },
    });
    const token = await requireToken(fabrikam, handedInForAlice());
    const claims = {
      iss: fabrikam.issuer,
      sub: 'alice',
      client_id: 'contoso-crm',
      sub_id: { format: 'iss_sub', iss: contoso.issuer, sub: 'alice' },
      act: { sub: 'contoso-crm', act: { sub: 'crm', iss: contoso.issuer } },
    };
    expect(await verified(fabrikam, token, whoamiOf(fabrikam))).toMatchObject(claims);
    expect(await callWhoami(fabrikam, token)).toMatchObject(claims);
  });

  it('is not proved by a token about a user of its name, whoever may speak for users at Contoso', async () => {
    const portal = await makePartner('portal');
    await operate(contoso, 'POST', '/partners', { id: 'portal', ...keysOf(portal), trustLevel: 'user' });
    await grant(contoso, 'portal', fabrikam.issuer, ['exchange']);
    const about = async (user: string) =>
      grantForm(await statementOf(portal, contoso.issuer, user), { resource: fabrikam.issuer });
    // Contoso lets nobody be called as one of its applications is; here it has no application of that name yet.
    expect(await tokenOutcome(contoso, await about('crm'))).toEqual(invalidGrant('subject_is_partner'));
    const namesake = await requireToken(contoso, about('hub'));
    expect(await verified(contoso, namesake, fabrikam.issuer)).toMatchObject({ sub: 'hub', act: { sub: 'portal' } });
    const federation = [{ issuer: contoso.issuer, claims: { sub: { exact: 'hub' } } }];
    await operate(fabrikam, 'POST', '/partners', { id: 'contoso-hub', federation });
    await grant(fabrikam, 'contoso-hub');
    const form = grantForm(namesake, { client_id: 'contoso-hub' });
    expect(await tokenOutcome(fabrikam, form)).toEqual(invalidGrant('federation_claims'));
  });

  it('is not proved by a token about a user: who speaks has to be shown as well', async () => {
    expect(await tokenOutcome(fabrikam, handedIn(await ofAlice()))).toEqual(invalidGrant('federation_claims'));
  });
});

describe('keys come and go', () => {
  /** The one that stands by signs at once; it was published long before. Another takes its place. */
  const replaceSigningKey = async (): Promise<void> => {
    const { kid } = decodeProtectedHeader(await ofCrm());
    await operate(contoso, 'POST', `/keys/${kid}/revoke`, { breakGlass: true });
    expect((await contoso.deployment.runSchedule()).every(({ ok }) => ok)).toBe(true);
    expect(decodeProtectedHeader(await ofCrm()).kid).not.toBe(kid);
  };

  it('Contoso replaces its key, and what Fabrikam was sent is out of date', async () => {
    await replaceSigningKey();
    const refused = await tokenOutcome(fabrikam, handedIn(await ofCrm()));
    expect(refused).toEqual(invalidGrant('assertion_key_unknown'));
  });

  it("Fabrikam follows Contoso's document from now on, and goes on at once", async () => {
    const registered = await administer(fabrikam, 'GET', `/partners/${ISSUER_AT_FABRIKAM}`);
    const [{ kid }] = registered.body.credentials as [{ kid: string }];
    await operate(fabrikam, 'DELETE', `/partners/${ISSUER_AT_FABRIKAM}/credentials?kid=${kid}`);
    await changePartner(fabrikam, ISSUER_AT_FABRIKAM, { metadataUrl: metadataUrl(contoso) });
    await operate(fabrikam, 'POST', `/partners/${ISSUER_AT_FABRIKAM}/refresh`);
    expect((await tokenOutcome(fabrikam, handedIn(await ofCrm()))).reason).toBe('granted');
  });

  it('Contoso replaces its key again, and Fabrikam does not notice: it knew the next one all along', async () => {
    await replaceSigningKey();
    expect((await tokenOutcome(fabrikam, handedIn(await ofCrm()))).reason).toBe('granted');
  });
});

describe('the trust ends', () => {
  it('Fabrikam disables the issuer: nothing that Contoso says counts any more, of applications and users alike', async () => {
    await changePartner(fabrikam, ISSUER_AT_FABRIKAM, { enabled: false });
    expect(await tokenOutcome(fabrikam, handedIn(await ofCrm()))).toEqual(invalidGrant('issuer_disabled'));
    expect(await tokenOutcome(fabrikam, await handedInForAlice())).toEqual(invalidGrant('issuer_disabled'));
  });

  it('Contoso disables its own: there are no tokens for Fabrikam any more', async () => {
    await changePartner(contoso, ISSUER_AT_CONTOSO, { enabled: false });
    await expect(ofCrm()).rejects.toThrow('invalid_target');
  });

  it('and with trust given back, it goes on where it stopped', async () => {
    await changePartner(contoso, ISSUER_AT_CONTOSO, { enabled: true });
    await changePartner(fabrikam, ISSUER_AT_FABRIKAM, { enabled: true });
    const token = await requireToken(fabrikam, handedInForAlice());
    expect(await callWhoami(fabrikam, token)).toMatchObject({ sub: 'alice', client_id: 'contoso-crm' });
    expect((await administer(fabrikam, 'GET', `/partners/${ISSUER_AT_FABRIKAM}`)).body.enabled).toBe(true);
  });
});

describe('the other direction', () => {
  it('is a trust of its own: nothing of the first one opens it', async () => {
    const form = grantForm(await ofCrm(), { client_id: 'fabrikam-mailer' });
    expect(await tokenOutcome(contoso, form)).toEqual(invalidGrant('client_unknown'));
    await expect(ask(fabrikam, crm, JWT_BEARER, { assertion: await ofCrm() })).rejects.toThrow('invalid_client');
  });

  it('works alike once both operators have said so', async () => {
    const mailer = await makePartner('mailer');
    await operate(fabrikam, 'POST', '/partners', { id: 'mailer', ...keysOf(mailer) });
    const audience = { audience: contoso.issuer, owner: ISSUER_AT_FABRIKAM, scopes: ['exchange'] };
    await operate(fabrikam, 'POST', '/audiences', audience);
    await grant(fabrikam, 'mailer', contoso.issuer, ['exchange']);
    const federation = [{ issuer: fabrikam.issuer, claims: { sub: { exact: 'mailer' } } }];
    await operate(contoso, 'POST', '/partners', { id: 'fabrikam-mailer', federation });
    await grant(contoso, 'fabrikam-mailer');
    const first = await ask(fabrikam, mailer, CLIENT_CREDENTIALS, { resource: contoso.issuer });
    const second = await requireToken(contoso, grantForm(first, { client_id: 'fabrikam-mailer' }));
    const claims = { iss: contoso.issuer, sub: 'fabrikam-mailer', client_id: 'fabrikam-mailer' };
    expect(await verified(contoso, second, whoamiOf(contoso))).toMatchObject(claims);
    expect(await callWhoami(contoso, second)).toMatchObject(claims);
  });
});
