import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { type KubernetesAccess, kubernetesAccess } from '../federation/config/kubernetes-fields.ts';
import { cluster, clusterset, hostAndPort, locality, telemetry } from '../federation/config/member-fields.ts';
import { parseYaml, readTextFile, readYamlFile } from '../federation/config/yaml-file.ts';
import type { LocalCluster } from '../federation/model/cluster.ts';
import { isLoopback } from '../federation/model/endpoint.ts';
import { clusterTrustDomain } from '../federation/model/identity.ts';
import { type WorkerLimits, workerLimits } from './limits/limits-config.ts';
import { type ForwardingConfig, forwardingConfig } from './pipeline/forwarding-config.ts';

/** Where to listen; port 0 = any free one, told in the log. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Where the admin endpoint is: on loopback, or on a unix socket. */
export type AdminAddress = ListenAddress | { readonly socket: string };

/** Where snapshots and the SVID come from. Paths are absolute. */
export type ControlConfig =
  | {
      readonly kind: 'federation';
      readonly address: ListenAddress;
      /** Where SVIDs are issued, if not on the same port. */
      readonly issuerAddress: ListenAddress;
      /** Names of all replicas of the federation service, which are told what this gateway finds; empty where there is one. */
      readonly replicas: readonly ListenAddress[];
      readonly secretFile: string;
      /** What that holds: a secret is as a person wrote it, a token is renewed, and judged by others, all the time. */
      readonly proof: 'secret' | 'token';
      readonly bundleFile: string;
    }
  | {
      readonly kind: 'static';
      readonly snapshotFile: string;
      readonly certificateFile: string;
      readonly keyFile: string;
    };

export interface AccessLogConfig {
  /** Share of requests that are logged, 0 to 1. */
  readonly sample: number;
  /** `-` = stdout, else an absolute path. */
  readonly file: string;
}

/** What the process does itself, wherever its cluster's membership comes from. */
export interface ProcessConfig {
  readonly stateFolder: string;
  readonly workers: number;
  readonly listeners: {
    readonly http: ListenAddress | undefined;
    readonly mesh: ListenAddress | undefined;
    /** For TLS that is carried as it is, to the service that its SNI names. */
    readonly tlsPassthrough: ListenAddress | undefined;
    /** Where the ports of imported services are opened; undefined = nowhere. */
    readonly servicesHost: string | undefined;
  };
  readonly admin: AdminAddress;
  /** Where kubelet and Prometheus read /healthz, /readyz and /metrics; undefined = only on `admin`. */
  readonly telemetry: ListenAddress | undefined;
  readonly accessLog: AccessLogConfig;
  readonly limits: WorkerLimits;
  readonly forwarding: ForwardingConfig;
  /** How long connections are still taken after the gateway was told to end, while it says that it is not ready. */
  readonly drainDelayMs: number;
  /** How long what is open may take to finish after that. */
  readonly drainGraceMs: number;
}

/** gateway.yaml, checked, with defaults filled in and paths made absolute. */
export interface GatewayConfig extends ProcessConfig {
  readonly local: LocalCluster;
  readonly control: ControlConfig;
}

/** gateway.yaml of a cluster in Kubernetes: clusterset, locality and bundle are in a ConfigMap. */
export interface KubernetesConfig extends ProcessConfig {
  readonly cluster: string;
  readonly kubernetes: KubernetesAccess;
  readonly federation: {
    readonly address: ListenAddress;
    readonly issuerAddress: ListenAddress;
    readonly replicas: readonly ListenAddress[];
    /** The pod's token for the federation service; kubelet renews it. */
    readonly tokenFile: string;
  };
}

/** What a gateway.yaml says: all of it, or that Kubernetes says the rest. */
export type GatewayFile =
  | { readonly kind: 'folder'; readonly config: GatewayConfig }
  | { readonly kind: 'kubernetes'; readonly config: KubernetesConfig };

const MAX_TIMER_MS = 2 ** 31 - 1;
const port = z.int().min(0).max(65_535);
const host = z.string().min(1);
const listenAddress = z.strictObject({ host: host.default('0.0.0.0'), port });
const loopback = host.refine(
  isLoopback,
  'must be a loopback address: whoever reaches the admin endpoint can drain the gateway',
);

const processFields = {
  stateFolder: z.string().min(1).default('state/gateway'),
  workers: z.int().min(1).max(256).optional(),
  listeners: z
    .strictObject({
      http: listenAddress.optional(),
      mesh: listenAddress.optional(),
      tlsPassthrough: listenAddress.optional(),
      services: z.strictObject({ host: host.default('0.0.0.0') }).optional(),
    })
    .refine(({ http, mesh }) => http !== undefined || mesh !== undefined, 'needs http, mesh, or both'),
  admin: z
    .union([
      z.strictObject({ host: loopback.default('127.0.0.1'), port }),
      z.strictObject({ socket: z.string().min(1) }),
    ])
    .default({ host: '127.0.0.1', port: 15_021 }),
  telemetry: telemetry.optional(),
  accessLog: z
    .strictObject({
      sample: z.number().min(0).max(1).default(1),
      file: z.string().min(1).default('-'),
    })
    .default({ sample: 1, file: '-' }),
  limits: workerLimits,
  forwarding: forwardingConfig,
  drainDelayMs: z.int().min(0).max(MAX_TIMER_MS).default(0),
  drainGraceMs: z.int().min(0).max(MAX_TIMER_MS).default(30_000),
} as const;

