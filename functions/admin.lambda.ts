/** Lambda entry: `/admin/...`. */

import { composeManager } from './compose.ts';
import { observability } from './http/observability.ts';
import { adminEndpoint } from './routes.ts';

export const handler = adminEndpoint(observability(), composeManager());
