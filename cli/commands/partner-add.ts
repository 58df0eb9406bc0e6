/**
 * `countersign partner add`: register a partner with its public keys, with a document that speaks for it, or as a mere resource.
 */
import type { Command } from 'commander';
import { createAdminClient } from '../admin-client.ts';
import { partner } from '../admin-records.ts';
import { type Followed, readFirstDocument } from '../following.ts';
import { examples } from '../help.ts';
import type { Io } from '../io.ts';
import {
  addDocumentOptions,
  addKeyOptions,
  type DocumentOptions,
  type KeyOptions,
  readCredentials,
  readDocument,
} from '../key-options.ts';
import { addMicrosoftOptions, type MicrosoftOptions, readMicrosoft } from '../microsoft-options.ts';
import { defined } from '../option-values.ts';
import { printable, show } from '../output.ts';
import { type AttributeOptions, addAttributeOptions, readAttributes } from '../partner-options.ts';
import { describePartner } from '../partner-view.ts';
import { readSettings } from '../settings.ts';
import { addWayInOptions, readWaysIn, type WayInOptions } from '../way-in-options.ts';

interface AddOptions extends AttributeOptions, KeyOptions, DocumentOptions, WayInOptions, MicrosoftOptions {
  readonly disabled?: true;
}

export function addPartnerAdd(group: Command, io: Io): void {
  const command = group
    .command('add')
    .description('register a partner with its public keys; private keys are refused')
    .argument('[id]', 'client id of the partner; made by the service if left out');
  addAttributeOptions(command);
  command.option('--disabled', 'register it, but give it no tokens yet');
  addMicrosoftOptions(addWayInOptions(addDocumentOptions(addKeyOptions(command))))
    .addHelpText(
      'after',
      examples(
        'partner add billing --name "Billing service" --jwks billing.jwks.json',
        'partner add ledger --public-key ledger.pem --alg PS256 --label 2026 --expires-at 2027-12-31',
        'partner add crm --jwks-uri https://crm.example.com/jwks --tag team=sales --quota-per-minute 60',
        'partner add exchange --metadata https://mail.contoso.com/autodiscover/metadata/json/1 --microsoft',
        'partner add lync --certificate lync.cer --application-identifier 00000004-0000-0ff1-ce00-000000000000 --application-realm contoso.com --trust-level full --accept-user-tokens',
        'partner add voicemail --application-identifier db7de2b5-2149-435e-8043-e080dd50afae --application-realm contoso.com --use-oauth-server',
        'partner add gateway --tls-san-dns gateway.example.com --binding mtls',
        'partner add deploy --federation-file github.json',
        'partner add reports   # accepts tokens, never asks for any',
      ),
    )
    .action(async (id: string | undefined, options: AddOptions, command: Command) => {
      const settings = readSettings(command, io.env);
      const client = createAdminClient(settings, io);
      const credentials = await readCredentials(io, options);
      const body = {
        ...(id === undefined ? {} : { id }),
        ...readAttributes(options),
        ...(await readWaysIn(io, options)),
        ...defined({ microsoft: readMicrosoft(options, undefined) }),
        ...(options.disabled ? { enabled: false } : {}),
        ...(credentials.length === 0 ? {} : { credentials }),
        ...(await readDocument(io, options)),
      };
      const { record, created } = await client.post(['partners'], body, partner);
      const added: Followed = created ? await readFirstDocument(client, record) : { partner: record };
      if (added.note !== undefined) io.stderr.write(`countersign: ${printable(added.note)}\n`);
      show(io, settings.json, added.partner, () => {
        const outcome = created ? 'added' : 'was already there with the same content';
        return `Partner ${printable(added.partner.id)} ${outcome}.\n${describePartner(io, added.partner)}`;
      });
    });
}