/** Where all replicas of the federation service are told what this gateway finds; a name may have several addresses. */
const replicas = z.array(hostAndPort).max(16).default([]);

const gatewayFile = z
  .strictObject({
    cluster,
    clusterset,
    locality,
    ...processFields,
    federation: z
      .strictObject({
        address: hostAndPort,
        issuerAddress: hostAndPort.optional(),
        replicas,
        secretFile: z.string().min(1),
        bundleFile: z.string().min(1),
      })
      .optional(),
    static: z
      .strictObject({
        snapshotFile: z.string().min(1),
        certificateFile: z.string().min(1),
        keyFile: z.string().min(1),
      })
      .optional(),
  })
  .refine(
    (file) => (file.federation === undefined) !== (file.static === undefined),
    'needs either federation or static: where the gateway gets its snapshot from',
  );

const kubernetesFile = z.strictObject({
  cluster,
  ...processFields,
  federation: z.strictObject({
    address: hostAndPort,
    issuerAddress: hostAndPort.optional(),
    replicas,
  }),
  kubernetes: z.strictObject({
    ...kubernetesAccess,
    tokenFile: z.string().min(1).default('/var/run/secrets/isthmus/token'),
  }),
});

/** Which of the two it is, before anything else is said of it. */
const eitherFile = z.looseObject({ kubernetes: z.unknown().optional() });

type FolderFile = z.infer<typeof gatewayFile>;
type ProcessFields = z.infer<z.ZodObject<typeof processFields>>;

/**
 * Reads gateway.yaml of either kind.
 * @throws UserError naming file and line of each mistake.
 */
export async function loadGatewayFile(path: string): Promise<GatewayFile> {
  const text = await readTextFile(path);
  if (parseYaml(text, path, eitherFile).kubernetes === undefined) {
    return { kind: 'folder', config: folderConfig(path, parseYaml(text, path, gatewayFile)) };
  }
  const file = parseYaml(text, path, kubernetesFile);
  const beside = besideOf(path);
  const { address, issuerAddress = address, replicas } = file.federation;
  const { namespace, context, kubeconfig, clustersetConfigMap, tokenFile } = file.kubernetes;
  const access = {
    namespace,
    context,
    clustersetConfigMap,
    kubeconfig: kubeconfig === undefined ? undefined : beside(kubeconfig),
  };
  const federation = { address, issuerAddress, replicas, tokenFile: beside(tokenFile) };
  const config = { ...processOf(file, beside), cluster: file.cluster, kubernetes: access, federation };
  return { kind: 'kubernetes', config };
}

/**
 * Reads gateway.yaml of a cluster outside Kubernetes.
 * @throws UserError naming file and line of each mistake.
 */
export async function loadGatewayConfig(path: string): Promise<GatewayConfig> {
  return folderConfig(path, await readYamlFile(path, gatewayFile));
}

function folderConfig(path: string, file: FolderFile): GatewayConfig {
  const beside = besideOf(path);
  return {
    ...processOf(file, beside),
    local: {
      name: file.cluster,
      clusterset: file.clusterset,
      trustDomain: clusterTrustDomain(file.cluster, file.clusterset),
      locality: file.locality,
    },
    control: controlOf(file, beside),
  };
}

function processOf(file: ProcessFields, beside: (name: string) => string): ProcessConfig {
  const { listeners, admin, accessLog } = file;
  return {
    stateFolder: beside(file.stateFolder),
    workers: file.workers ?? availableParallelism(),
    listeners: {
      http: listeners.http,
      mesh: listeners.mesh,
      tlsPassthrough: listeners.tlsPassthrough,
      servicesHost: listeners.services?.host,
    },
    admin: 'socket' in admin ? { socket: beside(admin.socket) } : admin,
    telemetry: file.telemetry,
    accessLog: { sample: accessLog.sample, file: accessLog.file === '-' ? '-' : beside(accessLog.file) },
    limits: file.limits,
    forwarding: file.forwarding,
    drainDelayMs: file.drainDelayMs,
    drainGraceMs: file.drainGraceMs,
  };
}

function besideOf(path: string): (name: string) => string {
  return (name) => resolve(dirname(path), name);
}

function controlOf(file: FolderFile, beside: (name: string) => string): ControlConfig {
  if (file.static !== undefined) {
    return {
      kind: 'static',
      snapshotFile: beside(file.static.snapshotFile),
      certificateFile: beside(file.static.certificateFile),
      keyFile: beside(file.static.keyFile),
    };
  }
  const { federation } = file;
  if (federation === undefined) throw new Error('the schema lets no file pass without federation or static');
  return {
    kind: 'federation',
    address: federation.address,
    issuerAddress: federation.issuerAddress ?? federation.address,
    replicas: federation.replicas,
    secretFile: beside(federation.secretFile),
    proof: 'secret',
    bundleFile: beside(federation.bundleFile),
  };
}
