import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChainInput, checkChain, MAX_CHAIN_BYTES } from '../../functions/core/certificate-chain.ts';
import { keyPair, NOW } from '../support/builders.ts';
import { DAY, type Issued, issue, issueChain, type Wanted, x509 } from '../support/certificate-authority.ts';

const spkiOf = (jwk: object): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({ type: 'spki', format: 'der' }));

const { publicJwk } = await keyPair('ES256');
const SPKI = spkiOf(publicJwk);
const { root, intermediate, leaf } = await issueChain(SPKI);

const check = (input: ChainInput, now = NOW) => checkChain(input, publicJwk, now);
/** The problems as `pointer: detail`. */
const problemsOf = (input: ChainInput, now = NOW): readonly string[] => {
  const checked = check(input, now);
  return checked.ok ? [] : checked.refusal.map(({ pointer, detail }) => `${pointer}: ${detail}`);
};
const listOf = (...chain: readonly Issued[]): string[] => chain.map(({ base64 }) => base64);
const pemOf = (...chain: readonly Issued[]): string => chain.map(({ pem }) => `${pem}\n`).join('');
/** A leaf for the key from the usual intermediate. */
const leafWith = (wanted: Partial<Wanted>): Promise<Issued> =>
  issue({ name: 'sts.example.com', spki: SPKI, issuer: intermediate, ...wanted });

describe('a chain that a CA has issued', () => {
  it.each([
    ['with its root', [leaf, intermediate, root]],
    ['without its root', [leaf, intermediate]],
    ['of the leaf alone', [leaf]],
  ])('is taken %s, as PEM and as a list', (_, chain) => {
    const stored = { ok: true, value: listOf(...chain) };
    expect(check(pemOf(...chain))).toEqual(stored);
    expect(check(listOf(...chain))).toEqual(stored);
  });

  it('may have text between its blocks and any line ends, as openssl writes them', () => {
    const text = `subject=CN = a\n${leaf.pem}\nBag Attributes\n  x: y\n${intermediate.pem}`;
    expect(check(`\ufeff${text.replaceAll('\n', '\r\n')}`).ok).toBe(true);
  });

  it('is taken in the second in which its last certificate ends, and not in the next', async () => {
    const ending = await leafWith({ notAfter: NOW + 10 });
    expect(problemsOf(listOf(ending, intermediate), NOW + 10)).toEqual([]);
    expect(problemsOf(listOf(ending, intermediate), NOW + 11)).toEqual([
      '/chain/0: not valid any more: it ended 2027-01-15T08:00:10.000Z',
    ]);
  });

  it('is taken from the second in which it begins, and not in the one before', async () => {
    const coming = await leafWith({ notBefore: NOW + 10 });
    expect(problemsOf(listOf(coming, intermediate), NOW + 10)).toEqual([]);
    expect(problemsOf(listOf(coming, intermediate), NOW + 9)).toEqual([
      '/chain/0: not valid before 2027-01-15T08:00:10.000Z',
    ]);
  });

  it('may have a certificate that is self-signed and nothing else', async () => {
    const own = await issue({ name: 'own' });
    const jwk = createPublicKey({
      key: Buffer.from(new x509.X509Certificate(own.pem).publicKey.rawData),
      format: 'der',
      type: 'spki',
    }).export({ format: 'jwk' });
    expect(checkChain(own.pem, jwk, NOW)).toEqual({ ok: true, value: [own.base64] });
  });
});

