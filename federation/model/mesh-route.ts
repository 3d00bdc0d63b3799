import type { Cors } from './cors.ts';
import type { ServiceName } from './service.ts';

/** Kinds of routes, by the Gateway API (gateway.networking.k8s.io/v1). */
export type RouteKind = 'HTTPRoute' | 'GRPCRoute';

/** How a text is compared. A `pattern` is one of `pattern/pattern.ts`, and must match the whole text. */
export interface TextMatch {
  readonly kind: 'exact' | 'pattern';
  readonly value: string;
}

/** Of a header (name in lower case) or a query parameter. */
export interface NamedMatch extends TextMatch {
  readonly name: string;
}

/** `prefix` goes by path elements. Exact values and prefixes are in normal form. */
export interface PathMatch {
  readonly kind: 'exact' | 'prefix' | 'pattern';
  readonly value: string;
}

/** undefined = any. */
export interface RpcMatch {
  readonly service: TextMatch | undefined;
  readonly method: TextMatch | undefined;
}

/** All that is said must hold. */
export interface RouteMatch {
  /** Of HTTPRoutes. */
  readonly path: PathMatch | undefined;
  /** Of GRPCRoutes; undefined = every call. */
  readonly rpc: RpcMatch | undefined;
  readonly method: string | undefined;
  readonly headers: readonly NamedMatch[];
  readonly queryParams: readonly NamedMatch[];
}

export interface HeaderField {
  /** In lower case. */
  readonly name: string;
  readonly value: string;
}

export interface HeaderChanges {
  readonly set: readonly HeaderField[];
  readonly add: readonly HeaderField[];
  /** In lower case. */
  readonly remove: readonly string[];
}

/** `prefix` replaces what the rule's one prefix match matched. */
export interface PathRewrite {
  readonly kind: 'full' | 'prefix';
  readonly value: string;
}

export interface UrlRewrite {
  readonly hostname: string | undefined;
  readonly path: PathRewrite | undefined;
}

export interface Redirect extends UrlRewrite {
  readonly scheme: 'http' | 'https' | undefined;
  readonly port: number | undefined;
  readonly statusCode: number;
}

/** A port of a service of the clusterset. */
export interface BackendRef {
  /** `Service`, `ServiceImport`, or whatever else was named. */
  readonly kind: string;
  readonly service: ServiceName;
  readonly port: number;
  /** Why it cannot be used whatever the clusterset offers, as the reason of the condition `ResolvedRefs`. */
  readonly fault: 'InvalidKind' | 'RefNotPermitted' | undefined;
}

/** Of this many of each `denominator` requests a copy goes to the backend. */
export interface Mirror {
  readonly backend: BackendRef;
  readonly numerator: number;
  readonly denominator: number;
}

export interface RouteFilters {
  readonly requestHeaders: HeaderChanges | undefined;
  readonly responseHeaders: HeaderChanges | undefined;
  readonly redirect: Redirect | undefined;
  readonly rewrite: UrlRewrite | undefined;
  /** Of HTTPRoutes. */
  readonly cors: Cors | undefined;
  readonly mirrors: readonly Mirror[];
}

export interface RouteBackend {
  readonly ref: BackendRef;
  /** 0 = takes nothing. */
  readonly weight: number;
  readonly filters: RouteFilters;
}

/** What the rule asks to be tried again. */
export interface RouteRetry {
  readonly attempts: number;
  /** The least time between two attempts; undefined = as the gateway does. */
  readonly backoffMs: number | undefined;
  readonly statuses: readonly number[];
}

export interface RouteRule {
  /** Its place in the route, from 0. */
  readonly index: number;
  readonly name: string | undefined;
  /** At least one; any of them. */
  readonly matches: readonly RouteMatch[];
  readonly filters: RouteFilters;
  readonly backends: readonly RouteBackend[];
  /** From the request's beginning to its response's end; undefined = none is set, 0 = without end. */
  readonly requestTimeoutMs: number | undefined;
  /** Of one attempt; undefined = none is set, 0 = without end. */
  readonly backendRequestTimeoutMs: number | undefined;
  readonly retry: RouteRetry | undefined;
  /** What of it is not understood, in one sentence. What it matches is answered with 500 then, never passed on without. */
  readonly broken: string | undefined;
}

/** A route as it holds for one service. */
export interface ServiceRoute {
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly name: string;
  /** The service's port that it is attached to, by number and by name; undefined = every port. */
  readonly port: number | undefined;
  readonly sectionName: string | undefined;
  /** Only requests of callers in the route's own namespace go by it (a consumer route); otherwise everybody's. */
  readonly consumer: boolean;
  readonly rules: readonly RouteRule[];
}

/** Who judges routes at services, in the status of routes. */
export const MESH_CONTROLLER = 'isthmus.io/mesh-controller';

/** What a route is attached to. */
export interface RouteParent {
  readonly kind: 'Service' | 'ServiceImport';
  readonly service: ServiceName;
  readonly port: number | undefined;
  readonly sectionName: string | undefined;
}

/** A rule of which something is not supported. */
export interface RuleProblem {
  readonly index: number;
  /** Whether it is left out; otherwise it is there and answers 500. */
  readonly dropped: boolean;
  readonly message: string;
}

/** An HTTPRoute or a GRPCRoute as a cluster's provider gives it, with all defaults. */
export interface MeshRoute {
  readonly kind: RouteKind;
  readonly namespace: string;
  readonly name: string;
  /** Unix ms: the older of two has precedence. */
  readonly createdAtMs: number;
  /** `metadata.generation`, for `observedGeneration`. */
  readonly generation: number | undefined;
  /** Without parents of other kinds, such as Gateways: they are somebody else's. */
  readonly parents: readonly RouteParent[];
  readonly rules: readonly RouteRule[];
  readonly problems: readonly RuleProblem[];
}

/** A ReferenceGrant (gateway.networking.k8s.io): who may name services of its namespace as backends. */
export interface BackendGrant {
  readonly namespace: string;
  readonly from: readonly { readonly kind: RouteKind; readonly namespace: string }[];
  /** `name` undefined = all of the kind. */
  readonly to: readonly { readonly kind: 'Service' | 'ServiceImport'; readonly name: string | undefined }[];
}

export const NO_FILTERS: RouteFilters = {
  requestHeaders: undefined,
  responseHeaders: undefined,
  redirect: undefined,
  rewrite: undefined,
  cors: undefined,
  mirrors: [],
};

/** How much may be attached to one service. */
export const ROUTE_BOUNDS = {
  /** Matches of all its routes. */
  matchesPerService: 2048,
  routesPerService: 256,
  /** All routes as JSON. */
  jsonLength: 1_048_576,
  /** Of each of these, what the routes of one namespace of consumers may take. */
  consumerShare: 1 / 4,
  parents: 32,
  rules: 16,
  matches: 64,
  named: 16,
  fields: 16,
  backends: 16,
  mirrors: 16,
  retryAttempts: 10,
  retryStatuses: 200,
  weight: 1_000_000,
  /** Of the share of requests that a mirror gets. */
  denominator: 2 ** 31,
} as const;
