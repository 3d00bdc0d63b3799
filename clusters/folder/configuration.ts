import { randomBytes } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import { relative } from 'node:path';
import { stringify } from 'yaml';
import { isDnsLabel, type Locality } from '../../federation/model/cluster.ts';
import { type HostPort, hostPort } from '../../federation/model/endpoint.ts';
import { UserError } from '../../federation/model/user-error.ts';
import { writeDurably } from '../../federation/runtime/durable-file.ts';
import type { FolderLayout } from './layout.ts';
import type { StoreLocation, StoreUser } from './store-access.ts';

/** What a cluster's processes listen on. */
export interface ListenPlan {
  readonly http: HostPort;
  readonly mesh: HostPort;
  readonly gatewayAdmin: HostPort;
  readonly federation: HostPort;
  readonly issuer: HostPort | undefined;
  readonly federationAdmin: HostPort;
  /** Where ports of imported services are opened. */
  readonly servicesHost: string;
  readonly servicePorts: { readonly from: number; readonly to: number };
}

/** What init and join are told alike. */
export interface FolderPlan {
  readonly dir: string;
  readonly cluster: string;
  readonly locality: Locality;
  /** undefined = the programs' files are made elsewhere, as in Kubernetes. */
  readonly listen: ListenPlan | undefined;
  /** `host:port` of the mesh listener as peers reach it. */
  readonly advertise: readonly string[];
  /** undefined = one per core. */
  readonly workers: number | undefined;
  /** Share of requests in the access log, 0 to 1. */
  readonly accessLogSample: number;
}

export interface Membership {
  readonly clusterset: string;
  readonly store: StoreLocation;
  readonly storeUser: StoreUser | undefined;
}

/** @throws UserError when the name cannot be a cluster's, or the folder already is one's. */
export async function claimFolder(layout: FolderLayout, cluster: string): Promise<void> {
  if (!isDnsLabel(cluster)) {
    throw new UserError(`cluster name ${JSON.stringify(cluster)} is not a DNS label`, {
      hint: 'use at most 63 of a-z, 0-9 and -, beginning and ending with a letter or digit',
      exitCode: 2,
    });
  }
  if (await exists(layout.clusterFile)) {
    throw new UserError(`${layout.root} already is a cluster's folder`, {
      hint: 'use another --dir; nothing was changed',
    });
  }
  await mkdir(layout.root, { recursive: true });
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (failure) {
    if ((failure as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw failure;
  }
}

/** Writes the secrets, makes the folders, and where the plan says how to listen gateway.yaml and federation.yaml. */
export async function writeConfiguration(
  layout: FolderLayout,
  plan: FolderPlan,
  member: Membership,
): Promise<void> {
  const { store, storeUser } = member;
  if (storeUser !== undefined) await writeDurably(layout.storePasswordFile, `${storeUser.password}\n`);
  const caPem = store.kind === 'redis' ? store.caPem : undefined;
  if (caPem !== undefined) await writeDurably(layout.storeCaFile, caPem, 0o644);
  const { listen } = plan;
  if (listen === undefined) return;
  await mkdir(layout.peers, { recursive: true });
  await writeDurably(layout.gatewaySecretFile, `${randomBytes(32).toString('base64url')}\n`);
  const planned = { ...plan, listen };
  const caFile = caPem === undefined ? undefined : relative(layout.root, layout.storeCaFile);
  await writeDurably(layout.gatewayFile, stringify(gatewayFile(layout, planned, member)), 0o644);
  const federation = stringify(federationFile(layout, planned, member, caFile));
  await writeDurably(layout.federationFile, federation, 0o644);
}

/** Of a folder whose programs run from it. */
export type RunningPlan = FolderPlan & { readonly listen: ListenPlan };

function gatewayFile(layout: FolderLayout, plan: RunningPlan, member: Membership): object {
  const { listen } = plan;
  return {
    cluster: plan.cluster,
    clusterset: member.clusterset,
    locality: plan.locality,
    stateFolder: 'state/gateway',
    ...(plan.workers === undefined ? {} : { workers: plan.workers }),
    listeners: { http: listen.http, mesh: listen.mesh, services: { host: listen.servicesHost } },
    admin: listen.gatewayAdmin,
    federation: {
      address: address(listen.federation),
      ...(listen.issuer === undefined ? {} : { issuerAddress: address(listen.issuer) }),
      secretFile: relative(layout.root, layout.gatewaySecretFile),
      bundleFile: relative(layout.root, layout.bundleFile),
    },
    accessLog: { sample: plan.accessLogSample, file: '-' },
  };
}

function federationFile(
  layout: FolderLayout,
  plan: RunningPlan,
  member: Membership,
  caFile: string | undefined,
): object {
  const { listen } = plan;
  return {
    cluster: plan.cluster,
    clusterset: member.clusterset,
    locality: plan.locality,
    stateFolder: 'state/federation',
    trustFolder: relative(layout.root, layout.trust),
    resources: relative(layout.root, layout.resources),
    gateways: plan.advertise,
    listen: listen.federation,
    ...(listen.issuer === undefined ? {} : { issuer: listen.issuer }),
    gatewaySecretFile: relative(layout.root, layout.gatewaySecretFile),
    admin: listen.federationAdmin,
    servicePorts: listen.servicePorts,
    store: storeSection(layout, member, caFile),
  };
}

function storeSection(layout: FolderLayout, member: Membership, caFile: string | undefined): object {
  const { store, storeUser } = member;
  if (store.kind === 'memory') return store;
  const { kind, urls, sentinel, cluster } = store;
  return {
    kind,
    urls,
    ...(storeUser === undefined
      ? {}
      : { username: storeUser.username, passwordFile: relative(layout.root, layout.storePasswordFile) }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(sentinel === undefined ? {} : { sentinel }),
    ...(cluster === undefined ? {} : { cluster }),
  };
}

function address({ host, port }: HostPort): string {
  return hostPort(host, port);
}