describe('a chain is refused', () => {
  const NOT_KEYS = "/chain/0: the first certificate is not this signing key's: its public key is another";

  it('for another key of the same kind, and of another kind', async () => {
    const [other, rsa] = [await keyPair('ES256', 'other'), await keyPair('RS256')];
    for (const jwk of [other.publicJwk, rsa.publicJwk]) {
      const certificate = await issue({ name: 'x', spki: spkiOf(jwk), issuer: intermediate });
      expect(problemsOf(listOf(certificate, intermediate))).toEqual([NOT_KEYS]);
    }
  });

  it('in the wrong order', () => {
    const order = 'the next certificate is not its issuer; the order is leaf, intermediates, root';
    expect(problemsOf(listOf(leaf, root, intermediate))).toEqual([`/chain/0: ${order}`, `/chain/1: ${order}`]);
    expect(problemsOf(listOf(root, intermediate, leaf))[0]).toBe(NOT_KEYS);
  });

  it('with a link left out', () => {
    expect(problemsOf(listOf(leaf, root))).toEqual([
      '/chain/0: the next certificate is not its issuer; the order is leaf, intermediates, root',
    ]);
  });

  it('when the next certificate has the name of the issuer and another key', async () => {
    const impostor = await issue({ name: 'Intermediate', authority: true, issuer: root });
    const bare = await leafWith({ bare: true });
    expect(problemsOf(listOf(bare, impostor))).toEqual(['/chain/0: its signature is not that of the next certificate']);
    // With key identifiers the difference shows before any signature is looked at.
    expect(problemsOf(listOf(leaf, impostor))).toEqual([expect.stringContaining('is not its issuer')]);
  });

  it('when the next certificate has another kind of key than the signature', async () => {
    const algorithm = { name: 'Ed25519' };
    const impostor = await issue({ name: 'Intermediate', authority: true, issuer: root, algorithm });
    expect(problemsOf(listOf(leaf, impostor))).toEqual([
      '/chain/0: the next certificate is not its issuer; the order is leaf, intermediates, root',
    ]);
  });

  it('when the last names itself as its issuer and is not self-signed', async () => {
    const other = await issue({ name: 'sts.example.com', authority: true });
    const liar = await leafWith({ issuer: other });
    expect(problemsOf(listOf(liar))).toEqual([
      '/chain/0: it names itself as its issuer, and its signature is not its own',
    ]);
  });

  it('when an issuer is no CA', async () => {
    const usage = x509.KeyUsageFlags.keyCertSign;
    const issuer = await issue({ name: 'No CA', issuer: root, usage });
    expect(problemsOf(listOf(await leafWith({ issuer }), issuer, root))).toEqual([
      '/chain/1: not a CA, but it has issued the one before',
    ]);
  });

  it('when an issuer may not sign certificates by its key usage', async () => {
    const issuer = await issue({ name: 'CA', issuer: root, authority: true, usage: x509.KeyUsageFlags.cRLSign });
    expect(problemsOf(listOf(await leafWith({ issuer }), issuer, root))[0]).toMatch(
      /^\/chain\/0: the next certificate/,
    );
  });

  it('when it is longer than a CA of it allows', async () => {
    const lower = await issue({ name: 'Lower', authority: true, issuer: intermediate });
    expect(problemsOf(listOf(await leafWith({ issuer: lower }), lower, intermediate, root))).toEqual([
      '/chain/2: its path length allows 0 CAs below it, and there are 1',
    ]);
  });

  it('when a link is signed with SHA-1, but not when the root is, which nobody verifies', async () => {
    const weak = await leafWith({ hash: 'SHA-1' });
    expect(problemsOf(listOf(weak, intermediate))).toEqual(['/chain/0: it is signed with an algorithm that is broken']);
    const oldRoot = await issue({ name: 'Old', authority: true, hash: 'SHA-1' });
    expect(problemsOf(listOf(await leafWith({ issuer: oldRoot }), oldRoot))).toEqual([]);
  });

  const RSA = { publicExponent: Uint8Array.of(1, 0, 1), modulusLength: 2_048, hash: 'SHA-256' };

  it.each<[string, object, readonly string[]]>([
    ['RSASSA-PKCS1-v1_5', {}, []],
    ['RSASSA-PKCS1-v1_5', { modulusLength: 1_024 }, ['/chain/1: an RSA key of a CA has 2048 bits or more']],
    ['RSASSA-PKCS1-v1_5', { hash: 'SHA-1' }, ['/chain/0: it is signed with an algorithm that is broken']],
    ['RSASSA-PKCS1-v1_5', { hash: 'SHA-512' }, []],
    ['RSA-PSS', {}, []],
    ['RSA-PSS', { hash: 'SHA-1' }, ['/chain/0: it is signed with an algorithm that is broken']],
    ['RSA-PSS', { hash: 'SHA-384' }, []],
  ])('when its CA is weak: %s with %j', async (name, changes, problems) => {
    const issuer = await issue({ name: 'RSA', authority: true, algorithm: { name, ...RSA, ...changes } });
    expect(problemsOf(listOf(await leafWith({ issuer }), issuer))).toEqual(problems);
  });

  it('when the leaf is not for digital signatures', async () => {
    const usage = x509.KeyUsageFlags.keyEncipherment;
    expect(problemsOf(listOf(await leafWith({ usage }), intermediate))).toEqual([
      '/chain/0: its keyUsage does not allow digitalSignature, so verifiers refuse it',
    ]);
  });

  it('when an issuer has ended, whatever the leaf says', async () => {
    const ended = await issue({ name: 'Ended', authority: true, issuer: root, notAfter: NOW - 1 });
    expect(problemsOf(listOf(await leafWith({ issuer: ended }), ended))).toEqual([
      '/chain/1: not valid any more: it ended 2027-01-15T07:59:59.000Z',
    ]);
  });

  it('with the same certificate twice', () => {
    expect(problemsOf(listOf(leaf, intermediate, intermediate))).toContain('/chain/2: it stands there twice');
  });

  it('with all its problems at once', async () => {
    const bad = await leafWith({ notAfter: NOW - DAY / 2, usage: x509.KeyUsageFlags.keyEncipherment });
    expect(problemsOf(listOf(bad, root))).toHaveLength(3);
  });
});

