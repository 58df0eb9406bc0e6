/** Lambda entry: partners and grants that CloudFormation declares. */

import { composeResources } from './compose.ts';
import { observability } from './http/observability.ts';
import { partnerResourcesRoute } from './routes.ts';

export const handler = partnerResourcesRoute(observability(), composeResources());
