import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { initCluster } from '../../clusters/folder/init.ts';
import { folderLayout } from '../../clusters/folder/layout.ts';
import { ClustersetMap } from '../../clusters/kubernetes/membership/clusterset-map.ts';
import { FolderKeeper } from '../../clusters/kubernetes/membership/folder-keeper.ts';
import { clusterPlan } from '../fixtures/cluster-plan.ts';
import { type CommandResult, type IsthmusProcess, isthmus } from '../fixtures/isthmus-process.ts';
import { KubeApiServer, missingKubeApiServer } from '../fixtures/kube-api-server.ts';
import {
  type FederationReplica,
  type GatewayPod,
  KubernetesRelease,
  NAMESPACE,
} from '../fixtures/kubernetes-release.ts';
import { TcpRelay } from '../fixtures/tcp-relay.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

const ROLE_BINDINGS = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'rolebindings',
  namespaced: true,
};
const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', namespaced: true };
const SECRETS = { group: '', version: 'v1', plural: 'secrets', namespaced: true };
const MAP = { namespace: NAMESPACE, name: 'isthmus-clusterset' };
const MEMBERSHIP = { namespace: NAMESPACE, name: 'isthmus-membership' };

/** Status and text of `/readyz`, where it answers. */
async function readiness(port: number): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    const said = /waiting|starting|ready/.exec(await response.text())?.[0];
    return `${response.status} ${said}`;
  } catch {
    return 'no answer';
  }
}

describe('a release without a membership', { skip: missingKubeApiServer(), timeout: 300_000 }, () => {
  const ends: (() => void | Promise<void>)[] = [];
  const owner = { after: (end: () => void | Promise<void>): void => void ends.unshift(end) };
  let api: KubeApiServer;
  let relay: TcpRelay;
  let west: KubernetesRelease;
  let pod: GatewayPod;
  let service: FederationReplica;
  let gateway: IsthmusProcess;

  before(async () => {
    api = await KubeApiServer.start(owner);
    relay = await TcpRelay.start(owner, api.port);
    west = await KubernetesRelease.install(owner, 'west', api, `https://127.0.0.1:${relay.port}`);
    pod = await west.gateway();
  });
  after(async () => {
    for (const end of ends) await end();
  });

  const both = async (wanted: string): Promise<void> => {
    const { federationTelemetry, gatewayTelemetry } = west.ports;
    await service.process.until(wanted, async () => (await readiness(federationTelemetry)) === wanted);
    await gateway.until(wanted, async () => (await readiness(gatewayTelemetry)) === wanted);
  };
  const start = async (): Promise<void> => {
    service = await west.federation(0);
    gateway = pod.start();
  };
  const stop = async (): Promise<void> => {
    await Promise.all([service.process.stop(), gateway.stop()]);
  };
  const status = () => isthmus(owner, ['federation', 'status', '--config', service.file]);
  /** A release that has just started is not ready either: what it was told since is what is asked for. */
  const untilStatus = async (says: RegExp) => {
    let found: CommandResult | undefined;
    await service.process.until(`its status says ${says}`, async () => {
      found = await status();
      return says.test(found.stderr);
    });
    return found;
  };

  const times = (text: string): number => (gateway.stdout + gateway.stderr).split(text).length - 1;
  /** A second watch that breaks off is one that began when the gateway had asked for everything again. */
  const askAgain = async (): Promise<void> => {
    while (times('the watch broke off') < 2) {
      relay.reset();
      await sleep(2000);
    }
  };

  it('is not ready before the API server has said that there is none', async () => {
    relay.freeze();
    await start();
    await both('503 starting');
    assert.match(
      (await status()).stderr,
      /waits for the Kubernetes API to say whether this cluster is a member/,
    );
    await api.kill();
    relay.thaw();
    await gateway.until('it was told nothing', () => /API is away/.test(gateway.stdout + gateway.stderr));
    await both('503 starting');
    assert.equal((await status()).code, 3);
    await api.start();
    await both('200 waiting');
  });

  it('says once that it waits, however often it has to ask again', async () => {
    await askAgain();
    assert.equal(times('waits: this cluster is not a member yet'), 1);
  });

  it('stays ready when the API server goes away after that', async () => {
    const told = gateway.stdout.length + gateway.stderr.length;
    await api.kill();
    await gateway.until('it noticed', () => gateway.stdout.length + gateway.stderr.length > told);
    await both('200 waiting');
    await api.start();
    await stop();
  });

  it('is not ready while it may not ask', async () => {
    const names = ['isthmus-federation', 'isthmus-gateway'];
    const bindings = await Promise.all(
      names.map((name) => west.admin.get(ROLE_BINDINGS, { namespace: NAMESPACE, name })),
    );
    for (const name of names) await west.admin.delete(ROLE_BINDINGS, { namespace: NAMESPACE, name });
    await start();
    await both('503 starting');
    await untilStatus(/whether this cluster is a member: .*forbidden.*\nhint: .*rights/s);
    await both('503 starting');
    for (const binding of bindings) {
      const { metadata, ...rest } = binding as { metadata: { name: string } };
      const { name } = metadata;
      await west.admin.create(ROLE_BINDINGS, { ...rest, metadata: { name, namespace: NAMESPACE } } as never);
    }
    await both('200 waiting');
    await stop();
  });

  it('takes no membership of another name, and says which', async () => {
    const layout = folderLayout(join(tempFolder(owner), 'member'));
    await initCluster({ ...clusterPlan(layout.root), listen: undefined });
    const { admin: client } = west;
    await new FolderKeeper({ client, ...MEMBERSHIP, cluster: 'east', layout }).push();
    const locality = { region: 'eu', zone: 'eu-a' };
    const facts = { cluster: 'east', clusterset: 'mesh.example', locality, bundle: '{"keys":[]}' };
    await new ClustersetMap({ client, ...MAP }).publish(facts);
    await start();
    await both('503 starting');
    const told = await untilStatus(
      /the membership is of cluster east, and this release is of west\nhint: a member cannot be renamed: set cluster\.name=east/,
    );
    assert.equal(told?.code, 3);
    await gateway.until('it says which', () =>
      /membership is of cluster east.*set cluster\.name=east/.test(gateway.stdout + gateway.stderr),
    );
    await both('503 starting');
    await askAgain();
    assert.equal(times('the ConfigMap of the membership is not followed'), 1);
    await client.delete(SECRETS, MEMBERSHIP);
    await client.delete(CONFIG_MAPS, MAP);
    await both('200 waiting');
  });
});
