/**
 * Partners imported from the metadata documents that Exchange, SharePoint, Lync and ACS publish: those that are accepted get
 * tokens with the keys of the document, the others are refused with their reason.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { importJWK, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  administer,
  mustCreate,
  populate,
  postToken,
  type Service,
  startService,
  tokenForm,
} from '../support/service.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/microsoft-s2s');
const read = (file: string) => JSON.parse(readFileSync(join(FIXTURES, file), 'utf8'));

interface Manifest {
  readonly x5t: Readonly<Record<string, string>>;
  readonly metadata: readonly { readonly file: string; readonly expect: string }[];
}
const manifest: Manifest = read('manifest.json');
const keys: Readonly<Record<string, JWK>> = read('test-keys.json');

let service: Service;
let audience: string;

beforeAll(async () => {
  service = await startService();
  audience = (await populate(service)).audience;
});
afterAll(() => service[Symbol.asyncDispose]());

const ACCEPTED = [
  ['metadata-exchange.json', 'exchange', '00000002-0000-0ff1-ce00-000000000000@contoso.example'],
  ['metadata-exchange-rollover.json', 'exchange', '00000002-0000-0ff1-ce00-000000000000@contoso.example'],
  [
    'metadata-sharepoint.json',
    'sharepoint',
    '00000003-0000-0ff1-ce00-000000000000@5f0b3c52-6f0e-4c53-9a55-2f6f3f1b8d10',
  ],
  ['metadata-lync.json', 'lync', '00000004-0000-0ff1-ce00-000000000000@contoso.example'],
  ['metadata-acs.json', 'sts', '00000001-0000-0000-c000-000000000000@9b6c1d7e-0c8a-4f0e-8f43-6f1f0a2c7e55'],
] as const;

describe('a metadata document that is accepted', () => {
  it('is each one that the manifest says is', () => {
    const accepted = manifest.metadata.filter(({ expect: expected }) => expected === 'accept').map(({ file }) => file);
    expect(ACCEPTED.map(([file]) => file)).toEqual(accepted);
  });

  it.each(ACCEPTED)(
    'makes a partner that gets tokens with the key of its certificate: %s',
    async (file, owner, issuer) => {
      const id = file.replace(/^metadata-|\.json$/g, '');
      const body = await mustCreate(service, '/partners', { id, metadata: read(file) });
      expect(body).toMatchObject({ issuer, trustLevel: 'application' });
      await mustCreate(service, '/grants', { client: id, audience, scopes: ['read'] });
      const answer = await postToken(service, tokenForm(await assertionBy(owner, id)));
      expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer', scope: 'read' } });
      const { credentials } = (await administer(service, 'GET', `/partners/${id}`)).body;
      expect(credentials).toContainEqual(
        expect.objectContaining({ x5t: manifest.x5t[owner], lastUsedAt: expect.any(String) }),
      );
      // One partner of the realm goes by this issuer; the rollover document is Exchange's again.
      expect((await administer(service, 'DELETE', `/partners/${id}`)).status).toBe(204);
    },
  );

  it('says both keys of a roll, the next one with the time from which it is good', async () => {
    const body = await mustCreate(service, '/partners', {
      id: 'roll',
      metadata: read('metadata-exchange-rollover.json'),
    });
    expect(body.credentials).toMatchObject([
      { x5t: manifest.x5t.exchange },
      { x5t: manifest.x5t['exchange-next'], notBefore: '2026-12-15T00:00:00.000Z' },
    ]);
    await administer(service, 'DELETE', '/partners/roll');
  });

  it('speaks for one partner only', async () => {
    await mustCreate(service, '/partners', { id: 'first', metadata: read('metadata-lync.json') });
    const second = await administer(service, 'POST', '/partners', {
      id: 'second',
      metadata: read('metadata-lync.json'),
    });
    expect(second).toMatchObject({ status: 409, body: { detail: 'partner first has this issuer' } });
  });
});

describe('a metadata document that is refused', () => {
  // Whether a certificate has expired depends on the day; test/core/partner-document.test.ts looks at that with the clock of the fixtures.
  const refused = manifest.metadata.filter(
    ({ expect: expected }) => expected !== 'accept' && expected !== 'metadata_expired_cert',
  );

  it.each(refused)('is refused with its reason: $file', async ({ file, expect: code }) => {
    const { status, body } = await administer(service, 'POST', '/partners', { id: 'bad', metadata: read(file) });
    expect(status).toBe(400);
    expect(body.errors).toContainEqual(
      expect.objectContaining({ code, pointer: expect.stringMatching(/^\/metadata/) }),
    );
    expect((await administer(service, 'GET', '/partners/bad')).status).toBe(404);
  });
});

/** As a server with a certificate signs: it names the key by the certificate's thumbprint. */
const assertionBy = async (owner: string, client: string): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000);
  const key = await importJWK(keys[owner] ?? {}, 'RS256');
  return new SignJWT({
    iss: client,
    sub: client,
    aud: service.issuer,
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + 60,
  })
    .setProtectedHeader({ alg: 'RS256', x5t: manifest.x5t[owner] ?? '' })
    .sign(key);
};
