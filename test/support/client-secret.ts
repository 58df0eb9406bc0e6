/** Clients that prove themselves with a secret, where an operator has said that they may. */

import { z } from 'zod';
import { callAdmin, type Service } from './service.ts';

const shown = z.object({ secret: z.string(), id: z.string() });

export type ShownSecret = z.infer<typeof shown>;

/** Says of a realm that its partners may have secrets, or that they may not. */
export const allowSecrets = async (service: Service, clientSecrets: boolean, realm = 'default'): Promise<void> => {
  const path = `/admin/realms/${realm}`;
  const { version } = (await callAdmin(service, 'GET', path)).body;
  const { status, body } = await callAdmin(service, 'PATCH', path, { version, policy: { clientSecrets } });
  if (status !== 200) throw new Error(`PATCH ${path} answered ${status} ${JSON.stringify(body)}`);
};

/** A new secret, as the one answer has it that ever does. */
export const makeSecret = async (
  service: Service,
  partner: string,
  wanted: object = {},
  realm = 'default',
): Promise<ShownSecret> => {
  const path = `/admin/realms/${realm}/partners/${partner}/secrets`;
  const { status, body } = await callAdmin(service, 'POST', path, wanted);
  if (status !== 201) throw new Error(`POST ${path} answered ${status} ${JSON.stringify(body)}`);
  return shown.parse(body);
};

/** RFC 6749 2.3.1: both halves form-encoded, then RFC 7617. */
export const basic = (id: string, secret: string): string => {
  const encode = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2);
  return `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`;
};
