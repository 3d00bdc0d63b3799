import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { cluster, clusterset, hostAndPort, locality } from './config/member-fields.ts';
import { readYamlFile } from './config/yaml-file.ts';
import type { GatewayAddress, LocalCluster } from './model/cluster.ts';
import { isLoopback } from './model/endpoint.ts';
import { clusterTrustDomain } from './model/identity.ts';
import type { RoomLimits } from './service/connection-room.ts';
import type { PortRange } from './snapshot/listen-ports.ts';

/** Where to listen; port 0 = any free one, told in the log. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** How the store is reached. Paths are absolute. */
export type StoreConfig =
  | { readonly kind: 'memory'; readonly address: ListenAddress }
  | {
      readonly kind: 'redis';
      /** `redis://` or `rediss://`; with `sentinel` those of the sentinels, with `cluster` of some nodes. */
      readonly urls: readonly string[];
      readonly username: string | undefined;
      readonly passwordFile: string | undefined;
      readonly caFile: string | undefined;
      readonly sentinel: { readonly name: string } | undefined;
      readonly cluster: boolean;
    };

/** federation.yaml, checked, with defaults filled in and paths made absolute. */
export interface FederationConfig {
  readonly local: LocalCluster;
  readonly stateFolder: string;
  readonly trustFolder: string;
  /** The folder of the file provider. */
  readonly resources: string;
  /** Where peers reach this cluster's gateways. */
  readonly gateways: readonly GatewayAddress[];
  readonly listen: ListenAddress;
  /** A second port, for the Issuer; the first serves it too. */
  readonly issuer: ListenAddress | undefined;
  /** Of connections; for each port that gateways and strangers come to. */
  readonly limits: RoomLimits;
  readonly gatewaySecretFile: string;
  readonly admin: ListenAddress;
  readonly servicePorts: PortRange;
  /** Which ports were given to which services. Replicas of one cluster name the same file. */
  readonly servicePortsFile: string;
  readonly store: StoreConfig;
}

export const DEFAULT_LIMITS: RoomLimits = {
  maxConnections: 1000,
  maxUnauthenticated: 250,
  maxUnauthenticatedPerSource: 50,
};

const port = z.int().min(0).max(65_535);
const servicePort = z.int().min(1).max(65_535);
const path = z.string().min(1);
const host = z.string().min(1);
const loopback = host.refine(
  isLoopback,
  'must be a loopback address: the admin endpoint tells everything about the clusterset',
);

const storeFile = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('memory'), address: hostAndPort }),
  z.strictObject({
    kind: z.literal('redis'),
    urls: z
      .array(
        z.string().regex(/^rediss?:\/\/[^@]+$/, 'must be redis:// or rediss://, without user or password'),
      )
      .min(1)
      .max(32),
    username: z.string().min(1).optional(),
    passwordFile: path.optional(),
    caFile: path.optional(),
    sentinel: z.strictObject({ name: z.string().min(1) }).optional(),
    cluster: z.boolean().default(false),
  }),
]);

const limits = z
  .strictObject({
    maxConnections: z.int().min(2).max(100_000).default(DEFAULT_LIMITS.maxConnections),
    maxUnauthenticated: z.int().min(1).max(100_000).default(DEFAULT_LIMITS.maxUnauthenticated),
    maxUnauthenticatedPerSource: z
      .int()
      .min(1)
      .max(100_000)
      .default(DEFAULT_LIMITS.maxUnauthenticatedPerSource),
  })
  .refine(({ maxConnections, maxUnauthenticated }) => maxUnauthenticated < maxConnections, {
    message: 'must be less than maxConnections: the rest is for gateways that have authenticated',
    path: ['maxUnauthenticated'],
  });

const federationFile = z.strictObject({
  cluster,
  clusterset,
  locality,
  stateFolder: path.default('state/federation'),
  trustFolder: path.default('trust'),
  resources: path.default('resources'),
  gateways: z.array(hostAndPort).min(1).max(32),
  listen: z.strictObject({ host: host.default('127.0.0.1'), port }),
  issuer: z.strictObject({ host: host.default('127.0.0.1'), port }).optional(),
  limits: limits.default(DEFAULT_LIMITS),
  gatewaySecretFile: path,
  admin: z
    .strictObject({ host: loopback.default('127.0.0.1'), port })
    .default({ host: '127.0.0.1', port: 15_011 }),
  servicePorts: z
    .strictObject({ from: servicePort, to: servicePort, file: path.optional() })
    .refine(({ from, to }) => from <= to, 'from must not be above to')
    .default({ from: 15_500, to: 32_767 }),
  store: storeFile,
});

/**
 * Reads federation.yaml.
 * @throws UserError naming file and line of each mistake.
 */
export async function loadFederationConfig(file: string): Promise<FederationConfig> {
  const found = await readYamlFile(file, federationFile);
  const beside = (name: string): string => resolve(dirname(file), name);
  const stateFolder = beside(found.stateFolder);
  const { from, to, file: portsFile } = found.servicePorts;
  return {
    local: {
      name: found.cluster,
      clusterset: found.clusterset,
      trustDomain: clusterTrustDomain(found.cluster, found.clusterset),
      locality: found.locality,
    },
    stateFolder,
    trustFolder: beside(found.trustFolder),
    resources: beside(found.resources),
    gateways: found.gateways,
    listen: found.listen,
    issuer: found.issuer,
    limits: found.limits,
    gatewaySecretFile: beside(found.gatewaySecretFile),
    admin: found.admin,
    servicePorts: { from, to },
    servicePortsFile: portsFile === undefined ? resolve(stateFolder, 'ports.json') : beside(portsFile),
    store: storeOf(found.store, beside),
  };
}

function storeOf(store: z.infer<typeof storeFile>, beside: (name: string) => string): StoreConfig {
  if (store.kind === 'memory') return store;
  const { passwordFile, caFile } = store;
  return {
    kind: 'redis',
    urls: store.urls,
    username: store.username,
    passwordFile: passwordFile === undefined ? undefined : beside(passwordFile),
    caFile: caFile === undefined ? undefined : beside(caFile),
    sentinel: store.sentinel,
    cluster: store.cluster,
  };
}