describe('what is no chain is refused', () => {
  const block = (label: string, text: string): string => `-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`;
  const tooMany = '/chain: a chain has 1 to 5 certificates, not 6';

  it.each<[string, ChainInput, string]>([
    ['no text', '', '/chain: there is no PEM certificate in it'],
    ['other text', 'hello', '/chain: there is no PEM certificate in it'],
    ['no certificate', [], '/chain: a chain has 1 to 5 certificates, not 0'],
    ['six', Array.from({ length: 6 }, () => leaf.base64), tooMany],
    ['six of PEM', leaf.pem.concat('\n').repeat(6), tooMany],
    ['another block', block('PUBLIC KEY', 'AAAA'), '/chain/0: not a complete PEM block of the type CERTIFICATE'],
    ['a trust-annotated certificate', block('TRUSTED CERTIFICATE', leaf.base64), '/chain/0: not a complete PEM block'],
    ['half a block', leaf.pem.slice(0, 300), '/chain/0: not a complete PEM block of the type CERTIFICATE'],
    ['a second block cut off', `${leaf.pem}\n-----BEGIN CERTIFICATE-----\nAAAA`, '/chain/1: not a complete PEM block'],
    ['an empty block', block('CERTIFICATE', ''), '/chain/0: not an X.509 certificate in DER, or not base64'],
    ['garbage in a block', block('CERTIFICATE', 'AAAA'), '/chain/0: not an X.509 certificate in DER, or not base64'],
    // Another alphabet, and not just no padding, which a third of all lengths have none of.
    [
      'base64url',
      [Buffer.from(leaf.base64, 'base64').toString('base64url')],
      '/chain/0: not an X.509 certificate in DER, or not base64',
    ],
    ['PEM in base64', [Buffer.from(leaf.pem).toString('base64')], '/chain/0: not an X.509 certificate in DER'],
    ['too much text', 'x'.repeat(65_537), '/chain: 65536 characters at most'],
    ['too much base64', ['A'.repeat(2 * MAX_CHAIN_BYTES + 4)], '/chain: the certificates have 16384 bytes at most'],
  ])('%s', (_, input, refused) => {
    expect(problemsOf(input)).toEqual([expect.stringContaining(refused)]);
  });

  it('a certificate with bytes behind its end', () => {
    const longer = Buffer.concat([Buffer.from(leaf.base64, 'base64'), Buffer.from([0, 0])]).toString('base64');
    expect(problemsOf([longer])).toEqual(['/chain/0: not an X.509 certificate in DER, or not base64']);
  });

  it('more bytes than a JWKS should have', async () => {
    const big = await Promise.all(
      ['a', 'b'].map((letter) => issue({ name: letter.repeat(MAX_CHAIN_BYTES / 2), authority: true })),
    );
    expect(problemsOf(listOf(...big))).toEqual([expect.stringContaining('16384 bytes at most together')]);
  });

  it.each(['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'])(
    'a %s, with the advice to give it up and without a word of it',
    (label) => {
      const [said] = problemsOf(`${leaf.pem}\n${block(label, 'c2VjcmV0')}`);
      expect(said).toMatch(/private key as exposed/);
      expect(said).not.toContain('c2VjcmV0');
    },
  );
});

describe('any input at all', () => {
  const der = Buffer.from(leaf.base64, 'base64');
  const isRefusal = (input: ChainInput): boolean => {
    const checked = check(input);
    return !checked.ok && checked.refusal.length > 0;
  };

  it('is answered with a value: a changed leaf is refused, whichever of its bytes was changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(changes, (bytes) => {
        const mutated = Buffer.from(der);
        for (const [at, bits] of bytes) mutated[at] = (mutated[at] ?? 0) ^ bits;
        fc.pre(!mutated.equals(der));
        return isRefusal([mutated.toString('base64'), intermediate.base64]);
      }),
      { numRuns: 3_000 },
    );
  });

  it('is answered with a value: a changed issuer never crashes', () => {
    const authority = Buffer.from(intermediate.base64, 'base64');
    fc.assert(
      fc.property(fc.nat(authority.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const mutated = Buffer.from(authority);
        mutated[at] = (mutated[at] ?? 0) ^ bits;
        // With the root behind it every change shows: the root has signed the intermediate as it was.
        return isRefusal([leaf.base64, mutated.toString('base64'), root.base64]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is answered with a value: pieces, lengths and texts', () => {
    const piece = fc
      .tuple(fc.nat(der.length), fc.nat(der.length))
      .map(([from, to]) => der.subarray(Math.min(from, to), Math.max(from, to)))
      .filter((part) => part.length < der.length);
    const bytes = fc
      .oneof(piece, fc.uint8Array({ maxLength: 600 }))
      .map((part) => Buffer.from(part).toString('base64'));
    const pem = bytes.map((text) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`);
    const input = fc.oneof(fc.array(bytes, { maxLength: 7 }), pem, fc.string({ unit: 'binary', maxLength: 300 }));
    fc.assert(fc.property(input, isRefusal), { numRuns: 2_000 });
  });
});
