/** Lambda entry: the API Gateway authorizer. */

import { composeChecker } from './compose.ts';
import { authorizer } from './http/authorizer.ts';
import { observability } from './http/observability.ts';

export const handler = authorizer(observability(), composeChecker());
