import { z } from 'zod';

/** A Kubernetes object's name (a DNS subdomain, RFC 1123). */
export const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, 'must be a Kubernetes name');

/** How the section `kubernetes` of both files says which API server and which namespace. */
export const kubernetesAccess = {
  /** Of the release; by default the pod's own. */
  namespace: objectName.optional(),
  /** Outside a pod: a kubeconfig, and one of its contexts. */
  kubeconfig: z.string().min(1).optional(),
  context: z.string().min(1).optional(),
  /** ConfigMap with what gateways need to know of the membership; public. */
  clustersetConfigMap: objectName.default('isthmus-clusterset'),
} as const;

/** Where the Kubernetes API is. A path is absolute; without a kubeconfig it is that of the pod. */
export interface KubernetesAccess {
  readonly namespace: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly clustersetConfigMap: string;
}
