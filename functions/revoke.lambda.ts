/** Lambda entry: `POST /revoke`, of every realm. */

import { composeRevoker } from './compose.ts';
import { observability } from './http/observability.ts';
import { revocationRoute } from './routes.ts';

export const handler = revocationRoute(observability(), composeRevoker());
