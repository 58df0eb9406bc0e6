/** Where an authorizer finds what it is asked about. Source: API Gateway developer guide, "Identity sources". */

import { type EventContext, queryParameters } from './event.ts';
import type { GatewayRequest } from './request.ts';

/** The value that an identity source names, or empty text. */
export function identitySource(source: string, request: GatewayRequest, context: EventContext): string {
  const [, kind, name = ''] = /^\$(request\.header|request\.querystring|context)\.(.+)$/.exec(source) ?? [];
  switch (kind) {
    case 'request.header':
      return request.headers[name.toLowerCase()] ?? '';
    case 'request.querystring':
      return queryParameters(request.rawQuery)[name] ?? '';
    case 'context':
      return name === 'routeKey' ? context.routeKey : name === 'stage' ? context.stage : '';
    default:
      return '';
  }
}
