import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { cluster, clusterset, hostAndPort, locality, place, telemetry } from './config/member-fields.ts';
import { parseYaml, readTextFile, readYamlFile } from './config/yaml-file.ts';
import { type KubernetesSection, kubernetesMember, kubernetesSectionOf } from './kubernetes-config.ts';
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

/** What the process does itself, wherever its cluster's membership comes from. */
export interface ProcessConfig {
  /** Whose pods reach each other without gateways: clusters that name the same. undefined = none. */
  readonly network: string | undefined;
  readonly stateFolder: string;
  readonly listen: ListenAddress;
  /** A second port, for the Issuer; the first serves it too. */
  readonly issuer: ListenAddress | undefined;
  /** Of connections; for each port that gateways and strangers come to. */
  readonly limits: RoomLimits;
  readonly admin: ListenAddress;
  /** Where kubelet and Prometheus read /healthz, /readyz and /metrics; undefined = only on `admin`. */
  readonly telemetry: ListenAddress | undefined;
  readonly servicePorts: PortRange;
  /** Which ports were given to which services. Replicas of one cluster name the same file. */
  readonly servicePortsFile: string;
}

/** What a federation service runs from. */
export interface MemberConfig extends ProcessConfig {
  readonly local: LocalCluster;
  readonly trustFolder: string;
}

/** federation.yaml of a cluster in Kubernetes: the rest is in the cluster. */
export interface KubernetesConfig extends ProcessConfig {
  readonly cluster: string;
  readonly kubernetes: KubernetesSection;
}

/** federation.yaml, checked, with defaults filled in and paths made absolute. */
export interface FederationConfig extends MemberConfig {
  /** The folder of the file provider. */
  readonly resources: string;
  /** Where peers reach this cluster's gateways. */
  readonly gateways: readonly GatewayAddress[];
  readonly gatewaySecretFile: string;
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

const processFields = {
  network: place.refine((name) => name !== '', 'must not be empty').optional(),
  stateFolder: path.default('state/federation'),
  listen: z.strictObject({ host: host.default('127.0.0.1'), port }),
  issuer: z.strictObject({ host: host.default('127.0.0.1'), port }).optional(),
  limits: limits.default(DEFAULT_LIMITS),
  admin: z
    .strictObject({ host: loopback.default('127.0.0.1'), port })
    .default({ host: '127.0.0.1', port: 15_011 }),
  telemetry: telemetry.optional(),
  servicePorts: z
    .strictObject({ from: servicePort, to: servicePort, file: path.optional() })
    .refine(({ from, to }) => from <= to, 'from must not be above to')
    .default({ from: 15_500, to: 32_767 }),
} as const;

const federationFile = z.strictObject({
  cluster,
  clusterset,
  locality,
  trustFolder: path.default('trust'),
  resources: path.default('resources'),
  gateways: z.array(hostAndPort).min(1).max(32),
  gatewaySecretFile: path,
  ...processFields,
  store: storeFile,
});

const kubernetesFile = z.strictObject({ ...processFields, ...kubernetesMember });

/** Which of the two it is, before anything else is said of it. */
const eitherFile = z.looseObject({ kubernetes: z.unknown().optional() });

/** What a federation.yaml says: all of it, or that Kubernetes says the rest. */
export type FederationFile =
  | { readonly kind: 'folder'; readonly config: FederationConfig }
  | { readonly kind: 'kubernetes'; readonly config: KubernetesConfig };

/**
 * Reads federation.yaml of either kind.
 * @throws UserError naming file and line of each mistake.
 */
export async function loadFederationFile(file: string): Promise<FederationFile> {
  const text = await readTextFile(file);
  if (parseYaml(text, file, eitherFile).kubernetes === undefined) {
    return { kind: 'folder', config: folderConfig(file, parseYaml(text, file, federationFile)) };
  }
  const found = parseYaml(text, file, kubernetesFile);
  const { cluster: name, kubernetes } = found;
  const section = kubernetesSectionOf(kubernetes, besideOf(file));
  return { kind: 'kubernetes', config: { ...processOf(file, found), cluster: name, kubernetes: section } };
}

/**
 * Reads federation.yaml of a cluster outside Kubernetes.
 * @throws UserError naming file and line of each mistake.
 */
export async function loadFederationConfig(file: string): Promise<FederationConfig> {
  return folderConfig(file, await readYamlFile(file, federationFile));
}

function folderConfig(file: string, found: z.infer<typeof federationFile>): FederationConfig {
  const beside = besideOf(file);
  return {
    ...processOf(file, found),
    local: {
      name: found.cluster,
      clusterset: found.clusterset,
      trustDomain: clusterTrustDomain(found.cluster, found.clusterset),
      locality: found.locality,
    },
    trustFolder: beside(found.trustFolder),
    resources: beside(found.resources),
    gateways: found.gateways,
    gatewaySecretFile: beside(found.gatewaySecretFile),
    store: storeOf(found.store, beside),
  };
}

type ProcessFields = z.infer<z.ZodObject<typeof processFields>>;

function processOf(file: string, found: ProcessFields): ProcessConfig {
  const beside = besideOf(file);
  const { listen, issuer, admin, telemetry: shown, servicePorts } = found;
  const stateFolder = beside(found.stateFolder);
  const { from, to, file: portsFile } = servicePorts;
  return {
    network: found.network,
    stateFolder,
    listen,
    issuer,
    limits: found.limits,
    admin,
    telemetry: shown,
    servicePorts: { from, to },
    servicePortsFile: portsFile === undefined ? resolve(stateFolder, 'ports.json') : beside(portsFile),
  };
}

function besideOf(file: string): (name: string) => string {
  return (name) => resolve(dirname(file), name);
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
