import { z } from 'zod';
import { type KubernetesAccess, kubernetesAccess, objectName } from './config/kubernetes-fields.ts';
import { cluster, hostAndPort } from './config/member-fields.ts';
import type { GatewayAddress } from './model/cluster.ts';

/** The section `kubernetes` of federation.yaml: what the cluster keeps, and what it is found by. */
export interface KubernetesSection extends KubernetesAccess {
  /** The working copy of the cluster's folder, absolute; its truth is the Secret. */
  readonly folder: string;
  readonly membershipSecret: string;
  readonly invitesSecret: string;
  /** Users of the release's own store, as lines of an ACL file, for when it lost them; undefined = there is no such store. */
  readonly storeUsersSecret: string | undefined;
  /** What a gateway's token must be of. */
  readonly gatewayServiceAccount: string;
  readonly tokenAudience: string;
  /** The Service that peers come to, and the name of its port. */
  readonly gatewayService: string;
  readonly gatewayPortName: string;
  /** Said by a person instead of found. */
  readonly advertise: readonly GatewayAddress[] | undefined;
  readonly electionLease: string;
  /** ConfigMap with the ports of services, which all replicas share. */
  readonly portsConfigMap: string;
}

export const kubernetesSection = z.strictObject({
  ...kubernetesAccess,
  folder: z.string().min(1).default('member'),
  membershipSecret: objectName.default('isthmus-membership'),
  invitesSecret: objectName.default('isthmus-invites'),
  storeUsersSecret: objectName.optional(),
  gatewayServiceAccount: objectName.default('isthmus-gateway'),
  tokenAudience: z.string().min(1).max(253).default('isthmus'),
  gatewayService: objectName.default('isthmus-gateway'),
  gatewayPortName: z.string().min(1).max(63).default('mesh'),
  advertise: z.array(hostAndPort).min(1).max(32).optional(),
  electionLease: objectName.default('isthmus-federation'),
  portsConfigMap: objectName.default('isthmus-ports'),
});

/** What federation.yaml says in Kubernetes beside the process's own settings. */
export const kubernetesMember = { cluster, kubernetes: kubernetesSection } as const;

export function kubernetesSectionOf(
  found: z.infer<typeof kubernetesSection>,
  beside: (name: string) => string,
): KubernetesSection {
  const { namespace, context, kubeconfig, advertise, folder, storeUsersSecret, ...names } = found;
  return {
    ...names,
    namespace,
    context,
    advertise,
    storeUsersSecret,
    folder: beside(folder),
    kubeconfig: kubeconfig === undefined ? undefined : beside(kubeconfig),
  };
}
