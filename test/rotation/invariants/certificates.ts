/** The invariant of servers that know a key by nothing but its certificate, which they have from the realm's Microsoft document. */

import { certificateThumbprint } from '../../../functions/core/certificate.ts';
import { activeKey } from '../../../functions/core/key-ring.ts';
import { microsoftDocument } from '../../../functions/core/microsoft-document.ts';
import type { EpochSeconds } from '../../../functions/core/partner.ts';
import { ISSUER } from '../../support/builders.ts';
import { isFromBreakGlass, must } from '../history.ts';
import type { Token } from '../issuing.ts';
import type { Invariant } from '../property.ts';
import { POLICY, settle, settleToStandbys } from '../schedule.ts';
import type { Save, World } from '../world.ts';
import { ALLOWANCES, keptUntil, leadAt } from './verifiers.ts';

const PROFILE = { applicationId: '9d3cba71-5f0e-4b8c-9a1f-2f6de15b7c34', realms: ['contoso.example'] } as const;

/** What it is like from then on. */
interface Document {
  readonly since: EpochSeconds;
  readonly names: readonly string[];
}

interface WireDocument {
  readonly keys: readonly { readonly keyinfo: { readonly x5t: string } }[];
}

/** The thumbprints that servers are told of at that version of the ring; `undefined`: there is no document. */
const namedBy = ({ after }: Save): readonly string[] | undefined =>
  (microsoftDocument(ISSUER, PROFILE, [after]) as WireDocument | undefined)?.keys.map(({ keyinfo }) => keyinfo.x5t);

/** Versions of the ring that servers are told of: from the day on which the realm takes part in the profile. */
const documentsOf = (world: World): readonly Document[] => {
  const beginning = world.policies.find(({ policy }) => policy.certificates !== undefined);
  if (beginning === undefined) return [];
  const { from, afterSaves } = beginning;
  const before = world.saves.slice(0, afterSaves).filter(({ after: ring }) => ring.algorithm === 'RS256');
  const after = world.saves.slice(afterSaves);
  return [...before.slice(-1), ...after].flatMap((save) => {
    const names = namedBy(save);
    return names === undefined ? [] : [{ since: Math.max(save.time, from), names }];
  });
};

/** No server that has fetched the document once lacks the certificate; the worst one fetched it just before the certificate was in it. */
const mustBeKnown = (world: World, documents: readonly Document[], { kid, signedAt, leaf }: Token): void => {
  // Without one there is no token for such a server at all.
  if (leaf === undefined) return;
  const x5t = certificateThumbprint(leaf);
  const [first] = documents;
  const named = documents.find(({ names }) => names.includes(x5t));
  if (first === undefined || named === undefined || named === first || signedAt < first.since) return;
  const until = keptUntil(world.policies, named.since + POLICY.ringCacheSeconds);
  const isExcused = isFromBreakGlass(world, kid) || isFromUnaware(world, kid, first.since);
  const excused = isExcused ? named.since + leadAt(world, named.since) + 2 * ALLOWANCES : 0;
  must(
    signedAt >= until || signedAt <= excused,
    () => `token of ${kid}: servers may not know its certificate for another ${until - signedAt} s`,
  );
};

/** Whether a run or command that had begun before there was a document put the key to use when there was one. */
const isFromUnaware = (world: World, kid: string, since: EpochSeconds): boolean =>
  world.activations.some(
    ({ kid: each, save }) => each === kid && save.time >= since && save.settings.policy.certificates === undefined,
  );

/** Once there is a document, a key that takes over has a certificate that can be named there. */
const mustBeCertified = (world: World, documents: readonly Document[]): void => {
  for (const { save, kid } of world.activations) {
    // A run that began before that day did not know of it.
    if (save.settings.policy.certificates === undefined) continue;
    if (save.after.algorithm !== 'RS256' || !documents.some(({ since }) => since < save.time)) continue;
    const hasOne = (activeKey(save.after)?.certificates ?? []).length > 0;
    must(hasOne || isFromBreakGlass(world, kid), () => `${kid} takes over without a certificate`);
  }
};

export const knownByCertificate: Invariant = {
  name: '17 where a key is known by its certificate, it signs only when every server can have that certificate',
  holds: async (world) => {
    await settle(world, 24);
    await settleToStandbys(world);
    const documents = documentsOf(world);
    mustBeCertified(world, documents);
    for (const token of world.tokens) if (token.algorithm === 'RS256') mustBeKnown(world, documents, token);
    if (world.policy.certificates === undefined) return;
    const left = world.rings.get('RS256')?.keys.find(({ state, certificates = [] }) => {
      return ['created', 'standby', 'active'].includes(state) && certificates.length === 0;
    });
    must(left === undefined, () => `${left?.state} ${left?.kid} has no certificate in the end`);
  },
};
