import { parse } from 'yaml';
import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { shellWord } from '../commands/init-command.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { readConditions } from '../kubernetes/mcs/conditions.ts';
import { clustersetFacts } from '../kubernetes/membership/clusterset-map.ts';
import { CONFIG_MAPS, SECRETS } from '../kubernetes/membership/resource-types.ts';
import type { ExecResult } from '../kubernetes/pod-exec.ts';
import type { ResourceType } from '../kubernetes/resource-type.ts';
import { type PodSight, podSights } from './pod-sight.ts';
import { readyPod } from './ready-pod.ts';
import { rootFingerprints } from './root-fingerprint.ts';

/** A release of the chart. */
export interface Release {
  readonly namespace: string;
  /** Helm's name of it. */
  readonly instance: string;
  /** The chart's `cluster.name`. */
  readonly cluster: string;
  readonly membershipSecret: string;
  readonly clustersetConfigMap: string;
  readonly electionLease: string;
  readonly gatewayService: string;
  readonly gatewayPortName: string;
  /** Where a person says that peers reach the gateways; undefined = it is found. */
  readonly advertise: readonly string[] | undefined;
}

export interface GatewayCount {
  readonly ready: number;
  readonly wanted: number;
}

/** The Deployments of a program. */
export interface ReplicaSight extends GatewayCount {
  readonly names: readonly string[];
  /** Why pods are not made, where Kubernetes says so. */
  readonly problem: string | undefined;
}

/** The two programs of a release, as their pods are labelled and their containers called. */
export type Component = 'federation' | 'gateway';

/** Which pod is to run something. */
export interface PodChoice {
  readonly component: Component;
  readonly pod: string;
}

/** What goes to a program in a pod, and comes from it. */
export interface PodTalk {
  readonly stdin?: string | undefined;
  readonly onStdout: (chunk: Uint8Array) => void;
}

/** A Kubernetes cluster in which a release is looked for and asked. Every call throws a UserError that says where. */
export interface ReleaseSite {
  readonly context: string;
  /** How isthmus and kubectl are told of it: `--context NAME`, with `--kubeconfig FILE` where one was named. */
  readonly flags: string;
  /** The same for helm, which calls the context otherwise. */
  readonly helmFlags: string;
  readonly server: string;
  /** What Kubernetes it is, e.g. `v1.34.1`. */
  version(): Promise<string>;
  /** @param namespace undefined = all of them */
  releases(namespace: string | undefined): Promise<readonly Release[]>;
  isMember(release: Release): Promise<boolean>;
  gateways(release: Release): Promise<GatewayCount>;
  pods(release: Release, component: Component): Promise<readonly PodSight[]>;
  /** SHA-256 of each root that the cluster trusts, hex; undefined where it is a member of nothing. */
  roots(release: Release): Promise<readonly string[] | undefined>;
  /** `isthmus` in a pod of the federation service: one that is ready. */
  run(release: Release, args: readonly string[], stdin?: string): Promise<ExecResult>;
  /** `isthmus` in that pod. */
  runIn(release: Release, choice: PodChoice, args: readonly string[], stdin?: string): Promise<ExecResult>;
  close(): void;
}

const DEPLOYMENTS: ResourceType = { group: 'apps', version: 'v1', plural: 'deployments', namespaced: true };
const PODS: ResourceType = { group: '', version: 'v1', plural: 'pods', namespaced: true };
/** `init` and `join` make keys, and speak with a store and with another cluster. */
const EXEC_TIMEOUT_MS = 60_000;

const deployment = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    labels: z.record(z.string(), z.string()),
  }),
  spec: z.object({
    replicas: z.int().default(1),
    template: z.object({
      spec: z.object({
        serviceAccountName: z.string().optional(),
        volumes: z
          .array(z.object({ name: z.string(), configMap: z.object({ name: z.string() }).optional() }))
          .default([]),
      }),
    }),
  }),
  status: z
    .object({
      updatedReplicas: z.int().default(0),
      readyReplicas: z.int().default(0),
      conditions: readConditions,
    })
    .prefault({}),
});

