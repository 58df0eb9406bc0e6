import { beforeAll, describe, expect, it } from 'vitest';
import type { KeyRing } from '../../functions/core/key-ring.ts';
import { MICROSOFT_ADVICE } from '../../functions/core/microsoft-advice.ts';
import type { MicrosoftFault } from '../../functions/core/microsoft-fault.ts';
import { type Diagnosis, diagnoseToken } from '../../functions/flows/diagnose-token.ts';
import { bearerTokens, CLOCK, fixtureText } from '../microsoft/fixtures.ts';
import { byThumbprint, isMeant, one, type Recipients, registerAll } from '../microsoft/memory.ts';
import { changed, GOOD, tokenOf } from '../microsoft/tokens.ts';
import { realmDefaults } from '../support/builders.ts';

let recipients: Recipients;
beforeAll(async () => {
  recipients = await registerAll();
});

const diagnose = async (recipient: string, token: string, now = CLOCK, rings: KeyRing[] = []): Promise<Diagnosis> => {
  const { realm, partners, users } = one(recipients, recipient);
  const run = diagnoseToken(
    {
      registry: {
        findPartner: async (_realm, id) => partners.find(({ partner }) => partner.id === id),
        findIssuer: async (_realm, issuer) => partners.find(({ partner }) => partner.issuer === issuer)?.partner.id,
        findCertificate: async (_realm, x5t) => byThumbprint(partners, x5t)?.partner.id,
      },
      users: {
        findUser: async (_realm, id) => users.find((user) => user.id === id),
        findHolder: async (_realm, kind, identifier) => users.find((user) => isMeant(user, { [kind]: identifier }))?.id,
      },
      rings: { list: async () => rings },
      clock: { now: () => now },
    },
    realmDefaults(),
  );
  const found = await run(realm, partners[0]?.partner.id ?? '', token);
  if (!found.ok) throw new Error(found.refusal.reason);
  return found.value;
};

describe('a token that is tried dry', () => {
  it.each(bearerTokens.filter(({ recipient }) => recipient !== undefined))(
    'is judged as the token endpoint judges it: $file',
    async ({ file, recipient, expect: expected }) => {
      const found = await diagnose(recipient, fixtureText(file));
      expect(found.direction).toBe('from-partner');
      if (expected === 'accept') expect(found.accepted).toBe(true);
      else
        expect(found).toMatchObject({
          accepted: false,
          fault: expected,
          ...MICROSOFT_ADVICE[expected as MicrosoftFault],
        });
    },
  );

  it('tells what it proves', async () => {
    const { draft } = GOOD.user;
    expect(await diagnose('lync', tokenOf(draft))).toMatchObject({
      ...{ accepted: true, partner: 'exchange', expiresAt: CLOCK + 3_600, forTokenEndpoint: false },
      ...{ audience: draft.claims.aud, actor: draft.claims.nameid, subject: expect.stringMatching(/./) },
    });
  });

  it('is no less refused for what a partner signs in our name', async () => {
    const { draft } = GOOD.application;
    expect(await diagnose('lync', tokenOf(changed(draft, { claims: { iss: draft.claims.aud } })))).toMatchObject({
      fault: 'issuer_key_mismatch',
    });
  });

  it('is told to have expired when it has', async () => {
    expect(await diagnose('lync', tokenOf(GOOD.application.draft), CLOCK + 28_800 + 300)).toMatchObject({
      fault: 'token_expired',
      step: 14,
    });
  });
});

describe('the advice', () => {
  it.each(Object.entries(MICROSOFT_ADVICE))('on %s says a step, what was found and what to do', (_code, advice) => {
    expect(advice.step).toBeGreaterThanOrEqual(0);
    expect(advice.step).toBeLessThanOrEqual(21);
    expect([advice.finding.length, advice.remedy.length].every((length) => length > 15)).toBe(true);
  });
});
