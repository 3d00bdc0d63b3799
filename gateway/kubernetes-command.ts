import { join } from 'node:path';
import type { KubeClient } from '../clusters/kubernetes/kube-client.ts';
import { clustersetFacts } from '../clusters/kubernetes/membership/clusterset-map.ts';
import { followObject } from '../clusters/kubernetes/membership/followed-object.ts';
import { openKubeClient } from '../clusters/kubernetes/membership/membership-settings.ts';
import { CONFIG_MAPS } from '../clusters/kubernetes/membership/resource-types.ts';
import { SYSTEM_CLOCK } from '../federation/runtime/clock.ts';
import { Lifetime } from '../federation/runtime/lifetime.ts';
import { type Readable, Watchable } from '../federation/runtime/watchable.ts';
import type { GatewayConfig, KubernetesConfig } from './config.ts';
import { ClustersetCopy, type ClustersetFacts } from './control/clusterset-copy.ts';
import { type MembershipWord, openWaitingRoom, waitOf } from './control/waiting-room.ts';
import { createOperationLog, type OperationLog } from './telemetry/operation-log.ts';

/** The same object each time, for it is told at each listing, and is news only once. */
const NONE: MembershipWord = { kind: 'none' };
const NO_MEMBERSHIP =
  'the ConfigMap of the membership holds none: remove it, and the federation service makes it anew';

/** What a gateway in Kubernetes runs as; `undefined` when the process was told to end before it knew. */
export interface KubernetesMembership {
  readonly config: GatewayConfig;
  /** True from the moment on when the cluster is a member of something else: the gateway is to end. */
  readonly changed: Readable<boolean>;
  close(): Promise<void>;
}

/**
 * Finds out what this cluster is a member of: as it was when the process ran last, else as the API server says, which is
 * waited for. Goes on following it: a new bundle is on disk for the next connection to the federation service.
 * @param ended resolves when the process is told to end
 */
export async function waitForMembership(
  config: KubernetesConfig,
  ended: Promise<unknown>,
): Promise<KubernetesMembership | undefined> {
  const log = createOperationLog('gateway');
  const lifetime = new Lifetime();
  const copy = await ClustersetCopy.open(config.stateFolder, config.cluster);
  const known = new Watchable<ClustersetFacts | undefined>(copy.facts);
  const word = new Watchable<MembershipWord>({ kind: 'unknown', problem: undefined });
  const changed = new Watchable(false);
  const client = await openKubeClient(config.kubernetes);
  lifetime.add(() => client.close());
  lifetime.add(
    follow(client, config, { word, log }, async (facts) => {
      if (facts.cluster !== config.cluster) return otherName(facts.cluster, config.cluster);
      const taken = await copy.take(facts);
      if (taken === 'same') known.set(facts);
      if (taken === 'other') changed.set(true);
      return taken === 'unusable' ? NO_MEMBERSHIP : undefined;
    }),
  );
  const facts = await factsOrEnd(config, { known, word }, ended, log);
  if (facts === undefined) {
    await lifetime.close();
    return undefined;
  }
  return { config: gatewayConfig(config, copy, facts), changed, close: () => lifetime.close() };
}

/** @param told takes the facts, or says why not. @returns what ends it */
function follow(
  client: KubeClient,
  { kubernetes }: KubernetesConfig,
  { word, log }: { readonly word: Watchable<MembershipWord>; readonly log: OperationLog },
  told: (facts: ClustersetFacts) => Promise<string | undefined>,
): () => Promise<void> {
  const end = new AbortController();
  let problem: string | undefined;
  let refusal: string | undefined;
  const following = followObject({
    client,
    type: CONFIG_MAPS,
    namespace: kubernetes.namespace ?? client.namespace,
    name: kubernetes.clustersetConfigMap,
    signal: end.signal,
    random: Math.random,
    changed: async (object) => {
      // One that is gone ends nothing: what is in force stays, as with everything that a gateway is told.
      const before = refusal;
      refusal = undefined;
      if (object === undefined) return word.set(NONE);
      const facts = clustersetFacts(object);
      refusal = facts === undefined ? NO_MEMBERSHIP : await told(facts);
      if (refusal === undefined || refusal === before) return;
      log.error({ reason: refusal }, 'the ConfigMap of the membership is not followed');
      word.set({ kind: 'refused', reason: refusal });
    },
    problem: (failure) => {
      const reason = failure === undefined ? undefined : String(failure);
      if (reason !== undefined && reason !== problem) log.warn({ reason }, 'the Kubernetes API is away');
      problem = reason;
      if (word.value.kind === 'unknown') word.set({ kind: 'unknown', problem });
    },
  });
  return () => {
    end.abort();
    return following;
  };
}

async function factsOrEnd(
  config: KubernetesConfig,
  heard: {
    readonly known: Readable<ClustersetFacts | undefined>;
    readonly word: Readable<MembershipWord>;
  },
  ended: Promise<unknown>,
  log: OperationLog,
): Promise<ClustersetFacts | undefined> {
  const { known, word } = heard;
  if (known.value !== undefined) return known.value;
  const { promise, resolve } = Promise.withResolvers<ClustersetFacts | undefined>();
  const stops = [
    known.watch(resolve),
    word.watch(({ kind }) => {
      const hint = 'isthmus cluster register makes it one';
      if (kind === 'none') log.info({ hint }, 'waits: this cluster is not a member yet');
    }),
  ];
  const waitingAs = { cluster: config.cluster, wait: () => waitOf(word.value) };
  const room = await openWaitingRoom(config, waitingAs, SYSTEM_CLOCK, log);
  try {
    return await Promise.race([promise, ended.then(() => undefined)]);
  } finally {
    for (const stop of stops) stop();
    await room.close();
  }
}

function gatewayConfig(
  config: KubernetesConfig,
  copy: ClustersetCopy,
  facts: ClustersetFacts,
): GatewayConfig {
  const { cluster: _cluster, kubernetes: _kubernetes, federation, ...own } = config;
  const local = copy.local(facts);
  const { address, issuerAddress, replicas, tokenFile: secretFile } = federation;
  return {
    ...own,
    local,
    // Of this membership: one that ended leaves its own behind.
    stateFolder: join(config.stateFolder, local.trustDomain),
    control: {
      kind: 'federation',
      address,
      issuerAddress,
      replicas,
      secretFile,
      proof: 'token',
      bundleFile: copy.bundleFile,
    },
  };
}

function otherName(member: string, cluster: string): string {
  return `the membership is of cluster ${member}, and this release is of ${cluster}: set cluster.name=${member} again`;
}
