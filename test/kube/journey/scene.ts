import { tempFolder } from '../../fixtures/temp-folder.ts';
import { joinKubeconfigs, packImage } from '../isthmus-release.ts';
import type { KubeCluster } from '../kube-cluster.ts';
import { KubeRun } from '../kube-run.ts';
import type { Steps } from '../kube-suite.ts';
import { LoadPod } from '../load/load-pod.ts';
import { clientPod, webServer } from '../web-manifests.ts';

interface Begun {
  readonly east: KubeCluster;
  readonly west: KubeCluster;
  readonly kubeconfig: string;
}

/** What the steps of the journey share: two real clusters with the image in them, and from some step on a load. */
export class JourneyScene {
  #begun: Begun | undefined;
  #load: LoadPod | undefined;

  async begin(suite: Steps): Promise<void> {
    const run = await KubeRun.start(suite);
    const image = packImage(tempFolder(suite));
    const [east, west] = await Promise.all([run.up('east', 1), run.up('west', 2)]);
    const kubeconfig = await joinKubeconfigs(tempFolder(suite), [east, west]);
    this.#begun = { east, west, kubeconfig };
    for (const cluster of this.clusters) {
      await cluster.apply(`${webServer}---${clientPod}`);
      await cluster.load(await image);
    }
  }

  get clusters(): readonly KubeCluster[] {
    return this.#begun === undefined ? [] : [this.#begun.east, this.#begun.west];
  }

  /** Where the clients are. */
  get east(): KubeCluster {
    return begun(this.#begun).east;
  }

  get west(): KubeCluster {
    return begun(this.#begun).west;
  }

  get kubeconfig(): string {
    return begun(this.#begun).kubeconfig;
  }

  get load(): LoadPod {
    return begun(this.#load);
  }

  async beginLoad(): Promise<void> {
    this.#load = await LoadPod.start(this.east);
  }
}

function begun<T>(what: T | undefined): T {
  if (what === undefined) throw new Error('the step that begins this has not been gone');
  return what;
}