const configMap = z.object({ data: z.object({ 'federation.yaml': z.string() }) });
const federationFile = z.object({
  cluster: z.string(),
  kubernetes: z.object({
    membershipSecret: z.string().default('isthmus-membership'),
    clustersetConfigMap: z.string().default('isthmus-clusterset'),
    electionLease: z.string().default('isthmus-federation'),
    gatewayService: z.string().default('isthmus-gateway'),
    gatewayPortName: z.string().default('mesh'),
    advertise: z.array(z.string()).optional(),
  }),
});
const versionAnswer = z.object({ gitVersion: z.string() });

export class KubernetesSite implements ReleaseSite {
  readonly context: string;
  readonly flags: string;
  readonly helmFlags: string;
  readonly server: string;
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;

  constructor(context: string, client: KubeClient, signal: AbortSignal, kubeconfig?: string) {
    this.context = context;
    this.flags = contextFlags(context, kubeconfig);
    this.helmFlags = `--kube-${this.flags.slice(2)}`;
    this.server = client.server;
    this.#client = client;
    this.#signal = signal;
  }

  /** @throws UserError when the kubeconfig has no such context */
  static async open(
    context: string,
    kubeconfig: string | undefined,
    signal: AbortSignal,
  ): Promise<KubernetesSite> {
    const client = await KubeClient.ofContext({ kubeconfig, context });
    return new KubernetesSite(context, client, signal, kubeconfig);
  }

