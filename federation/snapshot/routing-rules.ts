import { isDeepStrictEqual } from 'node:util';
import type { ClusterProvider, ProviderProblem } from '../../clusters/provider.ts';
import { type ServiceKey, serviceKey } from '../model/service.ts';
import type { SnapshotService } from '../model/snapshot.ts';
import { PolicyIndex } from './policy-index.ts';
import { type Attachment, RouteIndex } from './route-index.ts';
import { type RouteVerdict, routeVerdicts } from './route-verdict.ts';
import type { PolicyFault } from './sound-policies.ts';

/** A policy for every service would name all of them. */
const NAMED = 3;
const REFUSED_HINT =
  'change what is named; until then the service keeps what held before, nobody may call one that gateways did not have yet ' +
  'where it is an access rule, and what the rule of a route matches is answered 500';

/** What this cluster's policies and routes ask for, as read last from its provider. */
export class RoutingRules {
  readonly #provider: ClusterProvider;
  #policies: PolicyIndex;
  #routes: RouteIndex;

  constructor(provider: ClusterProvider) {
    this.#provider = provider;
    this.#policies = new PolicyIndex(provider);
    this.#routes = new RouteIndex(provider);
  }

  get policies(): PolicyIndex {
    return this.#policies;
  }

  get routes(): RouteIndex {
    return this.#routes;
  }

  /**
   * Reads the policies anew.
   * @returns those of the services for which others hold now
   */
  renewPolicies(services: Iterable<ServiceKey>): readonly ServiceKey[] {
    const [before, now] = [this.#policies, new PolicyIndex(this.#provider)];
    this.#policies = now;
    return [...services].filter(
      (key) =>
        before.failoverOf(key) !== now.failoverOf(key) ||
        before.trafficOf(key) !== now.trafficOf(key) ||
        !isDeepStrictEqual(before.accessOf(key), now.accessOf(key)),
    );
  }

  /**
   * Reads the routes anew.
   * @returns the services for which others hold now, and what their routes led to until now
   */
  renewRoutes(): readonly ServiceKey[] {
    const [before, now] = [this.#routes, new RouteIndex(this.#provider)];
    this.#routes = now;
    return [...new Set([...before.services, ...now.services])]
      .filter((key) => !isDeepStrictEqual(before.routesOf(key), now.routesOf(key)))
      .flatMap((key) => [key, ...before.backendsOf(key)]);
  }

  /** What each route's status says at each of its parents. */
  verdicts(
    services: ReadonlyMap<ServiceKey, SnapshotService>,
    faults: readonly PolicyFault[],
  ): readonly RouteVerdict[] {
    return routeVerdicts(this.#routes.attachments, services, this.#provider.services, faults);
  }

  /**
   * Policies and routes that do not hold, whatever services there are: because an older one does, because gateways would refuse
   * them, or because there is no room.
   * @param faults what gateways would refuse
   */
  refusals(faults: readonly PolicyFault[]): readonly ProviderProblem[] {
    const place = (id: string): string => this.#provider.sourceOf(id)?.where ?? id;
    return [
      ...this.#policies.problems,
      ...faultProblems(faults, place),
      ...overflowProblems(this.#routes.attachments, place),
    ];
  }
}

type Place = (id: string) => string;

/** One for each policy or route and reason. */
function faultProblems(faults: readonly PolicyFault[], place: Place): readonly ProviderProblem[] {
  const groups = new Map<string, { readonly fault: PolicyFault; readonly targets: ServiceKey[] }>();
  for (const fault of faults) {
    const { id, target } = fault;
    groups.getOrInsertComputed(`${id} ${fault.fault}`, () => ({ fault, targets: [] })).targets.push(target);
  }
  return [...groups.values()].map(({ fault: { id, fault }, targets }) => ({
    where: place(id),
    message: `${id} does not hold for ${some(targets)}, as gateways would refuse it: ${fault}`,
    hint: REFUSED_HINT,
  }));
}

/** One for each service and namespace of routes: whoever may create routes may create thousands. */
function overflowProblems(attachments: readonly Attachment[], place: Place): readonly ProviderProblem[] {
  const groups = new Map<string, { readonly target: ServiceKey; readonly ids: string[] }>();
  for (const { route, parent, overflow } of attachments) {
    if (!overflow) continue;
    const target = serviceKey(parent.service);
    const id = `${route.kind}/${route.namespace}/${route.name}`;
    groups.getOrInsertComputed(`${target} ${route.namespace}`, () => ({ target, ids: [] })).ids.push(id);
  }
  return [...groups.values()].map(({ target, ids }) => ({
    where: place(ids[0] ?? target),
    message: `${some(ids)} do not hold for ${target}: more is attached to it than a gateway takes`,
    hint: 'attach fewer routes, matches or characters to one service; the oldest hold',
  }));
}

/** Texts that stay the same while others come and go make no new line. */
function some(names: readonly string[]): string {
  const named = names.slice(0, NAMED).join(', ');
  return names.length > NAMED ? `${named} and others` : named;
}
