import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  GetKeyLastUsageCommand,
  GetKeyPolicyCommand,
  type KeySpec,
  ListAliasesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  type SigningAlgorithmSpec,
  TagResourceCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { afterAll, describe, expect, it } from 'vitest';
import { EmbeddedKms } from '../../../local/kms/embedded-kms.ts';
import { DAY, openWorld, PLACEMENT, refusal, START } from './world.ts';

const directory = mkdtempSync(join(tmpdir(), 'embedded-kms-'));
afterAll(() => rmSync(directory, { recursive: true }));
let files = 0;
const newFile = () => {
  files += 1;
  return join(directory, String(files), 'keys.json');
};
const opening =
  (file: string, placement = PLACEMENT) =>
  () =>
    new EmbeddedKms({ placement, clock: () => START, file });

/** A file with one key in it, and its parsed content. */
async function writtenFile() {
  const file = newFile();
  const world = openWorld(file);
  await world.createKey('ECC_NIST_P256');
  await world.kms.close();
  return { file, text: readFileSync(file, 'utf8') };
}

describe('a KMS with a file', () => {
  it.each<[KeySpec, SigningAlgorithmSpec]>([
    ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_256'],
    ['ECC_NIST_P256', 'ECDSA_SHA_256'],
    ['ECC_NIST_P521', 'ECDSA_SHA_512'],
    ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512'],
    ['ML_DSA_65', 'ML_DSA_SHAKE_256'],
  ])('has the same %s key after it was opened again', async (spec, SigningAlgorithm) => {
    const file = newFile();
    const before = openWorld(file);
    const { id: KeyId, arn } = await before.createKey(spec);
    const message = { KeyId, SigningAlgorithm, Message: Buffer.from('kept') };
    const { Signature } = await before.client.send(new SignCommand(message));
    const kid = async (world: typeof before) => calculateJwkThumbprint(await exportJWK(await world.publicKey(KeyId)));
    const firstKid = await kid(before);
    await before.kms.close();

    await using after = openWorld(file);
    expect(await kid(after)).toBe(firstKid);
    expect((await after.client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.Arn).toBe(arn);
    expect((await after.client.send(new VerifyCommand({ ...message, Signature }))).SignatureValid).toBe(true);
    expect((await after.client.send(new SignCommand(message))).KeyId).toBe(arn);
  });

  it('keeps states, tags, policies, aliases and the last use', async () => {
    const file = newFile();
    const before = openWorld(file);
    const Policy = JSON.stringify({ Statement: [{ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }] });
    const { id: KeyId } = await before.createKey('ECC_NIST_P256', { Policy, Description: 'ring' });
    const waiting = await before.createKey('ECC_NIST_P256');
    await before.client.send(new TagResourceCommand({ KeyId, Tags: [{ TagKey: '__proto__', TagValue: 'kept' }] }));
    await before.client.send(new CreateAliasCommand({ AliasName: 'alias/kept', TargetKeyId: KeyId }));
    await before.client.send(
      new SignCommand({ KeyId, SigningAlgorithm: 'ECDSA_SHA_256', Message: Buffer.from('used') }),
    );
    await before.client.send(new DisableKeyCommand({ KeyId }));
    await before.client.send(new ScheduleKeyDeletionCommand({ KeyId: waiting.id, PendingWindowInDays: 7 }));
    const look = async ({ client }: typeof before) =>
      await Promise.all([
        client.send(new DescribeKeyCommand({ KeyId: 'alias/kept' })).then((answer) => answer.KeyMetadata),
        client.send(new DescribeKeyCommand({ KeyId: waiting.id })).then((answer) => answer.KeyMetadata),
        client.send(new ListResourceTagsCommand({ KeyId })).then((answer) => answer.Tags),
        client.send(new GetKeyPolicyCommand({ KeyId })).then((answer) => answer.Policy),
        client.send(new ListAliasesCommand({})).then((answer) => answer.Aliases),
        client.send(new GetKeyLastUsageCommand({ KeyId })).then((answer) => answer.KeyLastUsage),
      ]);
    const seen = await look(before);
    await before.kms.close();

    await using after = openWorld(file);
    expect(await look(after)).toEqual(seen);
    expect(seen[2]).toEqual([{ TagKey: '__proto__', TagValue: 'kept' }]);
    after.advance(7 * DAY);
    expect(await refusal(after.client.send(new DescribeKeyCommand({ KeyId: waiting.id })))).toBe('NotFoundException');
  });

  it('has a new key in the file before it answers, and a use by the time it is closed', async () => {
    const file = newFile();
    const world = openWorld(file);
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    expect(readFileSync(file, 'utf8')).toContain(KeyId);
    await world.client.send(
      new SignCommand({ KeyId, SigningAlgorithm: 'ECDSA_SHA_256', Message: Buffer.from('used') }),
    );
    expect(readFileSync(file, 'utf8')).not.toContain('lastUsage');
    await world.kms.close();
    expect(readFileSync(file, 'utf8')).toContain('lastUsage');
  });

  it('forgets the private key of a deleted key', async () => {
    const file = newFile();
    const world = openWorld(file);
    const { id: KeyId } = await world.createKey('ECC_NIST_P256');
    await world.client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    world.advance(7 * DAY);
    await world.kms.close();
    expect(JSON.parse(readFileSync(file, 'utf8')).keys).toEqual([]);
  });

  it('loses none of many changes made at once', async () => {
    const file = newFile();
    const world = openWorld(file);
    const created = await Promise.all(Array.from({ length: 20 }, () => world.createKey('ECC_NIST_P256')));
    await world.kms.close();
    await using after = openWorld(file);
    const { Keys = [] } = await after.client.send(new ListKeysCommand({}));
    expect(Keys.map(({ KeyId }) => KeyId)).toEqual(created.map(({ id }) => id).toSorted());
  });

  it('leaves one file, which only its owner can read', async () => {
    const { file } = await writtenFile();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(file, '..'))).toEqual(['keys.json']);
  });

  it('makes an earlier file private when it writes it', async () => {
    const { file } = await writtenFile();
    chmodSync(file, 0o644);
    const world = openWorld(file);
    await world.createKey('ECC_NIST_P256');
    await world.kms.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('writes nothing as long as nothing has happened', async () => {
    const file = newFile();
    await openWorld(file).kms.close();
    expect(() => statSync(file)).toThrow('ENOENT');
  });

  it('answers KMSInternalException when the disk refuses, and works on once it does not', async () => {
    const file = newFile();
    mkdirSync(join(file, '..'));
    const world = openWorld(file);
    mkdirSync(file);
    expect(await refusal(world.createKey('ECC_NIST_P256'))).toBe('KMSInternalException');
    expect(readdirSync(join(file, '..'))).toEqual(['keys.json']);
    rmSync(file, { recursive: true });
    await world.createKey('ECC_NIST_P256');
    await world.kms.close();
    expect(opening(file)).not.toThrow();
  });
});

describe('a key file that cannot be used', () => {
  const damage: [string, (text: string) => string][] = [
    ['is empty', () => ''],
    ['is cut off', (text) => text.slice(0, -40)],
    ['is not of this kind', () => '{"keys":[]}'],
    ['has a member of another type', (text) => text.replace(/"isEnabled": true/, '"isEnabled": 1')],
    ['has a member that this version does not know', (text) => text.replace('"isEnabled"', '"extra": 1, "isEnabled"')],
    ['has a key of an unknown spec', (text) => text.replace('ECC_NIST_P256', 'RSA_1024')],
    ['has a key of another spec than it says', (text) => text.replace('ECC_NIST_P256', 'RSA_2048')],
    [
      'has a damaged private key',
      (text) => text.replace(/"privateKey": "[^"]{40}/, `"privateKey": "${'A'.repeat(40)}`),
    ],
    ['has a damaged policy', (text) => text.replace(/"policy": "[^\n]*"/, '"policy": "{}"')],
    [
      'has an alias of a key that it lacks',
      (text) =>
        text.replace('"aliases": []', '"aliases": [{"name": "alias/a", "createdAt": 1, "updatedAt": 1, "keyId": "x"}]'),
    ],
  ];

  it.each(damage)('because it %s gives one line that names it', async (_what, change) => {
    const { file, text } = await writtenFile();
    expect(change(text)).not.toBe(text);
    writeFileSync(file, change(text));
    expect(opening(file)).toThrow(expect.objectContaining({ message: expect.stringMatching(/^[^\n]+$/) }));
    expect(opening(file)).toThrow(`The embedded KMS cannot use its key file ${file}: `);
  });

  it('is not repeated in the error, for it has private keys in it', async () => {
    const { file, text } = await writtenFile();
    const secret = /"privateKey": "([^"]+)"/.exec(text)?.[1] ?? '';
    expect(secret.length).toBeGreaterThan(100);
    writeFileSync(file, secret);
    expect(opening(file)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(secret.slice(0, 8)) }),
    );
    expect(opening(file)).toThrow('it is not JSON');
  });

  it('because it is a directory gives one line that names it', () => {
    const file = newFile();
    mkdirSync(file, { recursive: true });
    expect(opening(file)).toThrow(`The embedded KMS cannot use its key file ${file}: `);
  });

  it.each([
    { region: 'us-east-1', account: PLACEMENT.account },
    { region: PLACEMENT.region, account: '999999999999' },
  ])('because it was written for another place than %j is refused', async (placement) => {
    const { file } = await writtenFile();
    expect(opening(file, placement)).toThrow('its keys belong to account 111122223333 in eu-central-1');
  });
});
