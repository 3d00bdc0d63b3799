import { hostPort, parseHostPort } from '../../federation/model/endpoint.ts';
import { type CheckStep, failed, ok, warning } from '../commands/check-step.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import { ClusterSight } from '../kubernetes/membership/cluster-sight.ts';
import { LOAD_BALANCER_CURE } from '../kubernetes/membership/gateway-addresses.ts';
import { WATCHED_KINDS } from '../kubernetes/watched-kinds.ts';
import { DiscoveredKinds } from './discovered-kinds.ts';
import type { Component } from './kubernetes-site.ts';
import type { OpenRelease } from './open-release.ts';
import type { PodSight } from './pod-sight.ts';

const BUILT_IN = new Set(['', 'discovery.k8s.io']);
const BY_CHART = "helm upgrade brings them (crds.… in the chart's values)";

/** Whether the cluster serves each kind that the federation service reads, in a version that it reads. */
export async function kindSteps({ site }: OpenRelease): Promise<readonly CheckStep[]> {
  const discovered = new DiscoveredKinds(site.client);
  const wanted = WATCHED_KINDS.filter(({ types: [{ group }] }) => !BUILT_IN.has(group));
  const lacking: string[] = [];
  const versions = new Set<string>();
  try {
    for (const { kind, types, withoutIt } of wanted) {
      const served = await discovered.firstOf(types);
      if (served !== undefined) versions.add(`${served.group}/${served.version}`);
      else {
        const asked = types.map(({ group, version }) => `${group}/${version}`).join(' or ');
        lacking.push(`${kind} (${asked})${withoutIt === undefined ? '' : `: ${withoutIt}`}`);
      }
    }
  } catch (failure) {
    if (!(failure instanceof KubeError)) throw failure;
    return [failed('kinds', failure.message, 'is the API server well?')];
  }
  if (lacking.length === 0) return [ok('kinds', [...versions].join(', '))];
  return [failed('kinds', `the cluster does not serve ${lacking.join('; ')}`, BY_CHART)];
}

/** Whether each program has the pods that it should have, and they are ready. */
export async function podSteps(open: OpenRelease): Promise<readonly CheckStep[]> {
  return await Promise.all([podStep(open, 'federation'), podStep(open, 'gateway')]);
}

async function podStep({ site, release }: OpenRelease, component: Component): Promise<CheckStep> {
  const name = `${component} pods`;
  const pods = await site.pods(release, component);
  const { wanted, names, problem } = await site.replicas(release, component);
  const kubectl = `kubectl ${site.flags} --namespace ${release.namespace}`;
  const unready = pods.filter(({ ready }) => !ready);
  if (unready.length > 0) {
    const told = unready.map((pod) => `${pod.name}: ${pod.problem}`).join('; ');
    const look = `${kubectl} describe pod ${unready[0]?.name}, and its logs, say why`;
    return failed(name, told, cureOf(unready, kubectl) ?? look);
  }
  if (names.length === 0) return failed(name, 'there is no Deployment', 'helm upgrade makes it anew');
  if (wanted === 0) {
    return failed(name, 'scaled to none', `${kubectl} scale deployment ${names.join(' ')} --replicas=1`);
  }
  if (pods.length < wanted) {
    const reason = problem === undefined ? '' : `: ${problem}`;
    return failed(name, `${pods.length} of ${wanted} are there${reason}`, `${kubectl} get events says why`);
  }
  const restarts = pods.reduce((sum, pod) => sum + pod.restarts, 0);
  return ok(name, `${pods.length} ready, ${restarts} restarts`);
}

/** No public registry has the image, so this is the first thing that goes wrong. */
const IMAGE_CURE =
  'build the image and push it where the nodes can fetch it (docker build --tag REGISTRY/isthmus:VERSION .), then helm upgrade ' +
  "--set image.repository=REGISTRY/isthmus; a registry with a password wants imagePullSecrets; see the chart's README";

function cureOf(unready: readonly PodSight[], kubectl: string): string | undefined {
  if (unready.some(lacksImage)) return IMAGE_CURE;
  const crashed = unready.find(({ problem }) => problem?.startsWith('CrashLoopBackOff'));
  return crashed && `${kubectl} logs ${crashed.name} --previous shows its last words`;
}

function lacksImage({ problem }: PodSight): boolean {
  return /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName)\b/.test(problem ?? '');
}

/** Whether anybody can say where peers reach the gateways. */
export async function addressStep({ site, release }: OpenRelease): Promise<CheckStep> {
  const { cluster, namespace, gatewayService, gatewayPortName, advertise } = release;
  const said = advertise?.map((text) => parseHostPort(text)).filter((address) => address !== undefined);
  const sight = new ClusterSight({
    client: site.client,
    cluster,
    namespace,
    gatewayService,
    gatewayPortName,
    advertise: said,
  });
  try {
    const found = await sight.addresses();
    if (found.kind === 'none') return failed('gateway address', found.reason, found.hint);
    const addresses = found.addresses.map(({ host, port }) => hostPort(host, port)).join(', ');
    if (found.awaitsLoadBalancer !== true) return ok('gateway address', addresses);
    const waits = `Service ${gatewayService} has no address of a load balancer yet; peers are told its nodes meanwhile: ${addresses}`;
    return warning('gateway address', waits, LOAD_BALANCER_CURE);
  } catch (failure) {
    if (!(failure instanceof KubeError)) throw failure;
    return failed(
      'gateway address',
      failure.message,
      'the context must be allowed to get Services and list Nodes',
    );
  }
}
