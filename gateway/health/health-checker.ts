import { endpointTarget } from '../../federation/model/endpoint.ts';
import type { TrustDomain } from '../../federation/model/identity.ts';
import { mapDifference } from '../../federation/model/large-map.ts';
import type { HealthCheckPolicy } from '../../federation/model/policy.ts';
import type { PortProtocol, ServiceKey } from '../../federation/model/service.ts';
import type { RoutingSnapshot, SnapshotService } from '../../federation/model/snapshot.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import { type UpstreamPlan, upstreamPlan } from '../routing/upstream-plan.ts';
import { afterCheck, type CheckedState, PENDING } from './check-state.ts';
import type { Probe, ProbeTarget } from './probe-target.ts';

/** What is known of one address of one service, by one protocol: ports of different protocols may lead to one number of a pod. */
export interface CheckFinding {
  readonly service: ServiceKey;
  /** `address:port` */
  readonly address: string;
  readonly protocol: PortProtocol;
  readonly state: CheckedState['kind'];
}

interface Checked {
  readonly finding: Omit<CheckFinding, 'state'>;
  target: ProbeTarget;
  policy: HealthCheckPolicy;
  state: CheckedState;
  cancel: () => void;
}

/** What `update` brings to each service. */
interface Wanted {
  readonly policy: HealthCheckPolicy;
  readonly trustDomain: TrustDomain;
  /** Ids of all that is to be checked. */
  readonly wanted: Set<string>;
  /** The same once for each port that has it. */
  readonly places: Set<string>;
  readonly plans: Map<string, UpstreamPlan>;
}

export interface HealthCheckerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly probe: Probe;
  /** Some endpoint's state changed, it is gone, or a port has it that had not: who routes by ports knows nothing of it there. */
  readonly changed: () => void;
}

const JITTER = 0.1;

/** Runs the active checks of a gateway pod against this cluster's own endpoints, where a policy asks for them. */
export class HealthChecker {
  readonly #options: HealthCheckerOptions;
  readonly #checked = new Map<string, Checked>();
  #places: ReadonlySet<string> = new Set();
  /** By service and port: a TLS context is kept with its plan, so one plan stands as long as nothing of it changes. */
  #plans: ReadonlyMap<string, UpstreamPlan> = new Map();
  #services: RoutingSnapshot['services'] = new Map();
  /** Of thousands few have a policy that asks for checks. */
  readonly #withChecks = new Set<ServiceKey>();

  constructor(options: HealthCheckerOptions) {
    this.#options = options;
  }

  /** Everything that is checked now. */
  get findings(): readonly CheckFinding[] {
    return [...this.#checked.values()].map(({ finding, state }) => ({ ...finding, state: state.kind }));
  }

  /** Brings the checks to a new snapshot; endpoints that stay keep what is known of them. */
  update(snapshot: RoutingSnapshot): void {
    if (!this.#noteServices(snapshot.services)) return;
    const wanted = new Set<string>();
    const places = new Set<string>();
    const plans = new Map<string, UpstreamPlan>();
    const { trustDomain } = snapshot.local;
    let changed = false;
    for (const key of this.#withChecks) {
      const service = snapshot.services.get(key);
      const policy = service?.failover.healthCheck;
      if (service === undefined || policy === undefined) continue;
      const brought = { policy, trustDomain, wanted, places, plans };
      changed = this.#updateService(key, service, brought) || changed;
    }
    this.#plans = plans;
    this.#places = places;
    for (const [id, checked] of this.#checked) {
      if (wanted.has(id)) continue;
      checked.cancel();
      this.#checked.delete(id);
      changed = true;
    }
    if (changed) this.#options.changed();
  }

  close(): void {
    for (const { cancel } of this.#checked.values()) cancel();
    this.#checked.clear();
  }

  /** @returns whether any service that is checked, or was, is another now */
  #noteServices(services: RoutingSnapshot['services']): boolean {
    const { changed, removed } = mapDifference(this.#services, services);
    this.#services = services;
    let concerned = false;
    for (const key of removed) concerned = this.#withChecks.delete(key) || concerned;
    for (const [key, { failover }] of changed) {
      const wasChecked = this.#withChecks.has(key);
      if (failover.healthCheck === undefined) this.#withChecks.delete(key);
      else this.#withChecks.add(key);
      concerned ||= wasChecked || this.#withChecks.has(key);
    }
    return concerned;
  }

  /** @returns whether a port has an endpoint that was checked already, but not as this port's */
  #updateService(service: ServiceKey, built: SnapshotService, brought: Wanted): boolean {
    const { policy, trustDomain, wanted, places, plans } = brought;
    let moved = false;
    for (const port of built.ports) {
      const { name } = port;
      const planKey = `${service} ${name}`;
      const upstream = upstreamPlan(built, port, trustDomain, this.#plans.get(planKey));
      plans.set(planKey, upstream);
      for (const endpoint of built.endpoints) {
        const address = endpointTarget(endpoint, name);
        const number = endpoint.ports[name];
        if (address === undefined || number === undefined) continue;
        const { protocol } = port;
        const id = `${service} ${address} ${protocol}`;
        const place = `${id} ${name}`;
        wanted.add(id);
        places.add(place);
        const known = this.#checked.get(id);
        const target = { host: endpoint.address, port: number, upstream };
        if (known === undefined) this.#begin(id, { finding: { service, address, protocol }, target, policy });
        else {
          known.policy = policy;
          known.target = target;
          // What is pending is told when its first check ends.
          moved ||= !this.#places.has(place) && known.state.kind !== 'pending';
        }
      }
    }
    return moved;
  }

  #begin(id: string, subject: Pick<Checked, 'finding' | 'target' | 'policy'>): void {
    const checked: Checked = { ...subject, state: PENDING, cancel: () => undefined };
    this.#checked.set(id, checked);
    this.#check(id, checked);
  }

  async #check(id: string, checked: Checked): Promise<void> {
    const passed = await this.#options.probe(checked.target, checked.policy);
    if (this.#checked.get(id) !== checked) return;
    const before = checked.state.kind;
    checked.state = afterCheck(checked.state, passed, checked.policy);
    const { clock, random } = this.#options;
    // Spread, so that a service's endpoints are not all asked at the same moment.
    const delayMs = checked.policy.intervalMs * (1 - JITTER + 2 * JITTER * random());
    checked.cancel = clock.after(delayMs, () => this.#check(id, checked));
    if (checked.state.kind !== before) this.#options.changed();
  }
}
