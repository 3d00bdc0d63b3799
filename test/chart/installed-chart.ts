import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { stringify } from 'yaml';
import { KubeApiServer, missingKubeApiServer, type SuiteServer } from '../fixtures/kube-api-server.ts';
import { kubeCache } from '../fixtures/kube-cache.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';
import { CHART, type HelmResult, helm, missingHelm, NAMESPACE, RELEASE, valuesFile } from './helm.ts';

/** Each is a run of kubectl. */
const MAX_ASKED = 1000;

/** For a suite: `{ skip: missingInstalledChart() }`. */
export function missingInstalledChart(): string | false {
  return missingHelm() || missingKubeApiServer();
}

/** The chart of a whole suite, in an API server of the suite's own; there is none before its first test. */
export interface SuiteChart extends SuiteServer {
  readonly chart: InstalledChart;
}

/** The chart, as `helm install` and its like bring it into a real Kubernetes API that has no controllers. */
export class InstalledChart {
  readonly #server: KubeApiServer;
  readonly #folder: string;

  constructor(server: KubeApiServer, folder: string) {
    this.#server = server;
    this.#folder = folder;
  }

  /** Called in a suite, before its own hooks: nothing is installed yet. */
  static forSuite(): SuiteChart {
    const api = KubeApiServer.forSuite();
    const folder = tempFolder({ after });
    let chart: InstalledChart | undefined;
    before(() => {
      chart = new InstalledChart(api.server, folder);
    });
    return {
      get server() {
        return api.server;
      },
      get chart() {
        if (chart === undefined) throw new Error('no test of the suite has begun');
        return chart;
      },
    };
  }

  /**
   * `helm upgrade --install`, which succeeds; the kinds of the chart are served then.
   * @returns the notes, and what else Helm says
   */
  bring(values: object, ...flags: readonly string[]): string {
    const { stdout } = succeeded(this.tryToBring(values, ...flags));
    this.until('kinds are served', () => this.serves('isthmus.io/v1alpha1', 'clusterpeers'));
    this.until('so are those of MCS', () => this.serves('multicluster.x-k8s.io/v1beta1', 'serviceexports'));
    return stdout;
  }

  /** Whether the API server says so: it follows definitions a moment later. */
  serves(version: string, plural: string): boolean {
    return this.#kubectlResult(['get', '--raw', `/apis/${version}`]).stdout.includes(`"name":"${plural}"`);
  }

  /** Asks again and again, but not for ever: nothing else in this process could end it. */
  until(what: string, holds: () => boolean): void {
    for (let asked = 0; !holds(); asked++) {
      if (asked === MAX_ASKED) throw new Error(`asked ${asked} times, and not yet: ${what}`);
    }
  }

  /** The same, whether it succeeds or not. */
  tryToBring(values: object, ...flags: readonly string[]): HelmResult {
    const args = ['upgrade', '--install', RELEASE, CHART, '--create-namespace', ...flags];
    return this.#helm(...args, ...this.#values(values));
  }

  rollback(revision: number): void {
    succeeded(this.#helm('rollback', RELEASE, `${revision}`));
  }

  uninstall(): void {
    succeeded(this.#helm('uninstall', RELEASE));
  }

  apply(...objects: readonly object[]): void {
    this.kubectl(['apply', '--filename=-'], objects.map((each) => stringify(each)).join('---\n'));
  }

  /** Decoded. */
  secret(name: string): Readonly<Record<string, string>> {
    const { data }: { data: Record<string, string> } = JSON.parse(
      this.kubectl(['get', 'secret', name, '--output=json']),
    );
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
    );
  }

  /** `kind/name` of everything with the label, wherever it is. */
  labelled(kinds: readonly string[], label: string): readonly string[] {
    const args = ['get', kinds.join(), '--all-namespaces', '--selector', label, '--output=name'];
    return this.kubectl(args)
      .split('\n')
      .filter((line) => line !== '');
  }

  /** Whether that service account may do it, by the API server's own word; flags may follow the resource. */
  allows(serviceAccount: string, verb: string, resource: string, namespace = NAMESPACE): boolean {
    const user = `system:serviceaccount:${NAMESPACE}:${serviceAccount}`;
    const args = ['auth', 'can-i', verb, ...resource.split(' '), `--as=${user}`, `--namespace=${namespace}`];
    return this.#kubectlResult(args).stdout.trim() === 'yes';
  }

  kubectl(args: readonly string[], input = ''): string {
    return execFileSync(kubectlPath(), this.#kubectlArguments(args), {
      encoding: 'utf8',
      input,
      stdio: 'pipe',
      maxBuffer: 2 ** 26,
    });
  }

  /** What kubectl says, whether it succeeds or not. */
  attempt(args: readonly string[], input = ''): HelmResult {
    return this.#kubectlResult(args, input);
  }

  #kubectlResult(args: readonly string[], input = ''): HelmResult {
    const { status, stdout, stderr } = spawnSync(kubectlPath(), this.#kubectlArguments(args), {
      encoding: 'utf8',
      input,
    });
    return { code: status ?? -1, stdout, stderr };
  }

  #kubectlArguments(args: readonly string[]): readonly string[] {
    return ['--kubeconfig', this.#server.kubeconfig, '--namespace', NAMESPACE, ...args];
  }

  #values(values: object): readonly string[] {
    return ['--values', valuesFile(this.#folder, values)];
  }

  #helm(...args: readonly string[]): HelmResult {
    const where = ['--namespace', NAMESPACE, '--kubeconfig', this.#server.kubeconfig];
    return helm(this.#folder, [...args, ...where]);
  }
}

function succeeded(result: HelmResult): HelmResult {
  if (result.code !== 0) throw new Error(`helm failed: ${result.stderr}`);
  return result;
}

function kubectlPath(): string {
  return join(process.env.KUBEBUILDER_ASSETS || kubeCache().programs, 'kubectl');
}
