/** Whom a pod's address belongs to. */
export interface Workload {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/**
 * Pods of one service account whose addresses begin alike (`block`: the first two bytes of IPv4, at most the first 48 bits of
 * IPv6). So a pod that comes or goes changes one group of a snapshot, and a hundred thousand pods are few enough groups.
 */
export interface CallerGroup extends Workload {
  readonly block: string;
  /** As the kernel writes them; at least one. */
  readonly addresses: readonly string[];
}

/** `namespace/service account/block`. */
export type CallerGroupKey = string;

export function callerGroupKey({
  namespace,
  serviceAccount,
  block,
}: Omit<CallerGroup, 'addresses'>): CallerGroupKey {
  return `${namespace}/${serviceAccount}/${block}`;
}

export function addressBlock(address: string): string {
  if (!address.includes(':')) return address.split('.', 2).join('.');
  const [head = ''] = address.split('::', 1);
  return head.split(':', 3).join(':');
}
