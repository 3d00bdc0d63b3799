import { parse } from 'yaml';
import { z } from 'zod';
import { UserError } from '../../federation/model/user-error.ts';
import { KubeClient } from '../kubernetes/kube-client.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { CONFIG_MAPS, SECRETS } from '../kubernetes/membership/resource-types.ts';
import type { ExecResult } from '../kubernetes/pod-exec.ts';
import type { ResourceType } from '../kubernetes/resource-type.ts';

/** A release of the chart. */
export interface Release {
  readonly namespace: string;
  /** Helm's name of it. */
  readonly instance: string;
  /** The chart's `cluster.name`. */
  readonly cluster: string;
  readonly membershipSecret: string;
}

export interface GatewayCount {
  readonly ready: number;
  readonly wanted: number;
}

/** A Kubernetes cluster in which a release is looked for and asked. Every call throws a UserError that says where. */
export interface RegistrationSite {
  readonly context: string;
  readonly server: string;
  /** What Kubernetes it is, e.g. `v1.34.1`. */
  version(): Promise<string>;
  /** @param namespace undefined = all of them */
  releases(namespace: string | undefined): Promise<readonly Release[]>;
  isMember(release: Release): Promise<boolean>;
  gateways(release: Release): Promise<GatewayCount>;
  /** `isthmus` in a pod of the federation service. */
  run(release: Release, args: readonly string[], stdin?: string): Promise<ExecResult>;
  close(): void;
}

const DEPLOYMENTS: ResourceType = { group: 'apps', version: 'v1', plural: 'deployments', namespaced: true };
const PODS: ResourceType = { group: '', version: 'v1', plural: 'pods', namespaced: true };
const CONTAINER = 'federation';
/** `init` and `join` make keys, and speak with a store and with another cluster. */
const EXEC_TIMEOUT_MS = 60_000;

const deployment = z.object({
  metadata: z.object({ namespace: z.string(), labels: z.record(z.string(), z.string()) }),
  spec: z.object({
    replicas: z.int().default(1),
    template: z.object({
      spec: z.object({
        volumes: z
          .array(z.object({ name: z.string(), configMap: z.object({ name: z.string() }).optional() }))
          .default([]),
      }),
    }),
  }),
  status: z.object({ updatedReplicas: z.int().default(0), readyReplicas: z.int().default(0) }).prefault({}),
});

const pod = z.object({
  metadata: z.object({ name: z.string(), deletionTimestamp: z.string().optional() }),
  status: z.object({
    conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
  }),
});

const configMap = z.object({ data: z.object({ 'federation.yaml': z.string() }) });
const federationFile = z.object({
  cluster: z.string(),
  kubernetes: z.object({ membershipSecret: z.string().default('isthmus-membership') }),
});
const versionAnswer = z.object({ gitVersion: z.string() });

export class KubernetesSite implements RegistrationSite {
  readonly context: string;
  readonly server: string;
  readonly #client: KubeClient;
  readonly #signal: AbortSignal;

  constructor(context: string, client: KubeClient, signal: AbortSignal) {
    this.context = context;
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
    return new KubernetesSite(context, await KubeClient.ofContext({ kubeconfig, context }), signal);
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

  gateways({ namespace, instance }: Release): Promise<GatewayCount> {
    return this.#asked(async () => {
      const found = z
        .array(deployment)
        .parse(await this.#list(DEPLOYMENTS, namespace, labels('gateway', instance)));
      const sum = (of: (each: z.infer<typeof deployment>) => number) =>
        found.reduce((total, each) => total + of(each), 0);
      const ready = sum(({ status }) => Math.min(status.updatedReplicas, status.readyReplicas));
      return { ready, wanted: sum(({ spec }) => spec.replicas) };
    });
  }

  run(release: Release, args: readonly string[], stdin?: string): Promise<ExecResult> {
    const { namespace, instance } = release;
    return this.#asked(async () => {
      const found = z.array(pod).parse(await this.#list(PODS, namespace, labels('federation', instance)));
      const ready = found.find(isReady);
      if (ready === undefined) {
        throw new UserError(`context ${this.context}: no pod of the federation service is ready`, {
          hint: `kubectl --context ${this.context} --namespace ${namespace} get pods shows why`,
        });
      }
      const command = ['isthmus', ...args];
      const program = { namespace, pod: ready.metadata.name, container: CONTAINER, command, stdin };
      return await this.#client.exec(program, { signal: this.#signal, timeoutMs: EXEC_TIMEOUT_MS });
    });
  }

  close(): void {
    this.#client.close();
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
      membershipSecret: file.kubernetes.membershipSecret,
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
        : `see whether kubectl --context ${this.context} get nodes works from here`,
      cause: failure,
    });
  }
}

function labels(component: string, instance?: string): { readonly labelSelector: string } {
  const release = instance === undefined ? '' : `,app.kubernetes.io/instance=${instance}`;
  return {
    labelSelector: `app.kubernetes.io/part-of=isthmus,app.kubernetes.io/component=${component}${release}`,
  };
}

function isReady({ metadata, status }: z.infer<typeof pod>): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
