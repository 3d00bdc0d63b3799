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
  readonly listen: ListenPlan;
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

/** Writes gateway.yaml, federation.yaml and the secrets that they name, and makes the folders. */
export async function writeConfiguration(
  layout: FolderLayout,
  plan: FolderPlan,
  member: Membership,
): Promise<void> {
  await mkdir(layout.peers, { recursive: true });
  await writeDurably(layout.gatewaySecretFile, `${randomBytes(32).toString('base64url')}\n`);
  if (member.storeUser !== undefined) {
    await writeDurably(layout.storePasswordFile, `${member.storeUser.password}\n`);
  }
  const caFile = await writeStoreCa(layout, member.store);
  await writeDurably(layout.gatewayFile, stringify(gatewayFile(layout, plan, member)), 0o644);
  await writeDurably(layout.federationFile, stringify(federationFile(layout, plan, member, caFile)), 0o644);
}

async function writeStoreCa(layout: FolderLayout, store: StoreLocation): Promise<string | undefined> {
  if (store.kind !== 'redis' || store.caPem === undefined) return undefined;
  const path = `${layout.trust}/store-ca.pem`;
  await writeDurably(path, store.caPem, 0o644);
  return relative(layout.root, path);
}

function gatewayFile(layout: FolderLayout, plan: FolderPlan, member: Membership): object {
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
  plan: FolderPlan,
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
