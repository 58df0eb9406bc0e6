/**
 * Route keys of an HTTP API and which of them a request selects.
 * Source: API Gateway developer guide, "Create routes for HTTP APIs", "Routing API requests".
 */

import { StartError } from '../start-error.ts';

/** A route key taken apart: `ANY /items/{id}` or `$default`. */
export interface RouteKey {
  readonly key: string;
  /** HTTP method, or `ANY`. */
  readonly method: string;
  /** Undefined for `$default`. */
  readonly segments: readonly Segment[] | undefined;
}

type Segment =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'greedy'; readonly name: string };

export interface RouteMatch<R extends RouteKey> {
  readonly route: R;
  readonly pathParameters: Readonly<Record<string, string>>;
}

/** @throws StartError naming the route when the key is malformed. */
export function parseRouteKey(key: string, logicalId: string): RouteKey {
  if (key === '$default') return { key, method: 'ANY', segments: undefined };
  const [, method, path] = /^(ANY|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (\/\S*)$/.exec(key) ?? [];
  if (method === undefined || path === undefined) throw new StartError(`${logicalId}: ${key} is not a route key`);
  const segments = split(path).map(parseSegment);
  if (segments.slice(0, -1).some((segment) => segment.kind === 'greedy'))
    throw new StartError(`${logicalId}: ${key} has a greedy path variable before its end`);
  return { key, method, segments };
}

function parseSegment(text: string): Segment {
  const [, name, plus] = /^\{([^}+]+)(\+?)\}$/.exec(text) ?? [];
  if (name === undefined) return { kind: 'text', text };
  return { kind: plus === '+' ? 'greedy' : 'variable', name };
}

const split = (path: string): string[] => path.split('/').slice(1);

/** Routes in the order in which they are tried: the most specific path first, an exact method before `ANY`. */
export function bySpecificity<R extends RouteKey>(routes: readonly R[]): R[] {
  return [...routes].sort((a, b) => compareStrings(rank(a), rank(b)));
}

const RANKS = { text: '0', variable: '1', greedy: '2' } as const;

/**
 * A word that sorts before another when its route is more specific: full matches before every greedy variable, however much
 * of the path stands before that, and `$default` last.
 */
function rank({ method, segments }: RouteKey): string {
  if (segments === undefined) return '2';
  const extent = segments.at(-1)?.kind === 'greedy' ? '1' : '0';
  return `${extent}${segments.map((segment) => RANKS[segment.kind]).join('')}${method === 'ANY' ? '1' : '0'}`;
}

const compareStrings = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The first of `routes`, sorted by specificity, that method and decoded path select. */
export function matchRoute<R extends RouteKey>(
  routes: readonly R[],
  method: string,
  path: string,
): RouteMatch<R> | undefined {
  for (const route of routes) {
    if (route.method !== 'ANY' && route.method !== method) continue;
    const pathParameters = route.segments === undefined ? {} : matchPath(route.segments, split(path));
    if (pathParameters !== undefined) return { route, pathParameters };
  }
  return undefined;
}

function matchPath(segments: readonly Segment[], parts: readonly string[]): Record<string, string> | undefined {
  const isGreedy = segments.at(-1)?.kind === 'greedy';
  if (isGreedy ? parts.length < segments.length : parts.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const part = segment.kind === 'greedy' ? parts.slice(index).join('/') : (parts[index] ?? '');
    if (segment.kind === 'text' ? segment.text !== part : part === '') return undefined;
    if (segment.kind !== 'text') parameters[segment.name] = part;
  }
  return parameters;
}
