/** Lambda entry: `POST /introspect`, of every realm. */

import { composeIntrospector } from './compose.ts';
import { observability } from './http/observability.ts';
import { introspectionRoute } from './routes.ts';

export const handler = introspectionRoute(observability(), composeIntrospector());
