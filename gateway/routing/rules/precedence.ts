import type { RouteMatch } from '../../../federation/model/mesh-route.ts';

/**
 * The Gateway API's order of matches (HTTPRouteRule.matches): an exact path; the longest prefix; a method; the most
 * headers; the most query parameters. Regular expressions, whose place it leaves open, stand between the first two, the
 * longest first. What is equal by all of these stays in the order of the routes.
 * @returns less than 0 when `left` goes before
 */
export function compareMatches(left: RouteMatch, right: RouteMatch): number {
  return (
    pathRank(left) - pathRank(right) ||
    pathLength(right) - pathLength(left) ||
    Number(right.method !== undefined) - Number(left.method !== undefined) ||
    right.headers.length - left.headers.length ||
    right.queryParams.length - left.queryParams.length
  );
}

/** GRPCRouteRule.matches: the most characters in a service; in a method; the most headers. An exact text before a pattern. */
export function compareRpcMatches(left: RouteMatch, right: RouteMatch): number {
  return (
    compareTexts(left.rpc?.service, right.rpc?.service) ||
    compareTexts(left.rpc?.method, right.rpc?.method) ||
    right.headers.length - left.headers.length
  );
}

type Text = NonNullable<RouteMatch['rpc']>['service'];

function compareTexts(left: Text, right: Text): number {
  const rank = (text: Text) => (text === undefined ? 2 : text.kind === 'exact' ? 0 : 1);
  return rank(left) - rank(right) || (right?.value.length ?? 0) - (left?.value.length ?? 0);
}

const RANKS = { exact: 0, pattern: 1, prefix: 2 } as const;

function pathRank({ path }: RouteMatch): number {
  return path === undefined ? RANKS.prefix : RANKS[path.kind];
}

/** A final `/` of a prefix says nothing. */
function pathLength({ path }: RouteMatch): number {
  if (path === undefined) return 0;
  return path.kind === 'prefix' && path.value.endsWith('/') ? path.value.length - 1 : path.value.length;
}
