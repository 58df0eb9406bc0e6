/** Lambda entry: looks at the documents of partners, by schedule and on demand. The only one that calls partners. */

import { composeRefresher } from './compose.ts';
import { observability } from './http/observability.ts';
import { refreshPartnersRoute } from './routes.ts';

export const handler = refreshPartnersRoute(observability(), composeRefresher());
