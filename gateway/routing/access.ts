import type { ClusterName } from '../../federation/model/cluster.ts';
import type { AccessRule, RuleOrigin } from '../../federation/model/policy.ts';
import { normalisePath } from '../pipeline/path.ts';

/** Trust domains are checked before: this is a caller of the clusterset. */
const WORKLOAD = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/;

/** Why a caller may or may not: `rule` counts from 0 in the order of the snapshot's list. */
export type AccessDecision =
  | { readonly allowed: true; readonly because: 'no-rules' | 'no-deny-matched' }
  | { readonly allowed: boolean; readonly because: 'rule'; readonly rule: number }
  | { readonly allowed: false; readonly because: 'no-allow-matched' };

/** Who may call a service: denials come first; where there are allow rules, one of them must match. */
export interface CompiledAccess {
  /** True without rules: nothing needs to be asked. */
  readonly everyone: boolean;
  /**
   * @param caller the verified SPIFFE ID, undefined = anonymous
   * @param sourceCluster the cluster whose gateway the request entered by
   * @param method undefined for TCP
   * @param path normal form, query and all; undefined for TCP
   * @param callerByAddress of a caller without a verified SPIFFE ID, the one that its pod's address speaks for
   */
  decide(
    caller: string | undefined,
    sourceCluster: ClusterName,
    method: string | undefined,
    path: string | undefined,
    callerByAddress?: string,
  ): AccessDecision;
  /** Where a decision's rule stands; undefined for what nobody wrote. */
  originOf(decision: AccessDecision): RuleOrigin | undefined;
  /** What would hold if the rules in audit mode were obeyed, too; undefined without any. */
  readonly audit: CompiledAccess | undefined;
}

interface CompiledRule {
  readonly index: number;
  /** A pod's address is proof enough. */
  readonly byAddress: boolean;
  readonly exactPrincipals: ReadonlySet<string>;
  readonly principalPrefixes: readonly string[];
  readonly namespaces: ReadonlySet<string>;
  readonly serviceAccounts: ReadonlySet<string>;
  readonly sourceClusters: ReadonlySet<ClusterName>;
  readonly methods: ReadonlySet<string>;
  readonly paths: ReadonlySet<string>;
  readonly pathPrefixes: readonly string[];
}

/**
 * Whoever allows what begins with `/files/.` means hidden files, and not the whole of `/files/`, as which it would be resolved.
 * As it is written it fits no request.
 */
