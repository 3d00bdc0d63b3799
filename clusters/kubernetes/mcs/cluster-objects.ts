import { z } from 'zod';
import { parseServiceKey, type ServiceKey } from '../../../federation/model/service.ts';
import type { Clock } from '../../../federation/runtime/clock.ts';
import { Reflector, type ReflectorCondition } from '../reflector.ts';
import {
  type GatewayEndpoints,
  type GatewaySlice,
  gatewaySlice,
  joinGatewaySlices,
} from './gateway-endpoints.ts';
import {
  ENDPOINT_SLICES,
  MANAGED_BY,
  MANAGER,
  NAMESPACES,
  SERVICE_EXPORTS,
  SERVICE_IMPORTS,
  SERVICE_NAME,
  SERVICES,
  SLICE_SERVICE,
} from './mcs-objects.ts';
import {
  type Observed,
  type ObservedExport,
  type ObservedImport,
  type ObservedService,
  observeExport,
  observeImport,
  observeService,
  observeSlice,
} from './observed.ts';
import { type McsClient, OwnedObjects } from './owned-objects.ts';

export interface ClusterObjectsOptions {
  readonly client: McsClient;
  /** Of the release: where the gateways' Service is. */
  readonly namespace: string;
  /** Whose ready endpoints are the gateways. */
  readonly gatewayService: string;
  /** What the clusterset has: a namespace that came may be one that a service waits for. */
  readonly wanted: () => Iterable<ServiceKey>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly changed: (keys: Iterable<ServiceKey>) => void;
}

const place = z.object({ metadata: z.object({ deletionTimestamp: z.string().optional() }) });

/** All that the cluster has and that imports and exports depend on, as it is now. */
export class ClusterObjects {
  readonly services: OwnedObjects<ObservedService>;
  readonly slices: OwnedObjects<Observed>;
  readonly imports: OwnedObjects<ObservedImport>;
  readonly exports: Reflector<ObservedExport>;
  /** When all of it is known. */
  readonly ready: Promise<void>;
  readonly #namespaces: Reflector<true>;
  readonly #gatewaySlices: Reflector<GatewaySlice>;
  #gateways: GatewayEndpoints | undefined;

  constructor(options: ClusterObjectsOptions) {
    const { client, namespace, gatewayService, wanted, clock, random, changed } = options;
    const common = { client, clock, random, changed };
    this.services = new OwnedObjects({
      ...common,
      kind: 'Service',
      types: [SERVICES],
      observe: observeService,
    });
    this.slices = new OwnedObjects({
      ...common,
      kind: 'EndpointSlice',
      types: [ENDPOINT_SLICES],
      selection: { labelSelector: `${MANAGED_BY}=${MANAGER},${SERVICE_NAME}` },
      observe: observeSlice,
    });
    this.imports = new OwnedObjects({
      ...common,
      kind: 'ServiceImport',
      types: SERVICE_IMPORTS,
      observe: observeImport,
    });
    this.exports = new Reflector({ ...common, types: SERVICE_EXPORTS, keep: observeExport });
    this.#namespaces = new Reflector<true>({
      ...common,
      types: [NAMESPACES],
      metadataOnly: true,
      keep: (object) => (isEnding(object) ? undefined : true),
      changed: (names) => changed(inNamespaces(new Set(names), [...this.keys(), ...wanted()])),
    });
    this.#gatewaySlices = new Reflector({
      ...common,
      types: [ENDPOINT_SLICES],
      selection: { namespace, labelSelector: `${SLICE_SERVICE}=${gatewayService}` },
      keep: gatewaySlice,
      changed: () => {
        this.#gateways = undefined;
        changed(this.imports.services);
      },
    });
    this.ready = Promise.all(this.#followed().map(({ ready }) => ready)).then(() => undefined);
  }

  hasNamespace(name: string): boolean {
    return this.#namespaces.get(name) === true;
  }

  get gateways(): GatewayEndpoints {
    this.#gateways ??= joinGatewaySlices([...this.#gatewaySlices.entries()].map(([, found]) => found));
    return this.#gateways;
  }

  /** Of which there is anything that we may have to see to. */
  *keys(): Iterable<ServiceKey> {
    yield* this.services.services;
    yield* this.slices.services;
    yield* this.imports.services;
    for (const [key] of this.exports.entries()) yield key;
  }

  /** Why something is not known as it is now. */
  get problems(): readonly string[] {
    return this.#followed()
      .map(({ condition }) => problemOf(condition.value))
      .filter((found) => found !== undefined);
  }

  async close(): Promise<void> {
    await Promise.all(this.#followed().map((one) => one.close()));
  }

  #followed() {
    return [
      this.services,
      this.slices,
      this.imports,
      this.exports,
      this.#namespaces,
      this.#gatewaySlices,
    ] as const;
  }
}

function inNamespaces(names: ReadonlySet<string>, keys: readonly ServiceKey[]): Iterable<ServiceKey> {
  return keys.filter((key) => names.has(parseServiceKey(key).namespace));
}

function isEnding(object: unknown): boolean {
  return place.parse(object).metadata.deletionTimestamp !== undefined;
}

function problemOf(condition: ReflectorCondition): string | undefined {
  return condition.kind === 'failing' ? condition.message : undefined;
}
