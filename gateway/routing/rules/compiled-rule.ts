import type { HeaderChanges, Redirect, RouteRule, UrlRewrite } from '../../../federation/model/mesh-route.ts';
import type { Pattern } from '../../../federation/model/pattern/pattern.ts';
import type { RequestTimeouts } from '../../../federation/model/request-policy.ts';
import type { ServiceKey } from '../../../federation/model/service.ts';
import type { RetryPlan } from '../retry-plan.ts';
import type { Rotating } from '../rotating.ts';
import type { CompiledCors } from './compiled-cors.ts';

/** A text compared with another as a whole: with `pattern`, or with `exact` where there is none. */
export interface CompiledText {
  readonly exact: string;
  readonly pattern: Pattern | undefined;
}

/** `name` is a field of a header block, or a query parameter. */
export interface CompiledNamed extends CompiledText {
  readonly name: string;
}

export interface CompiledPath extends CompiledText {
  readonly kind: 'exact' | 'prefix' | 'pattern';
}

export interface CompiledRpc {
  readonly service: CompiledText | undefined;
  readonly method: CompiledText | undefined;
}

/** A match with the rule that it leads to. */
export interface CompiledMatch {
  /** The paths and prefixes are in normal form, prefixes without a final `/`. */
  readonly path: CompiledPath | undefined;
  readonly rpc: CompiledRpc | undefined;
  readonly method: string | undefined;
  readonly headers: readonly CompiledNamed[];
  readonly queryParams: readonly CompiledNamed[];
  readonly rule: CompiledRule;
}

/** Where a share of a rule's requests goes. */
export interface CompiledBackend {
  /** `namespace/name`; undefined = it cannot be used, and its share fails. */
  readonly service: ServiceKey | undefined;
  readonly port: number;
  /** The key of this cluster's own, unexported Service, which goes before that one; undefined = a ServiceImport is meant. */
  readonly own: ServiceKey | undefined;
  /** Of a GRPCRoute: its port must speak HTTP/2. */
  readonly isRpc: boolean;
  /** As in the object, for people. */
  readonly name: string;
}

export interface CompiledMirror {
  readonly backend: CompiledBackend;
  readonly numerator: number;
  readonly denominator: number;
}

/** Filters, those of a rule and of its backend alike. */
export interface CompiledFilters {
  readonly requestHeaders: HeaderChanges | undefined;
  readonly responseHeaders: HeaderChanges | undefined;
  readonly redirect: Redirect | undefined;
  readonly rewrite: UrlRewrite | undefined;
  readonly cors: CompiledCors | undefined;
  readonly mirrors: readonly CompiledMirror[];
}

export interface WeightedBackend extends CompiledBackend {
  readonly weight: number;
  readonly filters: CompiledFilters;
}

export interface CompiledRule {
  /** Of its service's rules no other has it; it stays while the rule keeps its name, or its place if it has none. */
  readonly key: string;
  /** `HTTPRoute shop/payments rules[0]`, with its name where it has one: for people. */
  readonly label: string;
  readonly source: RouteRule;
  readonly filters: CompiledFilters;
  /** By weight in turn; undefined where no backend has any. */
  readonly backends: Rotating<WeightedBackend> | undefined;
  /** undefined = those of the backend's own policy hold. */
  readonly timeouts: Omit<RequestTimeouts, 'idleMs'> | undefined;
  readonly retries: RetryPlan | 'none' | undefined;
}
