/** Lambda entry: `/admin/...`. */

import { composeManager } from './compose.ts';
import { observability } from './http/observability.ts';
import { adminRoute } from './routes.ts';

const { manage, realms } = composeManager();

export const handler = adminRoute(observability(), manage, realms);
