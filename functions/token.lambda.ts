/** Lambda entry: `POST /token`, of every realm. */

import { composeIssuer } from './compose.ts';
import { observability } from './http/observability.ts';
import { tokenRoute } from './routes.ts';

export const handler = tokenRoute(observability(), composeIssuer());
