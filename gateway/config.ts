import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { cluster, clusterset, hostAndPort, locality, telemetry } from '../federation/config/member-fields.ts';
import { readYamlFile } from '../federation/config/yaml-file.ts';
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
      readonly secretFile: string;
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

/** gateway.yaml, checked, with defaults filled in and paths made absolute. */
export interface GatewayConfig {
  readonly local: LocalCluster;
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
  readonly control: ControlConfig;
  readonly accessLog: AccessLogConfig;
  readonly limits: WorkerLimits;
  readonly forwarding: ForwardingConfig;
  /** How long connections are still taken after the gateway was told to end, while it says that it is not ready. */
  readonly drainDelayMs: number;
  /** How long what is open may take to finish after that. */
  readonly drainGraceMs: number;
}

const MAX_TIMER_MS = 2 ** 31 - 1;
const port = z.int().min(0).max(65_535);
const host = z.string().min(1);
const listenAddress = z.strictObject({ host: host.default('0.0.0.0'), port });
const loopback = host.refine(
  isLoopback,
  'must be a loopback address: whoever reaches the admin endpoint can drain the gateway',
);

const gatewayFile = z
  .strictObject({
    cluster,
    clusterset,
    locality,
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
    federation: z
      .strictObject({
        address: hostAndPort,
        issuerAddress: hostAndPort.optional(),
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
  })
  .refine(
    (file) => (file.federation === undefined) !== (file.static === undefined),
    'needs either federation or static: where the gateway gets its snapshot from',
  );

type GatewayFile = z.infer<typeof gatewayFile>;

/**
 * Reads gateway.yaml.
 * @throws UserError naming file and line of each mistake.
 */
export async function loadGatewayConfig(path: string): Promise<GatewayConfig> {
  const file = await readYamlFile(path, gatewayFile);
  const beside = (name: string): string => resolve(dirname(path), name);
  return {
    local: {
      name: file.cluster,
      clusterset: file.clusterset,
      trustDomain: clusterTrustDomain(file.cluster, file.clusterset),
      locality: file.locality,
    },
    stateFolder: beside(file.stateFolder),
    workers: file.workers ?? availableParallelism(),
    listeners: {
      http: file.listeners.http,
      mesh: file.listeners.mesh,
      tlsPassthrough: file.listeners.tlsPassthrough,
      servicesHost: file.listeners.services?.host,
    },
    admin: 'socket' in file.admin ? { socket: beside(file.admin.socket) } : file.admin,
    telemetry: file.telemetry,
    control: controlOf(file, beside),
    accessLog: {
      sample: file.accessLog.sample,
      file: file.accessLog.file === '-' ? '-' : beside(file.accessLog.file),
    },
    limits: file.limits,
    forwarding: file.forwarding,
    drainDelayMs: file.drainDelayMs,
    drainGraceMs: file.drainGraceMs,
  };
}

function controlOf(file: GatewayFile, beside: (name: string) => string): ControlConfig {
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
    secretFile: beside(federation.secretFile),
    bundleFile: beside(federation.bundleFile),
  };
}