  version(): Promise<string> {
    return this.#asked(async () => {
      const answer = await this.#client.rawGet('/version', { signal: this.#signal });
      return versionAnswer.parse(JSON.parse(answer)).gitVersion;
    });
  }

  releases(namespace: string | undefined): Promise<readonly Release[]> {
    return this.#asked(async () => {
      const found = await this.#list(DEPLOYMENTS, namespace, labels('federation'));
      return await Promise.all(
        z
          .array(deployment)
          .parse(found)
          .map((each) => this.#release(each)),
      );
    });
  }

  isMember({ namespace, membershipSecret }: Release): Promise<boolean> {
    return this.#asked(async () => {
      const selection = { fieldSelector: `metadata.name=${membershipSecret}`, metadataOnly: true };
      return (await this.#list(SECRETS, namespace, selection)).length > 0;
    });
  }

  gateways(release: Release): Promise<GatewayCount> {
    return this.replicas(release, 'gateway');
  }

  /** Of a program's Deployments. */
  replicas(release: Release, component: Component): Promise<ReplicaSight> {
    return this.#asked(async () => {
      const found = await this.#deployments(release, component);
      const sum = (of: (each: z.infer<typeof deployment>) => number) =>
        found.reduce((total, each) => total + of(each), 0);
      const ready = sum(({ status }) => Math.min(status.updatedReplicas, status.readyReplicas));
      const failures = found.flatMap(({ status }) =>
        status.conditions.filter(({ type, status: said }) => type === 'ReplicaFailure' && said === 'True'),
      );
      return {
        ready,
        wanted: sum(({ spec }) => spec.replicas),
        names: found.map(({ metadata }) => metadata.name),
        problem: failures[0]?.message,
      };
    });
  }

  /** Whom a program's pods act as. */
  serviceAccount(release: Release, component: Component): Promise<string> {
    return this.#asked(async () => {
      const [found] = await this.#deployments(release, component);
      return found?.spec.template.spec.serviceAccountName ?? 'default';
    });
  }

  pods({ namespace, instance }: Release, component: Component): Promise<readonly PodSight[]> {
    return this.#asked(async () => podSights(await this.#list(PODS, namespace, labels(component, instance))));
  }

  roots({ namespace, clustersetConfigMap: name }: Release): Promise<readonly string[] | undefined> {
    return this.#asked(async () => {
      const [object] = await this.#list(CONFIG_MAPS, namespace, { fieldSelector: `metadata.name=${name}` });
      const facts = clustersetFacts(object);
      return facts === undefined ? undefined : rootFingerprints(facts.bundle, facts.clusterset);
    });
  }

  async run(release: Release, args: readonly string[], stdin?: string): Promise<ExecResult> {
    return await this.#exec(release, await this.#ready(release), args, { stdin });
  }

  /** The same for what only looks: where no pod is ready, one that runs may say why. */
  async look(release: Release, args: readonly string[]): Promise<ExecResult> {
    const running = (await this.pods(release, 'federation')).filter((pod) => pod.running);
    const pod = (running.find(({ ready }) => ready) ?? running[0])?.name;
    const choice = pod === undefined ? await this.#ready(release) : { component: 'federation' as const, pod };
    return await this.#exec(release, choice, args, {});
  }

  /** The same for what may say much: its stdout is handed on as it comes. */
  async stream(release: Release, args: readonly string[], { stdin, onStdout }: PodTalk): Promise<ExecResult> {
    return await this.#exec(release, await this.#ready(release), args, { stdin, onStdout });
  }

  runIn(release: Release, choice: PodChoice, args: readonly string[], stdin?: string): Promise<ExecResult> {
    return this.#exec(release, choice, args, { stdin });
  }

  async #ready(release: Release): Promise<PodChoice> {
    const ready = readyPod(await this.pods(release, 'federation'), this);
    return { component: 'federation', pod: ready.name };
  }

  #exec(
    { namespace }: Release,
    { component, pod }: PodChoice,
    args: readonly string[],
    { stdin, onStdout }: Partial<PodTalk>,
  ): Promise<ExecResult> {
    const program = { namespace, pod, container: component, command: ['isthmus', ...args], stdin };
    const limits = { signal: this.#signal, timeoutMs: EXEC_TIMEOUT_MS, onStdout };
    return this.#asked(() => this.#client.exec(program, limits));
  }

  /** For what is done with the API itself. */
  get client(): KubeClient {
    return this.#client;
  }

  close(): void {
    this.#client.close();
  }

  async #deployments({ namespace, instance }: Release, component: Component) {
    return z.array(deployment).parse(await this.#list(DEPLOYMENTS, namespace, labels(component, instance)));
  }

  async #release({ metadata, spec }: z.infer<typeof deployment>): Promise<Release> {
    const { namespace } = metadata;
    const volume = spec.template.spec.volumes.find(({ name }) => name === 'config');
    const ref = { namespace, name: volume?.configMap?.name ?? '' };
    const object = await this.#client.get(CONFIG_MAPS, ref, { signal: this.#signal });
    const file = federationFile.parse(parse(configMap.parse(object).data['federation.yaml']));
    return {
      namespace,
      instance: metadata.labels['app.kubernetes.io/instance'] ?? '',
      cluster: file.cluster,
      ...file.kubernetes,
      advertise: file.kubernetes.advertise,
    };
  }

  async #list(
    type: ResourceType,
    namespace: string | undefined,
    selection: {
      readonly labelSelector?: string;
      readonly fieldSelector?: string;
      readonly metadataOnly?: boolean;
    },
  ): Promise<readonly unknown[]> {
    const objects: unknown[] = [];
    const options = { namespace, ...selection, signal: this.#signal };
    for await (const { items } of this.#client.list(type, options)) objects.push(...items);
    return objects;
  }

  async #asked<T>(asking: () => Promise<T>): Promise<T> {
    try {
      return await asking();
    } catch (failure) {
      if (failure instanceof KubeError) throw this.#refusal(failure);
      if (failure instanceof z.ZodError) {
        const reason = z.prettifyError(failure).split('\n')[0];
        throw new UserError(
          `context ${this.context}: what is there is not as this chart makes it: ${reason}`,
          {
            hint: 'use the isthmus command of the same version as the chart',
            cause: failure,
          },
        );
      }
      throw failure;
    }
  }

  #refusal(failure: KubeError): UserError {
    const { status, message } = failure;
    const allowed = status === 401 || status === 403;
    return new UserError(`context ${this.context}: ${message}`, {
      hint: allowed
        ? 'the context must be allowed to list Deployments, Pods and Secrets, to get ConfigMaps, and to exec, in the namespace of the release; name it with --namespace'
        : `see whether kubectl ${this.flags} get nodes works from here`,
      cause: failure,
    });
  }
}

/** `--context NAME`, with `--kubeconfig FILE` where one was named, as a shell takes it. */
export function contextFlags(context: string, kubeconfig: string | undefined): string {
  const file = kubeconfig === undefined ? '' : ` --kubeconfig ${shellWord(kubeconfig)}`;
  return `--context ${shellWord(context)}${file}`;
}

function labels(component: string, instance?: string): { readonly labelSelector: string } {
  const release = instance === undefined ? '' : `,app.kubernetes.io/instance=${instance}`;
  return {
    labelSelector: `app.kubernetes.io/part-of=isthmus,app.kubernetes.io/component=${component}${release}`,
  };
}
