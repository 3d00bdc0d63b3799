import { isBackendKey, namedKey } from '../../federation/model/service.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import type { Clock } from '../../federation/runtime/clock.ts';
import type {
  EndpointFinding,
  EndpointFindingState,
  HealthReport,
  TrunkFinding,
} from '../../federation/wire/health-report.ts';
import type { HealthChecker } from '../health/health-checker.ts';
import type { ParentMessage } from './messages.ts';
import { PeerSights, type TrunkSighting } from './peer-sights.ts';
import type { WorkerChannel } from './worker-channel.ts';

interface EjectedEndpoint {
  readonly service: string;
  readonly address: string;
}

export interface FindingsOptions {
  readonly clock: Clock;
  readonly checker: HealthChecker;
  readonly broadcast: (message: ParentMessage, except?: WorkerChannel) => void;
  readonly report: (report: HealthReport) => void;
}

/** Round trips alone are no reason to report more often. */
const ROUND_TRIPS_EVERY_MS = 15_000;

/** An ejection outweighs a check: requests fail that checks do not see. */
const GRAVITY: Readonly<Record<EndpointFindingState, number>> = {
  healthy: 0,
  pending: 1,
  unhealthy: 2,
  ejected: 3,
};

/**
 * What the pod finds of its peers and of its own endpoints: gathered from the workers and the checks, shared with
 * all workers, and reported to the federation service.
 */
export class GatewayFindings {
  readonly peers = new PeerSights();
  readonly #options: FindingsOptions;
  readonly #ejections = new Map<number, readonly EjectedEndpoint[]>();
  #told: readonly TrunkFinding[] = [];
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: FindingsOptions) {
    this.#options = options;
  }

  /** What a new worker must know. */
  introduction(): ParentMessage[] {
    const { findings } = this.peers;
    const lost = findings.filter(({ up }) => !up);
    return [
      ...lost.map(
        ({ cluster, sinceMs }): ParentMessage => ({ kind: 'peer', cluster, up: false, atMs: sinceMs }),
      ),
      this.#checksMessage(),
    ];
  }

  snapshotChanged(snapshot: RoutingSnapshot): void {
    this.peers.keepOnly(snapshot.peers);
  }

  /** One worker's loss is every worker's loss: none of them waits to find out by itself. */
  sawTrunk(from: WorkerChannel, sighting: TrunkSighting): void {
    if (!this.peers.saw(sighting)) {
      this.#sawRoundTrip();
      return;
    }
    const { cluster, up, atMs } = sighting;
    this.#options.broadcast({ kind: 'peer', cluster, up, atMs }, from);
    this.#report();
  }

  ejected(pid: number, endpoints: readonly EjectedEndpoint[]): void {
    this.#ejections.set(pid, endpoints);
    this.#report();
  }

  checksChanged(): void {
    this.#options.broadcast(this.#checksMessage());
    this.#report();
  }

  workerGone(pid: number): void {
    const had = this.#ejections.get(pid);
    this.#ejections.delete(pid);
    if (had !== undefined && had.length > 0) this.#report();
  }

  #sawRoundTrip(): void {
    const drift = this.peers.driftFrom(this.#told);
    const isDue = this.#options.clock.monotonic() - this.#toldAtMs >= ROUND_TRIPS_EVERY_MS;
    if (drift === 'first' || (drift === 'some' && isDue)) this.#report();
  }

  #checksMessage(): ParentMessage {
    return { kind: 'checks', findings: [...this.#options.checker.findings] };
  }

  #report(): void {
    this.#told = this.peers.findings;
    this.#toldAtMs = this.#options.clock.monotonic();
    this.#options.report({ trunks: this.#told, endpoints: this.#endpointFindings().map(named) });
  }

  /** Of an address the worst: a host fails with any of its ports, and one number of it may be checked by two protocols. */
  #endpointFindings(): readonly EndpointFinding[] {
    const findings = new Map<string, EndpointFinding>();
    const add = ({ service, address, state }: EndpointFinding): void => {
      const key = `${service} ${address}`;
      const known = findings.get(key);
      if (known === undefined || GRAVITY[state] > GRAVITY[known.state])
        findings.set(key, { service, address, state });
    };
    for (const finding of this.#options.checker.findings) add(finding);
    for (const endpoints of this.#ejections.values()) {
      for (const { service, address } of endpoints) add({ service, address, state: 'ejected' });
    }
    return [...findings.values()];
  }
}

/** The federation service knows a Service by its name, be it a backend alone or not: of a name only one has endpoints here. */
function named(finding: EndpointFinding): EndpointFinding {
  return isBackendKey(finding.service) ? { ...finding, service: namedKey(finding.service) } : finding;
}
