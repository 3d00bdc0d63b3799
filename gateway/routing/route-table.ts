import type { ServiceKey } from '../../federation/model/service.ts';
import type { RoutingSnapshot } from '../../federation/model/snapshot.ts';
import { parseClustersetHost } from './authority.ts';
import type { CallerDirectory } from './caller-directory.ts';
import type { KnownAuthorities } from './known-authorities.ts';
import type { PeerAvailability } from './peer-availability.ts';
import type { Route, RouteTarget } from './route.ts';
import { type RouteIndex, routeOf, type ServiceRoutes } from './route-index.ts';

/** More spellings of names than this are not kept: each is read anew then. */
const MAX_KNOWN_AUTHORITIES = 20_000;

/** Everything that a snapshot says about where requests go, ready to be looked up. */
export class RouteTable<Telemetry = unknown> {
  readonly snapshot: RoutingSnapshot;
  readonly peers: PeerAvailability;
  readonly index: RouteIndex<Telemetry>;
  /** By the addresses of this cluster's pods. */
  readonly callers: CallerDirectory;
  readonly #sharedPorts: ReadonlySet<number>;
  readonly authorities: KnownAuthorities;
  /** Only names that lead somewhere: strangers cannot fill it. */
  readonly #byAuthority = new Map<string, Route<Telemetry>>();
  /** Those that were asked for. In the index of a large cluster a look-up costs 0.1 µs. */
  readonly #byTarget = new Map<RouteTarget, Route<Telemetry>>();

  constructor(
    snapshot: RoutingSnapshot,
    index: RouteIndex<Telemetry>,
    {
      peers,
      callers,
      authorities,
      sharedPorts,
    }: {
      readonly peers: PeerAvailability;
      readonly callers: CallerDirectory;
      readonly authorities: KnownAuthorities;
      readonly sharedPorts: ReadonlySet<number>;
    },
  ) {
    this.snapshot = snapshot;
    this.index = index;
    this.peers = peers;
    this.callers = callers;
    this.authorities = authorities;
    this.#sharedPorts = sharedPorts;
  }

  get services(): ReadonlyMap<ServiceKey, ServiceRoutes<Telemetry>> {
    return this.index.services;
  }

  *routes(): Iterable<Route<Telemetry>> {
    for (const { routes } of this.services.values()) yield* routes;
  }

  /** By `namespace/name:port name`, also one that answers to no name. */
  byTarget(target: RouteTarget): Route<Telemetry> | undefined {
    const known = this.#byTarget.get(target);
    if (known !== undefined) return known;
    const route = routeOf(this.services, target);
    if (route !== undefined) this.#byTarget.set(target, route);
    return route;
  }

  /** By the port that this gateway listens on for an imported service's port. */
  byListenPort(port: number): Route<Telemetry> | undefined {
    const target = this.index.byListenPort.get(port);
    return target === undefined ? undefined : this.byTarget(target);
  }

  /**
   * By a request's authority: `payments.shop.svc.clusterset.local` or `payments.shop`, in any case, with or without
   * a final dot and a port. The port is the service's; none, or that of the shared listener, means the first HTTP
   * port. Only HTTP ports are found.
   */
  byAuthority(authority: string): Route<Telemetry> | undefined {
    const known = this.#byAuthority.get(authority);
    if (known !== undefined) return known;
    const route = this.#findAuthority(authority);
    if (route !== undefined && this.#byAuthority.size < MAX_KNOWN_AUTHORITIES) {
      this.#byAuthority.set(authority, route);
    }
    return route;
  }

  /** By a TLS server name in lower case, the whole of it: `payments.shop.svc.clusterset.local`. */
  byServerName(serverName: string): Route<Telemetry> | undefined {
    const key = parseClustersetHost(serverName);
    return key === undefined ? undefined : this.services.get(key)?.tlsRoute;
  }

  #findAuthority(authority: string): Route<Telemetry> | undefined {
    const named = this.authorities.read(authority);
    const service = named === undefined ? undefined : this.services.get(named.key);
    if (named === undefined || service === undefined) return undefined;
    this.authorities.keep(authority, named);
    const own = service.named.find(
      (route) => route.port.port === named.port && route.port.protocol !== 'tcp',
    );
    if (own !== undefined) return own;
    return named.port === undefined || this.#sharedPorts.has(named.port) ? service.defaultRoute : undefined;
  }
}
