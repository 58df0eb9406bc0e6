/** Who is who in the scenarios. */

import type { Account } from '../servers/names.ts';
import type { Enterprise } from './enterprise.ts';

/** In Active Directory, and so known to the servers of the organization. */
export const KIM = {
  id: 'kim',
  upn: 'kim@contoso.example',
  smtp: 'kim.akers@contoso.example',
  sip: 'kim@contoso.example',
  sid: 's-1-5-21-1004336348-1177238915-682003330-1104',
} as const satisfies Account;

export const LEE = { id: 'lee', upn: 'lee@contoso.example', smtp: 'lee.gu@contoso.example' } as const satisfies Account;

export const ACCOUNTS: readonly Account[] = [KIM, LEE];

/** As the operator of the service tells it of them. */
export const registerPeople = async (enterprise: Enterprise): Promise<void> => {
  const { id, upn, smtp, sip, sid } = KIM;
  await enterprise.admin('user', 'add', id, '--upn', upn, '--smtp', smtp, '--sip', sip, '--sid', sid);
  await enterprise.admin('user', 'add', LEE.id, '--upn', LEE.upn, '--smtp', LEE.smtp);
};
