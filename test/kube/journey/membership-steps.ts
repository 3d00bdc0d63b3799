import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import { installRelease, NAMESPACE, register } from '../isthmus-release.ts';
import { NETWORK } from './headless-steps.ts';
import type { JourneyScene } from './scene.ts';

const itemList = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });

/** From nothing to a clusterset. */
export function joiningSteps(scene: JourneyScene): void {
  it('installs with one value set, is ready, and waits for a clusterset', async () => {
    const { east, west } = scene;
    await Promise.all([
      installRelease(east, { store: true, network: NETWORK }),
      installRelease(west, { store: false, network: NETWORK }),
    ]);
    for (const cluster of scene.clusters) {
      await cluster.explained(() => cluster.helm(['test', 'isthmus', '-n', NAMESPACE]));
    }
  });

  it('makes a clusterset by one command, which done again finds all as it should be', async () => {
    const { east, west, kubeconfig } = scene;
    assert.equal(await register(kubeconfig, west, east), true);
    assert.equal(await register(kubeconfig, west, east), false);
  });

  it('explains its kinds, and shows peers in columns', async () => {
    const { east } = scene;
    const policy = await east.kubectl(['explain', 'failoverpolicy.spec']);
    for (const said of [
      /Where the requests to the targets go, and how they come back\./,
      /tiers\s+<\[\]Object>\s+Where requests go, in order: a tier takes what those above it cannot/,
      /failback\s+<Object>\s+How a cluster that failed gets its traffic back\./,
    ]) {
      assert.match(policy, said);
    }
    for (const condition of ['condition=Connected', 'condition=Trusted', 'condition=Synced']) {
      await east.kubectl(['wait', 'clusterpeer/west', `--for=${condition}`, '--timeout=120s']);
    }
    await east.kubectl(['wait', 'clusterpeer/west', '--for=jsonpath={.status.roundTripMs}', '--timeout=60s']);
    const peers = await east.kubectl(['get', 'clusterpeers']);
    console.log(peers);
    assert.match(
      peers,
      /^NAME +CONNECTED +TRUSTED +SYNCED +DRAIN +LAST SEEN +ROUND TRIP MS +SERVICES +AGE$/m,
    );
    assert.match(peers, /^west +True +True +True +\S+ +[0-9.]+ +[0-9]+ +\S+$/m);
  });
}

/** And back to nothing. */
export function uninstallSteps(scene: JourneyScene): void {
  it('is uninstalled, after it left, without a trace', async () => {
    const { west } = scene;
    await west.explained(() => west.helm(['uninstall', 'isthmus', '-n', NAMESPACE, '--wait']));
    const ours = ['services,endpointslices', '-A', '-l', 'app.kubernetes.io/managed-by=isthmus'];
    assert.deepEqual(itemList.parse(await west.get(...ours)).items, []);
    assert.deepEqual(itemList.parse(await west.get('serviceimports', '-A')).items, []);
    const kinds = await west.kubectl(['get', 'crds', '-o', 'name']);
    assert.doesNotMatch(kinds, /\.isthmus\.io/);
    const made = 'deployments,services,configmaps,secrets,serviceaccounts,leases';
    const left = itemList
      .parse(await west.get(made, '-n', NAMESPACE))
      .items.map(({ metadata }) => metadata.name);
    assert.deepEqual(
      left.filter((name) => !KUBERNETES_OWN.includes(name)),
      [],
    );
    const wide =
      'clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings';
    assert.doesNotMatch(await west.kubectl(['get', wide, '-o', 'name']), /isthmus/);
  });
}

/** What every namespace has. */
const KUBERNETES_OWN = ['kube-root-ca.crt', 'default'];
