import { z } from 'zod';
import { type CheckStep, failed, ok, skipped } from '../commands/check-step.ts';
import { KubeError } from '../kubernetes/kube-error.ts';
import type { KubernetesSite, Release } from './kubernetes-site.ts';
import type { OpenRelease } from './open-release.ts';

/** A right that a program needs; in the release's namespace or everywhere. */
interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly atHome: boolean;
}

const MCS = 'multicluster.x-k8s.io';
const everywhere = (group: string, resource: string, ...verbs: readonly string[]): readonly Right[] =>
  verbs.map((verb) => ({ verb, group, resource, atHome: false }));
const atHome = (group: string, resource: string, name: string, verb: string): Right => ({
  verb,
  group,
  resource,
  name,
  atHome: true,
});

/** Not every right of the chart: one of each rule, so that a rule that is gone or bound to nobody is found. */
function federationRights(release: Release): readonly Right[] {
  return [
    ...everywhere('', 'services', 'list', 'watch', 'create', 'patch', 'delete'),
    ...everywhere('', 'pods', 'list'),
    ...everywhere('', 'nodes', 'list'),
    ...everywhere('', 'namespaces', 'list'),
    ...everywhere('discovery.k8s.io', 'endpointslices', 'list', 'patch', 'delete'),
    ...everywhere(MCS, 'serviceexports', 'list'),
    ...everywhere(MCS, 'serviceimports', 'list', 'patch', 'delete'),
    { verb: 'patch', group: MCS, resource: 'serviceexports', subresource: 'status', atHome: false },
    ...everywhere('gateway.networking.k8s.io', 'httproutes', 'list'),
    ...everywhere('isthmus.io', 'clusterpeers', 'list', 'create', 'delete'),
    ...everywhere('authentication.k8s.io', 'tokenreviews', 'create'),
    atHome('', 'secrets', release.membershipSecret, 'get'),
    atHome('', 'configmaps', release.clustersetConfigMap, 'update'),
    atHome('coordination.k8s.io', 'leases', release.electionLease, 'update'),
  ];
}

function gatewayRights(release: Release): readonly Right[] {
  return [atHome('', 'configmaps', release.clustersetConfigMap, 'get')];
}

/** Whether both programs' service accounts may do what the programs do, by the API server's own word. */
export async function rightSteps({ site, release }: OpenRelease): Promise<readonly CheckStep[]> {
  return await Promise.all([
    rightStep(site, release, 'federation', federationRights(release)),
    rightStep(site, release, 'gateway', gatewayRights(release)),
  ]);
}

async function rightStep(
  site: KubernetesSite,
  release: Release,
  component: 'federation' | 'gateway',
  rights: readonly Right[],
): Promise<CheckStep> {
  const name = `${component} rights`;
  const account = await site.serviceAccount(release, component);
  const user = `system:serviceaccount:${release.namespace}:${account}`;
  try {
    const lacking: string[] = [];
    for (const right of rights) {
      if (!(await isAllowed(site, user, release, right))) lacking.push(told(right));
    }
    if (lacking.length === 0) return ok(name, `${user} may do what it must`);
    return failed(
      name,
      `${user} may not ${lacking.join(', ')}`,
      'helm upgrade makes the roles (rbac.create), or give that service account these rights',
    );
  } catch (failure) {
    if (!(failure instanceof KubeError)) throw failure;
    if (failure.status !== 403) return failed(name, failure.message, 'is the API server well?');
    return skipped(name, "the context may not ask for others' rights (create subjectaccessreviews)");
  }
}

const review = z.object({ status: z.object({ allowed: z.boolean() }) });
const REVIEWS = {
  group: 'authorization.k8s.io',
  version: 'v1',
  plural: 'subjectaccessreviews',
  namespaced: false,
} as const;

async function isAllowed(
  site: KubernetesSite,
  user: string,
  { namespace }: Release,
  right: Right,
): Promise<boolean> {
  const { verb, group, resource, subresource, name } = right;
  const resourceAttributes = {
    verb,
    group,
    resource,
    subresource,
    name,
    ...(right.atHome ? { namespace } : {}),
  };
  const answer = await site.client.create(REVIEWS, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    // A review is not kept, and has no name.
    metadata: { name: '' },
    spec: { user, groups: ['system:serviceaccounts', 'system:authenticated'], resourceAttributes },
  });
  return review.parse(answer).status.allowed;
}

function told({ verb, group, resource, subresource, name }: Right): string {
  const what = [resource, subresource].filter((part) => part !== undefined).join('/');
  return `${verb} ${group === '' ? what : `${what}.${group}`}${name === undefined ? '' : ` ${name}`}`;
}
