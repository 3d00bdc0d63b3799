import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubeCache } from '../fixtures/kube-cache.ts';
import { unreadyPods } from './pod-report.ts';
import { type ProgramOptions, runProgram } from './program.ts';

export interface KubeClusterPlan {
  readonly name: string;
  readonly number: number;
  /** Where the scripts keep the cluster. */
  readonly folder: string;
  /** The scripts' settings: which run it belongs to. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface WaitOptions {
  /** Default two minutes: far more than it takes, so that only what never comes ends a wait. */
  readonly timeoutMs?: number;
}

const POLL_MS = 200;
const DEFAULT_WAIT_MS = 120_000;

/** A real one-node Kubernetes cluster, as `KubeRun.up` makes it. */
export class KubeCluster {
  readonly name: string;
  /** Admin's, with one context: the cluster's name. */
  readonly kubeconfig: string;
  /** Its pods' addresses; others reach them only after `addPodRoute`. */
  readonly podNetwork: string;
  /** Node ports and the API (6443) answer here: to pods of every cluster of the run, and to this machine. */
  readonly nodeAddress: string;
  readonly #environment: Readonly<Record<string, string>>;

  constructor({ name, number, folder, environment }: KubeClusterPlan) {
    this.name = name;
    this.kubeconfig = join(folder, 'kubeconfig');
    this.nodeAddress = `10.89.${environment.KUBENODE_RUN}.${10 + number}`;
    this.podNetwork = `10.${128 + number}.0.0/16`;
    this.#environment = environment;
  }

  /** @returns what kubectl wrote to stdout */
  kubectl(args: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return this.#program('kubectl', args, options);
  }

  helm(args: readonly string[], options: ProgramOptions = {}): Promise<string> {
    return this.#program('helm', args, options);
  }

  /** One kubeconfig for all of them; each one's context has its name. */
  mergedKubeconfig(clusters: readonly KubeCluster[]): Promise<string> {
    const KUBECONFIG = clusters.map(({ kubeconfig }) => kubeconfig).join(delimiter);
    const args = ['config', 'view', '--flatten', '--merge'];
    return runProgram(join(kubeCache().programs, 'kubectl'), args, { env: { KUBECONFIG } });
  }

  /** What kubectl answers as JSON. */
  async get(...args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.kubectl(['get', ...args, '-o', 'json']));
  }

  async apply(manifest: string): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], { input: manifest });
  }

  /** Runs a program in a pod. */
  inPod(pod: string, ...command: readonly string[]): Promise<string> {
    return this.kubectl(['exec', pod, '--', ...command]);
  }

  /** Waits until every pod of a deployment or a DaemonSet is ready; says what keeps them if they do not get so. */
  async rolledOut(
    what: string,
    { timeoutMs = DEFAULT_WAIT_MS }: WaitOptions = {},
    ...args: string[]
  ): Promise<void> {
    await this.explained(() =>
      this.kubectl(['rollout', 'status', what, `--timeout=${timeoutMs / 1000}s`, ...args], {
        timeoutMs: timeoutMs + 10_000,
      }),
    );
  }

  /** Waits until `look` neither throws nor answers undefined; at the end of the time its last error is told. */
  async until<T>(
    what: string,
    look: () => Promise<T | undefined>,
    { timeoutMs = DEFAULT_WAIT_MS }: WaitOptions = {},
  ): Promise<T> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const seen = await look().then(
        (value) => (value === undefined ? new Unseen('nothing') : { value }),
        (error: unknown) => new Unseen(error),
      );
      if (!(seen instanceof Unseen)) return seen.value as T;
      if (performance.now() > endMs) throw await this.#notSo(what, timeoutMs, seen.reason);
      await sleep(POLL_MS);
    }
  }

  /** Adds to an error what the pods that are not ready say. */
  async explained<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw new Error(`in cluster ${this.name}: ${String(error)}\n${await unreadyPods(this)}`);
    }
  }

  /** Makes an image of a docker archive known to the node, as a pull would. */
  async load(archive: string): Promise<void> {
    await this.onNode('ctr', '-n', 'k8s.io', 'images', 'import', archive);
  }

  /** Runs a program of this machine in the node's namespaces. */
  onNode(...command: readonly string[]): Promise<string> {
    return this.#script('exec.sh', this.name, ...command);
  }

  /** Its pods reach that cluster's by their own addresses, and with their own: half of a flat network. A halt undoes it. */
  async addPodRoute(to: KubeCluster): Promise<void> {
    await this.#podRoute('add', to);
  }

  async removePodRoute(to: KubeCluster): Promise<void> {
    await this.#podRoute('delete', to);
  }

  /** As a power cut: every process of the cluster ends at once, pods too. */
  async halt(): Promise<void> {
    await this.#script('halt.sh', this.name);
  }

  /** After `halt`: back, with what etcd held. Ready when it returns; the cluster's other pods may not be. */
  async start(): Promise<void> {
    await this.#script('start.sh', this.name);
  }

  /** Kills a program of the node (`apiserver`, `kubelet`, ...: program.sh) at once, and keeps it down until `startProgram`. */
  async stopProgram(program: string): Promise<void> {
    await this.#script('program.sh', this.name, program, 'stop');
  }

  async startProgram(program: string): Promise<void> {
    await this.#script('program.sh', this.name, program, 'start');
  }

  async down(): Promise<void> {
    await this.#script('down.sh', this.name);
  }

  /** Pulls the wire out of the node, or puts it back: all inside goes on. */
  async setLink(state: 'up' | 'down'): Promise<void> {
    const run = this.#environment.KUBENODE_RUN;
    await runProgram('ip', ['link', 'set', `kn${run}-${this.name}`, state]);
  }

  async #podRoute(change: 'add' | 'delete', { podNetwork, nodeAddress }: KubeCluster): Promise<void> {
    await this.onNode('ip', 'route', change, podNetwork, 'via', nodeAddress);
    await this.onNode('nft', change, 'element', 'ip', 'kubenode', 'flat', `{ ${podNetwork} }`);
  }

  #program(name: string, args: readonly string[], options: ProgramOptions): Promise<string> {
    // Not by KUBECONFIG: where that file is missing, both try localhost instead.
    const named = ['--kubeconfig', this.kubeconfig, ...args];
    return runProgram(join(kubeCache().programs, name), named, options);
  }

  #script(name: string, ...args: readonly string[]): Promise<string> {
    return runProgram(join(import.meta.dirname, name), args, { env: this.#environment });
  }

  async #notSo(what: string, timeoutMs: number, reason: unknown): Promise<Error> {
    const how = `not in ${timeoutMs} ms: ${what}; at last: ${String(reason)}`;
    return new Error(`in cluster ${this.name}, ${how}\n${await unreadyPods(this)}`);
  }
}

class Unseen {
  readonly reason: unknown;

  constructor(reason: unknown) {
    this.reason = reason;
  }
}
