import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createStoreUser } from '../../federation/store/acl.ts';
import type { ListenPlan } from '../folder/configuration.ts';
import { initCluster } from '../folder/init.ts';
import { inviteCluster } from '../folder/invite.ts';
import { joinCluster } from '../folder/join.ts';
import type { CreateStoreUser } from '../folder/store-access.ts';
import { DemoCluster } from './demo-cluster.ts';
import type { DemoStore } from './demo-options.ts';
import { type RunningStore, startStore } from './demo-store.ts';
import { gathered } from './gathering.ts';
import { CANARIES } from './manifests.ts';
import { ProcessNursery } from './process-group.ts';
import { CLUSTERSET, type ClusterPlan, ENTRY, HOST, OTHER, planClusters } from './topology.ts';

const WORKERS = 2;
const INVITE_TTL_MS = 300_000;
const CLOSE_GRACE_MS = 5_000;

/** The whole demo while it runs: three clusters joined by real tokens, and their store. */
export class DemoWorld {
  readonly root: string;
  readonly store: RunningStore;
  readonly clusters: ReadonlyMap<string, DemoCluster>;
  readonly #nursery: ProcessNursery;

  private constructor(
    nursery: ProcessNursery,
    root: string,
    store: RunningStore,
    clusters: readonly DemoCluster[],
  ) {
    this.#nursery = nursery;
    this.root = root;
    this.store = store;
    this.clusters = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  }

  /** Builds and starts everything; `news` is told of each step. What was started is ended when a step fails. */
  static async build(kind: DemoStore, news: (sentence: string) => void): Promise<DemoWorld> {
    const root = await mkdtemp(join(tmpdir(), 'isthmus-demo-'));
    const nursery = new ProcessNursery();
    nursery.adoptFolder(root);
    const stop = (): void => void nursery.close(0).then(() => process.exit(1));
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    try {
      news(`store: ${kind.kind === 'memory' ? 'a process of its own, in memory' : 'Redis'}`);
      const store = await startStore(nursery, kind, root);
      const clusters = (await planClusters()).map((plan) => new DemoCluster(nursery, plan, root));
      const world = new DemoWorld(nursery, root, store, clusters);
      await world.#found(news);
      return world;
    } catch (failure) {
      nursery.keepFolder(root);
      await nursery.close(CLOSE_GRACE_MS);
      throw failure;
    } finally {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    }
  }

  cluster(name: string): DemoCluster {
    const cluster = this.clusters.get(name);
    if (cluster === undefined) throw new Error(`the demo has no cluster ${name}`);
    return cluster;
  }

  close(): Promise<void> {
    return this.#nursery.close(CLOSE_GRACE_MS);
  }

  async #found(news: (sentence: string) => void): Promise<void> {
    const home = this.cluster(ENTRY);
    news(`isthmus cluster init ${home.name} (the trust home: it makes the root)`);
    await initCluster({
      ...folderPlan(home.plan, home.folder),
      clusterset: CLUSTERSET,
      store: this.store.location,
      storeAdmin: this.store.admin,
      createStoreUser: makeStoreUser,
      nowMs: Date.now(),
    });
    await home.writeManifests({ canaries: 0, greeter: false });
    news(`starting ${home.name}: federation, gateway, backends`);
    await home.start();
    const others = [...this.clusters.values()].filter((cluster) => cluster !== home);
    // Side by side: each join is a token, a dial and three processes of its own.
    await Promise.all(others.map((cluster) => this.#join(home, cluster, news)));
    await gathered([...this.clusters.values()]);
  }

  async #join(home: DemoCluster, cluster: DemoCluster, news: (sentence: string) => void): Promise<void> {
    news(`isthmus cluster invite ${cluster.name} → token; isthmus cluster join TOKEN in ${cluster.name}`);
    const { token } = await inviteCluster({
      force: false,
      dir: home.folder,
      cluster: cluster.name,
      ttlMs: INVITE_TTL_MS,
      createStoreUser: makeStoreUser,
      nowMs: Date.now(),
    });
    await joinCluster({ ...folderPlan(cluster.plan, cluster.folder), token, nowMs: Date.now() });
    await cluster.writeManifests({ canaries: cluster.name === OTHER ? CANARIES : 0, greeter: true });
    news(`starting ${cluster.name}: federation, gateway, backends`);
    await cluster.start();
  }
}

const makeStoreUser: CreateStoreUser = ({ location, admin, clusterset, cluster, user }) =>
  createStoreUser({ location, admin, clusterset, cluster, user });

function folderPlan(plan: ClusterPlan, dir: string) {
  const at = (port: number): { host: string; port: number } => ({ host: HOST, port });
  const { ports } = plan;
  const listen: ListenPlan = {
    http: at(ports.http),
    mesh: at(ports.mesh),
    gatewayAdmin: at(ports.gatewayAdmin),
    federation: at(ports.federation),
    issuer: at(ports.issuer),
    federationAdmin: at(ports.federationAdmin),
    servicesHost: HOST,
    servicePorts: { from: ports.servicesFrom, to: ports.servicesTo },
  };
  return {
    dir,
    cluster: plan.name,
    locality: plan.locality,
    listen,
    advertise: [`${HOST}:${ports.mesh}`],
    workers: WORKERS,
    accessLogSample: 0.01,
  };
}
