import type { GatewayAddress } from '../../../federation/model/cluster.ts';
import { KubeClient } from '../kube-client.ts';

/** How a release's membership is kept, as its federation.yaml says. */
export interface MembershipSettings {
  /** undefined = the pod's own, or the context's. */
  readonly namespace: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly clustersetConfigMap: string;
  /** The working copy of the cluster's folder. */
  readonly folder: string;
  readonly membershipSecret: string;
  readonly invitesSecret: string;
  /** Where the users of a store are kept that forgets them; undefined = there is no such store here. */
  readonly storeUsersSecret?: string | undefined;
  readonly gatewayService: string;
  readonly gatewayPortName: string;
  readonly advertise: readonly GatewayAddress[] | undefined;
}

/** The pod's own API server, or the one of a kubeconfig. @throws UserError when there is none */
export function openKubeClient(
  access: Pick<MembershipSettings, 'kubeconfig' | 'context'>,
): Promise<KubeClient> {
  const { kubeconfig, context } = access;
  if (kubeconfig === undefined && context === undefined) return KubeClient.inCluster();
  return KubeClient.ofContext({ kubeconfig, context });
}
