import { relative } from 'node:path';
import { isLoopback } from '../../federation/model/endpoint.ts';
import { type FolderHome, makeAtHome } from '../folder/folder-home.ts';
import { type InitResult, initCluster } from '../folder/init.ts';
import type { FolderLayout } from '../folder/layout.ts';
import type { CreateStoreUser, StoreLocation, UserPersistence } from '../folder/store-access.ts';
import { parseHostPort } from './address.ts';
import type { CommandOutput } from './command-output.ts';
import { type FolderFlags, keptFolderPlan, parseFolderFlags } from './folder-flags.ts';
import { chosenStore } from './release-store.ts';
import { parseStoreFlags, type StoreFlags } from './store-flags.ts';
import { usageError } from './usage-error.ts';

export interface InitFlags extends FolderFlags, Partial<StoreFlags> {
  readonly clusterset: string;
}

export interface InitContext {
  readonly output: CommandOutput;
  readonly createStoreUser: CreateStoreUser;
  readonly storeAdminPassword: string | undefined;
  /** Where the store admin's password comes from when its file is `-`. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly nowMs: number;
  readonly home?: FolderHome | undefined;
  /** The store of the chart's release, where there is one. */
  readonly releaseStore?: StoreFlags | undefined;
}

/** `isthmus cluster init NAME`: founds a clusterset with its first member. */
export async function initCommand(cluster: string, flags: InitFlags, context: InitContext): Promise<void> {
  const { output, createStoreUser, nowMs, home } = context;
  if (home !== undefined) checkReleaseName(home, cluster);
  const plan = home === undefined ? parseFolderFlags(flags) : await keptFolderPlan(flags, home);
  const { storeAdminPassword, releaseStore, stdin } = context;
  const store = await parseStoreFlags(chosenStore(flags, releaseStore), storeAdminPassword, stdin);
  const result = await makeAtHome(home, () =>
    initCluster({
      ...plan,
      cluster,
      clusterset: flags.clusterset,
      store: store.location,
      storeAdmin: store.admin,
      createStoreUser,
      nowMs,
    }),
  );
  if (store.location.kind === 'redis' && store.admin === undefined) {
    output.warn(
      'the store is used without users of its own: whoever reaches it can withhold news from every cluster; ' +
        'see --store-admin-user',
    );
  }
  warnOfPersistence(output, cluster, result.storeUser);
  warnOfLoopback(output, plan.advertise);
  output.result(
    {
      cluster,
      clusterset: flags.clusterset,
      trustDomain: result.trustDomain,
      folder: result.layout.root,
      advertised: plan.advertise,
      store: store.location.kind,
      storeUser: result.storeUser ?? null,
    },
    () => summary(cluster, flags.clusterset, result, store.location, context),
  );
}

/** The release's objects, its certificates and its CLI all go by one name. */
function checkReleaseName(home: FolderHome, cluster: string): void {
  if (home.cluster === cluster) return;
  throw usageError(
    `this release is of a cluster called ${home.cluster}, not ${cluster}`,
    'use that name, or install the chart with another cluster.name',
  );
}

function summary(
  cluster: string,
  clusterset: string,
  { layout, trustDomain }: InitResult,
  store: StoreLocation,
  { output, home }: InitContext,
): string {
  const folder = shellWord(layout.root);
  const begin = home === undefined ? 'Start it, then let' : 'Its programs begin by themselves. Let';
  return [
    `${output.style('green', '✔')} ${cluster} founded the clusterset ${clusterset} (trust domain ${trustDomain})`,
    '',
    `${output.style('bold', layout.trust)} holds the root's key: whoever has it speaks for every cluster. Keep a copy offline.`,
    '',
    `${begin} others in:`,
    ...(store.kind === 'memory' ? [`  isthmus federation store --listen ${store.address}`] : []),
    ...(home === undefined ? runCommands(layout) : []),
    `  isthmus cluster invite NAME --dir ${folder}`,
  ].join('\n');
}

/** What starts a cluster's two programs. */
export function runCommands(layout: FolderLayout): string[] {
  return [
    `  isthmus federation run --config ${shellWord(pathFromHere(layout.federationFile))}`,
    `  isthmus gateway run --config ${shellWord(pathFromHere(layout.gatewayFile))}`,
  ];
}

function pathFromHere(path: string): string {
  const near = relative('.', path);
  return near.startsWith('..') ? path : near;
}

/** A word that a shell takes as it stands. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

export function warnOfPersistence(
  output: CommandOutput,
  cluster: string,
  persistence: UserPersistence | undefined,
): void {
  if (persistence !== 'memory-only') return;
  output.warn(
    `Redis keeps the user of ${cluster} in memory only: it is gone when Redis restarts, and ${cluster} is then locked out; ` +
      'give Redis an aclfile, or a config file that it may rewrite, and run this again',
  );
}

export function warnOfLoopback(output: CommandOutput, advertised: readonly string[]): void {
  if (!advertised.every((text) => isLoopback(parseHostPort('--advertise', text).host))) return;
  output.warn(
    `peers are told to reach this cluster at ${advertised.join(', ')}, which only programs on this machine can; ` +
      'for others give --listen-mesh and --advertise',
  );
}