const ENDS_IN_DOTS = /(?:[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:\?|$)/i;

const NO_RULES: AccessDecision = { allowed: true, because: 'no-rules' };
const NO_DENY_MATCHED: AccessDecision = { allowed: true, because: 'no-deny-matched' };
const NO_ALLOW_MATCHED: AccessDecision = { allowed: false, because: 'no-allow-matched' };

const EVERYONE: CompiledAccess = {
  everyone: true,
  decide: () => NO_RULES,
  originOf: () => undefined,
  audit: undefined,
};

export function compileAccess(rules: readonly AccessRule[]): CompiledAccess {
  if (rules.length === 0) return EVERYONE;
  const audited = rules.some(({ mode }) => mode === 'audit');
  const audit = audited ? compileRules(rules, () => true, undefined) : undefined;
  return compileRules(rules, ({ mode }) => mode === 'enforce', audit);
}

/** Of the rules that are obeyed; decisions count by the whole list. */
function compileRules(
  rules: readonly AccessRule[],
  obeyed: (rule: AccessRule) => boolean,
  audit: CompiledAccess | undefined,
): CompiledAccess {
  const of = (action: AccessRule['action']): CompiledRule[] =>
    rules.flatMap((rule, index) =>
      rule.action === action && obeyed(rule) ? [compileRule(rule, index)] : [],
    );
  const denials = of('deny');
  const permits = of('allow');
  const otherwise = denials.length === 0 ? NO_RULES : NO_DENY_MATCHED;
  return {
    everyone: false,
    audit,
    originOf: (decision) => (decision.because === 'rule' ? rules[decision.rule]?.origin : undefined),
    decide(caller, sourceCluster, method, path, callerByAddress) {
      for (const rule of denials) {
        // A denial that speaks of HTTP holds for the whole of a TCP port: what it cannot see it does not let by.
        const who = caller ?? (rule.byAddress ? callerByAddress : undefined);
        if (matchesCaller(rule, who, sourceCluster) && matchesRequest(rule, method, path, true)) {
          return { allowed: false, because: 'rule', rule: rule.index };
        }
      }
      if (permits.length === 0) return otherwise;
      for (const rule of permits) {
        const who = caller ?? (rule.byAddress ? callerByAddress : undefined);
        if (matchesCaller(rule, who, sourceCluster) && matchesRequest(rule, method, path, false)) {
          return { allowed: true, because: 'rule', rule: rule.index };
        }
      }
      return NO_ALLOW_MATCHED;
    },
  };
}

function compileRule(rule: AccessRule, index: number): CompiledRule {
  const isPrefix = (principal: string) => principal.endsWith('*');
  return {
    index,
    byAddress: rule.callerProof === 'pod-address',
    exactPrincipals: new Set(rule.principals.filter((principal) => !isPrefix(principal))),
    principalPrefixes: rule.principals.filter(isPrefix).map((principal) => principal.slice(0, -1)),
    namespaces: new Set(rule.namespaces),
    serviceAccounts: new Set(rule.serviceAccounts),
    sourceClusters: new Set(rule.sourceClusters),
    methods: new Set(rule.methods),
    paths: new Set(rule.paths.map(asRequested)),
    pathPrefixes: rule.pathPrefixes.map((prefix) =>
      rule.action === 'allow' && ENDS_IN_DOTS.test(prefix) ? prefix : asRequested(prefix),
    ),
  };
}

/** In the form in which requests are compared: any other would fit none of them. */
function asRequested(path: string): string {
  return normalisePath(path) ?? path;
}

function matchesCaller(rule: CompiledRule, caller: string | undefined, sourceCluster: ClusterName): boolean {
  if (rule.sourceClusters.size > 0 && !rule.sourceClusters.has(sourceCluster)) return false;
  return matchesPrincipal(rule, caller) && matchesWorkload(rule, caller);
}

function matchesPrincipal(rule: CompiledRule, caller: string | undefined): boolean {
  if (rule.exactPrincipals.size === 0 && rule.principalPrefixes.length === 0) return true;
  if (caller === undefined) return false;
  return (
    rule.exactPrincipals.has(caller) || rule.principalPrefixes.some((prefix) => caller.startsWith(prefix))
  );
}

function matchesWorkload({ namespaces, serviceAccounts }: CompiledRule, caller: string | undefined): boolean {
  if (namespaces.size === 0 && serviceAccounts.size === 0) return true;
  const match = caller === undefined ? null : WORKLOAD.exec(caller);
  if (match === null) return false;
  const [, namespace = '', account = ''] = match;
  if (namespaces.size > 0 && !namespaces.has(namespace)) return false;
  return serviceAccounts.size === 0 || serviceAccounts.has(`${namespace}/${account}`);
}

function matchesRequest(
  rule: CompiledRule,
  method: string | undefined,
  path: string | undefined,
  withoutHttp: boolean,
): boolean {
  if (rule.methods.size > 0 && !(method === undefined ? withoutHttp : rule.methods.has(method))) return false;
  if (rule.pathPrefixes.length === 0 && rule.paths.size === 0) return true;
  if (path === undefined) return withoutHttp;
  return (
    rule.paths.has(withoutQuery(path)) || rule.pathPrefixes.some((prefix) => hasPathPrefix(path, prefix))
  );
}

function withoutQuery(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}

/** By path elements, as Gateway API's PathPrefix: `/api` covers `/api`, `/api/x` and `/api?q`, not `/apix`. */
function hasPathPrefix(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  if (path.length === prefix.length || prefix.endsWith('/')) return true;
  const next = path.charCodeAt(prefix.length);
  return next === 0x2f /* / */ || next === 0x3f /* ? */;
}
